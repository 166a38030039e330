"""Drogue Cloud (v1): ``device@application`` logs in, channels are topics, commands have an inbox.

A gateway speaks for the devices that name it in their ``gatewaySelector`` on the hub: their names
are a second level in its topics, and its inbox has their commands, too.

The device's password is given once, in leaf.json. The first login that succeeds with it moves it
to the credentials file; leaf.json need not hold it from then on.
"""

from leaf.dialects import decode, encode, one_level
from leaf.errors import Refused

_INBOX = "command/inbox/"
_ANSWERS = "answer"  # the channel


class Dialect:
    """A device of a Drogue application."""

    REQUIRED = {"application": str, "device": str}
    OPTIONAL = {"password": str}
    ENROLLS = False
    GATEWAY = True
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
        """Return the filter for the commands of this device and of those behind it."""
        return ((_INBOX + "#", 0),)

    def value(self, channel, value, device):
        """Report: the channel is the topic, and a device behind this one its second level."""
        return _topic(one_level(channel), device), encode(value)

    def request(self, topic, payload):
        """Take a command out of the inbox: behind its name stands whom it is for, then what."""
        if not topic.startswith(_INBOX):
            return None
        device, slash, name = topic[len(_INBOX) :].partition("/")
        if not slash:
            return None
        device = device or None  # an empty level is this device
        return device, name, decode(payload), (device, name)

    def answer(self, reply, result, error):
        """Answer on a channel, for Drogue has no answers of its own."""
        device, name = reply
        said = {"command": name, "result": result}
        if error is not None:
            said = {"command": name, "error": error}
        return _topic(_ANSWERS, device), encode(said)


def _topic(channel, device):
    return channel if device is None else channel + "/" + one_level(device)
