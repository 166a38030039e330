"""How each grammar reads topics, what it grants, and where commands come."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafhub.dialects.drogue.grammars.azure import Azure
from leafhub.dialects.drogue.grammars.cumulocity import C8y, Cumulocity
from leafhub.dialects.drogue.grammars.drogue_v1 import DrogueV1
from leafhub.dialects.drogue.grammars.grammar import Grammar, Topic
from leafhub.dialects.drogue.grammars.plain_topic import PlainTopic
from leafhub.dialects.drogue.grammars.web_of_things import WebOfThings, Wot
from leafhub.dialects.drogue.spec import AnyGrammar
from leafhub.model.command import Command
from leafhub.mqtt.topics import is_topic_filter, is_topic_name, topic_matches

V1, PLAIN, PREFIX = DrogueV1(), PlainTopic(), PlainTopic(device_prefix=True)
WOT, WOT_BUG = WebOfThings(), WebOfThings(node_wot_bug=True)
C8Y, AZURE = Cumulocity(), Azure()
ALL: Sequence[Grammar] = (V1, PLAIN, PREFIX, WOT, WOT_BUG, C8Y, AZURE)
INBOXES: Sequence[Grammar] = (V1, PLAIN, PREFIX)
EVENTS = "devices/d/messages/events"


def by_type(value: object) -> str | None:
    return repr(value) if isinstance(value, msgspec.Struct) else None


def command(device: str, name: str = "set") -> Command:
    return Command(
        id="1",
        application="plant-a",
        device=device,
        name=name,
        data=b"1",
        datacontenttype="application/json",
        created_us=1,
        updated_us=1,
        operator="op",
    )


@pytest.mark.parametrize(
    ("section", "grammar"),
    [
        ({"type": "drogue/v1"}, DrogueV1()),
        ({"type": "plainTopic"}, PlainTopic()),
        ({"type": "plainTopic", "devicePrefix": True}, PlainTopic(device_prefix=True)),
        ({"type": "webOfThings"}, WebOfThings()),
        ({"type": "webOfThings", "nodeWotBug": True}, WebOfThings(node_wot_bug=True)),
        ({"type": "wot", "nodeWotBug": True}, Wot(node_wot_bug=True)),
        ({"type": "cumulocity"}, Cumulocity()),
        ({"type": "c8y"}, C8y()),
        ({"type": "azure"}, Azure()),
        ({"type": "azure", "unknown": 1}, Azure()),
    ],
)
def test_each_is_chosen_by_its_names(section: dict[str, Any], grammar: Grammar) -> None:
    assert msgspec.convert(section, AnyGrammar) == grammar


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"type": "Azure"},
        {"type": "drogue"},
        {"type": "plainTopic", "devicePrefix": "yes"},
        {"type": "wot", "nodeWotBug": 1},
        "azure",
        None,
    ],
)
def test_what_names_none_is_none(section: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(section, AnyGrammar)


# Topics of PUBLISH


@pytest.mark.parametrize(
    ("grammar", "topic_name", "channel", "spoken_for"),
    [
        (V1, "temp", "temp", None),
        (V1, "temp/d", "temp", "d"),
        (V1, "/d", "", "d"),
        (V1, "temp/", "temp", ""),
        (V1, "/", "", ""),
        (V1, "t%20/a%2Fb", "t%20", "a%2Fb"),
        (V1, "#/+", "#", "+"),
        (PLAIN, "temp", "temp", None),
        (PLAIN, "/a/b//c/", "/a/b//c/", None),
        (PLAIN, "/", "/", None),
        (PREFIX, "d/a/b", "a/b", "d"),
        (PREFIX, "d//b/", "/b/", "d"),
        (PREFIX, "d/", "", "d"),
        (PREFIX, "/a", "a", None),
        (PREFIX, "/", "", None),
        (PREFIX, "//a", "/a", None),
        (WOT, "d", "", "d"),
        (WOT, "d/", "", "d"),
        (WOT, "d/a//b", "a//b", "d"),
        (WOT_BUG, "d/a", "a", "d"),
        (C8Y, "s/us", "c8y", None),
        (C8Y, "s/us/d", "c8y", "d"),
        (C8Y, "s/us/", "c8y", ""),
        (AZURE, "temp", "temp", None),
        (AZURE, "a/b/", "a/b", None),
        (AZURE, "a//b///", "a//b", None),
        (AZURE, "/a", "/a", None),
        (AZURE, "?a=b", "?a=b", None),
        (AZURE, "a/b=c", "a/b=c", None),
        (AZURE, EVENTS, EVENTS, None),
        (AZURE, f"{EVENTS}/", EVENTS, None),
        (AZURE, "a/messages/events/b=c", "a/messages/events/b=c", None),
    ],
    ids=by_type,
)
def test_a_topic_is_a_channel_and_a_device(
    grammar: Grammar, topic_name: str, channel: str, spoken_for: str | None
) -> None:
    assert grammar.read_topic(topic_name) == Topic(channel, spoken_for)


@pytest.mark.parametrize(
    ("grammar", "topic_name"),
    [
        *((grammar, "") for grammar in ALL),
        (V1, "a/b/c"),
        (V1, "a//"),
        (PREFIX, "temp"),
        (WOT, "/"),
        (WOT, "/d/a"),
        (WOT_BUG, "/d/a"),
        (C8Y, "s"),
        (C8Y, "s/us/a/b"),
        (C8Y, "s/ud"),
        (C8Y, "S/us"),
        (C8Y, "/s/us"),
        (C8Y, "s/usx"),
        (AZURE, "/"),
        (AZURE, "///"),
        (AZURE, "/?a=b"),
    ],
    ids=by_type,
)
def test_a_topic_of_no_such_form_is_none(grammar: Grammar, topic_name: str) -> None:
    assert grammar.read_topic(topic_name) is None


@pytest.mark.parametrize(
    ("bag", "topic"),
    [
        ("a=1&b=2", Topic("", properties=(("a", "1"), ("b", "2")))),
        ("a=1&a=2", Topic("", properties=(("a", "2"),))),
        ("a=x%20y+z%26%3D", Topic("", properties=(("a", "x y z&="),))),
        ("a", Topic("", properties=(("a", ""),))),
        ("a=&&b=%ff", Topic("", properties=(("a", ""), ("b", "\N{REPLACEMENT CHARACTER}")))),
        ("%24.ct=text%2Fplain&%24.ce=utf-16", Topic("", None, "text/plain", "utf-16")),
        ("$.ct=a&$.ce=UTF-8", Topic("", None, "a", "utf-8")),
        ("$.ct=&$.ce=gzip", Topic("", properties=(("$.ce", "gzip"),))),
        ("$.mid=7&$.ct=a/b".replace("/", "%2F"), Topic("", None, "a/b", None, (("$.mid", "7"),))),
    ],
)
def test_a_bag_of_azure_may_stand_behind_a_question_mark_or_where_iot_hub_has_it(
    bag: str, topic: Topic
) -> None:
    assert AZURE.read_topic(f"a//?{bag}") == msgspec.structs.replace(topic, channel="a/")
    expected = msgspec.structs.replace(topic, channel=EVENTS)
    assert AZURE.read_topic(f"{EVENTS}/?{bag}") == expected
    assert AZURE.read_topic(f"{EVENTS}/{bag}") == expected
    module = "devices/d/modules/m/messages/events"
    assert AZURE.read_topic(f"{module}/{bag}") == msgspec.structs.replace(topic, channel=module)


def test_an_empty_bag_says_nothing() -> None:
    assert AZURE.read_topic("a/?") == Topic("a")


# Filters, and the topics of commands


@pytest.mark.parametrize("grammar", INBOXES, ids=by_type)
@pytest.mark.parametrize(
    ("topic_filter", "own", "of_d"),
    [
        ("command/inbox/#", "command/inbox//set", "command/inbox/d/set"),
        ("command/inbox/+/#", "command/inbox//set", "command/inbox/d/set"),
        ("command/inbox//#", "command/inbox//set", None),
        ("command/inbox/gw/#", "command/inbox/gw/set", None),
        ("command/inbox/d/#", None, "command/inbox/d/set"),
        ("command/inbox/other/#", None, None),
        ("command/inbox/#/#", None, None),
    ],
)
def test_the_inbox(grammar: Grammar, topic_filter: str, own: str | None, of_d: str | None) -> None:
    assert grammar.grants(topic_filter)
    assert grammar.command_topic(topic_filter, command("gw"), "gw") == own
    assert grammar.command_topic(topic_filter, command("d"), "gw") == of_d


@pytest.mark.parametrize("topic_filter", ["command/inbox/#", "command/inbox/+/#"])
def test_a_device_may_be_called_like_a_wildcard(topic_filter: str) -> None:
    assert V1.command_topic(topic_filter, command("+"), "+") == "command/inbox//set"


@pytest.mark.parametrize("grammar", INBOXES, ids=by_type)
@pytest.mark.parametrize(
    "topic_filter",
    [
        "#",
        "",
        "command/inbox",
        "command/inbox/",
        "command/inbox//set",
        "command/inbox/+/set",
        "command/inbox/a/b/#",
        "command/#",
        "Command/inbox/#",
        "/command/inbox/#",
        "$share/g/command/inbox/#",
    ],
)
def test_what_is_no_inbox(grammar: Grammar, topic_filter: str) -> None:
    assert not grammar.grants(topic_filter)
    assert grammar.command_topic(topic_filter, command("gw"), "gw") is None


@pytest.mark.parametrize(
    ("topic_filter", "device", "name", "topic_name"),
    [
        ("gw/set", "gw", "set", "gw/set"),
        ("gw/#", "gw", "set", "gw/set"),
        ("gw/+", "gw", "set", "gw/set"),
        ("gw/+", "gw", "a/b", None),
        ("gw/a/#", "gw", "a/b", "gw/a/b"),
        ("gw/other", "gw", "set", None),
        ("d/#", "d", "set", "d/set"),
        ("d/#", "gw", "set", None),
        ("+/set", "gw", "set", None),
        ("/set", "gw", "set", None),
        ("gw/", "gw", "set", None),
        ("gw/s#t", "gw", "set", None),
        ("gw/#", "gw", "$set", None),
    ],
)
def test_the_filters_of_things_are_over_names(
    topic_filter: str, device: str, name: str, topic_name: str | None
) -> None:
    assert WOT.grants(topic_filter)
    assert WOT.command_topic(topic_filter, command(device, name), "gw") == topic_name
    with_slash = None if topic_name is None else f"/{topic_name}"
    assert WOT_BUG.command_topic(topic_filter, command(device, name), "gw") == with_slash


@pytest.mark.parametrize("topic_filter", ["", "#", "gw", "+"])
def test_a_filter_of_things_has_a_slash(topic_filter: str) -> None:
    assert not WOT.grants(topic_filter)


def test_cumulocity_has_two_places_for_own_commands() -> None:
    assert [name for name in ("s/e", "s/ds", "s/us", "s/ds/d", "#", "") if C8Y.grants(name)] == [
        "s/e",
        "s/ds",
    ]
    assert C8Y.command_topic("s/e", command("gw"), "gw") == "command/inbox//set"
    assert C8Y.command_topic("s/ds", command("gw"), "gw") == "s/ds"
    assert C8Y.command_topic("s/e", command("d"), "gw") is None
    assert C8Y.command_topic("s/ds", command("d"), "gw") is None


@pytest.mark.parametrize(
    ("topic_filter", "name", "selected"),
    [
        ("set", "set", True),
        ("#", "set", True),
        ("+", "set", True),
        ("+/b", "a/b", True),
        ("other", "set", False),
        ("a#", "a#", False),
        ("#/set", "set", False),
        ("", "set", False),
        ("$share/g/set", "set", False),
    ],
)
def test_azure_grants_anything_and_selects_by_name(
    topic_filter: str,
    name: str,
    selected: bool,  # noqa: FBT001  # a column of the table
) -> None:
    assert AZURE.grants(topic_filter)
    own = AZURE.command_topic(topic_filter, command("gw", name), "gw")
    assert own == (name if selected else None)
    assert AZURE.command_topic(topic_filter, command("d", name), "gw") is None


# Round trips

segments = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0/#+"), max_size=6
)
names = segments.filter(bool)
paths = st.lists(segments, min_size=1, max_size=4).map("/".join)


@given(segments, segments)
def test_drogue_v1_reads_what_a_gateway_writes(channel: str, device: str) -> None:
    assert V1.read_topic(f"{channel}/{device}") == Topic(channel, device)


@given(names, paths)
def test_a_prefix_and_a_thing_stand_before_the_first_slash(device: str, channel: str) -> None:
    assert PREFIX.read_topic(f"{device}/{channel}") == Topic(channel, device)
    assert PREFIX.read_topic(f"/{channel}") == Topic(channel, None)
    assert WOT.read_topic(f"{device}/{channel}") == Topic(channel, device)


@given(st.dictionaries(segments, st.text(max_size=8).filter(lambda text: "\0" not in text)))
def test_azure_reads_the_bag_that_was_written(properties: dict[str, str]) -> None:
    for reserved in ("$.ct", "$.ce", ""):
        properties.pop(reserved, None)
    bag = urlencode(properties)
    topic = AZURE.read_topic(f"{EVENTS}/?{bag}")
    assert topic == Topic(EVENTS, properties=tuple(properties.items()))


@given(st.sampled_from(ALL), st.text())
def test_whatever_is_published_is_read_or_refused(grammar: Grammar, topic_name: str) -> None:
    topic = grammar.read_topic(topic_name)
    assert topic is None or topic.channel in topic_name or topic.channel == "c8y"


@given(st.sampled_from(INBOXES), st.sampled_from(["#", "+/#", "/#", "gw/#", "d/#"]), names, names)
def test_a_command_of_the_inbox_comes_on_a_topic_that_its_filter_matches(
    grammar: Grammar, inbox: str, device: str, name: str
) -> None:
    topic_filter = f"command/inbox/{inbox}"
    topic_name = grammar.command_topic(topic_filter, command(device, name), "gw")
    assert topic_name is None or topic_matches(topic_filter, topic_name)


@given(st.sampled_from((WOT, AZURE)), st.text(), names, names)
def test_where_filters_are_over_names_no_client_gets_what_it_did_not_ask_for(
    grammar: Grammar, topic_filter: str, device: str, name: str
) -> None:
    topic_name = grammar.command_topic(topic_filter, command(device, name), "gw")
    if topic_name is not None:
        assert is_topic_filter(topic_filter)
        assert is_topic_name(topic_name)
        assert topic_matches(topic_filter, topic_name)
