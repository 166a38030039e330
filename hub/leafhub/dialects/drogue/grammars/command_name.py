"""Filters over the names of commands, where a grammar has them."""

from leafhub.mqtt.topics import is_topic_filter, topic_matches


def selects_name(name_filter: str, name: str) -> bool:
    """Whether a filter of names selects one, as MQTT compares topics; a bad one selects none."""
    return is_topic_filter(name_filter) and topic_matches(name_filter, name)
