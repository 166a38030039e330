"""Subscriptions as a client asks for them, and as they stay in its session (§3.8 to §3.11)."""

from collections.abc import Iterable, Sequence

from leafhub.errors import MalformedPacketError, ProtocolError
from leafhub.mqtt.packets import Subscribe
from leafhub.mqtt.policy import Policy
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import SessionState, Subscription
from leafhub.mqtt.topics import is_topic_filter, split_share


def judge_subscribe(packet: Subscribe, policy: Policy) -> None:
    """Judge what a SUBSCRIBE asks for.

    Raises:
        ProtocolError: A filter is none, or of too many levels; No Local for a shared subscription,
            whose messages go to whoever of the group is there (MQTT-3.8.3-4).
    """
    judge_filters((request.topic_filter for request in packet.requests), policy)
    if policy.verbatim_filters:
        return
    for request in packet.requests:
        if request.no_local and split_share(request.topic_filter)[0] is not None:
            raise ProtocolError("No Local on a shared subscription", section="3.8.3.1")


def judge_filters(topic_filters: Iterable[str], policy: Policy) -> None:
    """Judge the filters of SUBSCRIBE or UNSUBSCRIBE; raises as ``judge_subscribe`` does."""
    for topic_filter in topic_filters:
        if topic_filter.count("/") >= policy.maximum_topic_levels:
            raise ProtocolError(
                "more topic levels than are taken here",
                section="4.7.3",
                reason_code=ReasonCode.TOPIC_FILTER_INVALID,
            )
        if policy.verbatim_filters:
            continue
        share_name, plain = split_share(topic_filter)
        if share_name is not None and not _is_share(share_name, plain):
            raise MalformedPacketError(
                "bad shared subscription",
                section="4.8.2",
                reason_code=ReasonCode.TOPIC_FILTER_INVALID,
            )
        if not is_topic_filter(topic_filter):
            raise MalformedPacketError("bad topic filter", section="4.7.1")


def _is_share(share_name: str, plain: str) -> bool:
    """Whether there is a name without wildcards, and a filter behind it (MQTT-4.8.2-1, -2)."""
    return bool(share_name and plain) and "+" not in share_name and "#" not in share_name


def put_subscriptions(
    state: SessionState,
    subscribe: Subscribe,
    reason_codes: Sequence[ReasonCode],
    notes: Sequence[str],
) -> tuple[ReasonCode, ...]:
    """Take what was granted into the session, as far as it holds more; gives the answers.

    A subscription to a filter that is there already takes its place (MQTT-3.8.4-3).
    """
    subscriptions = state.subscriptions
    identifiers = subscribe.properties.subscription_identifiers
    answers: list[ReasonCode] = []
    for request, reason_code, note in zip(subscribe.requests, reason_codes, notes, strict=True):
        topic_filter = request.topic_filter
        answer = reason_code
        if not reason_code.is_failure:
            is_new = topic_filter not in subscriptions
            if is_new and len(subscriptions) >= state.policy.maximum_subscriptions:
                answer = ReasonCode.QUOTA_EXCEEDED
            else:
                subscriptions[topic_filter] = Subscription(
                    topic_filter,
                    int(reason_code),
                    request.no_local,
                    request.retain_as_published,
                    identifiers[0] if identifiers else None,
                    note,
                )
        answers.append(answer)
    return tuple(answers)


def take_subscriptions(
    state: SessionState, topic_filters: Sequence[str], reason_codes: Sequence[ReasonCode]
) -> None:
    """Take those that were ended with SUCCESS out of the session, and their backlogs."""
    for topic_filter, reason_code in zip(topic_filters, reason_codes, strict=True):
        if reason_code is ReasonCode.SUCCESS:
            state.subscriptions.pop(topic_filter, None)
            state.drop_backlog(topic_filter)
