"""What Drogue Cloud restricts or bends of MQTT."""

from functools import cache
from typing import Final

import msgspec

from leafhub.dialects.drogue.spec import Options
from leafhub.mqtt.policy import AuthPacket, Policy, RefusedPublish, SecondConnect
from leafhub.mqtt.properties import Properties

POLICY: Final = Policy(
    maximum_packet_bytes=4 + 16_384,  # a fixed header that says 16 KiB, and those
    refused_publish_v3=RefusedPublish.CLOSE,
    verbatim_filters=True,
    wildcards_in_topic_names=True,
    second_connect=SecondConnect.IGNORE,
    auth_packet=AuthPacket.ANSWER,
    assign_client_id=False,
    maximum_outgoing_qos=0,
    connack_properties=Properties(
        wildcard_subscription_available=True,
        subscription_identifiers_available=False,
        shared_subscription_available=False,
    ),
)


def policy_of(options: Options) -> Policy:
    """The policy for devices with these options."""
    return _policy(strict=options.strict, command_qos=options.command_qos)


@cache
def _policy(*, strict: bool, command_qos: int) -> Policy:
    return msgspec.structs.replace(
        POLICY, refused_qos0_v3_closes=strict, maximum_outgoing_qos=command_qos
    )
