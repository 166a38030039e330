"""The rules of topic spaces over real sockets: who may what, who sees what, what changes."""

import datetime as dt
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from client_certificates import Issued, authority, issue
from raw_mqtt import OpenClient, RawClient, raw_client
from whole_hub import RunningHub, listeners, running_hub
from worlds import BROKER, MURANO, TOKEN_1, credential

from leafhub.mqtt.packets import Disconnect, Puback, Publish, Pubrec
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode

ATTIC = f"""
[[application]]
name = "attic"
dialect = "broker"
[application.settings]
shows = ["tconn"]
command_topic = "cmnd/%u/%n"
[[application.device]]
id = "home-assistant"
credentials = [{credential("ha-pw")}]
[[application.device]]
id = "narrow"
credentials = [{credential("narrow-pw")}]
settings = {{ subscribe = ["leafhub/tconn/dev2/#"] }}
[[application.device]]
id = "plug"
credentials = [{credential("plug-pw")}]
"""
KEPT = Properties(session_expiry_interval_s=600)
PAST = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (BROKER, MURANO, ATTIC)


async def log_in(
    open_client: OpenClient,
    name: str,
    level: int = 5,
    client_id: str = "",
    *,
    clean_start: bool = True,
    properties: Properties | None = None,
) -> RawClient:
    client = await open_client(protocol_level=level)
    short = {"home-assistant": "ha"}.get(name, name)
    connack = await client.connect(
        client_id or name,
        name,
        f"{short}-pw",
        clean_start=clean_start,
        properties=properties or Properties(),
    )
    assert connack.reason_code is ReasonCode.SUCCESS
    return client


class TestLogins:
    @pytest.mark.parametrize("level", [3, 4, 5])
    async def test_every_version_is_served(self, open_client: OpenClient, level: int) -> None:
        client = await log_in(open_client, "hass", level)
        assert await client.subscribe("a") == [1]
        await client.publish("a", b"1")
        message = await client.expect(Publish)
        assert (message.topic_name, message.payload, message.qos) == ("a", b"1", 1)

    @pytest.mark.parametrize(
        ("level", "clean_start", "answer"),
        [
            (3, True, "20 02 00 02"),
            (3, False, "20 02 00 02"),
            (4, True, "20 02 00 00"),
            (4, False, "20 02 00 02"),
        ],
    )
    async def test_an_empty_client_id(
        self, open_client: OpenClient, level: int, *, clean_start: bool, answer: str
    ) -> None:
        client = await open_client(protocol_level=level)
        await client.send_connect("", "hass", "hass-pw", clean_start=clean_start)
        await client.expect_bytes(answer)

    async def test_an_assigned_client_id_names_a_session_to_come_back_to(
        self, open_client: OpenClient
    ) -> None:
        client = await open_client(protocol_level=5)
        connack = await client.connect("", "hass", "hass-pw", properties=KEPT)
        assigned = connack.properties.assigned_client_identifier
        assert assigned
        await client.disconnect()
        back = await open_client(protocol_level=5)
        connack = await back.connect(
            assigned, "hass", "hass-pw", clean_start=False, properties=KEPT
        )
        assert connack.session_present

    @pytest.mark.parametrize(("level", "answer"), [(4, "20 02 00 04"), (5, "20 03 00 86 00")])
    @pytest.mark.parametrize("name", ["hass", "nobody", "lathe"])
    async def test_a_refusal_says_the_same_to_everybody(
        self, open_client: OpenClient, name: str, level: int, answer: str
    ) -> None:
        client = await open_client(protocol_level=level)
        await client.send_connect("c", name, "wrong")
        await client.expect_bytes(answer)
        await client.expect_closed()


class TestAccessLists:
    """The space ``home``: hass may all, tasmota publishes tele/tasmota and stat/<client id>."""

    @pytest.mark.parametrize(("qos", "kind"), [(1, Puback), (2, Pubrec)])
    async def test_a_refused_message_is_told_in_5_0(
        self, hub: RunningHub, open_client: OpenClient, qos: int, kind: type[Puback | Pubrec]
    ) -> None:
        client = await log_in(open_client, "tasmota")
        await client.send(Publish("tele/other/STATE", b"1", qos, packet_id=1))
        assert (await client.expect(kind)).reason_code is ReasonCode.NOT_AUTHORIZED
        await hub.settle()
        page = await hub.events(application="home", channel="tele/other/STATE")
        assert page.events == []

    async def test_and_is_acknowledged_and_dropped_in_3_1_1(
        self, open_client: OpenClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        hass = await log_in(open_client, "hass")
        await hass.subscribe("#")
        client = await log_in(open_client, "tasmota", 4)
        await client.publish("tele/other/STATE", b"1")
        await hass.expect_nothing()
        assert "home/tasmota: may not publish to 'tele/other/STATE'" in caplog.messages

    async def test_at_qos_0_too(
        self, open_client: OpenClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = await log_in(open_client, "tasmota")
        await client.publish("tele/other/STATE", b"1", qos=0)
        await client.ping()
        assert "home/tasmota: may not publish to 'tele/other/STATE'" in caplog.messages

    @pytest.mark.parametrize(("level", "refusal"), [(4, 0x80), (5, 0x87)])
    async def test_a_refused_subscription(
        self, open_client: OpenClient, level: int, refusal: int
    ) -> None:
        client = await log_in(open_client, "tasmota", level)
        asked = ("cmnd/tasmota/POWER", "cmnd/#", "cmnd/tasmota/#", "$share/g/cmnd/tasmota/+", "#")
        assert await client.subscribe(*asked) == [1, refusal, 1, 1, refusal]

    async def test_the_client_id_fills_its_place(self, open_client: OpenClient) -> None:
        client = await log_in(open_client, "tasmota", client_id="plug-7")
        allowed = await client.publish("stat/plug-7/POWER", b"ON")
        refused = await client.publish("stat/plug-8/POWER", b"ON")
        assert allowed is not None
        assert refused is not None
        assert (allowed.reason_code, refused.reason_code) == (0x00, 0x87)

    async def test_one_space_sees_nothing_of_another(self, open_client: OpenClient) -> None:
        hass, lathe = await log_in(open_client, "hass"), await log_in(open_client, "lathe")
        await hass.subscribe("#")
        await lathe.publish("a", b"1")
        await hass.expect_nothing()


class TestValues:
    """What is published is what a dashboard shows."""

    @pytest.mark.parametrize(
        ("payload", "value"),
        [(b"ON", "ON"), (b"21.5", 21.5), (b'{"a":[1]}', {"a": [1]}), (b"\xff\x00", "/wA=")],
    )
    async def test_the_newest_of_each_topic(
        self, hub: RunningHub, open_client: OpenClient, payload: bytes, value: object
    ) -> None:
        client = await log_in(open_client, "tasmota")
        await client.publish("tele/tasmota/X", payload)
        detail = await hub.device("home", "tasmota")
        found = {one.channel: msgspec.json.decode(one.data) for one in detail.values}
        assert found == {"tele/tasmota/X": value}


class TestEventsOfOtherApplications:
    """The space ``attic`` shows the Murano connector ``tconn``."""

    async def board(self, open_client: OpenClient) -> RawClient:
        client = await open_client(server_name="tconn.m2.hub.test")
        await client.connect("", "", TOKEN_1)
        return client

    async def test_home_assistant_reads_a_murano_board(self, open_client: OpenClient) -> None:
        home_assistant = await log_in(open_client, "home-assistant")
        assert await home_assistant.subscribe("leafhub/tconn/+/temp") == [1]
        board = await self.board(open_client)
        await board.publish("$resource/temp", b"21.5")
        message = await home_assistant.expect(Publish)
        assert (message.topic_name, message.payload) == ("leafhub/tconn/dev1/temp", b"21.5")
        assert (message.qos, message.retain) == (1, False)
        assert message.properties.content_type == "application/json"

    async def test_the_lists_hold_for_them_too(self, open_client: OpenClient) -> None:
        narrow, hass = await log_in(open_client, "narrow"), await log_in(open_client, "hass")
        asked = ("leafhub/#", "leafhub/tconn/dev1/temp", "leafhub/tconn/dev2/temp")
        assert await narrow.subscribe(*asked) == [0x87, 0x87, 1]
        assert await hass.subscribe("#") == [1]
        board = await self.board(open_client)
        await board.publish("$resource/temp", b"21.5")
        await narrow.expect_nothing()
        await hass.expect_nothing()

    async def test_nobody_in_the_space_can_fake_them(self, open_client: OpenClient) -> None:
        plug = await log_in(open_client, "plug")
        puback = await plug.publish("leafhub/tconn/dev1/temp", b"99")
        assert puback is not None
        assert puback.reason_code is ReasonCode.NOT_AUTHORIZED


LABORATORY = authority("laboratory")


class TestCertificates:
    """An authority that a space trusts says who somebody is, without name and password."""

    @pytest.fixture
    async def scale(self, hub: RunningHub) -> None:
        await hub.apply(
            f"""
[[application]]
name = "bench"
dialect = "broker"
settings = {{ certificate_authorities = [{json.dumps(LABORATORY.pem)}] }}
[[application.device]]
id = "scale"
"""
        )

    def shown(self, hub: RunningHub, folder: Path, *chain: Issued) -> ssl.SSLContext:
        """What a client with these certificates speaks TLS with."""
        pem = folder / "client.pem"
        pem.write_text(chain[0].key_pem + "".join(one.pem for one in chain))
        tls = hub.tls()
        tls.load_cert_chain(pem)
        return tls

    @pytest.mark.usefixtures("scale")
    async def test_a_client_goes_by_the_name_in_its_certificate(
        self, hub: RunningHub, tmp_path: Path
    ) -> None:
        middle = authority("bench 3", by=LABORATORY)
        tls = self.shown(hub, tmp_path, issue("scale", by=middle), middle)
        async with raw_client(hub.tls_port, tls=tls, server_name="127.0.0.1") as client:
            assert (await client.connect("c")).reason_code is ReasonCode.SUCCESS
            await client.publish("weight", b"7.5")
        (event,) = (await hub.events(application="bench", channel="weight")).events
        assert event.device == "scale"

    @pytest.mark.usefixtures("scale")
    @pytest.mark.parametrize(
        ("chain", "words"),
        [
            ((issue("scale", by=LABORATORY, until=PAST),), "'CN=scale' is expired since 2021"),
            ((issue("other", by=LABORATORY),), "its authority knows no user 'other'"),
        ],
    )
    async def test_one_that_proves_nobody_is_refused_and_the_log_says_why(
        self,
        hub: RunningHub,
        tmp_path: Path,
        chain: tuple[Issued, ...],
        words: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        tls = self.shown(hub, tmp_path, *chain)
        for username, password, welcome in ((None, None, False), ("hass", "hass-pw", True)):
            async with raw_client(hub.tls_port, tls=tls, server_name="127.0.0.1") as client:
                connack = await client.connect("c", username, password)
                assert (connack.reason_code is ReasonCode.SUCCESS) is welcome
        assert words in caplog.text


class TestListenersOfThisDialectOnly:
    @pytest.fixture
    async def hub(self, data_folder: Path) -> AsyncIterator[RunningHub]:
        pinned = listeners(', dialect = "broker"')
        async with running_hub(data_folder, LEAFHUB_MQTT__LISTENERS=pinned) as hub:
            yield hub

    async def test_anybody_is_the_anonymous_user(
        self, hub: RunningHub, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with raw_client(hub.port("mqtt", "broker")) as client:
            assert (await client.connect("c")).reason_code is ReasonCode.BAD_USER_NAME_OR_PASSWORD
        assert "no space has an anonymous user" in caplog.text
        await hub.apply(
            BROKER.replace('"broker"', '"broker"\nsettings = { anonymous = "guest" }', 1)
        )
        async with raw_client(hub.port("mqtt", "broker")) as client:
            assert (await client.connect("c")).reason_code is ReasonCode.BAD_USER_NAME_OR_PASSWORD
        assert "space 'home' has no user 'guest'" in caplog.text
        await hub.apply(
            '[[application]]\nname = "home"\ndialect = "broker"\n'
            '[[application.device]]\nid = "guest"\nsettings = { publish = ["open/#"] }'
        )
        async with raw_client(hub.port("mqtt", "broker")) as client:
            assert (await client.connect("c")).reason_code is ReasonCode.SUCCESS
            await client.publish("open/a", b"1")
        (event,) = (await hub.events(application="home", channel="open/a")).events
        assert event.device == "guest"


class TestCommands:
    async def test_a_command_ends_when_its_user_acknowledges_it(
        self, hub: RunningHub, open_client: OpenClient
    ) -> None:
        plug = await log_in(open_client, "plug")
        other = await log_in(open_client, "home-assistant")
        await plug.subscribe("cmnd/plug/#")
        await other.subscribe("#")
        command = await hub.command("attic", "plug", "POWER", "ON")
        message = await plug.expect_message("cmnd/plug/POWER", "ON")
        assert message.qos == 1
        assert message.packet_id is not None
        await plug.send(Puback(message.packet_id))
        await plug.expect_nothing()
        assert (await hub.command_end(command, 0)).state == "delivered"
        await other.expect_nothing()

    async def test_an_operator_sends_one_by_mqtt(
        self, open_client: OpenClient, feed: RawClient
    ) -> None:
        plug = await log_in(open_client, "plug")
        await plug.subscribe("cmnd/plug/#", qos=0)
        await feed.publish("command/attic/plug/POWER", b"ON")
        assert (await plug.expect_message("cmnd/plug/POWER", "ON")).qos == 0

    async def test_one_that_nobody_gets_fails(
        self, hub: RunningHub, open_client: OpenClient
    ) -> None:
        away = await hub.command_end(await hub.command("attic", "plug", "POWER", "ON"))
        assert (away.state, away.error) == ("failed", "the device is not connected")
        await log_in(open_client, "plug")
        deaf = await hub.command_end(await hub.command("attic", "plug", "POWER", "ON"))
        assert (deaf.state, deaf.error) == ("failed", "the device does not listen for commands")


class TestChanges:
    async def test_a_narrower_list_ends_what_it_does_not_cover(
        self, hub: RunningHub, open_client: OpenClient
    ) -> None:
        hass = await log_in(open_client, "hass", clean_start=False, properties=KEPT)
        await hass.subscribe("secret/#", "open/#")
        await hub.apply(
            BROKER.replace('id = "hass"', 'id = "hass"\nsettings = { subscribe = ["open/#"] }')
        )
        gone = await hass.expect(Disconnect)
        assert gone.reason_code is ReasonCode.ADMINISTRATIVE_ACTION
        back = await open_client(protocol_level=5)
        connack = await back.connect("hass", "hass", "hass-pw", clean_start=False, properties=KEPT)
        assert connack.session_present
        tasmota = await log_in(open_client, "tasmota", client_id="x")
        await hub.apply(BROKER.replace('publish = ["', 'publish = ["secret/#", "open/#", "'))
        await tasmota.publish("secret/a", b"1")
        await tasmota.publish("open/a", b"2")
        assert (await back.expect(Publish)).topic_name == "open/a"

    async def test_who_loses_nothing_stays(self, hub: RunningHub, open_client: OpenClient) -> None:
        hass = await log_in(open_client, "hass")
        await hass.subscribe("open/#")
        await hub.apply(
            BROKER.replace('id = "hass"', 'id = "hass"\nsettings = { subscribe = ["open/#"] }')
        )
        await hass.ping()

    async def test_a_client_id_is_of_the_newest_and_its_session_of_its_user(
        self, open_client: OpenClient
    ) -> None:
        first = await log_in(
            open_client, "hass", client_id="same", clean_start=False, properties=KEPT
        )
        await first.subscribe("a")
        second = await open_client(protocol_level=5)
        connack = await second.connect(
            "same", "tasmota", "tasmota-pw", clean_start=False, properties=KEPT
        )
        assert (connack.reason_code, connack.session_present) == (ReasonCode.SUCCESS, False)
        taken = await first.expect(Disconnect)
        assert taken.reason_code is ReasonCode.SESSION_TAKEN_OVER
        lathe = await log_in(open_client, "lathe", client_id="same")
        await lathe.ping()
        await second.ping()


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        (('id = "hass"', 'id = "operator"'), 409, "a name to log in with of operator 'operator'"),
        (('["cmnd/%u/#"]', '["cmnd/%x/#"]'), 422, "settings.subscribe[0]"),
        (('dialect = "broker"', 'dialect = "broker"\nsettings = { shows = ["home"] }'), 422, ""),
    ],
)
async def test_what_could_never_work_is_refused_when_it_is_declared(
    hub: RunningHub, change: tuple[str, str], status: int, words: str
) -> None:
    answer = await hub.http.put(
        "/api/v1/registry",
        content=BROKER.replace(*change, 1).encode(),
        headers={"Content-Type": "application/toml"},
    )
    assert answer.status_code == status, answer.text
    assert words in answer.text


async def test_what_is_exported_changes_nothing(hub: RunningHub) -> None:
    document = await hub.registry()
    report = await hub.apply(document)
    assert (report.created, report.updated) == ([], [])
