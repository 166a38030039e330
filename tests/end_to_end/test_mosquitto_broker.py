"""Mosquitto's programs as clients of an ordinary broker."""

import asyncio
import datetime as dt
import signal
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hub_process import HubProcess
from mosquitto_clients import Programs

HASS = ("-u", "hass", "-P", "hass-pw")
TASMOTA = ("-u", "tasmota", "-P", "tasmota-pw")
FEED = (*HASS, "-q", "2", "-F", "message %t %q %r %p")
VERSIONS = ("mqttv31", "311", "5")


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def programs(broker: HubProcess, version: str) -> Programs:
    return Programs(broker, version=version)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_every_qos_reaches_other_versions(
    broker: HubProcess,
    version: str,
    tls: bool,  # noqa: FBT001 - a table
) -> None:
    sender = Programs(broker, version=version, tls=tls)
    async with (
        Programs(broker, version="311").subscribed(*FEED, "-t", "room/#") as old,
        Programs(broker, version="5", tls=True).subscribed(*FEED, "-t", "room/#") as new,
    ):
        for qos in ("0", "1", "2"):
            assert await sender.publish(*HASS, "-t", "room/x", "-m", "hello", "-q", qos) == (0, "")
        wanted = ["room/x 0 0 hello", "room/x 1 0 hello", "room/x 2 0 hello"]
        assert await old.messages(3) == wanted
        assert await new.messages(3) == wanted


async def test_retained_until_it_is_deleted(programs: Programs) -> None:
    for payload in ("old", "new"):  # with QoS 1: kept when the program has ended
        words = ("-t", "hall/lamp", "-m", payload, "-r", "-q", "1")
        assert await programs.publish(*HASS, *words) == (0, "")
    async with programs.subscribed(*FEED, "-t", "hall/#") as late:
        assert await late.messages(1) == ["hall/lamp 1 1 new"]
        await programs.publish(*HASS, "-t", "hall/lamp", "-n", "-r")
        assert await late.messages(1) == ["hall/lamp 0 0"]
    async with programs.subscribed(*FEED, "-t", "hall/#") as later:
        await programs.publish(*HASS, "-t", "hall/end", "-m", "end")
        assert await later.messages(1) == ["hall/end 0 0 end"]


async def test_a_killed_subscriber_leaves_its_will(programs: Programs) -> None:
    will = ("--will-topic", "will/x", "--will-payload", "gone", "--will-qos", "1")
    async with programs.subscribed(*FEED, "-t", "will/#") as watching:
        async with programs.subscribed(*HASS, "-t", "nothing", *will, "--will-retain") as dying:
            dying.process.send_signal(signal.SIGKILL)
            assert await watching.messages(1) == ["will/x 1 0 gone"]
        async with programs.subscribed(*FEED, "-t", "will/#") as late:
            assert await late.messages(1) == ["will/x 1 1 gone"]


async def test_a_session_keeps_what_came_meanwhile(programs: Programs, version: str) -> None:
    session = [*FEED, "-i", "sleeper", "-c", "-t", "night/#"]
    if version == "5":
        session += ["-x", "3600"]
    async with programs.subscribed(*session):
        pass
    for number, qos in enumerate("121"):
        await programs.publish(*HASS, "-t", "night/x", "-m", str(number), "-q", qos)
    async with programs.subscribed(*session) as sleeper:
        early = [line for line in sleeper.said if "message " in line]
        rest = await sleeper.messages(3 - len(early))
        messages = [line.partition("message ")[2] for line in early] + rest
        assert [line for line in messages if " 1 0 " in line] == ["night/x 1 0 0", "night/x 1 0 2"]
        assert "night/x 2 0 1" in messages  # among the others it may come when it likes


@pytest.mark.parametrize("version", ["311", "5"], indirect=True)
async def test_shared_subscription_divides_the_work(programs: Programs) -> None:
    shared = (*FEED, "-t", "$share/workers/job/#")
    async with (
        programs.subscribed(*shared) as first,
        programs.subscribed(*shared) as second,
        programs.subscribed(*FEED, "-t", "job/#") as watching,
    ):
        for number in range(10):
            await programs.publish(*HASS, "-t", "job/x", "-m", str(number), "-q", "1")
        everything = [f"job/x 1 0 {number}" for number in range(10)]
        assert await watching.messages(10) == everything
        shares = await asyncio.gather(first.messages(5), second.messages(5))
        assert sorted(shares[0] + shares[1]) == everything


async def test_properties_pass_unchanged(broker: HubProcess) -> None:
    programs = Programs(broker, version="5")
    shown = "message %C|%R|%D|%F|%P|%p"
    async with programs.subscribed(*HASS, "-t", "asked", "-F", shown) as feed:
        given = (
            *("content-type", "text/plain", "response-topic", "answers/1"),
            *("correlation-data", "c-1", "payload-format-indicator", "1"),
            *("message-expiry-interval", "60"),
        )
        options = [
            word
            for name, value in zip(given[::2], given[1::2], strict=True)
            for word in ("-D", "publish", name, value)
        ]
        pairs = ("-D", "publish", "user-property", "colour", "red")
        assert await programs.publish(*HASS, "-t", "asked", "-m", "?", *options, *pairs) == (0, "")
        assert await feed.messages(1) == ["text/plain|answers/1|c-1|1|colour:red|?"]


async def test_a_subscriber_gets_its_own_identifier_of_the_subscription(
    broker: HubProcess,
) -> None:
    programs = Programs(broker, version="5")
    numbered = ("-D", "subscribe", "subscription-identifier", "77")
    async with programs.subscribed(*HASS, "-t", "n/#", *numbered, "-F", "message %S %p") as feed:
        await programs.publish(*HASS, "-t", "n/x", "-m", "1")
        assert await feed.messages(1) == ["77 1"]


async def test_access_lists_hold(broker: HubProcess, version: str) -> None:
    programs = Programs(broker, version=version)
    async with programs.subscribed(*FEED, "-t", "#") as feed:
        allowed = (*TASMOTA, "-t", "tele/tasmota/STATE", "-m", "yes", "-q", "1")
        assert await programs.publish(*allowed) == (0, "")
        refused = (*TASMOTA, "-t", "tele/other/STATE", "-m", "no", "-q", "1")
        code, said = await programs.publish(*refused)
        assert "not authorized" in said.lower() if version == "5" else code == 0
        assert await programs.publish(*HASS, "-t", "end", "-m", "end") == (0, "")
        assert await feed.messages(2) == ["tele/tasmota/STATE 1 0 yes", "end 0 0 end"]


async def test_spaces_are_apart(programs: Programs) -> None:
    lathe = ("-u", "lathe", "-P", "lathe-pw")
    async with programs.subscribed(*FEED, "-t", "#") as home:
        await programs.publish(*lathe, "-t", "speed", "-m", "workshop", "-r")
        await programs.publish(*HASS, "-t", "speed", "-m", "home")
        assert await home.messages(1) == ["speed 0 0 home"]


async def test_a_wrong_password_is_told(broker: HubProcess, version: str) -> None:
    programs = Programs(broker, version=version)
    code, said = await programs.publish("-u", "hass", "-P", "wrong", "-t", "x", "-m", "1")
    assert code not in {0, None}
    assert "bad user name or password" in said.lower() or "not authori" in said.lower(), said


PSK = "00112233445566778899aabbccddeeff"
HOUSE_WITHOUT_PASSWORDS = """
[[application]]
name = "home"
dialect = "broker"
[[application.device]]
id = "hass"
credentials = [{{ password = "hass-pw" }}]
[[application.device]]
id = "meter"
credentials = [{{ kind = "psk", secret = "{psk}", username = "meter-1" }}]
[application.device.settings]
certificates = ["{fingerprint}"]
"""


def make_certificate(folder: Path) -> str:
    """Make ``client.pem`` and ``client-key.pem``; gives the fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "anything")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "client.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "client-key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate.fingerprint(hashes.SHA256()).hex()


async def test_pre_shared_key_and_certificate_say_who_it_is(
    hub: HubProcess, tmp_path: Path, version: str
) -> None:
    fingerprint = make_certificate(tmp_path)
    document = HOUSE_WITHOUT_PASSWORDS.format(psk=PSK, fingerprint=fingerprint)
    await hub.operator.apply(document)
    by_key = ("--psk", PSK, "--psk-identity", "meter-1")
    wrong_key = ("--psk", "ff" * 16, "--psk-identity", "meter-1")
    by_certificate = (
        *("--cafile", str(hub.folder / "ca.pem"), "--cert", str(tmp_path / "client.pem")),
        *("--key", str(tmp_path / "client-key.pem")),
    )
    message = ("-t", "meter/power", "-q", "1", "-m")
    async with Programs(hub, version=version).subscribed(*FEED, "-t", "#") as feed:
        keyed = Programs(hub, version=version, options=by_key)
        assert await keyed.publish(*message, "by key") == (0, "")
        code, said = await Programs(hub, version=version, options=wrong_key).publish(*message, "-")
        assert code not in {0, None}, said
        certified = Programs(hub, version=version, options=by_certificate)
        assert await certified.publish(*message, "by certificate") == (0, "")
        assert await feed.messages(2) == [
            "meter/power 1 0 by key",
            "meter/power 1 0 by certificate",
        ]
    page = await hub.operator.events(application="home", channel="meter/power")
    assert {event.device for event in page.events} == {"meter"}
