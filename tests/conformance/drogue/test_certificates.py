"""X.509 with Drogue Cloud's trust anchors, by clients that show certificates."""

import base64
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from client_certificates import FOR_SERVERS, Issued, authority, issue, subject
from drogue_clients import ACCEPTED_V3, REFUSED_V3, REFUSED_V5
from drogue_registry import RegistryApi, app, device
from raw_mqtt import RawClient, raw_client
from whole_hub import RunningHub

PAST = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
DN = "CN=dev1, O=Drogue IoT, OU=plant-a"
ROOT = authority("", subject=subject("CN=plant-a, O=Drogue IoT, OU=Cloud"))
TWIN = authority("", subject=ROOT.certificate.subject)
MIDDLE = authority("", by=ROOT, subject=subject("CN=line 1, O=Drogue IoT"))
OTHER = authority("", subject=subject("CN=plant-b, O=Drogue IoT, OU=Cloud"))
EXPIRED = authority("", until=PAST, subject=subject("CN=old, O=Drogue IoT, OU=Cloud"))
VERSIONS = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}


def leaf(text: str = DN, by: Issued = ROOT, **more: Any) -> Issued:
    return issue(by=by, subject=subject(text), **more)


DEV1 = leaf()


def trusting(*anchors: Issued, name: str = "plant-a", **spec: Any) -> dict[str, Any]:
    """An application with these trust anchors."""
    entries = [{"certificate": base64.b64encode(one.pem.encode()).decode()} for one in anchors]
    return app(name, spec={"trustAnchors": {"anchors": entries}, **spec})


def dev1(*aliases: str, **spec: Any) -> dict[str, Any]:
    return device("dev1", "plant-a", spec={"alias": list(aliases), **spec})


class Shows(Protocol):
    """Opens a connection that is closed after the test."""

    async def __call__(
        self, *chain: Issued, level: int = 4, version: str = "TLS 1.3"
    ) -> RawClient:
        """With these certificates, its own first."""
        ...


@pytest.fixture
def documents() -> tuple[str, ...]:
    return ()


@pytest.fixture(autouse=True)
async def _known(api: RegistryApi) -> None:
    await api.make(trusting(EXPIRED, ROOT), trusting(OTHER, name="plant-b"), dev1(DN))


@pytest.fixture
async def shows(hub: RunningHub, tmp_path: Path) -> AsyncIterator[Shows]:
    async with AsyncExitStack() as stack:

        async def connect(*chain: Issued, level: int = 4, version: str = "TLS 1.3") -> RawClient:
            pem = tmp_path / "client.pem"
            pem.write_text(chain[0].key_pem + "".join(one.pem for one in chain))
            tls = hub.tls()
            tls.minimum_version = tls.maximum_version = VERSIONS[version]
            tls.load_cert_chain(pem)
            client = raw_client(
                hub.tls_port,
                tls=tls,
                server_name="127.0.0.1",
                protocol_level=level,
                settle=hub.settle,
            )
            return await stack.enter_async_context(client)

        yield connect


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "chain",
    [
        pytest.param((DEV1,), id="signed by an anchor"),
        pytest.param((leaf(by=MIDDLE), MIDDLE), id="an intermediate sent"),
        pytest.param((leaf("OU=plant-a, CN=dev1, O=Drogue IoT"),), id="another order"),
    ],
)
async def test_a_certificate_is_enough(
    hub: RunningHub, shows: Shows, chain: tuple[Issued, ...], version: str, level: int
) -> None:
    client = await shows(*chain, version=version, level=level)
    assert (await client.connect("")).reason_code == 0
    await client.publish("temp", "1")
    (event,) = (await hub.events(channel="temp")).events
    assert (event.application, event.device, event.sender) == ("plant-a", "dev1", "dev1")


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        pytest.param((leaf(by=TWIN),), "signed by nobody known here", id="a wrong anchor"),
        pytest.param((leaf(by=OTHER),), "'plant-b' has no device", id="another application's"),
        pytest.param((leaf(until=PAST),), "is expired since 2021", id="expired"),
        pytest.param((leaf(by=EXPIRED),), "is expired since 2021", id="an expired anchor"),
        pytest.param((leaf("CN=dev2"),), "no device with the name or alias", id="no alias"),
        pytest.param((leaf(extensions=(FOR_SERVERS,)),), "is not for clients", id="for servers"),
        pytest.param((leaf(by=MIDDLE),), "CN=line 1'", id="an intermediate missing"),
    ],
)
@pytest.mark.parametrize(("level", "refused"), [(4, REFUSED_V3), (5, REFUSED_V5)])
async def test_a_certificate_that_proves_nobody_is_refused_and_the_log_says_why(
    shows: Shows,
    chain: tuple[Issued, ...],
    words: str,
    level: int,
    refused: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = await shows(*chain, level=level)
    await client.send_connect("c")
    await client.expect_bytes(refused)
    await client.expect_closed()
    assert words in caplog.text


@pytest.mark.parametrize(
    ("client_id", "username", "password"),
    [
        ("c", "dev1@plant-a", "pw"),
        ("dev1@plant-a", "dev1", "pw"),
        ("c", "dev1@plant-a", None),
        ("c", "dev1", None),
        ("c", "x", "y"),
    ],
)
async def test_neither_name_nor_password_goes_with_it(
    api: RegistryApi, shows: Shows, client_id: str, username: str, password: str | None
) -> None:
    await api.put(dev1(DN, authentication={"credentials": [{"pass": "pw"}]}))
    client = await shows(DEV1)
    await client.send_connect(client_id, username, password)
    await client.expect_bytes(REFUSED_V3)
    await client.expect_closed()


async def test_azure_sends_a_name_with_it_and_asks_for_a_kept_session(
    api: RegistryApi, shows: Shows
) -> None:
    await api.put(dev1(DN, mqtt={"dialect": {"type": "azure"}}))
    client = await shows(DEV1)
    await client.send_connect("dev1", "hub/dev1/?api-version=2021-04-12", clean_start=False)
    await client.expect_bytes(ACCEPTED_V3)


async def test_what_was_made_of_an_anchor_is_told(api: RegistryApi) -> None:
    status = (await api.get("/apps/plant-a"))["status"]["trustAnchors"]["anchors"]
    assert [one["valid"]["subject"] for one in status] == [
        "CN=old, O=Drogue IoT, OU=Cloud",
        "CN=plant-a, O=Drogue IoT, OU=Cloud",
    ]
    assert status[0]["valid"]["notAfter"] == "2021-01-01T00:00:00Z"


async def test_a_subject_belongs_to_one_application(api: RegistryApi) -> None:
    answer = await api("POST", "/apps", trusting(ROOT, name="plant-c"))
    assert (answer.status_code, answer.json()["error"]) == (409, "Conflict")
    answer = await api("PUT", "/apps/plant-b", trusting(OTHER, ROOT, name="plant-b"))
    assert answer.status_code == 409


@pytest.mark.parametrize(
    "record",
    [
        trusting(EXPIRED),
        trusting(TWIN),
        trusting(ROOT, core={"disabled": True}),
        dev1(),
        dev1("CN=dev2"),
        dev1(DN, core={"disabled": True}),
        dev1(DN, authentication=1),
    ],
    ids=["gone", "another", "application", "alias", "other alias", "disabled", "unreadable"],
)
async def test_a_change_that_takes_its_proof_away_ends_the_connection(
    api: RegistryApi, shows: Shows, record: dict[str, Any]
) -> None:
    client = await shows(DEV1)
    assert (await client.connect("any")).reason_code == 0
    await api.put(record)
    await client.expect_closed()


@pytest.mark.parametrize(
    "record",
    [
        trusting(ROOT),
        trusting(TWIN, ROOT, labels={"a": "b"}),
        dev1("OU=plant-a, O=Drogue IoT, CN=dev1", "x"),
    ],
    ids=["fewer anchors", "more anchors", "another alias"],
)
async def test_another_change_leaves_it_alone(
    api: RegistryApi, shows: Shows, record: dict[str, Any]
) -> None:
    client = await shows(DEV1)
    assert (await client.connect("any")).reason_code == 0
    await api.put(record)
    await client.ping()
