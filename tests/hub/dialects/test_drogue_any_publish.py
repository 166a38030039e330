"""Whatever a device publishes, in any grammar: an event of its own, or a refusal."""

import msgspec
from drogue_desk import DIALECT, FIXTURE, Desk, device
from hypothesis import given
from hypothesis import strategies as st

from leafhub.dialects.base import Arrival, Peer
from leafhub.dialects.cloudevents import RESERVED, encode_attributes, encode_structured
from leafhub.exchange.chance_and_time import RandomIds
from leafhub.model.registry import Registry
from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import Publish
from leafhub.mqtt.properties import Properties

NOW_US = 1_767_323_045_678_901
GATEWAYS_OF_SEN1 = ("gw1", "pref1", "wot1", "c8y1")


def world() -> Desk:
    """Devices of every grammar, of which some may speak for ``sen1``; it stands still."""
    registry = Registry(DIALECT.keys)
    for change in FIXTURE:
        registry.apply(change)
    for name, grammar in (("wot1", "wot"), ("c8y1", "c8y"), ("az1", "azure")):
        section = f'{{"mqtt": {{"dialect": {{"type": "{grammar}"}}}}}}'
        registry.apply(device(name, settings=section))
    selector = {"gatewaySelector": {"matchNames": GATEWAYS_OF_SEN1}}
    registry.apply(device("sen1", settings=msgspec.json.encode(selector).decode()))
    return Desk(registry, Peer(address="192.0.2.7", tls=True), Arrival(NOW_US, RandomIds()))


WORLD = world()

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SENDERS = ("dev1", "gw1", "plain1", "pref1", "wot1", "c8y1", "az1")
topics = st.one_of(
    texts,
    st.tuples(
        st.sampled_from(("t", "temp/sen1", "sen1", "s/us", "devices/az1/messages/events")),
        st.sampled_from(("", "/", "/?", "//")),
        texts,
    ).map("".join),
)
content_types = st.one_of(
    st.none(),
    texts,
    st.sampled_from(("application/json", "text/plain", "application/cloudevents+json; x=y")),
)
payloads = st.one_of(
    st.binary(max_size=30), st.sampled_from((b"", b"{}", b'{"command":"set","result":1}'))
)


@given(
    st.sampled_from(SENDERS),
    topics,
    payloads,
    content_types,
    st.lists(st.tuples(st.one_of(texts, st.sampled_from(sorted(RESERVED))), texts), max_size=3),
)
def test_no_publish_breaks_it_and_no_device_speaks_as_another(
    sender: str,
    topic: str,
    payload: bytes,
    content_type: str | None,
    said: list[tuple[str, str]],
) -> None:
    outcome = WORLD.publish(sender, topic, payload, content_type, tuple(said))
    if not outcome.events:
        assert outcome.reason_code >= 0x80
        assert outcome.reason_string
        assert outcome.log
        return
    [event] = outcome.events
    assert (event.application, event.sender) == ("plant-a", sender)
    assert event.device == sender or (event.device, sender in GATEWAYS_OF_SEN1) == ("sen1", True)
    own = msgspec.structs.replace(event, attributes=())
    structured, structured_own = (
        msgspec.json.decode(encode_structured(one, WORLD.registry)) for one in (event, own)
    )
    assert structured.items() >= structured_own.items()
    binary, binary_own = (encode_attributes(one, WORLD.registry) for one in (event, own))
    assert dict(binary).items() >= dict(binary_own).items()
    message = Publish("app/plant-a", event.data, properties=Properties(user_properties=binary))
    assert encode_packet(message, 5)
