"""Provisions one identity and keeps its token in ``token.txt``: provision.py HOST PORT CA."""

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
    client.publish(f"$provision/{identity}", None)


def on_message(client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
    kind, answered = message.topic.split("/")
    if kind == "$provision" and answered == identity:
        token = message.payload.decode("utf-8")
    if token:
        Path("token.txt").write_text(token)
        print("Provisioned:", answered)
    client.disconnect()


def on_disconnect(_client: mqtt.Client, _userdata: Any, rc: int) -> None:
    global failed  # noqa: PLW0603 - raw callbacks, as the vendor's guide has them
    failed = rc != 0
    if failed:
        print("Disconnected with error:", rc)
    over.set()


_, host, port, ca = sys.argv
logging.basicConfig(level=logging.DEBUG)
identity = input("Identity? ")
client = mqtt.Client()
client.enable_logger(logging.getLogger("provision"))
client.on_connect = on_connect
client.on_message = on_message
client.on_disconnect = on_disconnect
client.tls_set(ca_certs=ca)
client.connect(host, int(port), 60)
client.loop_start()
over.wait()
sys.exit(failed)
