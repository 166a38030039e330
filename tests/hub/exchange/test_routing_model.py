"""Any subscriptions and publications, against a reference that goes through all of them."""

import asyncio
from typing import NamedTuple

from hand_exchange import HandClock, HandLink, World, principal, publication
from hypothesis import given
from hypothesis import strategies as st

from leafhub.exchange.session import Session
from leafhub.exchange.topic_spaces import TopicSpaces
from leafhub.mqtt.session_state import SessionState, Subscription
from leafhub.mqtt.topics import split_share, topic_matches

FILTERS = ["a", "a/b", "a/+", "+/b", "#", "a/#", "+", "$s/#", "$share/g/a/+", "$share/h/#"]
NAMES = ["a", "a/b", "b/b", "c", "$s/a", "a/b/c"]
CLIENTS = 3


class Step(NamedTuple):
    """Client ``client`` subscribes, or with ``qos`` None unsubscribes."""

    client: int
    topic_filter: str
    qos: int | None
    identifier: int | None
    no_local: bool
    retain_as_published: bool


STEPS = st.lists(
    st.builds(
        Step,
        st.integers(0, CLIENTS - 1),
        st.sampled_from(FILTERS),
        st.one_of(st.none(), st.integers(0, 2)),
        st.one_of(st.none(), st.integers(1, 9)),
        st.booleans(),
        st.booleans(),
    ),
    max_size=20,
)
Looks = list[tuple[int, bool, tuple[int, ...]]]


def own_copy(
    subscriptions: list[Subscription], name: str, qos: int, *, retain: bool, is_publisher: bool
) -> Looks:
    """What one client gets for its own subscriptions, at most once."""
    matching = [
        one
        for one in subscriptions
        if split_share(one.topic_filter)[0] is None
        and topic_matches(one.topic_filter, name)
        and not (one.no_local and is_publisher)
    ]
    if not matching:
        return []
    best = min(qos, max(one.qos for one in matching))
    shown = retain and any(one.retain_as_published for one in matching)
    identifiers = sorted(
        one.subscription_identifier for one in matching if one.subscription_identifier is not None
    )
    return [(best, shown, tuple(identifiers))]


@given(
    STEPS, st.sampled_from(NAMES), st.integers(0, 2), st.booleans(), st.integers(0, CLIENTS - 1)
)
def test_who_gets_what(steps: list[Step], name: str, qos: int, retain: bool, writer: int) -> None:  # noqa: FBT001 - drawn
    asyncio.run(run(steps, name, qos, retain=retain, writer=writer))


async def run(steps: list[Step], name: str, qos: int, *, retain: bool, writer: int) -> None:
    spaces, world = TopicSpaces(HandClock()), World()
    links = [HandLink(world) for _ in range(CLIENTS)]
    sessions = [
        Session(principal(client_id=f"c{number}"), SessionState(), link, HandClock())
        for number, link in enumerate(links)
    ]
    kept: list[dict[str, Subscription]] = [{} for _ in links]
    for step in steps:
        if step.qos is None:
            kept[step.client].pop(step.topic_filter, None)
            spaces.unsubscribe(sessions[step.client], step.topic_filter)
            continue
        subscription = Subscription(
            step.topic_filter,
            step.qos,
            step.no_local and not step.topic_filter.startswith("$share/"),
            step.retain_as_published,
            step.identifier,
        )
        kept[step.client][step.topic_filter] = subscription
        spaces.subscribe(sessions[step.client], subscription, "oak")
    spaces.route(publication(name, qos=qos, retain=retain, publisher=f"c{writer}"))
    shared = 0
    for number, link in enumerate(links):
        looks = [
            (m.qos, m.retain, tuple(sorted(m.properties.subscription_identifiers)))
            for m in link.sent
        ]
        expected = own_copy(
            list(kept[number].values()), name, qos, retain=retain, is_publisher=number == writer
        )
        assert looks[: len(expected)] == expected
        shared += len(looks) - len(expected)
    groups = {f for each in kept for f in each if f.startswith("$share/")}
    assert shared == sum(topic_matches(split_share(f)[1], name) for f in groups)
    for number, session in enumerate(sessions):
        for topic_filter in kept[number]:
            spaces.unsubscribe(session, topic_filter)
    assert spaces._spaces == {}
