"""Prints what the cloud side sets, without any subscription: subscribe.py HOST PORT CA."""

import logging
import sys
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt


def on_connect(_client: mqtt.Client, _userdata: Any, _flags: Any, rc: int) -> None:
    print("Connected with code:", rc, flush=True)


def on_message(_client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
    kind, alias, timestamp = message.topic.split("/")
    if kind == "$resource":
        value = message.payload.decode("utf-8")
    if value:
        print(f"{alias} is {value} since {timestamp}", flush=True)


def on_disconnect(client: mqtt.Client, _userdata: Any, rc: int) -> None:
    print("Disconnected with error:", rc, flush=True)
    client.disconnect()  # or loop_forever would come back


_, host, port, ca = sys.argv
logging.basicConfig(level=logging.DEBUG)
client = mqtt.Client()
client.enable_logger(logging.getLogger("subscribe"))
client.on_connect = on_connect
client.on_message = on_message
client.on_disconnect = on_disconnect
client.tls_set(ca_certs=ca)
client.username_pw_set("", Path("token.txt").read_text())
client.connect(host, int(port), 60)
client.loop_forever()
