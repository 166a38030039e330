"""Who may do what, and who may know of what."""

import httpx
import msgspec
from drogue_registry import (
    CONFLICT,
    NO_REFERENCE,
    NOT_AUTHORIZED,
    NOT_FOUND,
    PATH,
    RegistryApi,
    app,
    caller,
    device,
    expect,
    operator,
)
from http_hub import READER, HttpHub
from late_body import send_late

from leafhub.dialects.drogue.settings import ApplicationSettings
from leafhub.model.application import Application
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import Change, DeleteOperator, PutApplication, PutOperator


async def test_roles(hub: HttpHub, api: RegistryApi) -> None:
    await api.make(app(), app("app2"), device())
    cast = {
        "stranger": operator("stranger"),
        "reader": operator("app-reader", app1=Role.READER),
        "manager": operator("manager", app1=Role.WRITER),
        "admin": operator("admin", app1=Role.ADMIN),
    }
    await hub.exchange.apply([PutOperator(one) for one in cast.values()])

    async def answers(who: str) -> list[int]:
        async with caller(hub, cast[who].name, cast[who].name) as one:
            calls = [
                await one("GET", "/apps/app1"),
                await one("GET", "/apps/app1/devices"),
                await one("GET", "/apps/app1/devices/dev1"),
                await one("PUT", "/apps/app1", app(labels={"by": who})),
                await one("PUT", "/apps/app1/devices/dev1", device(labels={"by": who})),
                await one("POST", "/apps/app1/devices", device(f"by-{who}")),
                await one("DELETE", f"/apps/app1/devices/by-{who}"),
                await one("POST", "/apps", app(f"by-{who}")),
                await one("DELETE", "/apps/app1"),
            ]
            assert await one.names("/apps") == (["app1"] if who in {"reader", "manager"} else [])
            for answer in calls:
                if answer.status_code in {403, 404} and answer.content:
                    assert answer.json() in (NOT_AUTHORIZED, NOT_FOUND, NO_REFERENCE)
        return [answer.status_code for answer in calls]

    assert await answers("stranger") == [404, 404, 404, 404, 404, 404, 404, 403, 404]
    assert await answers("reader") == [200, 200, 200, 403, 404, 404, 404, 403, 403]
    assert await answers("manager") == [200, 200, 200, 204, 204, 201, 204, 403, 403]
    assert await answers("admin") == [200, 200, 200, 204, 204, 201, 204, 403, 204]


async def test_what_one_may_not_see_is_not_there(hub: HttpHub, api: RegistryApi) -> None:
    await api.make(app(), app("app2"), device())
    await hub.exchange.apply([PutOperator(operator("limited", app2=Role.ADMIN))])
    async with caller(hub, "limited", "limited") as limited:

        async def said(place: str) -> list[tuple[int, str]]:
            answers = [
                await limited("GET", f"/apps/{place}"),
                await limited("PUT", f"/apps/{place}", app(place)),
                await limited("DELETE", f"/apps/{place}"),
                await limited("GET", f"/apps/{place}/devices"),
                await limited("GET", f"/apps/{place}/devices/dev1"),
                await limited("POST", f"/apps/{place}/devices", device("new", place)),
                await limited("PUT", f"/apps/{place}/devices/dev1", device("dev1", place)),
                await limited("DELETE", f"/apps/{place}/devices/dev1"),
            ]
            return [(answer.status_code, answer.text) for answer in answers]

        assert await said("app1") == await said("app3")


async def test_secrets_are_for_those_who_may_change_them(hub: HttpHub, api: RegistryApi) -> None:
    harmless = {"core": {"disabled": False}, "mine": {"a": 1}}
    secret = [{"pass": "correct horse"}, {"psk": {"key": "c2VjcmV0LWtleS1zZWNyZXQ="}}]
    endpoint = {"url": "http://x", "headers": [{"Authorization": "Bearer horse"}]}
    whole = {
        "app1": harmless
        | {"publish": {"rules": [{"then": [{"enrich": {"endpoint": endpoint}}]}]}},
        "dev1": harmless | {"authentication": {"credentials": secret}},
        "old1": harmless | {"credentials": {"credentials": secret}},
        "gate": harmless | {"commands": {"commands": [{"external": endpoint}]}},
    }
    names = ("dev1", "old1", "gate")
    await api.make(app(spec=whole["app1"]), *(device(name, spec=whole[name]) for name in names))
    await hub.exchange.apply(
        [
            PutOperator(operator("looker", app1=Role.READER)),
            PutOperator(operator("manager", app1=Role.WRITER)),
        ]
    )
    for who, expected in (("looker", dict.fromkeys(whole, harmless)), ("manager", whole)):
        async with caller(hub, who, who) as one:
            alone = [await one.get("/apps/app1")]
            alone += [await one.get(f"/apps/app1/devices/{name}") for name in names]
            assert {each["metadata"]["name"]: each["spec"] for each in alone} == expected
            listed = (await one("GET", "/apps")).json()
            listed += (await one("GET", "/apps/app1/devices")).json()
            assert {each["metadata"]["name"]: each["spec"] for each in listed} == expected


async def test_who_makes_an_application_is_its_admin(hub: HttpHub) -> None:
    await hub.exchange.apply([PutOperator(operator("maker", Role.WRITER))])
    async with caller(hub, "maker", "maker") as maker:
        await maker.make(app())
        known = hub.exchange.registry.operator("maker")
        assert known is not None
        assert known.roles == {"app1": Role.ADMIN}
        expect(await maker("DELETE", "/apps/app1"), 204)
        known = hub.exchange.registry.operator("maker")
        assert known is not None
        assert known.roles == {}


async def test_callers_without_a_login_see_what_anybody_may(
    hub: HttpHub, api: RegistryApi
) -> None:
    await api.make(app(), app("app2"))
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as http:
        nobody = RegistryApi(http)
        assert await nobody.names("/apps") == []
        expect(await nobody("POST", "/apps", app("app3")), 403, NOT_AUTHORIZED)
        await hub.exchange.apply(
            [PutOperator(Operator(name="", role=None, roles={"app1": Role.WRITER}))]
        )
        assert await nobody.names("/apps") == ["app1"]
        await nobody.make(device())
    async with caller(hub, "reader", "wrong") as wrong:
        answer = await wrong("GET", "/apps")
        assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")
    async with caller(hub, "reader", READER) as reader:
        assert await reader.names("/apps") == ["app1", "app2"]
        expect(await reader("PUT", "/apps/app1", app()), 403, NOT_AUTHORIZED)


async def test_a_role_counts_as_it_is_when_the_body_has_come(
    hub: HttpHub, api: RegistryApi
) -> None:
    await api.make(app())
    await hub.exchange.apply([PutOperator(operator("manager", app1=Role.WRITER))])

    body = b'{"metadata":{"name":"app1","labels":{"a":"1"}}}'
    call = ("PUT", f"{PATH}/apps/app1")

    async def refused(change: Change) -> tuple[int, str]:
        async def meanwhile() -> None:
            await hub.exchange.apply([change])

        answer = await send_late(hub, ("manager", "manager"), call, body, meanwhile)
        return answer[0], msgspec.json.decode(answer[1])["error"]

    looker = operator("manager", app1=Role.READER)
    assert await refused(PutOperator(looker)) == (403, "AuthenticationError")
    assert await refused(DeleteOperator("manager")) == (403, "Forbidden")
    assert "labels" not in (await api.get("/apps/app1"))["metadata"]


async def test_applications_of_other_dialects_are_not_there_but_take_names(
    hub: HttpHub, api: RegistryApi
) -> None:
    other = Application(name="home", uid="u", dialect="broker", settings=ApplicationSettings())
    hub.exchange.registry.apply(PutApplication(other))
    assert await api.names("/apps") == []
    expect(await api("GET", "/apps/home"), 404)
    expect(await api("PUT", "/apps/home", app("home")), 404, NOT_FOUND)
    expect(await api("DELETE", "/apps/home"), 404, NOT_FOUND)
    expect(await api("GET", "/apps/home/devices"), 404, NOT_FOUND)
    expect(await api("POST", "/apps/home/devices", device("d", "home")), 404, NO_REFERENCE)
    expect(await api("POST", "/apps", app("home")), 409, CONFLICT)
