"""The leaf itself: keeps a link to the hub, reports readings, obeys commands."""

import gc
import json
import random
import time

from micropython import const

from leaf import dialects
from leaf.credentials import Credentials
from leaf.errors import ConfigError, LeafError, LinkLost, Refused
from leaf.link import Link

_LONGEST_WAIT_S = const(60)  # between two attempts to reach the hub
_STEADY_MS = const(30000)  # a link that held so long was a good one: the next wait is short again
_WAIT_MS = const(60000)  # for messages, when no reading is due sooner
_SHOWN = const(60)  # characters of an argument or a value in a printed line


class Leaf:
    """A device as one dialect of the hub knows it. ``config`` is what ``load_config`` returned.

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
        self._commands = {}
        self._readings = []  # [period in ms, channel, function, ticks when due]
        self._link = None
        self._failure = None  # why the link was lost, when a publish found out
        self._logged_in = None  # ticks of the login, None before it
        self._enroll_anew = False

    def command(self, name):
        """Decorate the function that obeys the command ``name``.

        It gets the argument, decoded from JSON (None if there is none). What it returns is the
        answer; what it raises is the answer, too, as an error.
        """

        def register(function):
            self._commands[name] = function
            return function

        return register

    def every(self, seconds, channel):
        """Decorate a function that is called every so many seconds and returns a value to report.

        It is called while there is a link; None is not reported.
        """

        def register(function):
            self._readings.append([int(seconds * 1000), channel, function, time.ticks_ms()])
            return function

        return register

    def publish(self, channel, value):
        """Report ``value`` (anything JSON knows); True when the hub has acknowledged it.

        False: there is no link, and the value is lost.

        Raises:
            ValueError: The channel or the value cannot be expressed in this dialect.
        """
        topic, payload = self._dialect.value(channel, value)
        if self._link is None:
            return False
        try:
            self._link.publish(topic, payload)
        except LinkLost as exc:
            self._lost(exc)
            return False
        print("leaf: sent", channel, _brief(value))
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
            reading[3] = now
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
            period_ms, channel, function, due = reading
            left = time.ticks_diff(due, time.ticks_ms())
            if left <= 0:
                reading[3] = time.ticks_add(time.ticks_ms(), period_ms)
                left = period_ms
                try:
                    value = function()
                    if value is not None:
                        self.publish(channel, value)
                except Exception as exc:
                    print("leaf: reading %s failed: %s" % (channel, _reason(exc)))
            soonest = min(soonest, left)
        return soonest

    def _obey(self, topic, payload):
        """Do what a message asks for, and answer it."""
        try:
            request = self._dialect.request(topic, payload)
        except (ValueError, KeyError, TypeError, AttributeError) as exc:  # whatever it is made of
            print("leaf: message on %s is not understood: %s" % (topic, _reason(exc)))
            return
        if request is None:
            print("leaf: message on %s is no command" % topic)
            return
        name, argument, reply = request
        function = self._commands.get(name)
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
        print("leaf: command %s %s -> %s" % (name, _brief(argument), said))

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


def _brief(value):
    """Return ``value`` in one line that is not too long."""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _reason(exc):
    """Return what an exception says, in one line."""
    return " ".join(str(exc).split()) or type(exc).__name__
