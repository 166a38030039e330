"""What a person may declare of a device of Drogue Cloud."""

from collections.abc import Callable

import pytest
from drogue_desk import DIALECT, FIXTURE, Desk, device, plain

from leafhub.dialects.base import Arrival, Peer
from leafhub.errors import RequestError
from leafhub.model.registry import Change, PutDevice, Registry


@pytest.fixture
def registry(make_registry: Callable[..., Registry]) -> Registry:
    return make_registry(DIALECT, changes=FIXTURE)


@pytest.fixture
def desk(registry: Registry, peer: Peer, arrival: Arrival) -> Desk:
    return Desk(registry, peer, arrival)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (device("x" * 256), "id"),
        (device("ü" * 128), "id"),
        (device(""), "id"),
        (device(".."), "id"),
        (device("n", settings=f'{{"alias": ["{"ü" * 257}"]}}'), r"settings\.spec\.alias\[0\]"),
        (device("n", settings='{"alias": ["ok", ""]}'), r"settings\.spec\.alias\[1\]"),
        (device("n", plain("p", unique=True)), r"credentials\[0\]\.username"),
    ],
)
def test_a_declared_device_is_checked(desk: Desk, change: Change, path: str) -> None:
    assert isinstance(change, PutDevice)
    owner = desk.registry.application("plant-a")
    assert owner is not None
    with pytest.raises(RequestError, match=f"^{path}: "):
        DIALECT.prepare(owner, change.device, None, desk.arrival)


@pytest.mark.parametrize(
    "change",
    [
        device("x" * 255),
        device("ü" * 127),
        device("n", settings=f'{{"alias": ["{"ü" * 256}"]}}'),
        device("n", plain("p", "ü" * 256, unique=True)),
        device("n", settings='{"alias": ["n", "n"]}'),
    ],
)
def test_the_longest_names_are_taken(desk: Desk, change: Change) -> None:
    assert isinstance(change, PutDevice)
    owner = desk.registry.application("plant-a")
    assert owner is not None
    prepared = DIALECT.prepare(owner, change.device, None, desk.arrival)
    desk.registry.apply(PutDevice(prepared))
    assert desk.registry.device("plant-a", change.device.id) == prepared


def test_a_good_device_is_taken_as_declared(desk: Desk) -> None:
    owner, dev3 = desk.registry.application("plant-a"), desk.registry.device("plant-a", "dev3")
    assert owner is not None
    assert dev3 is not None
    assert DIALECT.prepare(owner, dev3, None, desk.arrival) == dev3


@pytest.mark.parametrize(
    "settings",
    [
        '{"mqtt": {"dialect": {"type": "nope"}}}',
        '{"mqtt": {"dialect": {}}}',
        '{"mqtt": {"dialect": {"type": "plainTopic", "devicePrefix": 1}}}',
        '{"alias": {"a": 1}}',
        '{"gatewaySelector": {"matchNames": "gw1"}}',
        '{"core": {"disabled": 1}}',
        '{"core": {"disabled": null}}',
        '{"authentication": {"credentials": [{"pass": {"rot13": "x"}}]}}',
    ],
)
def test_dr_10_sections_that_mean_nothing_are_not_taken_from_a_person(
    desk: Desk, settings: str
) -> None:
    owner = desk.registry.application("plant-a")
    assert owner is not None
    change = device("n", settings=settings)
    assert isinstance(change, PutDevice)
    with pytest.raises(RequestError, match=r"^settings\.spec\."):
        DIALECT.prepare(owner, change.device, None, desk.arrival)
