"""CloudPlugs: a thing enrolls by a SUBSCRIBE that carries its password; data goes by Plug-ID.

CloudPlugs knows data, not commands: a command is data on ``command/<name>`` of the device's own
Plug-ID, its answer data on ``answer/<name>`` that names the id of what it answers.
"""

from leaf.dialects import any_levels, decode_object, encode
from leaf.errors import Refused


class Dialect:
    """A thing made after a CloudPlugs template."""

    REQUIRED = {"model": str, "hwid": str, "enroll_password": str}
    OPTIONAL = {"name": str}
    ENROLLS = True
    GATEWAY = False
    KEPT = ("id", "auth")

    def __init__(self, section):
        self._section = section
        self._client_id = section["hwid"]
        if "name" in section:
            self._client_id += "/" + section["name"]
        self._plug_id = ""
        self._commands = ""

    def owner(self):
        """Return whose credentials they are."""
        return "cloudplugs %s %s" % (self._section["model"], self._section["hwid"])

    def enroll(self, connect):
        """Ask for a Plug-ID: the answer comes on the topic that the request subscribed to."""
        request = "%s/thing/%s" % (self._section["model"], self._section["enroll_password"])
        link = connect(self._client_id, None, None)
        try:
            link.subscribe(request)
            answer = decode_object(link.expect(request))
        except ValueError:
            raise Refused("the answer to the enrollment is not JSON")
        finally:
            link.close()
        if "err" in answer or "id" not in answer or "auth" not in answer:
            raise Refused("enrollment: %s %s" % (answer.get("err", ""), answer.get("msg", "")))
        return {"id": answer["id"], "auth": answer["auth"]}

    def login(self, credentials):
        """Return client id, Plug-ID and auth."""
        self._plug_id = credentials["id"]
        self._commands = self._plug_id + "/data/command/"
        return self._client_id, self._plug_id, credentials["auth"]

    def subscriptions(self):
        """Return the filter for the data that are commands to us."""
        return ((self._commands + "+", 0),)

    def value(self, channel, value, _device):
        """Report: the bare value is the record's ``data``; the hub adds the time."""
        return "%s/data/%s" % (self._plug_id, any_levels(channel)), encode({"data": value})

    def request(self, topic, payload):
        """Take a record that was published for us; its id is what the answer refers to."""
        if not topic.startswith(self._commands):
            return None
        name = topic[len(self._commands) :]
        record = decode_object(payload)
        return None, name, record.get("data"), (name, record.get("id"))

    def answer(self, reply, result, error):
        """Answer as data."""
        name, record_id = reply
        data = {"to": record_id}
        if error is not None:
            data["error"] = error
        else:
            data["result"] = result
        return "%s/data/answer/%s" % (self._plug_id, name), encode({"data": data})
