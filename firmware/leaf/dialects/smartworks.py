"""Altair SmartWorks: a thing with its own user; values are properties, commands are actions.

A property that is set from outside is a command of the same name, too: its handler gets the value
and the thing reports what holds afterwards. Whether such a set failed has no word in this dialect;
that goes as raw data.
"""

from leaf.dialects import decode_object, encode
from leaf.errors import Refused


class Dialect:
    """A thing of SmartWorks' MQTT driver."""

    REQUIRED = {"thing": str, "username": str}
    OPTIONAL = {"password": str}
    ENROLLS = False
    GATEWAY = False
    KEPT = ("password",)

    def __init__(self, section):
        self._section = section
        base = "things/" + section["thing"]
        self._properties = base + "/properties"
        self._actions = base + "/actions"
        self._data = base + "/data"

    def owner(self):
        """Return whose credentials they are."""
        return "smartworks %s %s" % (self._section["thing"], self._section["username"])

    def enroll(self, _connect):
        """Return the password of leaf.json: users are made on the hub, not by devices."""
        if not self._section.get("password"):
            raise Refused("no password: neither kept nor as smartworks.password in leaf.json")
        return {"password": self._section["password"]}

    def login(self, credentials):
        """Return client id (any will do), user name and password."""
        return self._section["thing"], self._section["username"], credentials["password"]

    def subscriptions(self):
        """Return the filters for actions and for properties that others set."""
        return ((self._actions + "/#", 1), (self._properties + "/#", 1))

    def value(self, channel, value, _device):
        """Report a property."""
        return self._properties, encode({channel: value})

    def request(self, topic, payload):
        """Take an action that was asked for, or a property that was set."""
        parent, _, name = topic.rpartition("/")
        if parent == self._properties:
            return None, name, decode_object(payload)[name], (name, None, payload)
        if parent != self._actions:
            return None
        action = decode_object(payload)[name]
        if action.get("status", "pending") != "pending":
            return None  # a later stage of an action, as SmartWorks' cloud mirrors it
        return None, name, action.get("input"), (name, action.get("href"), None)

    def answer(self, reply, result, error):
        """Finish the action, or report the property."""
        name, href, was_set = reply
        if was_set is not None:
            if error is not None:
                return self._data, encode({"command": name, "error": error})
            return self._properties, was_set if result is None else encode({name: result})
        status = {"status": "completed", "output": result}
        if error is not None:
            status = {"status": "error", "output": {"error": error}}
        if href is not None:
            status["href"] = href
        return self._actions, encode({name: status})
