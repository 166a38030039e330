"""The dialect of Drogue Cloud by itself, in a small world of applications and devices."""

from collections.abc import Sequence

import msgspec

from leafhub.dialects.base import Arrival, Outcome, Peer, Principal, Receiver
from leafhub.dialects.drogue.dialect import DrogueDialect
from leafhub.dialects.drogue.policy import POLICY
from leafhub.dialects.drogue.settings import ApplicationSettings, DeviceSettings
from leafhub.model.application import Application
from leafhub.model.command import Command
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.registry import Change, PutApplication, PutDevice, Registry
from leafhub.mqtt.packets import (
    Publish,
    Subscribe,
    SubscriptionRequest,
    Will,
)
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.session import Subscription

DIALECT = DrogueDialect()


def plain(secret: str, username: str | None = None, *, unique: bool = False) -> Credential:
    return Credential(kind=SecretKind.PLAIN, secret=secret, username=username, unique=unique)


def spec(text: str) -> DeviceSettings:
    return DeviceSettings(spec=msgspec.json.decode(text))


def device(
    name: str, *credentials: Credential, settings: str = "{}", app: str = "plant-a"
) -> Change:
    return PutDevice(
        Device(
            application=app,
            id=name,
            uid=f"uid-{name}",
            name=name,
            settings=spec(settings),
            credentials=credentials,
        )
    )


def application(name: str, *, enabled: bool = True, settings: str = "{}") -> Change:
    return PutApplication(
        Application(
            name=name,
            uid=f"uid-{name}",
            dialect="drogue",
            settings=ApplicationSettings(spec=msgspec.json.decode(settings)),
            enabled=enabled,
        )
    )


FIXTURE: Sequence[Change] = (
    application("plant-a"),
    application("off-a", enabled=False),
    application("deep-a", settings='{"mqtt": {"dialect": {"type": "plainTopic"}}}'),
    PutApplication(
        Application(name="other-a", uid="u", dialect="elsewhere", settings=ApplicationSettings())
    ),
    device("d", plain("x"), app="off-a"),
    device("dev1", plain("pw1")),
    device("dev2", plain("pw2", "u2")),
    device("dev3", plain("pw3", "mac3", unique=True), plain("pp3"), settings='{"alias": ["al3"]}'),
    device(
        "hash1",
        Credential(kind=SecretKind.BCRYPT, secret="$2b$04$hash"),
        Credential(kind=SecretKind.SHA512_CRYPT, secret="$6$salt$hash"),
    ),
    device("gw1", plain("gwpw")),
    device(
        "sen1",
        settings='{"gatewaySelector": {"matchNames": ["gw1", "pref1"]}, "alias": ["s-one"]}',
    ),
    device("sen2", settings='{"gatewaySelector": {"matchNames": ["elsewhere"]}}'),
    device("plain1", plain("pl"), settings='{"mqtt": {"dialect": {"type": "plainTopic"}}}'),
    device(
        "pref1",
        plain("pr"),
        settings='{"mqtt": {"dialect": {"type": "plainTopic", "devicePrefix": true}}}',
    ),
    device("a@b", plain("at")),
    device("50%", plain("percent")),
    device("own", plain("own"), settings='{"mqtt": {}}', app="deep-a"),
    device("none", plain("none"), app="deep-a"),
)


class Desk:
    """The dialect with what every call of it needs."""

    def __init__(self, registry: Registry, peer: Peer, arrival: Arrival) -> None:
        self.registry = registry
        self.peer = peer
        self.arrival = arrival

    def principal(self, name: str, app: str = "plant-a") -> Principal:
        return Principal(
            dialect="drogue", policy=POLICY, peer=self.peer, application=app, device=name
        )

    def publish(
        self,
        name: str,
        topic: str,
        payload: bytes = b"1",
        content_type: str | None = None,
        user_properties: tuple[tuple[str, str], ...] = (),
    ) -> Outcome:
        """What a device says; ``own`` and ``none`` are of ``deep-a``, others of ``plant-a``."""
        app = "deep-a" if name in {"own", "none"} else "plant-a"
        properties = Properties(content_type=content_type, user_properties=user_properties)
        publish = Publish(topic, payload, properties=properties)
        principal = self.principal(name, app)
        outcome = DIALECT.on_publish(publish, principal, self.registry, self.arrival)
        assert isinstance(outcome, Outcome)
        return outcome

    def will(self, name: str, will: Will) -> Outcome:
        """What a device wanted said."""
        outcome = DIALECT.on_will(will, self.principal(name), self.registry, self.arrival)
        assert isinstance(outcome, Outcome)
        return outcome

    def subscribe(
        self, *filters: str, identifiers: tuple[int, ...] = (), name: str = "dev1"
    ) -> list[int]:
        subscribe = Subscribe(
            1,
            tuple(SubscriptionRequest(f, 1) for f in filters),
            Properties(subscription_identifiers=identifiers),
        )
        verdict = DIALECT.on_subscribe(
            subscribe, self.principal(name), self.registry, self.arrival
        )
        return [int(grant.reason_code) for grant in verdict.grants]

    def command(self, target: str, name: str = "set") -> Command:
        return Command(
            id="1",
            application="plant-a",
            device=target,
            name=name,
            data=b'{ "on": true }',
            datacontenttype="application/json",
            created_us=1,
            updated_us=1,
            operator="op",
        )

    def topics(self, target: str, receiver: str, *filters: str) -> list[str]:
        messages = DIALECT.deliver_command(
            self.command(target),
            Receiver(self.principal(receiver), [Subscription(f) for f in filters]),
            self.registry,
        )
        assert all((m.qos, m.retain, m.properties) == (0, False, Properties()) for m in messages)
        assert all(m.payload == b'{ "on": true }' for m in messages)
        return [m.topic_name for m in messages]
