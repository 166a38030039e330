"""What is deleted waits for its finalizers, and an application for its devices."""

import datetime as dt

from drogue_registry import (
    CONFLICT,
    NO_REFERENCE,
    NOT_FOUND,
    RegistryApi,
    app,
    device,
    expect,
)


async def test_finalizers_keep_what_is_deleted(api: RegistryApi) -> None:
    await api.make(app(finalizers=["foo", "bar"]))
    expect(await api("DELETE", "/apps/app1"), 204)
    shown = await api.get("/apps/app1")
    deleted = shown["metadata"]["deletionTimestamp"]
    assert dt.datetime.fromisoformat(deleted).tzinfo is not None
    assert shown["metadata"]["finalizers"] == ["foo", "bar"]
    expect(await api("DELETE", "/apps/app1"), 404, NOT_FOUND)
    expect(await api("POST", "/apps", app()), 409, CONFLICT)
    expect(await api("POST", "/apps/app1/devices", device()), 404, NO_REFERENCE)

    shown["metadata"]["finalizers"] = ["bar"]
    expect(await api("PUT", "/apps/app1", shown), 204)
    now = await api.get("/apps/app1")
    assert now["metadata"]["finalizers"] == ["bar"]
    assert now["metadata"]["deletionTimestamp"] == deleted
    expect(await api("PUT", "/apps/app1", shown), 409, CONFLICT)
    expect(await api("PUT", "/apps/app1", app()), 204)
    expect(await api("GET", "/apps/app1"), 404)


async def test_a_deleted_device_waits_for_its_finalizers(api: RegistryApi) -> None:
    await api.make(app(), device(finalizers=["foo"], spec={"alias": ["al1"]}))
    expect(await api("DELETE", "/apps/app1/devices/dev1"), 204)
    shown = await api.get("/apps/app1/devices/dev1")
    assert "deletionTimestamp" in shown["metadata"]
    assert await api.names("/apps/app1/devices") == ["dev1"]
    expect(await api("DELETE", "/apps/app1/devices/dev1"), 404, NOT_FOUND)
    shown["status"] = {"seen": True}
    expect(await api("PUT", "/apps/app1/devices/dev1", shown), 204)
    expect(await api("PUT", "/apps/app1/devices/dev1", device()), 204)
    expect(await api("GET", "/apps/app1/devices/dev1"), 404)
    assert await api.names("/apps") == ["app1"]
    await api.make(device("al1"))


async def test_an_application_waits_for_its_devices(api: RegistryApi) -> None:
    await api.make(
        app(), device("d1"), device("d2", finalizers=["foo"]), device("d3", finalizers=["foo"])
    )
    expect(await api("DELETE", "/apps/app1"), 204)
    assert await api.names("/apps/app1/devices") == ["d2", "d3"]
    shown = await api.get("/apps/app1")
    assert shown["metadata"]["finalizers"] == ["has-devices"]
    left = await api.get("/apps/app1/devices/d2")
    assert "deletionTimestamp" not in left["metadata"]

    expect(await api("PUT", "/apps/app1", app()), 204)  # it cannot be told to forget them
    assert await api.get("/apps/app1") == shown
    expect(await api("DELETE", "/apps/app1/devices/d2"), 204)
    expect(await api("PUT", "/apps/app1/devices/d2", device("d2")), 204)
    assert await api.get("/apps/app1") == shown
    expect(await api("PUT", "/apps/app1/devices/d3", device("d3")), 204)
    expect(await api("DELETE", "/apps/app1/devices/d3"), 204)
    expect(await api("GET", "/apps/app1"), 404)


async def test_an_application_has_finalizers_of_its_own_beside_that(api: RegistryApi) -> None:
    await api.make(app(finalizers=["bar"]), device(finalizers=["foo"]))
    expect(await api("DELETE", "/apps/app1"), 204)
    shown = await api.get("/apps/app1")
    assert shown["metadata"]["finalizers"] == ["bar", "has-devices"]
    expect(await api("DELETE", "/apps/app1/devices/dev1"), 204)
    expect(await api("PUT", "/apps/app1/devices/dev1", device()), 204)
    now = await api.get("/apps/app1")
    assert now["metadata"]["finalizers"] == ["bar"]
    assert now["metadata"]["resourceVersion"] != shown["metadata"]["resourceVersion"]
    expect(await api("PUT", "/apps/app1", app()), 204)
    expect(await api("GET", "/apps/app1"), 404)


async def test_an_application_takes_its_devices_with_it(api: RegistryApi) -> None:
    await api.make(app(), device("d1"), device("d2"))
    expect(await api("DELETE", "/apps/app1"), 204)
    await api.make(app())
    assert await api.names("/apps/app1/devices") == []
