"""The dialects: how each vendor's devices log in, report, and are commanded. One module for each.

A module's class ``Dialect`` has no connection of its own; it translates. It is made from its
section of leaf.json and has

* ``REQUIRED``, ``OPTIONAL``: the keys of that section, with the kinds of their values
* ``ENROLLS``: whether the hub hands out the credentials over the wire (then they are kept at once)
* ``GATEWAY``: whether a device may speak for others; else their name is always None
* ``KEPT``: the keys of the credentials, all texts
* ``owner()``: the identity that credentials belong to, as text
* ``enroll(connect)``: return the credentials (a dict) with which to log in. ``connect(client_id,
  user, password)`` opens a link for it. Raises ``Refused`` if there is no way to any.
* ``login(credentials)``: return (client id, user name, password) for CONNECT
* ``subscriptions()``: return the topic filters that bring commands, as (filter, QoS)
* ``value(channel, value, device)``: return (topic, payload) that reports a value of the device of
  that name, None is this one
* ``request(topic, payload)``: return (device, command name, argument, reply handle), or None for a
  message that is no command; again None is this device. Raises ``ValueError`` if it is a broken
  one.
* ``answer(reply, result, error)``: return (topic, payload) that answers a command; ``error`` is
  None or the text of what went wrong
"""

import json

NAMES = ("cloudplugs", "drogue", "murano", "smartworks")


def load(name):
    """Return the class of the dialect ``name`` (one of ``NAMES``); only its module is loaded."""
    return __import__("leaf.dialects." + name, None, None, ("Dialect",)).Dialect


def encode(value):
    """Return ``value`` as JSON in bytes.

    Raises:
        ValueError: A number that JSON has no word for.
    """
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):  # noqa: PLR0124 - only NaN differs from itself
        raise ValueError("not a finite number")
    return json.dumps(value, separators=(",", ":")).encode()


def decode(payload):
    """Return what ``payload`` (bytes) says: JSON if it is JSON, else its text; None if empty.

    Raises:
        ValueError: Neither JSON nor text.
    """
    if not payload:
        return None
    text = str(payload, "utf-8")  # UnicodeError is a ValueError
    try:
        return json.loads(text)
    except ValueError:
        return text


def decode_object(payload):
    """Return the JSON object in ``payload``.

    Raises:
        ValueError: Something else.
    """
    value = json.loads(payload)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def one_level(name):
    """Return ``name`` if it can be one level of a topic.

    Raises:
        ValueError: It is empty or has a character that would change the topic.
    """
    if not name or "/" in name:
        raise ValueError("%r cannot be one level of a topic" % name)
    return any_levels(name)


def any_levels(name):
    """Return ``name`` if it can be the end of a topic; slashes are welcome."""
    if not name or "+" in name or "#" in name or "\0" in name:
        raise ValueError("%r cannot be in a topic" % name)
    return name
