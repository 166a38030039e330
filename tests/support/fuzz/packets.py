"""Valid packets of a client, drawn by chance: what mutation starts from."""

from collections.abc import Callable
from random import Random
from typing import Final

from worlds import A_THING

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import (
    Auth,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Subscribe,
    SubscriptionRequest,
    Unsubscribe,
    Will,
)
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import ReasonCode

PLAIN_TOPICS: Final = ("a", "a/b", "tele/x/STATE", "/", "$SYS/x", "ü/日本", "a/" * 60 + "z")
VENDORS_TOPICS: Final = (
    "temperature",
    "data/x",
    "enroll/request",
    "$resource/temperature",
    "$resource.batch",
    "$provision/12345",
    f"things/{A_THING}/properties",
    f"things/{A_THING}/actions/x",
)
TOPICS: Final = PLAIN_TOPICS + VENDORS_TOPICS
FILTERS: Final = (
    *TOPICS,
    *("#", "+", "a/#", "+/b", "a/+/c", "$share/g/a/#", "$share/g/+"),
    *("command/inbox/#", "data/#", "$resource/+", f"things/{A_THING}/#"),
)
PAYLOADS: Final = (
    b"",
    b"1",
    b'{"t": 21.5}',
    b'{"data": {"x": [1e999, null, true]}, "at": -1}',
    b"[" * 500,
    b'{"temperature": "\xff"}',
    bytes(range(256)),
    b"x" * 2_000,
)
PACKET_IDS: Final = (1, 2, 3, 4, 255, 256, 65_535)
LEVELS: Final = (3, 4, 5)


def login(
    chance: Random, level: int, client_id: str, username: str | None, password: bytes | None
) -> Connect:
    """A CONNECT that a hub takes."""
    return Connect(
        protocol_name="MQIsdp" if level == 3 else "MQTT",
        protocol_level=level,
        client_id=client_id,
        clean_start=chance.random() < 0.5,
        keep_alive_s=chance.choice((0, 1, 60, 65_535)),
        will=_will(chance, level) if chance.random() < 0.3 else None,
        username=username,
        password=password,
        properties=_connect_properties(chance) if level == 5 else EMPTY,
    )


def packet(chance: Random, level: int) -> bytes:
    """One packet after CONNECT, or rarely a second CONNECT."""
    made = chance.choice(_KINDS)(chance, level)
    return encode_packet(made, 5 if isinstance(made, Auth) else level)


def _publish(chance: Random, level: int) -> Packet:
    qos = chance.choice((0, 1, 1, 2, 2))
    properties = EMPTY
    topic_name = chance.choice(TOPICS)
    if level == 5 and chance.random() < 0.6:
        alias = chance.choice((None, 1, 2, 3, 65_535))
        properties = Properties(
            payload_format_indicator=chance.choice((None, 0, 1)),
            message_expiry_interval_s=chance.choice((None, 0, 1, 0xFFFFFFFF)),
            topic_alias=alias,
            response_topic=chance.choice((None, "reply")),
            correlation_data=chance.choice((None, b"\0" * 8)),
            user_properties=chance.choice(((), (("k", "v"),), (("k", "v"), ("k", "w")))),
            content_type=chance.choice((None, "application/json")),
        )
        if alias is not None and chance.random() < 0.5:
            topic_name = ""
    return Publish(
        topic_name,
        chance.choice(PAYLOADS),
        qos,
        retain=chance.random() < 0.3,
        dup=bool(qos) and chance.random() < 0.3,
        packet_id=chance.choice(PACKET_IDS) if qos else None,
        properties=properties,
    )


def _subscribe(chance: Random, level: int) -> Packet:
    is_5 = level == 5
    requests = tuple(
        SubscriptionRequest(
            chance.choice(FILTERS),
            chance.randrange(3),
            no_local=is_5 and chance.random() < 0.2,
            retain_as_published=is_5 and chance.random() < 0.5,
            retain_handling=chance.randrange(3) if is_5 else 0,
        )
        for _ in range(chance.choice((1, 1, 2, 5)))
    )
    identifiers = chance.choice(((), (1,), (268_435_455,))) if is_5 else ()
    return Subscribe(
        chance.choice(PACKET_IDS), requests, Properties(subscription_identifiers=identifiers)
    )


def _unsubscribe(chance: Random, _level: int) -> Packet:
    filters = tuple(chance.choice(FILTERS) for _ in range(chance.choice((1, 2, 4))))
    return Unsubscribe(chance.choice(PACKET_IDS), filters)


def _puback(chance: Random, level: int) -> Packet:
    return Puback(chance.choice(PACKET_IDS), _code(chance, level, ReasonCode.QUOTA_EXCEEDED))


def _pubrec(chance: Random, level: int) -> Packet:
    return Pubrec(chance.choice(PACKET_IDS), _code(chance, level, ReasonCode.UNSPECIFIED_ERROR))


def _pubrel(chance: Random, level: int) -> Packet:
    code = _code(chance, level, ReasonCode.PACKET_IDENTIFIER_NOT_FOUND)
    return Pubrel(chance.choice(PACKET_IDS), code)


def _pubcomp(chance: Random, level: int) -> Packet:
    code = _code(chance, level, ReasonCode.PACKET_IDENTIFIER_NOT_FOUND)
    return Pubcomp(chance.choice(PACKET_IDS), code)


def _code(chance: Random, level: int, other: ReasonCode) -> ReasonCode:
    return other if level == 5 and chance.random() < 0.2 else ReasonCode.SUCCESS


def _pingreq(_chance: Random, _level: int) -> Packet:
    return Pingreq()


def _rare(chance: Random, level: int) -> Packet:
    """What ends most connections."""
    kind = chance.randrange(3)
    if kind == 0:
        return login(chance, level, "second", "somebody", b"secret")
    if kind == 1:
        method = chance.choice((None, "SCRAM-SHA-1"))
        return Auth(ReasonCode.CONTINUE_AUTHENTICATION, Properties(authentication_method=method))
    expiry_s = chance.choice((None, 0, 100)) if level == 5 else None
    code = _code(chance, level, ReasonCode.DISCONNECT_WITH_WILL)
    return Disconnect(code, Properties(session_expiry_interval_s=expiry_s))


def _will(chance: Random, level: int) -> Will:
    properties = EMPTY
    if level == 5:
        properties = Properties(will_delay_interval_s=chance.choice((None, 0, 1)))
    return Will(
        chance.choice(TOPICS),
        chance.choice(PAYLOADS),
        chance.randrange(3),
        retain=chance.random() < 0.3,
        properties=properties,
    )


def _connect_properties(chance: Random) -> Properties:
    return Properties(
        session_expiry_interval_s=chance.choice((None, 0, 1, 60)),
        receive_maximum=chance.choice((None, 1, 2, 65_535)),
        maximum_packet_size=chance.choice((None, 20, 200, 0xFFFFFFFF)),
        topic_alias_maximum=chance.choice((None, 0, 1, 10)),
        request_problem_information=chance.choice((None, True, False)),
        user_properties=chance.choice(((), (("k", "v"),))),
    )


_KINDS: Final[tuple[Callable[[Random, int], Packet], ...]] = (
    *(_publish,) * 8,
    *(_subscribe,) * 3,
    *(_unsubscribe, _puback, _pubrec, _pubrel, _pubrel, _pubcomp, _pingreq),
    _rare,
)
