"""The leaf itself: keeps a link to the hub, reports readings, obeys commands."""

import gc
import json
import random
import time

from micropython import const

from leaf import dialects
from leaf.credentials import Credentials
from leaf.errors import ConfigError, HungUp, LeafError, LinkLost, Refused
from leaf.link import Link

_LONGEST_WAIT_S = const(60)  # between two attempts to reach the hub
_STEADY_MS = const(30000)  # a link that held so long was a good one: the next wait is short again
_WAIT_MS = const(60000)  # for messages, when no reading is due sooner
_REST_MS = const(600000)  # for a device behind us that the hub hangs up over
_DUE = const(4)  # place in a reading
_SHOWN = const(60)  # characters of an argument or a value in a printed line


class Leaf:
    """A device as one dialect of the hub knows it. ``config`` is what ``load_config`` returned.

    Where the dialect has gateways, ``device`` names a device behind this one: its readings and its
    commands go by this link. They are none of ours without it.

    Raises:
        ConfigError: The CA certificate cannot be read.
    """

    def __init__(self, config):
        self._config = config
        name = config["dialect"]
        self._dialect = dialects.load(name)(config[name])
        self._server_name = config[name].get("server_name", config["host"])
        self._context = _tls_context(config["ca"]) if config["tls"] else None
        self._credentials = Credentials(config["data"], self._dialect.owner(), self._dialect.KEPT)
        self._commands = {None: {}}  # by device: functions by name
        self._readings = []  # [period in ms, channel, device, function, ticks when _DUE]
        self._hung_up = {}  # by device behind us: (times in a row, ticks of the last)
        self._link = None
        self._failure = None  # why the link was lost, when a publish found out
        self._logged_in = None  # ticks of the login, None before it
        self._enroll_anew = False

    def command(self, name, device=None):
        """Decorate the function that obeys the command ``name``.

        It gets the argument, decoded from JSON (None if there is none). What it returns is the
        answer; what it raises is the answer, too, as an error.

        Raises:
            ValueError: ``device`` in a dialect without gateways.
        """
        self._check_device(device)

        def register(function):
            self._commands.setdefault(device, {})[name] = function
            return function

        return register

    def every(self, seconds, channel, device=None):
        """Decorate a function that is called every so many seconds and returns a value to report.

        It is called while there is a link; None is not reported.

        Raises:
            ValueError: ``device`` in a dialect without gateways.
        """
        self._check_device(device)

        def register(function):
            reading = [int(seconds * 1000), channel, device, function, time.ticks_ms()]
            self._readings.append(reading)
            return function

        return register

    def publish(self, channel, value, device=None):
        """Report ``value`` (anything JSON knows); True when the hub has acknowledged it.

        False: there is no link, or the hub refuses ``device``, and the value is lost. To refuse a
        message, a hub can only hang up. When it does so twice in a row over one device behind us,
        that device rests for ten minutes, and the others go on.

        Raises:
            ValueError: The channel or the value cannot be expressed in this dialect.
        """
        self._check_device(device)
        topic, payload = self._dialect.value(channel, value, device)
        if self._link is None or self._rests(device):
            return False
        try:
            self._link.publish(topic, payload)
        except LinkLost as exc:
            self._lost(exc)
            if device is not None and isinstance(exc, HungUp):
                self._hung_up_over(device)
            return False
        self._hung_up.pop(device, None)
        print("leaf: sent", _of(channel, device), _brief(value))
        return True

    def run(self):
        """Stay connected and at the hub's service, for ever.

        Every failure is printed and followed by another attempt, after a wait that grows from 1 to
        60 s and is never twice the same, so that a thousand leaves do not come back at once.
        """
        failures = 0
        try:
            while True:
                self._logged_in = None
                try:
                    self._connect()
                    self._serve()
                except ConfigError as exc:
                    print("leaf: cannot start:", exc)
                    return
                except LeafError as exc:
                    what = "refused" if isinstance(exc, Refused) else "link lost"
                    self._hang_up(politely=what == "refused")
                    if self._held_long():
                        failures = 0
                    failures += 1
                    wait_s = 1 + random.random() * (min(2**failures, _LONGEST_WAIT_S) - 1)
                    print("leaf: %s: %s; again in %.1f s" % (what, exc, wait_s))
                    time.sleep(wait_s)
        except KeyboardInterrupt:
            print("leaf: stopped")
        finally:
            self._hang_up()

    def _connect(self):
        """Get credentials if there are none yet, and log in with them."""
        if "wifi" in self._config:
            from leaf import wifi

            wifi.ensure(self._config["wifi"], self._config["name"])
        kept = None if self._enroll_anew else self._credentials.load()
        credentials = kept
        try:
            if credentials is None:
                credentials = self._dialect.enroll(self._open)
                if self._dialect.ENROLLS:
                    self._credentials.save(credentials)
                    print("leaf: enrolled", credentials["id"])
            link = self._open(*self._dialect.login(credentials))
            for topic_filter, qos in self._dialect.subscriptions():
                link.subscribe(topic_filter, qos)
        except Refused:
            # What we keep may be worn out (revoked, given anew on the hub) and what leaf.json says
            # may be newer, or the other way round: the next attempt takes the other one.
            self._enroll_anew = kept is not None
            raise
        if kept is None and not self._dialect.ENROLLS:
            self._credentials.save(credentials)
        self._enroll_anew = False
        self._logged_in = time.ticks_ms()
        print("leaf: logged in")

    def _open(self, client_id, user, password):
        """Return a link that is connected; it is closed with the next one or when it is lost."""
        self._hang_up()
        gc.collect()  # a handshake wants 16.7 kB in one piece
        config = self._config
        self._link = link = Link(config["keep_alive_s"], config["deadline_s"])
        address = (config["host"], config["port"])
        link.open(address, self._context, self._server_name, client_id, user, password)
        print("leaf: connected", config["dialect"])
        return link

    def _serve(self):
        """Report what is due and obey what comes, until the link is lost."""
        now = time.ticks_ms()
        for reading in self._readings:
            reading[_DUE] = now
        self._failure = None
        while True:
            wait_ms = self._report()
            if self._failure is not None:  # a publish of ours or of a handler found out
                raise self._failure
            self._link.wait(wait_ms)
            message = self._link.take()
            if message is not None:
                self._obey(*message)

    def _report(self):
        """Take all readings that are due; return the time in ms until the next one."""
        soonest = _WAIT_MS
        for reading in self._readings:
            period_ms, channel, device, function, due = reading
            left = time.ticks_diff(due, time.ticks_ms())
            if left <= 0:
                reading[_DUE] = time.ticks_add(time.ticks_ms(), period_ms)
                left = period_ms
                try:
                    value = function()
                    if value is not None:
                        self.publish(channel, value, device)
                except Exception as exc:
                    print("leaf: reading %s failed: %s" % (_of(channel, device), _reason(exc)))
            soonest = min(soonest, left)
        return soonest

    def _obey(self, topic, payload):
        """Do what a message asks for, and answer it."""
        try:
            request = self._dialect.request(topic, payload)
        except (ValueError, KeyError, TypeError, AttributeError) as exc:  # whatever it is made of
            print("leaf: message on %s is not understood: %s" % (topic, _reason(exc)))
            return
        if request is None or request[0] not in self._commands:  # another gateway's, perhaps
            print("leaf: message on %s is no command" % topic)
            return
        device, name, argument, reply = request
        function = self._commands[device].get(name)
        error = None
        try:
            if function is None:
                raise ValueError("there is no such command")
            answer = self._dialect.answer(reply, function(argument), None)
        except Exception as exc:
            error = _reason(exc)
            answer = self._dialect.answer(reply, None, error)
        if self._failure is None:
            self._link.publish(*answer)
        said = "ok" if error is None else "error: " + error
        print("leaf: command %s %s -> %s" % (_of(name, device), _brief(argument), said))

    def _check_device(self, device):
        if device is not None and not self._dialect.GATEWAY:
            raise ValueError("devices of this dialect speak for themselves only")

    def _rests(self, device):
        times, since = self._hung_up.get(device, (0, 0))
        return times > 1 and time.ticks_diff(time.ticks_ms(), since) < _REST_MS

    def _hung_up_over(self, device):
        """Count it: once may be chance, for a hub that is stopped hangs up, too."""
        times = self._hung_up.get(device, (0, 0))[0] + 1
        self._hung_up[device] = (times, time.ticks_ms())
        if times > 1:
            print("leaf: %s rests: the hub hangs up over it; is it behind this device?" % device)

    def _lost(self, exc):
        """Remember that the link is lost; ``_serve`` draws the conclusion."""
        self._failure = exc
        self._hang_up(politely=False)

    def _hang_up(self, politely=True):
        link, self._link = self._link, None
        if link is not None:
            link.close(politely)

    def _held_long(self):
        if self._logged_in is None:
            return False
        return time.ticks_diff(time.ticks_ms(), self._logged_in) >= _STEADY_MS


def _tls_context(ca):
    """Return a TLS context that trusts the CA in the DER file ``ca`` and nothing else."""
    import tls

    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    try:
        with open(ca, "rb") as file:
            context.load_verify_locations(file.read())
    except (OSError, ValueError):
        raise ConfigError('"ca": %s is no readable certificate in DER' % ca)
    return context


def _of(name, device):
    """Return the name of a channel or a command, and whose it is."""
    return name if device is None else "%s of %s" % (name, device)


def _brief(value):
    """Return ``value`` in one line that is not too long."""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _reason(exc):
    """Return what an exception says, in one line."""
    return " ".join(str(exc).split()) or type(exc).__name__
