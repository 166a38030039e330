"""Drogue Cloud (v1): ``device@application`` logs in, channels are topics, commands have an inbox.

The device's password is given once, in leaf.json. The first login that succeeds with it moves it
to the credentials file; leaf.json need not hold it from then on.
"""

from leaf.dialects import decode, encode, one_level
from leaf.errors import Refused

_INBOX = "command/inbox//"  # the empty level is this device; others are those behind a gateway


class Dialect:
    """A device of a Drogue application."""

    REQUIRED = {"application": str, "device": str}
    OPTIONAL = {"password": str}
    ENROLLS = False
    KEPT = ("password",)

    def __init__(self, section):
        self._section = section
        device = section["device"].replace("%", "%25").replace("@", "%40")
        self._user = device + "@" + section["application"]

    def owner(self):
        """Return whose credentials they are."""
        return "drogue " + self._user

    def enroll(self, _connect):
        """Return the password of leaf.json."""
        if not self._section.get("password"):
            raise Refused("no password: neither kept nor as drogue.password in leaf.json")
        return {"password": self._section["password"]}

    def login(self, credentials):
        """Return client id, user name and password; the hub looks at the last two only."""
        return self._section["device"], self._user, credentials["password"]

    def subscriptions(self):
        """Return the filter for this device's own commands."""
        return ((_INBOX + "#", 0),)

    def value(self, channel, value):
        """Report: the channel is the topic."""
        return one_level(channel), encode(value)

    def request(self, topic, payload):
        """Take a command out of the inbox."""
        if not topic.startswith(_INBOX):
            return None
        name = topic[len(_INBOX) :]
        return name, decode(payload), name

    def answer(self, reply, result, error):
        """Answer on a channel, for Drogue has no answers of its own."""
        if error is not None:
            return "answer", encode({"command": reply, "error": error})
        return "answer", encode({"command": reply, "result": result})
