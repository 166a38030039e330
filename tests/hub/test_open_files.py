import resource

import pytest

from leafhub.open_files import OWN_FILES, permit


@pytest.mark.parametrize(
    ("limits", "connections", "raised_to"),
    [
        ((1024, 100_000), 10_000, 10_000 + OWN_FILES),
        ((1024, resource.RLIM_INFINITY), 10_000, 10_000 + OWN_FILES),
        ((1024, 4096), 10_000, 4096),
        ((100_000, 100_000), 10_000, None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 10_000, None),
    ],
)
def test_the_limit_is_raised_as_far_as_it_may(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    limits: tuple[int, int],
    connections: int,
    raised_to: int | None,
) -> None:
    raised: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda which, to: raised.append((which, to)))
    permit(connections)
    wanted = [] if raised_to is None else [(resource.RLIMIT_NOFILE, (raised_to, limits[1]))]
    assert raised == wanted
    assert bool(caplog.records) is (raised_to == 4096)
