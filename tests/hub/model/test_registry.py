from collections.abc import Iterable, Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafhub.errors import ConflictError, NotFoundError, RequestError
from leafhub.model.application import Application
from leafhub.model.command import NEXT_STATES, CommandState
from leafhub.model.device import Device
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import (
    Change,
    DeleteApplication,
    DeleteDevice,
    DeleteOperator,
    PutApplication,
    PutDevice,
    PutOperator,
    Registry,
)


class Plain(msgspec.Struct, frozen=True):
    """Settings of a made-up dialect; a device is found by ``<prefix>:<word>`` for each word."""

    prefix: str = ""
    words: tuple[str, ...] = ()


def keys_of(application: Application, device: Device) -> Iterable[str]:
    ours, its = application.settings, device.settings
    assert isinstance(ours, Plain)
    assert isinstance(its, Plain)
    return (f"{ours.prefix}:{word}" for word in its.words)


def application_keys_of(application: Application) -> Iterable[str]:
    settings = application.settings
    assert isinstance(settings, Plain)
    return (f"a:{word}" for word in settings.words)


def app(name: str, prefix: str = "p", dialect: str = "plain", *words: str) -> Application:
    return Application(name=name, uid="u", dialect=dialect, settings=Plain(prefix, words))


def dev(application: str, device_id: str, *words: str, name: str = "n") -> Device:
    return Device(
        application=application,
        id=device_id,
        uid="u",
        name=name,
        settings=Plain(words=words),
    )


def registry_with(*changes: Change) -> Registry:
    registry = Registry(keys_of, application_keys_of)
    for change in changes:
        registry.apply(change)
    return registry


def contents(registry: Registry, keys: Iterable[str] = ()) -> object:
    """All that can be asked of a registry."""
    applications = {a.name: a for a in registry.applications()}
    for dialect in ("plain", "other"):
        found = {a.name: a for a in registry.applications(dialect)}
        assert found == {n: a for n, a in applications.items() if a.dialect == dialect}
    return (
        applications,
        {name: {d.id: d for d in registry.devices(name)} for name in applications},
        {o.name: o for o in registry.operators()},
        {key: registry.lookup(key) for key in keys},
        {key: registry.lookup_application(key) for key in _APPLICATION_KEYS},
    )


_APPLICATION_KEYS = ["a:x", "a:y", "a:z"]


def named(name: str, *words: str) -> Application:
    return app(name, "p", "plain", *words)


def test_an_application_is_found_by_each_key_it_has_and_by_no_other() -> None:
    registry = registry_with(PutApplication(named("one", "x", "y", "y")))
    assert registry.lookup_application("a:x") == registry.lookup_application("a:y")
    registry.apply(PutApplication(named("one", "y", "z")))
    assert registry.lookup_application("a:x") is None
    assert registry.lookup_application("a:z") == named("one", "y", "z")
    assert registry.lookup("a:z") is None
    registry.apply(DeleteApplication("one"))
    assert registry.lookup_application("a:z") is None


def test_a_key_belongs_to_one_application() -> None:
    registry = registry_with(PutApplication(named("one", "x")), PutApplication(named("two", "y")))
    before = contents(registry)
    for clash in (named("two", "z", "x"), named("three", "x")):
        with pytest.raises(ConflictError, match="'a:x' belongs to application 'one'"):
            registry.apply(PutApplication(clash))
        assert contents(registry) == before


def test_where_applications_have_no_keys_none_is_found_by_one() -> None:
    registry = Registry(keys_of)
    registry.apply(PutApplication(named("one", "x")))
    assert registry.lookup_application("a:x") is None


def test_a_device_is_found_by_each_of_its_keys_and_by_no_other() -> None:
    registry = registry_with(PutApplication(app("a")), PutDevice(dev("a", "d", "x", "y")))
    assert registry.lookup("p:x") == registry.lookup("p:y") == dev("a", "d", "x", "y")
    assert registry.lookup("p:z") is None
    assert registry.lookup("x") is None


def test_a_replaced_device_loses_the_keys_it_no_longer_has() -> None:
    registry = registry_with(
        PutApplication(app("a")),
        PutDevice(dev("a", "d", "x", "y")),
        PutDevice(dev("a", "d", "y", "z")),
    )
    assert registry.lookup("p:x") is None
    assert registry.lookup("p:z") == dev("a", "d", "y", "z")


def test_a_deleted_device_frees_its_keys() -> None:
    registry = registry_with(
        PutApplication(app("a")), PutDevice(dev("a", "d", "x")), DeleteDevice("a", "d")
    )
    assert registry.lookup("p:x") is None
    registry.apply(PutDevice(dev("a", "e", "x")))
    assert registry.lookup("p:x") == dev("a", "e", "x")


def test_a_deleted_application_takes_its_devices_along() -> None:
    registry = registry_with(
        PutApplication(app("a")), PutDevice(dev("a", "d", "x")), DeleteApplication("a")
    )
    assert registry.application("a") is None
    assert list(registry.devices("a")) == []
    assert registry.device("a", "d") is None
    assert registry.lookup("p:x") is None


def test_a_key_belongs_to_one_device_in_the_whole_hub() -> None:
    registry = registry_with(
        PutApplication(app("a")), PutApplication(app("b")), PutDevice(dev("a", "d", "x"))
    )
    before = contents(registry, ["p:x"])
    words = r"'p:x' belongs to device 'd' of application 'a'; device 'e' of application 'b' needs"
    with pytest.raises(ConflictError, match=words):
        registry.apply(PutDevice(dev("b", "e", "x")))
    assert contents(registry, ["p:x"]) == before


def test_keys_follow_from_the_settings_of_the_application() -> None:
    registry = registry_with(
        PutApplication(app("a")), PutDevice(dev("a", "d", "x")), PutApplication(app("a", "q"))
    )
    assert registry.lookup("q:x") == dev("a", "d", "x")
    assert registry.lookup("p:x") is None


def test_settings_that_would_take_a_key_of_another_application_are_refused() -> None:
    registry = registry_with(
        PutApplication(app("a")),
        PutApplication(app("b", "q")),
        PutDevice(dev("a", "d", "x")),
        PutDevice(dev("b", "e", "x")),
    )
    before = contents(registry, ["p:x", "q:x"])
    with pytest.raises(ConflictError):
        registry.apply(PutApplication(app("a", "q")))
    assert contents(registry, ["p:x", "q:x"]) == before


def test_devices_of_one_application_may_swap_keys_by_its_settings() -> None:
    def swapping(application: Application, device: Device) -> Iterator[str]:
        settings = application.settings
        assert isinstance(settings, Plain)
        yield device.id if settings.prefix == "straight" else {"d": "e", "e": "d"}[device.id]

    registry = Registry(swapping)
    registry.apply(PutApplication(app("a", "straight")))
    registry.apply(PutDevice(dev("a", "d")))
    registry.apply(PutDevice(dev("a", "e")))
    registry.apply(PutApplication(app("a", "crossed")))
    assert registry.lookup("d") == dev("a", "e")
    assert registry.lookup("e") == dev("a", "d")


def test_settings_that_give_two_devices_one_key_are_refused() -> None:
    def keys(application: Application, device: Device) -> Iterator[str]:
        settings = application.settings
        assert isinstance(settings, Plain)
        yield settings.prefix or device.id

    registry = Registry(keys)
    registry.apply(PutApplication(app("a", "")))
    registry.apply(PutDevice(dev("a", "d")))
    registry.apply(PutDevice(dev("a", "e")))
    with pytest.raises(ConflictError):
        registry.apply(PutApplication(app("a", "same")))
    assert registry.lookup("d") == dev("a", "d")
    assert registry.lookup("e") == dev("a", "e")
    assert registry.lookup("same") is None


def test_an_application_with_devices_keeps_its_dialect() -> None:
    registry = registry_with(PutApplication(app("a")), PutDevice(dev("a", "d")))
    with pytest.raises(ConflictError, match="remove them first"):
        registry.apply(PutApplication(app("a", dialect="other")))
    registry.apply(DeleteDevice("a", "d"))
    registry.apply(PutApplication(app("a", dialect="other")))
    assert [a.name for a in registry.applications("other")] == ["a"]
    assert list(registry.applications("plain")) == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(PutDevice(dev("nowhere", "d")), id="device of no application"),
        pytest.param(DeleteDevice("a", "ghost"), id="no such device"),
        pytest.param(DeleteDevice("nowhere", "d"), id="no such application of a device"),
        pytest.param(DeleteApplication("nowhere"), id="no such application"),
        pytest.param(DeleteOperator("nobody"), id="no such operator"),
    ],
)
def test_what_is_not_there_is_refused_and_changes_nothing(change: Change) -> None:
    registry = registry_with(PutApplication(app("a")), PutDevice(dev("a", "d", "x")))
    before, generation = contents(registry, ["p:x"]), registry.generation
    with pytest.raises(NotFoundError):
        registry.apply(change)
    assert contents(registry, ["p:x"]) == before
    assert registry.generation == generation


_NAMES = st.sampled_from(["a", "b"])
_IDS = st.sampled_from(["d", "e", "f"])
_WORDS = st.lists(st.sampled_from(["x", "y", "z"]), max_size=2, unique=True)
_KEYS = [f"{prefix}:{word}" for prefix in "pq" for word in "xyz"]
_CHANGES = st.one_of(
    st.builds(
        lambda n, p, w: PutApplication(app(n, p, "plain", *w)),
        _NAMES,
        st.sampled_from("pq"),
        _WORDS,
    ),
    st.builds(lambda n: PutApplication(app(n, dialect="other")), _NAMES),
    st.builds(DeleteApplication, _NAMES),
    st.builds(lambda n, i, w, m: PutDevice(dev(n, i, *w, name=m)), _NAMES, _IDS, _WORDS, _IDS),
    st.builds(DeleteDevice, _NAMES, _IDS),
    st.builds(
        lambda n, r: PutOperator(Operator(name=n, role=r)),
        _NAMES,
        st.sampled_from(Role),
    ),
    st.builds(DeleteOperator, _NAMES),
)


@given(st.lists(_CHANGES, max_size=25))
def test_every_change_can_be_undone_and_everything_is_found_by_its_own_keys(
    changes: list[Change],
) -> None:
    registry = Registry(keys_of, application_keys_of)
    for change in changes:
        before, generation = contents(registry, _KEYS), registry.generation
        try:
            undo = registry.apply(change)
        except RequestError:
            assert contents(registry, _KEYS) == before
            assert registry.generation == generation
            continue
        after = contents(registry, _KEYS)
        assert registry.generation > generation
        for back in undo:
            registry.apply(back)
        assert contents(registry, _KEYS) == before
        registry.apply(change)
        assert contents(registry, _KEYS) == after
        expected = {
            key: device
            for application in registry.applications()
            for device in registry.devices(application.name)
            for key in keys_of(application, device)
        }
        assert {k: d for k in _KEYS if (d := registry.lookup(k)) is not None} == expected
        found = {k: registry.lookup_application(k) for k in _APPLICATION_KEYS}
        assert {k: a for k, a in found.items() if a is not None} == {
            key: application
            for application in registry.applications()
            for key in application_keys_of(application)
        }


ENDS = {
    CommandState.ANSWERED,
    CommandState.DELIVERED,
    CommandState.FAILED,
    CommandState.EXPIRED,
}


@pytest.mark.parametrize("state", CommandState)
def test_every_command_state_has_its_next_states(state: CommandState) -> None:
    assert state.final == (state in ENDS)
    assert state not in NEXT_STATES[state]


def test_a_life_line_only_moves_forward_and_may_end_from_everywhere() -> None:
    order = list(CommandState)
    for state, following in NEXT_STATES.items():
        assert all(order.index(state) < order.index(after) for after in following)
        assert state.final or following >= ENDS
    assert NEXT_STATES[CommandState.QUEUED] == set(CommandState) - {CommandState.QUEUED}
    assert CommandState.SENT not in NEXT_STATES[CommandState.ACKNOWLEDGED]
