"""The properties of MQTT 5.0 (§2.2.2.2) as words of the notation: their identifiers."""

from collections.abc import Mapping
from typing import Final

PROPERTIES: Final[Mapping[str, str]] = {
    "payload-format-indicator": "01",
    "message-expiry-interval": "02",
    "content-type": "03",
    "response-topic": "08",
    "correlation-data": "09",
    "subscription-identifier": "0b",
    "session-expiry-interval": "11",
    "assigned-client-identifier": "12",
    "server-keep-alive": "13",
    "authentication-method": "15",
    "authentication-data": "16",
    "request-problem-information": "17",
    "will-delay-interval": "18",
    "request-response-information": "19",
    "response-information": "1a",
    "server-reference": "1c",
    "reason-string": "1f",
    "receive-maximum": "21",
    "topic-alias-maximum": "22",
    "topic-alias": "23",
    "maximum-qos": "24",
    "retain-available": "25",
    "user-property": "26",
    "maximum-packet-size": "27",
    "wildcard-subscription-available": "28",
    "subscription-identifiers-available": "29",
    "shared-subscription-available": "2a",
}
