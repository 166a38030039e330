from collections.abc import Callable, Sequence

import msgspec
import pytest
from drogue_desk import DIALECT, FIXTURE, Desk, application, device

from leafhub.dialects.base import Arrival, Peer, Receiver
from leafhub.dialects.drogue.commanding import lost_filters
from leafhub.dialects.interface import Waiting
from leafhub.errors import RequestError
from leafhub.model.command import Command
from leafhub.model.event import BYTES, JSON, TEXT
from leafhub.model.registry import PutDevice, Registry
from leafhub.mqtt.packets import Unsubscribe
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import OutgoingMessage, Subscription


@pytest.fixture
def registry(make_registry: Callable[..., Registry]) -> Registry:
    return make_registry(DIALECT, changes=FIXTURE)


@pytest.fixture
def desk(registry: Registry, peer: Peer, arrival: Arrival) -> Desk:
    return Desk(registry, peer, arrival)


def test_dr_21_the_spellings_of_the_inbox_are_granted_qos_0(desk: Desk) -> None:
    assert desk.subscribe(
        "command/inbox/#",
        "command/inbox//#",
        "command/inbox/sen1/#",
        "command/inbox/+/#",
        "#",
        "command/inbox//set",
        "command/inbox",
    ) == [0, 0, 0, 0, 0x80, 0x80, 0x80]


@pytest.mark.parametrize(
    "topic_filter",
    [
        "command/inbox/+/set",
        "$share/g/command/inbox/#",
        "command/inbox/a/b/#",
        "command/#",
        "Command/inbox/#",
        "/command/inbox/#",
        "",
    ],
)
def test_other_filters_are_refused(desk: Desk, topic_filter: str) -> None:
    assert desk.subscribe(topic_filter) == [0x80]


def test_dr_22_a_subscription_identifier_refuses_every_filter(desk: Desk) -> None:
    assert desk.subscribe("command/inbox/#", "#", identifiers=(5,)) == [0xA1, 0xA1]


@pytest.mark.parametrize(
    ("filters", "for_gateway", "for_sensor"),
    [
        (["command/inbox/#"], ["command/inbox//set"], ["command/inbox/sen1/set"]),
        (["command/inbox/+/#"], ["command/inbox//set"], ["command/inbox/sen1/set"]),
        (["command/inbox//#"], ["command/inbox//set"], []),
        (["command/inbox/gw1/#"], ["command/inbox/gw1/set"], []),
        (["command/inbox/sen1/#"], [], ["command/inbox/sen1/set"]),
        (["command/inbox/other/#"], [], []),
        ([], [], []),
        (
            ["command/inbox/#", "command/inbox//#"],
            ["command/inbox//set", "command/inbox//set"],
            ["command/inbox/sen1/set"],
        ),
        (
            ["command/inbox/gw1/#", "command/inbox/+/#"],
            ["command/inbox/gw1/set", "command/inbox//set"],
            ["command/inbox/sen1/set"],
        ),
    ],
)
def test_dr_23_commands_come_on_the_topic_of_each_subscription(
    desk: Desk, filters: list[str], for_gateway: list[str], for_sensor: list[str]
) -> None:
    assert desk.topics("gw1", "gw1", *filters) == for_gateway
    assert desk.topics("sen1", "gw1", *filters) == for_sensor


def test_a_command_goes_to_the_target_and_its_gateways_that_exist(desk: Desk) -> None:
    assert DIALECT.receivers(desk.command("sen1"), desk.registry) == ("sen1", "gw1", "pref1")
    assert DIALECT.receivers(desk.command("sen2"), desk.registry) == ("sen2",)
    assert DIALECT.receivers(desk.command("gone"), desk.registry) == ()


def test_whoever_is_named_twice_has_a_command_once(desk: Desk) -> None:
    named = '{"gatewaySelector": {"matchNames": ["gw1", "sen1", "gw1"]}}'
    desk.registry.apply(device("sen1", settings=named))
    assert DIALECT.receivers(desk.command("sen1"), desk.registry) == ("sen1", "gw1")


@pytest.mark.parametrize("name", ["se+t", "#", "a\0"])
def test_a_command_whose_name_fits_no_topic_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(RequestError, match="name:"):
        DIALECT.check_command(desk.command("dev1", name), desk.registry)


def test_a_command_may_have_slashes_and_goes_out_byte_for_byte(desk: Desk) -> None:
    command = desk.command("dev1", "a/b")
    assert DIALECT.check_command(command, desk.registry) == command


def test_a_command_for_a_disabled_device_is_refused(desk: Desk) -> None:
    dev1 = desk.registry.device("plant-a", "dev1")
    assert dev1 is not None
    desk.registry.apply(PutDevice(msgspec.structs.replace(dev1, enabled=False)))
    with pytest.raises(RequestError, match="disabled"):
        DIALECT.check_command(desk.command("dev1"), desk.registry)


def test_commands_wait_in_sessions_alone(desk: Desk) -> None:
    assert DIALECT.commands_wait is Waiting.IN_SESSIONS
    commands = [desk.command("dev1")]
    assert not DIALECT.on_connected(desk.principal("dev1"), commands, desk.registry, desk.arrival)


def test_dr_24_unsubscribe_answers_as_the_standard_says(desk: Desk) -> None:
    name = "command/inbox/#"
    answer = DIALECT.on_unsubscribe(
        Unsubscribe(1, (name,)), desk.principal("dev1"), frozenset({name})
    )
    assert list(answer) == [(name, ReasonCode.SUCCESS)]
    again = DIALECT.on_unsubscribe(Unsubscribe(2, (name,)), desk.principal("dev1"), frozenset())
    assert list(again) == [(None, ReasonCode.NO_SUBSCRIPTION_EXISTED)]


def test_devices_see_no_events(desk: Desk) -> None:
    [event] = desk.publish("dev1", "temp").events
    assert not DIALECT.topics_of(event, desk.registry)


# Options


def options(desk: Desk, text: str) -> None:
    """Give the application of all these devices options of the hub's own."""
    desk.registry.apply(application("plant-a", settings=f'{{"leafhub": {text}}}'))


def messages(desk: Desk, command: Command, granted_qos: int) -> Sequence[OutgoingMessage]:
    receiver = Receiver(desk.principal("dev1"), [Subscription("command/inbox/#", granted_qos)])
    return DIALECT.deliver_command(command, receiver, desk.registry)


@pytest.mark.parametrize(
    ("command_qos", "granted", "sent"), [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 1), (1, 2, 1)]
)
def test_commands_have_the_qos_that_was_granted_as_long_as_it_is_wanted(
    desk: Desk, command_qos: int, granted: int, sent: int
) -> None:
    options(desk, f'{{"commandQos": {command_qos}}}')
    [message] = messages(desk, desk.command("dev1"), granted)
    assert message.qos == sent


@pytest.mark.parametrize(
    ("datacontenttype", "expires_us", "properties"),
    [
        (JSON, None, Properties(content_type=JSON, payload_format_indicator=1)),
        (TEXT, None, Properties(content_type=TEXT, payload_format_indicator=1)),
        ("text/plain", None, Properties(content_type="text/plain")),
        ("", None, Properties()),
        (BYTES, 1_000_002, Properties(content_type=BYTES, message_expiry_interval_s=2)),
        (BYTES, 1_000_001, Properties(content_type=BYTES, message_expiry_interval_s=1)),
    ],
)
def test_what_a_command_is_can_be_told(
    desk: Desk, datacontenttype: str, expires_us: int | None, properties: Properties
) -> None:
    command = msgspec.structs.replace(
        desk.command("dev1"), datacontenttype=datacontenttype, expires_us=expires_us
    )
    assert messages(desk, command, 0)[0].properties == Properties()
    options(desk, '{"commandProperties": true}')
    assert messages(desk, command, 0)[0].properties == properties


def test_how_long_a_command_waits_is_an_option_of_the_device_or_its_application(
    desk: Desk,
) -> None:
    def timeout_s() -> float | None:
        dev1 = desk.registry.device("plant-a", "dev1")
        assert dev1 is not None
        return DIALECT.command_timeout_s(dev1, desk.registry)

    assert timeout_s() == 60
    options(desk, '{"commandTimeout": 5}')
    assert timeout_s() == 5
    desk.registry.apply(device("dev1", settings='{"leafhub": {"commandTimeout": 7.5}}'))
    assert timeout_s() == 7.5
    desk.registry.apply(device("dev1", settings='{"leafhub": {}}'))
    assert timeout_s() == 60


def test_a_session_loses_the_filters_that_its_grammar_has_not(desk: Desk) -> None:
    filters = ("command/inbox/#", "#")
    assert lost_filters(filters, desk.principal("dev1"), desk.registry) == ("#",)
    options_of_all = '{"mqtt": {"dialect": {"type": "azure"}}}'
    desk.registry.apply(application("plant-a", settings=options_of_all))
    assert lost_filters(filters, desk.principal("dev1"), desk.registry) == ()
    desk.registry.apply(application("plant-a", settings='{"mqtt": 1}'))
    assert lost_filters(filters, desk.principal("dev1"), desk.registry) == filters
    assert lost_filters(filters, desk.principal("gone"), desk.registry) == filters
