"""One MQTT connection to the hub: umqtt.simple packs and unpacks, everything else is ours.

umqtt.simple (1.3.4 to 1.8) never gets a socket, only a ``Stream``. Its other known faults are kept
away here: packet ids do not wrap, a dead link goes unnoticed, topic filters above 122 bytes break
the packet, and a QoS 1 publish from within its callback swallows another one's acknowledgement.
"""

import time

from micropython import const

from leaf.errors import ConfigError, LinkLost, Refused
from leaf.stream import Stream

_INBOX_MAX = const(16)  # messages that came while we waited for an acknowledgement
_FILTER_MAX = const(122)  # bytes; umqtt before 1.8 writes the packet's length as one byte
_GOODBYE_MS = const(300)  # for sending DISCONNECT and for the hub to close
_IDLE_SLICE_MS = const(500)  # how exactly pings are timed

_REFUSALS = {  # CONNACK return codes, MQTT 3.1.1 section 3.2.2.3
    1: "the hub does not speak this version of MQTT",
    2: "the hub does not take this client id",
    3: "the hub is not available",
    4: "wrong user name or password",
    5: "this leaf is not authorised",
}


class _Blank:
    """An empty user name that counts as true: later umqtts leave out a false one."""

    def __len__(self):
        return 0

    def __bool__(self):
        return True


class _Door:
    """What umqtt takes for the module ``socket``: its only way out is the stream we made."""

    def __init__(self, stream):
        self._stream = stream

    def socket(self, *_arguments):
        return self._stream

    def getaddrinfo(self, *_arguments):
        return [(0, 0, 0, "", None)]


class Link:
    """A connection to the hub, from CONNECT to DISCONNECT.

    Every method but ``close`` raises ``LinkLost`` when the way to the hub is gone.
    """

    def __init__(self, keep_alive_s, deadline_s):
        self._keep_alive_s = keep_alive_s
        self._quiet_ms = keep_alive_s * 500  # half of what the hub grants: then we ping
        self._deadline_ms = int(deadline_s * 1000)
        self._stream = Stream()
        self._client = None
        self._inbox = []
        self._pinged = None  # (ticks of the ping, bytes received until then)

    def open(self, address, context, server_name, client_id, user, password):
        """Connect to ``address`` (host, port) and log in; ``user`` None is anonymous.

        Raises:
            Refused: The hub does not let us in.
        """
        try:
            from umqtt import simple
        except ImportError:
            raise ConfigError("umqtt.simple is missing: mpremote mip install umqtt.simple")
        self._stream.allow(self._deadline_ms)
        self._stream.open(address[0], address[1], context, server_name)
        simple.socket = _Door(self._stream)
        self._client = simple.MQTTClient(
            client_id.encode(),  # bytes: umqtt counts the characters of a str
            address[0],
            address[1],
            user if user is None else user.encode() or _Blank(),
            password if password is None else password.encode(),
            self._keep_alive_s,
        )
        self._client.set_callback(self._arrived)
        self._refusal = simple.MQTTException
        try:
            self._call(self._client.connect)
        except simple.MQTTException as exc:
            raise Refused(_REFUSALS.get(exc.args[0], "CONNACK code %s" % exc.args[0]))

    def publish(self, topic, payload, qos=1):
        """Send ``payload`` (bytes) to ``topic``; with QoS 1 return when the hub has it."""
        self._call(self._client.publish, topic.encode(), payload, False, qos)

    def subscribe(self, topic_filter, qos=0):
        """Subscribe and wait for the hub's word.

        Raises:
            Refused: The hub does not grant it, or umqtt cannot send it.
        """
        encoded = topic_filter.encode()
        if len(encoded) > _FILTER_MAX:
            raise Refused("a topic filter has more than %d bytes" % _FILTER_MAX)
        try:
            self._call(self._client.subscribe, encoded, qos)
        except self._refusal:
            raise Refused("the hub refuses a subscription")

    def wait(self, ms):
        """Let messages in, for at most ``ms``; return as soon as one is there."""
        end = time.ticks_add(time.ticks_ms(), ms)
        while True:
            self._receive()
            left = time.ticks_diff(end, time.ticks_ms())
            if self._inbox or left <= 0:
                return
            self._keep_alive()
            self._stream.wait_readable(min(left, _IDLE_SLICE_MS))

    def take(self):
        """Return the oldest message that waits, as (topic, payload), or None."""
        return self._inbox.pop(0) if self._inbox else None

    def expect(self, topic):
        """Return the payload of the next message on ``topic``; it has the deadline to come."""
        end = time.ticks_add(time.ticks_ms(), self._deadline_ms)
        while time.ticks_diff(end, time.ticks_ms()) > 0:
            self.wait(time.ticks_diff(end, time.ticks_ms()))
            message = self.take()
            if message and message[0] == topic:
                return message[1]
        raise LinkLost("the hub does not answer in time")

    def close(self, politely=True):
        """Close; ``politely`` with a DISCONNECT before it."""
        if politely and self._client is not None:
            self._stream.allow(_GOODBYE_MS)
            self._stream.discard()
            try:
                self._stream.write(b"\xe0\0")  # umqtt's own would close before it is sent
                self._stream.flush()
                self._stream.drain()
            except LinkLost:  # nobody to say goodbye to
                pass
        self._stream.close()
        self._client = None

    def _call(self, function, *arguments):
        """Call one function of umqtt under the deadline, and send what it has written."""
        if self._client.pid >= 0xFFFF:  # the next would be 65536, which is sent as the forbidden 0
            self._client.pid = 0
        self._stream.allow(self._deadline_ms)
        try:
            result = function(*arguments)
            self._stream.flush()
        except (AssertionError, IndexError, UnicodeError):  # so umqtt reports nonsense
            raise LinkLost("what the hub sends is not MQTT")
        return result

    def _receive(self):
        """Take in what has come, up to one message: it counts even if the link ends then."""
        self._stream.idle = False
        while not self._stream.idle and not self._inbox:
            kind = self._call(self._client.check_msg)
            if kind is not None and kind & 0xF0 != 0x30:
                raise LinkLost("the hub sends a packet that nobody waits for")

    def _arrived(self, topic, payload):
        """Keep a message for later: umqtt cannot send while it calls us."""
        if len(self._inbox) >= _INBOX_MAX:
            print("leaf: a message is lost: %d are waiting already" % _INBOX_MAX)
            return
        self._inbox.append((str(topic, "utf-8"), bytes(payload)))

    def _keep_alive(self):
        """Ping when it was quiet for too long; any byte that comes is an answer."""
        stream = self._stream
        now = time.ticks_ms()
        if self._pinged is not None:
            since, received = self._pinged
            if stream.received != received:
                self._pinged = None
            elif time.ticks_diff(now, since) >= self._deadline_ms:
                raise LinkLost("the hub is silent")
        elif (
            time.ticks_diff(now, stream.last_rx) >= self._quiet_ms
            or time.ticks_diff(now, stream.last_tx) >= self._quiet_ms
        ):
            self._pinged = (now, stream.received)
            self._call(self._client.ping)
