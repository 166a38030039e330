"""CONNECT and CONNACK (MQTT 3.1.1 §3.1, §3.2)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDER = cases(
    LEVEL_3_1_1,
    *(
        Row(
            f"{packet.split()[0]} before CONNECT",
            "MQTT-3.1.0-1 MQTT-4.8.0-1",
            f"""
            a > {packet}
            a end
            """,
        )
        for packet in (
            'PUBLISH { "t" }',
            "PUBACK { 0001 }",
            "PUBREC { 0001 }",
            "PUBREL { 0001 }",
            "PUBCOMP { 0001 }",
            'SUBSCRIBE { 0001 "t" 00 }',
            'UNSUBSCRIBE { 0001 "t" }',
            "PINGREQ {}",
            "DISCONNECT {}",
        )
    ),
    Row(
        "a second CONNECT",
        "MQTT-3.1.0-2 MQTT-4.8.0-1",
        """
        a connects
        a > CONNECT { head c2 003c "a" login }
        a end
        """,
    ),
    Row(
        "a second CONNECT, and what stands behind it is not handled",
        "MQTT-3.1.0-2",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a connects
        a > CONNECT { head c2 003c "a" login } PUBLISH { "t" 'lost' }
        a end
        b quiet
        """,
    ),
    Row(
        "CONNACK comes first, whatever follows CONNECT at once",
        "MQTT-3.2.0-1 MQTT-3.1.4-4",
        """
        a > CONNECT { head c2 003c "a" login } PINGREQ {} SUBSCRIBE { 0001 "t" 01 } PINGREQ {}
        a < CONNACK { 00 00 } PINGRESP {}
        a < SUBACK { 0001 01 } & PINGRESP {}
        """,
    ),
    Row(
        "CONNACK comes before the messages that waited",
        "MQTT-3.2.0-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > DISCONNECT {}
        a end
        b connects
        b > PUBLISH+qos1 { "t" 0001 'm' }
        b < PUBACK { 0001 }
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBLISH+qos1 { "t" 0001 'm' }
        a > PUBACK { 0001 }
        """,
    ),
)

PROTOCOL = cases(
    LEVEL_3_1_1,
    *(
        Row(
            f"protocol name {name}",
            "MQTT-3.1.2-1",
            f"""
            a > CONNECT {{ {name} c2 003c "a" login }}
            a end
            """,
        )
        for name in ('"mqtt" 04', '"MQTX" 04', '"" 04', '"MQTT5" 05', '"MQTTT" 04')
    ),
    *(
        Row(
            f"protocol level {level}",
            "MQTT-3.1.2-2 MQTT-3.2.2-4 MQTT-3.2.2-5",
            f"""
            a > CONNECT {{ "MQTT" {level} c2 003c "a" login }}
            a < CONNACK {{ 00 01 }}
            a end
            """,
        )
        for level in ("00", "02", "03")
    ),
    *(
        Row(
            f"the level of a later version: {level}",
            "MQTT-3.1.2-2",
            f"""
            a > CONNECT {{ "MQTT" {level} c2 003c 00 "a" login }}
            a < CONNACK {{ 00 84 00 }}
            a end
            """,
        )
        for level in ("06", "7f")
    ),
    *(
        Row(
            f"a bridge that asks whether the other side is its like: {head}",
            "MQTT-3.1.2-2",
            f"""
            a > CONNECT {{ {head} c2 003c "a" login }}
            a < CONNACK {{ 00 01 }}
            a end
            """,
        )
        for head in ('"MQTT" 84', '"MQIsdp" 83')
    ),
    Row(
        "nothing behind an unknown protocol level is read",
        "MQTT-3.1.2-2",
        """
        a > CONNECT { "MQTT" 02 ff }
        a < CONNACK { 00 01 }
        a end
        """,
    ),
)

FORM = cases(
    LEVEL_3_1_1,
    *(
        Row(
            name,
            f"MQTT-3.1.4-1 MQTT-3.2.2-6 {statements}",
            f"""
            a > CONNECT {{ {packet} }}
            a end
            """,
        )
        for name, statements, packet in (
            ("the reserved flag", "MQTT-3.1.2-3", 'head c3 003c "a" login'),
            ("Will QoS without a Will", "MQTT-3.1.2-11 MQTT-3.1.2-13", 'head ca 003c "a" login'),
            (
                "Will Retain without a Will",
                "MQTT-3.1.2-11 MQTT-3.1.2-15",
                'head e2 003c "a" login',
            ),
            ("Will QoS 3", "MQTT-3.1.2-14", 'head de 003c "a" "t" "w" login'),
            ("a Will without its fields", "MQTT-3.1.2-9", 'head 06 003c "a"'),
            ("a Will without a message", "MQTT-3.1.2-9", 'head 06 003c "a" "t"'),
            ("no user name where the flag says one", "MQTT-3.1.2-19", 'head 82 003c "a"'),
            ("a user name where the flag says none", "MQTT-3.1.2-18", 'head 02 003c "a" "user"'),
            ("no password where the flag says one", "MQTT-3.1.2-21", 'head c2 003c "a" "user"'),
            (
                "a password where the flag says none",
                "MQTT-3.1.2-20",
                'head 82 003c "a" "user" "secret"',
            ),
            ("no client id", "MQTT-3.1.3-3", "head 02 003c"),
            ("a client id of no UTF-8", "MQTT-3.1.3-4", "head c2 003c [ ff ] login"),
            ("a Will topic of no UTF-8", "MQTT-3.1.3-10", 'head c6 003c "a" [ ff ] "w" login'),
            ("a user name of no UTF-8", "MQTT-3.1.3-11", 'head c2 003c "a" [ ff ] "secret"'),
            ("fields in another order", "MQTT-3.1.3-1", 'head 82 003c 00 "user" "a"'),
            ("a byte too many", "", 'head c2 003c "a" login 00'),
            ("no Keep Alive", "", "head 02"),
            ("no flags", "", "head"),
            ("no protocol level", "", '"MQTT"'),
            ("half a protocol name", "", "0004 'MQ'"),
            ("nothing", "", ""),
        )
    ),
)

REFUSED = cases(
    LEVEL_3_1_1,
    Row(
        "a wrong password",
        "MQTT-3.2.2-4 MQTT-3.2.2-5",
        """
        a > CONNECT { head c2 003c "a" user "wrong" }
        a < CONNACK { 00 04 }
        a end
        """,
    ),
    Row(
        "a wrong password where a session is kept: Session Present stays 0",
        "MQTT-3.2.2-4 MQTT-3.2.2-5",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > DISCONNECT {}
        a end
        a > CONNECT { head c0 003c "a" user "wrong" }
        a < CONNACK { 00 04 }
        a end
        """,
    ),
    Row(
        "a password without a user name",
        "MQTT-3.1.2-22 MQTT-3.1.4-1",
        """
        a > CONNECT { head 42 003c "a" "secret" }
        a < CONNACK { 00 04 }
        a end
        """,
    ),
    Row(
        "nobody's name",
        "MQTT-3.2.2-4 MQTT-3.2.2-5",
        """
        a > CONNECT { head c2 003c "a" "nobody" "secret" }
        a < CONNACK { 00 04 }
        a end
        """,
    ),
    Row(
        "what came behind a refused CONNECT is not handled",
        "MQTT-3.1.4-5",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c2 003c "a" user "wrong" } PUBLISH { "t" 'm' } PINGREQ {}
        a < CONNACK { 00 04 }
        a end
        b quiet
        """,
    ),
    Row(
        "a refused CONNECT does not take over",
        "MQTT-3.1.4-2",
        """
        a connects
        b > CONNECT { head c2 003c "a" user "wrong" }
        b < CONNACK { 00 04 }
        b end
        a quiet
        """,
    ),
)


@pytest.mark.parametrize("case", ORDER)
async def test_order(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", PROTOCOL)
async def test_protocol(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FORM)
async def test_form(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", REFUSED)
async def test_refused(case: Case, player: Player) -> None:
    await player.play(case)
