"""A program with paho-mqtt: an application written for Drogue Cloud, and its device.

``paho_application.py <port> <level> <operator> <token>``; it ends with exit code 0 when all went
as Drogue Cloud documents.
"""

import json
import sys
from typing import Any

from paho_client import Got, PahoClient, Way

APPLICATION = "plant"
DEVICE = ("dev1@plant", "device-secret")
CLOUDEVENTS = "application/cloudevents+json; charset=utf-8"
ATTRIBUTES = {"application": APPLICATION, "device": "dev1", "sender": "dev1"}


def structured(got: Got, level: int) -> Any:
    """The event in a message of structured mode."""
    assert got.topic == f"app/{APPLICATION}", got
    if level == 5:
        assert got.properties["ContentType"] == CLOUDEVENTS, got
        assert got.properties["PayloadFormatIndicator"] == 1, got
    event = json.loads(got.payload)
    assert event["specversion"] == "1.0", event
    assert {name: event[name] for name in ATTRIBUTES} == ATTRIBUTES, event
    return event


def a_device_is_seen_from_login_to_last_words(way: Way, login: tuple[str, str]) -> None:
    with PahoClient(way, "watcher", login) as application:
        application.subscribe(f"app/{APPLICATION}")
        device = PahoClient(way, "anything", DEVICE, will=("status", '{"gone": true}'))
        device.connect()
        event = structured(application.message(), way.level)
        assert (event["type"], event["subject"]) == ("io.drogue.connection.v1", "connection")
        assert event["data"] == {"connected": True}

        for qos in (0, 1):
            device.publish("temp", '{"temp": 42, "unit": "C"}', qos)
            event = structured(application.message(), way.level)
            assert (event["type"], event["subject"]) == ("io.drogue.event.v1", "temp")
            assert event["datacontenttype"] == "application/json"
            assert event["data"] == {"temp": 42, "unit": "C"}
            assert event["source"] == f"drogue://{APPLICATION}/dev1"
            assert event["partitionkey"] == f"{APPLICATION}/dev1"

        device.publish("text", "not JSON")
        event = structured(application.message(), way.level)
        assert event["datacontenttype"] == "application/octet-stream"
        assert event["data_base64"] == "bm90IEpTT04="

        device.vanish()
        event = structured(application.message(), way.level)
        assert (event["subject"], event["data"]) == ("status", {"gone": True})
        event = structured(application.message(), way.level)
        assert event["data"] == {"connected": False}


def a_command_reaches_the_device(way: Way, login: tuple[str, str]) -> None:
    with PahoClient(way, "d", DEVICE) as device, PahoClient(way, "boss", login) as application:
        device.subscribe("command/inbox/#", 0)
        application.publish(f"command/{APPLICATION}/dev1/set-temp", '{"target": 23}')
        device.expect("command/inbox//set-temp", '{"target": 23}')
        application.publish(f"command/{APPLICATION}/dev1/reboot", "", 0)
        device.expect("command/inbox//reboot", "")


def the_data_comes_as_it_was_sent_in_binary_mode(way: Way, login: tuple[str, str]) -> None:
    with PahoClient(way, "reader", login) as application:
        binary = {"UserProperty": ("content-mode", "binary"), "SubscriptionIdentifier": 7}
        application.subscribe(f"application/{APPLICATION}", properties=binary)
        with PahoClient(way, "d", DEVICE) as device:
            device.publish("note", "Grüße", properties={"ContentType": "text/plain"})
            got = application.message()
            while got.properties["ContentType"] == "application/json":  # devices come and go
                got = application.message()
        assert (got.topic, got.payload) == (f"application/{APPLICATION}", "Grüße")
        assert got.properties["ContentType"] == "text/plain"
        assert got.properties["SubscriptionIdentifier"] == [7]
        attributes = dict(got.properties["UserProperty"])
        assert {name: attributes[name] for name in ATTRIBUTES} == ATTRIBUTES
        assert attributes["type"] == "io.drogue.event.v1"
        assert attributes["subject"] == "note"
        assert attributes["specversion"] == "1.0"


def main() -> None:
    port, level, *login = sys.argv[1:]
    operator, token = login
    way = Way(int(port), int(level))
    scenes = [a_device_is_seen_from_login_to_last_words, a_command_reaches_the_device]
    if way.level == 5:
        scenes.append(the_data_comes_as_it_was_sent_in_binary_mode)
    for scene in scenes:
        scene(way, (operator, token))


if __name__ == "__main__":
    main()
