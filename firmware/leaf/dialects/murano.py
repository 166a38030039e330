"""Exosite Murano: an identity provisions itself and gets a token; everything is a resource.

A command is a write to a resource from the cloud's side, which comes without a subscription; the
acknowledgement is the value written back. Murano has no word for "could not", so an error goes as
an event to a topic of our own. TLS names the connector by SNI: ``server_name`` in leaf.json, else
``host``; the hub's certificate must be good for that name.
"""

from leaf.dialects import decode, encode, one_level
from leaf.errors import LinkLost, Refused

_PROVISION = "$provision/"
_RESOURCE = "$resource/"
_ERROR_TOPIC = "leaf/error"


class Dialect:
    """An identity of a Murano connector with token authentication."""

    REQUIRED = {"connector": str, "identity": str}
    OPTIONAL = {"server_name": str}
    ENROLLS = True
    GATEWAY = False
    KEPT = ("id", "token")

    def __init__(self, section):
        self._section = section

    def owner(self):
        """Return whose credentials they are."""
        return "murano %s %s" % (self._section["connector"], self._section["identity"])

    def enroll(self, connect):
        """Provision the identity: the token comes back on the topic of the request."""
        identity = self._section["identity"]
        topic = _PROVISION + one_level(identity)
        link = connect("", None, None)
        try:
            link.publish(topic, b"", qos=0)
            token = str(link.expect(topic), "utf-8")
        except LinkLost as exc:  # the only way in which this dialect can say no
            raise Refused("provisioning of %s: %s" % (identity, exc))
        finally:
            link.close()
        return {"id": identity, "token": token}

    def login(self, credentials):
        """Return no client id, an empty user name, and the token."""
        return "", "", credentials["token"]

    def subscriptions(self):
        """Return nothing: writes from the cloud come by themselves."""
        return ()

    def value(self, channel, value, _device):
        """Write a resource."""
        return _RESOURCE + one_level(channel), _bare(value)

    def request(self, topic, payload):
        """Take a write from the cloud's side: ``$resource/<alias>/<timestamp>``."""
        levels = topic.split("/")
        if len(levels) != 3 or levels[0] + "/" != _RESOURCE:
            return None
        return None, levels[1], decode(payload), (levels[1], payload)

    def answer(self, reply, result, error):
        """Write back what holds now: the command's result, or the value as it came."""
        alias, payload = reply
        if error is not None:
            return _ERROR_TOPIC, encode({"command": alias, "error": error})
        return _RESOURCE + alias, payload if result is None else _bare(result)


def _bare(value):
    """Return ``value`` as a resource holds it: text as it is, all else as JSON writes it."""
    return value.encode() if isinstance(value, str) else encode(value)
