"""Writes one value, asked for once it is connected: publish.py HOST PORT CA, with token.txt."""

import logging
import sys
import threading
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt

over = threading.Event()
failed = False


def on_connect(client: mqtt.Client, _userdata: Any, _flags: Any, rc: int) -> None:
    print("Connected with code:", rc)
    alias = input("Resource? ")
    value = input("Value? ")
    client.publish(f"$resource/{alias}", value)
    client.disconnect()


def on_message(_client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
    kind, alias, timestamp = message.topic.split("/")
    if kind == "$resource":
        text = f"{alias} is {message.payload.decode('utf-8')} since {timestamp}"
    print(text)


def on_disconnect(_client: mqtt.Client, _userdata: Any, rc: int) -> None:
    global failed  # noqa: PLW0603 - raw callbacks, as the vendor's guide has them
    failed = rc != 0
    if failed:
        print("Disconnected with error:", rc)
    over.set()


_, host, port, ca = sys.argv
logging.basicConfig(level=logging.DEBUG)
client = mqtt.Client()
client.enable_logger(logging.getLogger("publish"))
client.on_connect = on_connect
client.on_message = on_message
client.on_disconnect = on_disconnect
client.tls_set(ca_certs=ca)
client.username_pw_set("", Path("token.txt").read_text())
client.connect(host, int(port), 60)
client.loop_start()
over.wait()
sys.exit(failed)
