"""A program with paho-mqtt: two users talk over the hub in all the ways that paho knows.

``paho_conversation.py <port> <level> <transport> <ca or -> <thread or own>``; it ends with exit
code 0 when all went as MQTT says.
"""

import sys
from pathlib import Path

from paho_client import PahoClient, Way

LOGIN = ("hass", "hass-pw")


def every_qos_both_ways(way: Way) -> None:
    with PahoClient(way, "sender", LOGIN) as sender, PahoClient(way, "hearer", LOGIN) as hearer:
        for granted in (0, 1, 2):
            hearer.subscribe("room/#", granted)
            for sent in (0, 1, 2):
                sender.publish(f"room/{granted}", f"at {sent}", sent)
                got = hearer.expect(f"room/{granted}", f"at {sent}")
                assert (got.qos, got.retain) == (min(granted, sent), False), got


def a_retained_message_waits(way: Way) -> None:
    with PahoClient(way, "sender", LOGIN) as sender:
        for payload in ("old", "new"):
            sender.publish("hall/lamp", payload, 1, retain=True)
        with PahoClient(way, "late", LOGIN) as late:
            late.subscribe("hall/#", 1)
            assert late.expect("hall/lamp", "new").retain
            sender.publish("hall/lamp", "live", 1, retain=True)
            assert not late.expect("hall/lamp", "live").retain
        sender.publish("hall/lamp", "", 1, retain=True)
        with PahoClient(way, "later", LOGIN) as later:
            later.subscribe("hall/#", 1)
            sender.publish("hall/end", "end", 1)
            later.expect("hall/end", "end")


def a_will_is_executed(way: Way) -> None:
    with PahoClient(way, "hearer", LOGIN) as hearer:
        hearer.subscribe("will/#", 1)
        leaving = PahoClient(way, "leaving", LOGIN, will=("will/leaving", "gone"))
        leaving.connect()
        leaving.leave()
        dying = PahoClient(way, "dying", LOGIN, will=("will/dying", "gone"))
        dying.connect()
        dying.vanish()
        hearer.expect("will/dying", "gone")
        with PahoClient(way, "late", LOGIN) as late:
            late.subscribe("will/#", 1)
            assert late.expect("will/dying", "gone").retain


def a_session_waits(way: Way) -> None:
    sleeper = PahoClient(way, "sleeper", LOGIN, keeps_session=True)
    sleeper.connect()
    assert not sleeper.session_present
    sleeper.subscribe("night/#", 2)
    sleeper.leave()
    with PahoClient(way, "sender", LOGIN) as sender:
        for number in range(30):
            sender.publish(f"night/{number}", str(number), 1 + number % 2)
    sleeper.connect()
    assert sleeper.session_present or way.level == 3
    came = [sleeper.message() for _ in range(30)]
    for qos in (1, 2):  # in order among those of one QoS
        numbers = [int(got.payload) for got in came if got.qos == qos]
        assert numbers == list(range(qos - 1, 30, 2)), came
    sleeper.leave()


def a_broken_connection_loses_nothing(way: Way) -> None:
    sender = PahoClient(way, "breaking", LOGIN, keeps_session=True)
    with PahoClient(way, "hearer", LOGIN) as hearer:
        hearer.subscribe("break/#", 2)
        sender.connect()
        sent = []
        for number in range(60):
            sent.append(sender.paho.publish("break/count", str(number), 2))
            if number == 30:
                sender.cut()
        sender.wait_connected()
        for one in sent:
            sender.wait_published(one)
        assert sender.connects == 2
        heard = [hearer.message().payload for _ in sent]
        assert sorted(heard, key=int) == [str(number) for number in range(60)], heard
        sender.publish("break/count", "end")
        hearer.expect("break/count", "end")  # so none of them came twice
        sender.leave()


def properties_pass(way: Way) -> None:
    properties = {
        "ContentType": "text/plain",
        "ResponseTopic": "answers/1",
        "CorrelationData": b"\x01\x02",
        "PayloadFormatIndicator": 1,
        "MessageExpiryInterval": 100,
        "UserProperty": [("colour", "red"), ("colour", "blue")],
    }
    with PahoClient(way, "sender", LOGIN) as sender, PahoClient(way, "hearer", LOGIN) as hearer:
        hearer.subscribe("asked", 1)
        sender.publish("asked", "how?", 1, properties=properties)
        got = hearer.expect("asked", "how?").properties
        assert got["ContentType"] == "text/plain"
        assert got["ResponseTopic"] == "answers/1"
        assert got["CorrelationData"] == "0102"
        assert got["PayloadFormatIndicator"] == 1
        assert 0 < got["MessageExpiryInterval"] <= 100
        assert [tuple(pair) for pair in got["UserProperty"]] == properties["UserProperty"]


def main() -> None:
    port, level, transport, ca, loop = sys.argv[1:]
    way = Way(int(port), int(level), transport, None if ca == "-" else Path(ca), loop == "own")
    scenes = [
        every_qos_both_ways,
        a_retained_message_waits,
        a_will_is_executed,
        a_session_waits,
        a_broken_connection_loses_nothing,
    ]
    if way.level == 5:
        scenes.append(properties_pass)
    for scene in scenes:
        scene(way)


if __name__ == "__main__":
    main()
