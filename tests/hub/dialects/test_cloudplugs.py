import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafhub.dialects.base import (
    NOTHING,
    Arrival,
    Login,
    Outcome,
    Peer,
    Principal,
    Receiver,
    Refusal,
    SubscribeOutcome,
)
from leafhub.dialects.cloudplugs.company import (
    CompanySettings,
    DeviceSettings,
    derived_control_password,
    derived_enroll_password,
)
from leafhub.dialects.cloudplugs.dialect import CloudPlugsDialect
from leafhub.dialects.cloudplugs.login import DEVICE_POLICY, ENROLLMENT_POLICY
from leafhub.dialects.cloudplugs.records import (
    LONGEST_CHANNEL,
    REMEMBERED_CHANNELS,
    HubTimes,
)
from leafhub.dialects.interface import Waiting
from leafhub.errors import RequestError
from leafhub.model.application import Application
from leafhub.model.command import Command, CommandState
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.event import BYTES, CONNECTION_EVENT, TEXT, Event, Kind
from leafhub.model.ids import Ids
from leafhub.model.registry import DeleteDevice, PutApplication, PutDevice, Registry
from leafhub.mqtt.packets import (
    Connect,
    Publish,
    Subscribe,
    SubscriptionRequest,
    Unsubscribe,
    Will,
)
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import Subscription
from leafhub.mqtt.topics import topic_matches

M = "mod-5a0000000000000000000001"
COM = "com-5a0000000000000000000000"
A = "dev-5a00000000000000000000a1"
B = "dev-5a00000000000000000000b1"
N = "dev-5a0000000000000000000099"
D = "dev-5a00000000000000000000d1"
R = "dev-5a00000000000000000000f1"
X = "dev-5b00000000000000000000e1"
SERIALS: dict[str, dict[str, str]] = {
    "HW1": {"enroll": "enroll-HW1", "control": "ctrl-HW1"},
    "HW2": {"enroll": "enroll-HW2"},
    "HW3": {"enroll": "a+b/#/ c=", "control": "x//+#"},
    "HW-0005": {},
    "HWA": {"control": "ctrl-HWA"},
    "HWB": {},
    "HWD": {"enroll": "enroll-HWD"},
    "HWR": {"enroll": "enroll-HWR"},
}
MakeRegistry = Callable[..., Registry]
World = Callable[..., Registry]


def plain(secret: str) -> tuple[Credential, ...]:
    return (Credential(kind=SecretKind.PLAIN, secret=secret),)


def company(name: str = "one", company_id: str = COM, **settings: Any) -> PutApplication:
    built = msgspec.convert({"id": company_id, **settings}, CompanySettings)
    return PutApplication(Application(name=name, uid="u", dialect="cloudplugs", settings=built))


def company_one(*, secret: str = "s3cr3t", **settings: Any) -> PutApplication:
    model = {"id": M, "secret": secret, "serials": SERIALS}
    accounts = [
        {"email": "ops@example.com", "credentials": [{"kind": "plain", "secret": "opspass"}]}
    ]
    return company(**{"models": [model], "accounts": accounts, **settings})


def thing(
    device_id: str,
    hwid: str,
    auth: str,
    *,
    app: str = "one",
    enabled: bool = True,
    **settings: Any,
) -> PutDevice:
    model = M if app == "one" else None
    built = msgspec.convert({"model": model, "hwid": hwid, **settings}, DeviceSettings)
    return PutDevice(
        Device(
            application=app,
            id=device_id,
            uid="u",
            name=hwid,
            settings=built,
            credentials=plain(auth),
            enabled=enabled,
        )
    )


@pytest.fixture
def dialect() -> CloudPlugsDialect:
    return CloudPlugsDialect()


@pytest.fixture
def world(make_registry: MakeRegistry, dialect: CloudPlugsDialect) -> Registry:
    return make_registry(
        dialect,
        changes=[
            company_one(),
            company("two", "com-5b0000000000000000000000"),
            thing(A, "HWA", "authA"),
            thing(B, "HWB", "authB"),
            thing(N, "", "authN", perm={"of": {"r": [], "w": []}}),
            thing(D, "HWD", "authD", enabled=False),
            thing(R, "HWR", "authR", enabled=False, reactivate=True),
            thing(X, "HWX", "authX", app="two"),
        ],
    )


def connect(
    client_id: str = "c",
    username: str | None = None,
    password: str | None = None,
    *,
    level: int = 4,
    clean: bool = True,
) -> Connect:
    return Connect(
        protocol_level=level,
        protocol_name="MQIsdp" if level == 3 else "MQTT",
        client_id=client_id,
        clean_start=clean,
        username=username,
        password=None if password is None else password.encode(),
    )


def logged_in(device_id: str | None, application: str = "one") -> Principal:
    return Principal(
        dialect="cloudplugs",
        policy=DEVICE_POLICY,
        peer=Peer(address="192.0.2.7", tls=True),
        application=application,
        device=device_id,
        login=device_id or "ops@example.com",
        client_id="c",
    )


def enrolling(client_id: str) -> Principal:
    return Principal(
        dialect="cloudplugs",
        policy=ENROLLMENT_POLICY,
        peer=Peer(address="192.0.2.7", tls=True),
        client_id=client_id,
    )


def subscribe(*filters: str, qos: int = 0) -> Subscribe:
    return Subscribe(1, tuple(SubscriptionRequest(f, qos) for f in filters))


class Enrollments:
    """Runs SUBSCRIBEs of enrollment sessions and carries their changes out."""

    def __init__(self, dialect: CloudPlugsDialect, registry: Registry, arrival: Arrival) -> None:
        self.dialect, self.registry, self.arrival = dialect, registry, arrival

    def subscribe(self, client_id: str, *filters: str, qos: int = 0) -> SubscribeOutcome:
        verdict = self.dialect.on_subscribe(
            subscribe(*filters, qos=qos), enrolling(client_id), self.registry, self.arrival
        )
        for change in verdict.outcome.changes:
            self.registry.apply(change)
        return verdict

    def __call__(self, client_id: str, topic_filter: str) -> dict[str, Any]:
        """The one answer to one filter."""
        verdict = self.subscribe(client_id, topic_filter)
        assert [grant.reason_code for grant in verdict.grants] == [0]
        assert verdict.grants[0].routes == ()
        (reply,) = verdict.outcome.replies
        assert (reply.topic_name, reply.qos, reply.retain) == (topic_filter, 0, False)
        answer: dict[str, Any] = msgspec.json.decode(reply.payload)
        assert verdict.outcome.close == ("err" in answer)
        if "err" in answer:
            assert list(answer) == ["err", "msg"]
            assert verdict.outcome.changes == ()
            assert isinstance(answer["msg"], str)
            assert answer["msg"]
        else:
            assert list(answer) == ["id", "auth"]
        return answer


@pytest.fixture
def enroll(dialect: CloudPlugsDialect, world: Registry, arrival: Arrival) -> Enrollments:
    return Enrollments(dialect, world, arrival)


def proved(verdict: Login | Refusal | None) -> bool:
    """Whether the secret that was shown opens the door."""
    assert isinstance(verdict, Login)
    shown = {
        SecretKind.PLAIN: verdict.secret.decode(),
        SecretKind.SHA256: hashlib.sha256(verdict.secret).hexdigest(),
    }
    return any(c.secret == shown[c.kind] for c in verdict.credentials)


class TestEnrollment:
    def test_cp_01_a_thing_enrolls_by_the_filter_it_subscribes_to(
        self, enroll: Enrollments, world: Registry
    ) -> None:
        answer = enroll("HW1/Boiler", f"{M}/thing/enroll-HW1")
        device = world.device("one", answer["id"])
        assert device is not None
        assert device.id.startswith("dev-")
        assert len(device.id) == len("dev-") + 24
        assert device.name == "Boiler"
        settings = device.settings
        assert isinstance(settings, DeviceSettings)
        assert (settings.role, settings.hwid, settings.model) == ("thing", "HW1", M)
        assert len(answer["auth"]) == 32
        assert answer["auth"].isalnum()
        assert answer["auth"] not in repr(device)  # only its hash is kept

    def test_cp_01_the_connection_stays_an_enrollment_session(self, enroll: Enrollments) -> None:
        outcome = enroll.subscribe("HW1", f"{M}/thing/enroll-HW1").outcome
        assert not outcome.close
        assert outcome.become is None

    def test_cp_02_the_new_credentials_log_in(
        self, enroll: Enrollments, world: Registry, peer: Peer, arrival: Arrival
    ) -> None:
        verdict = enroll.subscribe("HW2", f"{M}/thing/enroll-HW2", qos=1)
        assert [grant.reason_code for grant in verdict.grants] == [0]
        answer = msgspec.json.decode(verdict.outcome.replies[0].payload)
        login = enroll.dialect.authenticate(
            connect("HW2", answer["id"], answer["auth"]), peer, world, arrival
        )
        assert proved(login)

    def test_cp_03_a_wrong_password_leaves_the_serial_free(self, enroll: Enrollments) -> None:
        assert enroll("HW1", f"{M}/thing/nope")["err"] == 401
        assert "id" in enroll("HW1", f"{M}/thing/enroll-HW1")

    @pytest.mark.parametrize(
        ("client_id", "topic_filter", "err"),
        [
            pytest.param("HW1", f"mod-{'f' * 24}/thing/enroll-HW1", 404, id="CP-04 template"),
            pytest.param("HW404", f"{M}/thing/enroll-HW1", 404, id="CP-04 serial"),
            pytest.param("HWA", f"{M}/thing/wrong", 401, id="CP-05 enrolled, wrong password"),
            pytest.param("HWD", f"{M}/thing/wrong", 401, id="disabled, wrong password"),
            pytest.param("HWD", f"{M}/thing/enroll-HWD", 403, id="disabled"),
            pytest.param("P", f"{M}/ctrl/HWA/wrong", 401, id="CP-08 wrong control password"),
            pytest.param("P", f"{M}/ctrl/HW2/ctrl-HW2", 404, id="CP-08 Thing not enrolled"),
            pytest.param("P", f"{M}/ctrl/HW404/x", 404, id="unknown Thing"),
            pytest.param("HW1", "", 400, id="empty filter"),
            pytest.param("HW1", "#", 400, id="ordinary filter"),
            pytest.param("HW1", f"{M}/thing", 400, id="no password level"),
            pytest.param("HW1", f"{M}/thing/", 400, id="empty password"),
            pytest.param("HW1", f"{M}/ctrl/HWA", 400, id="ctrl without password"),
            pytest.param("HW1", f"{M}/ctrl/HWA/", 400, id="ctrl with empty password"),
            pytest.param("HW1", f"{M}/other/enroll-HW1", 400, id="neither thing nor ctrl"),
            pytest.param("HW1", f"{A}/thing/enroll-HW1", 400, id="MODEL is a device"),
            pytest.param("HW1", "mod-/thing/enroll-HW1", 400, id="MODEL without OID"),
            pytest.param("HW1", "mod-xyz/thing/enroll-HW1", 400, id="MODEL not hexadecimal"),
            pytest.param("", f"{M}/thing/enroll-HW1", 400, id="no client id"),
            pytest.param("/Boiler", f"{M}/thing/enroll-HW1", 400, id="no serial number"),
            pytest.param("H" * 201, f"{M}/ctrl/HWA/ctrl-HWA", 400, id="endless serial number"),
            pytest.param("", f"mod-{'f' * 24}/thing/x", 400, id="form comes before template"),
            pytest.param("HW404", f"mod-{'f' * 24}/thing/x", 404, id="template before serial"),
            pytest.param("HW404", f"{M}/thing/wrong", 404, id="serial before password"),
        ],
    )
    def test_the_first_check_that_fails_gives_the_number(
        self, enroll: Enrollments, client_id: str, topic_filter: str, err: int
    ) -> None:
        assert enroll(client_id, topic_filter)["err"] == err

    def test_cp_05_what_is_enrolled_is_told_so_only_with_the_right_password(
        self, enroll: Enrollments, world: Registry, peer: Peer, arrival: Arrival
    ) -> None:
        first = enroll("HW1", f"{M}/thing/enroll-HW1")
        assert enroll("HW1", f"{M}/thing/enroll-HW1")["err"] == 403
        assert enroll("HW1", f"{M}/thing/wrong")["err"] == 401
        assert proved(
            enroll.dialect.authenticate(
                connect("HW1", first["id"], first["auth"]), peer, world, arrival
            )
        )

    def test_cp_06_a_revoked_thing_gets_its_plug_id_again_and_a_new_auth(
        self, enroll: Enrollments, world: Registry, peer: Peer, arrival: Arrival
    ) -> None:
        refused = enroll.dialect.authenticate(connect("HWR", R, "authR"), peer, world, arrival)
        assert isinstance(refused, Refusal)
        assert refused.reason_code is ReasonCode.BAD_USER_NAME_OR_PASSWORD
        answer = enroll("HWR", f"{M}/thing/enroll-HWR")
        assert answer["id"] == R
        for auth, opens in ((answer["auth"], True), ("authR", False)):
            verdict = enroll.dialect.authenticate(connect("HWR", R, auth), peer, world, arrival)
            assert proved(verdict) is opens
        assert enroll("HWR", f"{M}/thing/enroll-HWR")["err"] == 403

    def test_a_revoked_thing_keeps_its_record(self, enroll: Enrollments, world: Registry) -> None:
        before = world.device("one", R)
        enroll("HWR/New name", f"{M}/thing/enroll-HWR")
        after = world.device("one", R)
        assert before is not None
        assert after is not None
        assert (after.uid, after.name) == (before.uid, "New name")

    def test_a_deleted_thing_frees_its_serial(self, enroll: Enrollments, world: Registry) -> None:
        first = enroll("HW1", f"{M}/thing/enroll-HW1")
        world.apply(DeleteDevice("one", first["id"]))
        assert enroll("HW1", f"{M}/thing/enroll-HW1")["id"] != first["id"]

    def test_cp_07_a_controller_sees_its_thing_and_nothing_else(
        self, enroll: Enrollments, world: Registry, dialect: CloudPlugsDialect, arrival: Arrival
    ) -> None:
        panel = enroll("PANEL1/Hall", f"{M}/ctrl/HWA/ctrl-HWA")["id"]
        record = world.device("one", panel)
        assert record is not None
        assert record.name == "Hall"
        for publisher, sees in ((A, True), (B, False), (panel, True)):
            outcome = publish(dialect, world, arrival, publisher, f"{publisher}/data/t")
            (event,) = outcome.events
            message = dialect.deliver(event, Subscription("#"), logged_in(panel), world)
            assert (message is not None) is sees

    @pytest.mark.parametrize(
        ("ctrl", "reads", "writes"), [(None, True, True), ("rw", True, True), ("r", True, False)]
    )
    def test_a_controller_may_what_its_thing_says(
        self,
        enroll: Enrollments,
        world: Registry,
        dialect: CloudPlugsDialect,
        arrival: Arrival,
        ctrl: str | None,
        *,
        reads: bool,
        writes: bool,
    ) -> None:
        world.apply(thing(A, "HWA", "authA", perm={"ctrl": ctrl}))
        panel = enroll("PANEL1", f"{M}/ctrl/HWA/ctrl-HWA")["id"]
        assert bool(publish(dialect, world, arrival, panel, f"{A}/data/t").events) is writes
        (event,) = publish(dialect, world, arrival, A, f"{A}/data/t").events
        delivered = dialect.deliver(event, Subscription("#"), logged_in(panel), world)
        assert (delivered is not None) is reads

    def test_cp_08_a_thing_may_deny_controllers(
        self, enroll: Enrollments, world: Registry
    ) -> None:
        world.apply(thing(A, "HWA", "authA", perm={"ctrl": ""}))
        assert enroll("P", f"{M}/ctrl/HWA/ctrl-HWA")["err"] == 403
        assert enroll("P", f"{M}/ctrl/HWA/wrong")["err"] == 401

    def test_a_controllers_serial_is_unique_in_the_company(self, enroll: Enrollments) -> None:
        enroll("P", f"{M}/ctrl/HWA/ctrl-HWA")
        assert enroll("P", f"{M}/ctrl/HWA/ctrl-HWA")["err"] == 403

    def test_a_controller_may_have_the_serial_of_a_thing(self, enroll: Enrollments) -> None:
        assert "id" in enroll("HWB", f"{M}/ctrl/HWA/ctrl-HWA")

    def test_without_any_password_no_controller_enrolls(
        self, make_registry: MakeRegistry, dialect: CloudPlugsDialect, arrival: Arrival
    ) -> None:
        registry = make_registry(dialect, changes=[company_one(secret=""), thing(B, "HWB", "b")])
        enroll = Enrollments(dialect, registry, arrival)
        empty = derived_control_password("", "HWB")
        assert enroll("P", f"{M}/ctrl/HWB/{empty}")["err"] == 401
        assert enroll("HWB", f"{M}/thing/{derived_enroll_password('', 'HWB')}")["err"] == 401

    def test_licences_are_counted_last(
        self, make_registry: MakeRegistry, dialect: CloudPlugsDialect, arrival: Arrival
    ) -> None:
        registry = make_registry(
            dialect,
            changes=[
                company_one(licences=2),
                thing(R, "HWR", "r", enabled=False, reactivate=True),
            ],
        )
        enroll = Enrollments(dialect, registry, arrival)
        assert "id" in enroll("HW1", f"{M}/thing/enroll-HW1")
        assert enroll("HW2", f"{M}/thing/wrong")["err"] == 401
        assert enroll("HW2", f"{M}/thing/enroll-HW2")["err"] == 402
        assert enroll("HW1", f"{M}/thing/enroll-HW1")["err"] == 403
        assert enroll("HWR", f"{M}/thing/enroll-HWR")["id"] == R

    @pytest.mark.parametrize(
        ("client_id", "topic_filter"),
        [
            pytest.param("HW3", f"{M}/thing/a+b/#/ c=", id="thing"),
            pytest.param("P", f"{M}/ctrl/HW3/x//+#", id="ctrl"),
            pytest.param("HW1", f"{M.upper().replace('MOD', 'mod')}/thing/enroll-HW1", id="case"),
        ],
    )
    def test_the_filter_is_taken_verbatim(
        self, enroll: Enrollments, client_id: str, topic_filter: str
    ) -> None:
        if client_id == "P":
            enroll("HW3", f"{M}/thing/a+b/#/ c=")
        assert "id" in enroll(client_id, topic_filter)
        assert ENROLLMENT_POLICY.verbatim_filters
        assert not DEVICE_POLICY.verbatim_filters

    def test_several_filters_are_answered_in_order_up_to_the_first_failure(
        self, enroll: Enrollments, world: Registry
    ) -> None:
        filters = (
            f"{M}/thing/enroll-HW1",
            f"{M}/thing/enroll-HW1",
            f"{M}/ctrl/HWA/ctrl-HWA",
        )
        verdict = enroll.subscribe("HW1", *filters)
        assert [grant.reason_code for grant in verdict.grants] == [0, 0, 0]
        answers = [msgspec.json.decode(reply.payload) for reply in verdict.outcome.replies]
        assert [reply.topic_name for reply in verdict.outcome.replies] == list(filters[:2])
        assert ("id" in answers[0], answers[1]["err"]) == (True, 403)
        assert verdict.outcome.close
        assert world.device("one", answers[0]["id"]) is not None

    def test_a_thing_and_its_controller_may_enroll_in_one_packet(
        self, enroll: Enrollments, world: Registry
    ) -> None:
        verdict = enroll.subscribe("HW1", f"{M}/thing/enroll-HW1", f"{M}/ctrl/HW1/ctrl-HW1")
        first, second = (msgspec.json.decode(r.payload)["id"] for r in verdict.outcome.replies)
        controller = world.device("one", second)
        assert controller is not None
        assert isinstance(controller.settings, DeviceSettings)
        assert controller.settings.controls == (first,)

    def test_a_new_thing_takes_the_permissions_of_its_template(
        self, make_registry: MakeRegistry, dialect: CloudPlugsDialect, arrival: Arrival
    ) -> None:
        models = [{"id": M, "serials": SERIALS, "perm": {"of": {"r": [B], "w": []}, "ctrl": "r"}}]
        registry = make_registry(dialect, changes=[company_one(models=models)])
        answer = Enrollments(dialect, registry, arrival)("HW1", f"{M}/thing/enroll-HW1")
        device = registry.device("one", answer["id"])
        assert device is not None
        assert isinstance(device.settings, DeviceSettings)
        assert device.settings.perm.of.r == (B,)
        assert device.settings.perm.ctrl == "r"

    def test_a_disabled_company_enrolls_nobody(self, enroll: Enrollments, world: Registry) -> None:
        one = world.application("one")
        assert one is not None
        world.apply(PutApplication(msgspec.structs.replace(one, enabled=False)))
        assert enroll("HW1", f"{M}/thing/enroll-HW1")["err"] == 404

    @pytest.mark.parametrize(
        ("hwid", "enroll_password", "control_password"),
        [
            ("HW-0001", "V94yVysFsmLXi2dmqsUP77lA8cY=", "7rRsUoR+6AdPGOYUvBeYLApofaU="),
            ("HW-0005", "Qco5LoFNtg/D8eAXKM/HaVXu5q8=", "LWQHnqceFJU3gjBXskOwl2/BSZo="),
            ("HW-0018", "sqAr4X5Lgv+aZwWiXzZZt2/Uwiw=", "uBNFdRJbzb5T9A/sP81qv6rAVVU="),
        ],
    )
    def test_derived_passwords(
        self, hwid: str, enroll_password: str, control_password: str
    ) -> None:
        assert derived_enroll_password("s3cr3t", hwid) == enroll_password
        assert derived_control_password("s3cr3t", hwid) == control_password

    def test_a_serial_without_passwords_takes_the_derived_ones(self, enroll: Enrollments) -> None:
        assert "id" in enroll("HW-0005", f"{M}/thing/Qco5LoFNtg/D8eAXKM/HaVXu5q8=")
        assert "id" in enroll("P", f"{M}/ctrl/HW-0005/LWQHnqceFJU3gjBXskOwl2/BSZo=")

    def test_no_secret_of_an_enrollment_is_logged(self, enroll: Enrollments) -> None:
        outcome = enroll.subscribe("HW1", f"{M}/thing/hunter2").outcome
        assert outcome.log
        assert "hunter2" not in outcome.log

    @given(client_id=st.text(max_size=20), topic_filter=st.text(max_size=80))
    def test_no_filter_breaks_it(self, client_id: str, topic_filter: str) -> None:
        dialect = CloudPlugsDialect()
        registry = Registry(dialect.keys)
        registry.apply(company_one())
        verdict = dialect.on_subscribe(
            subscribe(topic_filter), enrolling(client_id), registry, Arrival(1, _NoIds())
        )
        assert "err" in msgspec.json.decode(verdict.outcome.replies[0].payload)

    @pytest.mark.parametrize("topic_name", [f"{A}/data/t", "x", f"{M}/thing/enroll-HW1"])
    def test_a_publish_in_an_enrollment_session_is_dropped(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival, topic_name: str
    ) -> None:
        outcome = dialect.on_publish(
            Publish(topic_name, b'{"data":1}', qos=1, packet_id=1),
            enrolling("HW1"),
            world,
            arrival,
        )
        assert outcome == Outcome(log=outcome.log)
        assert outcome.log

    def test_the_will_of_an_enrollment_session_is_ignored(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival
    ) -> None:
        will = Will(f"{A}/data/t", b'{"data":1}')
        assert dialect.on_will(will, enrolling("HW1"), world, arrival) == NOTHING


class _NoIds:
    """Whoever needs an id enrolled by accident."""

    def uuid(self) -> str:
        raise AssertionError

    def ulid(self, time_us: int) -> str:
        raise AssertionError(time_us)

    def oid(self, time_us: int) -> str:
        raise AssertionError(time_us)

    def letters(self, count: int) -> str:
        raise AssertionError(count)

    def token(self, count: int) -> str:
        raise AssertionError(count)


class TestLogin:
    @pytest.mark.parametrize(
        ("request_", "opens"),
        [
            pytest.param(connect("c", A, "authA"), True, id="CP-09 right"),
            pytest.param(connect("c", A, "bad"), False, id="CP-09 wrong"),
            pytest.param(connect("c", "dev-" + A[4:].upper(), "authA"), True, id="CP-09 case"),
            pytest.param(connect("c", "ops@example.com", "opspass"), True, id="CP-09 account"),
            pytest.param(connect("c", "ops@example.com", "bad"), False, id="account, wrong"),
            pytest.param(connect("c", A, "opspass"), False, id="hybrid login"),
            pytest.param(connect(A, A, "authA"), True, id="Plug-ID as client id"),
            pytest.param(connect("HWB", A, "authA"), True, id="client id of another serial"),
            pytest.param(connect("", A, "authA"), True, id="empty client id"),
            pytest.param(connect("c", A, "authA", level=3), True, id="MQTT 3.1"),
        ],
    )
    def test_who_logs_in(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        peer: Peer,
        arrival: Arrival,
        request_: Connect,
        *,
        opens: bool,
    ) -> None:
        verdict = dialect.authenticate(request_, peer, world, arrival)
        assert isinstance(verdict, Login)
        assert proved(verdict) is opens
        assert verdict.mismatch.reason_code is ReasonCode.BAD_USER_NAME_OR_PASSWORD
        assert verdict.refusal is None
        assert verdict.principal.policy == DEVICE_POLICY
        assert verdict.principal.application == "one"

    @pytest.mark.parametrize(
        ("request_", "reason_code", "protocol_level"),
        [
            pytest.param(connect("c", f"dev-{'0' * 24}", "x"), 0x86, None, id="CP-09 unknown"),
            pytest.param(connect("c", R, "authR"), 0x86, None, id="CP-06 revoked"),
            pytest.param(connect("c", A), 0x86, None, id="no password"),
            pytest.param(connect("c", A, ""), 0x86, None, id="empty password"),
            pytest.param(connect("c", "ops@example.com"), 0x86, None, id="account, no password"),
            pytest.param(connect("c", A, "authA", level=5), 0x84, 4, id="MQTT 5.0"),
            pytest.param(connect("c", "dev-00", "x", level=5), 0x84, 4, id="MQTT 5.0, unknown"),
            pytest.param(connect("c", level=5), 0x84, 4, id="MQTT 5.0, anonymous"),
            pytest.param(connect("", A, "authA", clean=False), 0x85, None, id="no client id kept"),
            pytest.param(connect("", clean=False), 0x85, None, id="no client id kept, anonymous"),
        ],
    )
    def test_who_is_refused_at_once(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        peer: Peer,
        arrival: Arrival,
        request_: Connect,
        reason_code: int,
        protocol_level: int | None,
    ) -> None:
        verdict = dialect.authenticate(request_, peer, world, arrival)
        assert isinstance(verdict, Refusal)
        assert verdict.reason_code == reason_code
        assert verdict.protocol_level == protocol_level
        assert verdict.log

    @pytest.mark.parametrize(
        "request_",
        [
            pytest.param(connect("c", "nobody@example.com", "x"), id="unknown e-mail"),
            pytest.param(connect("c", "OPS@example.com", "opspass"), id="other spelling"),
            pytest.param(connect("c", "dev-1@plant", "x"), id="Drogue device"),
            pytest.param(connect("c", "dev-xyz", "x"), id="not hexadecimal"),
            pytest.param(connect("c", COM, "x"), id="company"),
            pytest.param(connect("", "", "t" * 40), id="token"),
            pytest.param(connect("", None, "t" * 40), id="token without user name"),
            pytest.param(connect("c", "someone", "x"), id="anything else"),
        ],
    )
    def test_what_is_no_cloudplugs_login(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        peer: Peer,
        arrival: Arrival,
        request_: Connect,
    ) -> None:
        assert dialect.authenticate(request_, peer, world, arrival) is None

    def test_cp_09_disabled_is_told_only_to_who_knows_the_password(
        self, dialect: CloudPlugsDialect, world: Registry, peer: Peer, arrival: Arrival
    ) -> None:
        right = dialect.authenticate(connect("c", D, "authD"), peer, world, arrival)
        wrong = dialect.authenticate(connect("c", D, "bad"), peer, world, arrival)
        assert proved(right)
        assert isinstance(right, Login)
        assert right.refusal is not None
        assert right.refusal.reason_code is ReasonCode.NOT_AUTHORIZED
        assert not proved(wrong)

    def test_a_disabled_company_admits_neither_devices_nor_accounts(
        self, dialect: CloudPlugsDialect, world: Registry, peer: Peer, arrival: Arrival
    ) -> None:
        one = world.application("one")
        assert one is not None
        world.apply(PutApplication(msgspec.structs.replace(one, enabled=False)))
        for username, password in ((A, "authA"), ("ops@example.com", "opspass")):
            login = dialect.authenticate(connect("c", username, password), peer, world, arrival)
            assert isinstance(login, Login)
            assert login.refusal is not None
            assert login.refusal.reason_code is ReasonCode.NOT_AUTHORIZED

    def test_a_device_without_credentials_never_logs_in(
        self, dialect: CloudPlugsDialect, world: Registry, peer: Peer, arrival: Arrival
    ) -> None:
        before = world.device("one", A)
        assert before is not None
        world.apply(PutDevice(msgspec.structs.replace(before, credentials=())))
        verdict = dialect.authenticate(connect("c", A, "authA"), peer, world, arrival)
        assert isinstance(verdict, Refusal)

    @pytest.mark.parametrize(
        ("username", "password"), [(None, None), ("", ""), ("", None), (None, "")]
    )
    def test_who_shows_nothing_gets_an_enrollment_session(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        peer: Peer,
        arrival: Arrival,
        username: str | None,
        password: str | None,
    ) -> None:
        login = dialect.authenticate(connect("HW1", username, password), peer, world, arrival)
        assert isinstance(login, Login)
        assert login.credentials == ()
        principal = login.principal
        assert (principal.application, principal.device) == (None, None)
        assert (principal.slot, principal.session_key) == (None, None)
        assert principal.policy == ENROLLMENT_POLICY

    def test_a_session_belongs_to_login_and_client_id_together(
        self, dialect: CloudPlugsDialect, world: Registry, peer: Peer, arrival: Arrival
    ) -> None:
        def key(client_id: str, username: str, password: str) -> str | None:
            login = dialect.authenticate(
                connect(client_id, username, password), peer, world, arrival
            )
            assert isinstance(login, Login)
            assert login.principal.slot == login.principal.session_key
            return login.principal.slot

        assert key("c", A, "authA") == key("c", "dev-" + A[4:].upper(), "authA")
        keys = [
            key("c", A, "authA"),
            key("c/x", A, "authA"),
            key("c", B, "authB"),
            key("c", "ops@example.com", "opspass"),
        ]
        assert len(set(keys)) == len(keys)
        assert key("", A, "authA") is None

    @pytest.mark.parametrize(
        ("client_id", "name"),
        [
            ("HWA/Cellar", "Cellar"),
            ("HWA/Cellar/left", "Cellar/left"),
            ("HWA/Cel\x1blar", "Cellar"),
            ("HWA/" + "x" * 500, "x" * 200),
        ],
    )
    def test_a_name_in_the_client_id_renames_at_login(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        peer: Peer,
        arrival: Arrival,
        client_id: str,
        name: str,
    ) -> None:
        login = dialect.authenticate(connect(client_id, A, "authA"), peer, world, arrival)
        assert isinstance(login, Login)
        (change,) = login.changes
        before = world.device("one", A)
        assert before is not None
        assert change == PutDevice(msgspec.structs.replace(before, name=name))

    @pytest.mark.parametrize("client_id", ["HWA", "HWA/", "", A, "HWA/HWA"])
    def test_without_a_new_name_a_login_changes_nothing(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        peer: Peer,
        arrival: Arrival,
        client_id: str,
    ) -> None:
        login = dialect.authenticate(connect(client_id, A, "authA"), peer, world, arrival)
        assert isinstance(login, Login)
        assert login.changes == ()

    def test_keep_alive_0_is_cut_after_450_s_and_everything_goes_out_with_qos_0(self) -> None:
        assert DEVICE_POLICY.keep_alive_zero_idle_s == 450
        assert DEVICE_POLICY.maximum_outgoing_qos == 0
        assert not DEVICE_POLICY.keep_messages_while_away


def publish(
    dialect: CloudPlugsDialect,
    registry: Registry,
    arrival: Arrival,
    device_id: str | None,
    topic_name: str,
    payload: bytes = b'{"data":1}',
) -> Outcome:
    return dialect.on_publish(
        Publish(topic_name, payload), logged_in(device_id), registry, arrival
    )


class TestPublish:
    @pytest.mark.parametrize(
        "topic_name",
        [
            f"{A}/data/My/Sensor",
            "/data/My/Sensor",
            "data/My/Sensor",
            f"dev-{A[4:].upper()}/data/My/Sensor",
        ],
    )
    def test_the_three_forms_of_a_topic(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival, topic_name: str
    ) -> None:
        payload = b'{"data": {"t": 21.50}, "at": 1700000000123}'
        outcome = publish(dialect, world, arrival, A, topic_name, payload)
        (event,) = outcome.events
        assert event == Event(
            id=event.id,
            application="one",
            device=A,
            sender=A,
            channel="My/Sensor",
            time_us=1_700_000_000_123_000,
            data=b'{"t":21.50}',
            topic=topic_name,
            raw=payload,
        )
        assert outcome == Outcome(events=(event,))
        assert len(event.id) == 24

    def test_a_channel_may_be_called_data(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival
    ) -> None:
        (event,) = publish(dialect, world, arrival, A, "data/data/x").events
        assert (event.device, event.channel) == (A, "data/x")

    def test_without_a_time_the_hub_gives_the_one_of_receipt(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival
    ) -> None:
        (event,) = publish(dialect, world, arrival, A, "data/t").events
        assert event.time_us == arrival.time_us

    def test_cp_11_times_the_hub_gives_are_distinct_and_increasing_to_the_millisecond(
        self, dialect: CloudPlugsDialect, world: Registry, ids: Ids
    ) -> None:
        times = [
            publish(dialect, world, Arrival(1_700_000_000_000_001 + step, ids), A, "data/t")
            .events[0]
            .time_us
            // 1000
            for step in range(30)
        ]
        assert times == list(range(1_700_000_000_000, 1_700_000_000_030))

    def test_channels_do_not_push_each_others_time(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival
    ) -> None:
        events = [
            publish(dialect, world, arrival, device, topic).events[0]
            for device, topic in ((A, "data/t"), (A, "data/u"), (B, "data/t"))
        ]
        assert {event.time_us for event in events} == {arrival.time_us}

    @pytest.mark.parametrize(
        ("at", "at_ms"),
        [
            ("1700000000123", 1_700_000_000_123),
            ("1700000000123.9", 1_700_000_000_123),
            ('"1700000000123"', 1_700_000_000_123),
            ('"2023-11-14T22:13:20.123Z"', 1_700_000_000_123),
            ('"2023-11-14T22:13:20.123456"', 1_700_000_000_123),
            ('"2023-11-14T23:13:20.123+01:00"', 1_700_000_000_123),
            ("0", 0),
            ("253402300799999", 253_402_300_799_999),
        ],
    )
    def test_forms_of_a_time(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        arrival: Arrival,
        at: str,
        at_ms: int,
    ) -> None:
        payload = f'{{"data":1,"at":{at},"expire_at":{at}}}'.encode()
        (event,) = publish(dialect, world, arrival, A, "data/t", payload).events
        assert event.time_us == at_ms * 1000

    @pytest.mark.parametrize(
        "payload",
        [
            pytest.param(b"", id="CP-16 empty"),
            pytest.param(b"hello", id="CP-16 text"),
            pytest.param(b"42", id="CP-16 number"),
            pytest.param(b'{"value":1}', id="CP-16 no data"),
            pytest.param(b"\xff\xfe", id="CP-16 bytes"),
            pytest.param(b'{"data":1,"at":"yesterday"}', id="CP-16 at"),
            pytest.param(b'{"data":1,"at":true}', id="at is a boolean"),
            pytest.param(b'{"data":1,"at":null}', id="at is null"),
            pytest.param(b'{"data":1,"at":-1}', id="at before the epoch"),
            pytest.param(b'{"data":1,"at":253402300800000}', id="at after the year 9999"),
            pytest.param(b'{"data":1,"at":1e300}', id="at beyond all time"),
            pytest.param(b'{"data":1,"at":"' + b"9" * 5000 + b'"}', id="at of 5000 digits"),
            pytest.param(b'{"data":1,"ttl":0}', id="ttl 0"),
            pytest.param(b'{"data":1,"ttl":"60"}', id="ttl is text"),
            pytest.param(b'{"data":1,"expire_at":"never"}', id="expire_at"),
            pytest.param(b'{"data":1,"of":7}', id="of is a number"),
            pytest.param(b'{"data":"\xff"}', id="not UTF-8 inside"),
            pytest.param(b'{"data":NaN}', id="NaN"),
            pytest.param(b'{"data":1e999}', id="no number that a reader could take"),
            pytest.param(b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="depth"),
            pytest.param(b"[" * 100_000, id="depth of arrays"),
            pytest.param(b'{"data":1}x', id="something behind"),
            pytest.param(b'[{"data":1}', id="open array"),
            pytest.param(b"[]", id="empty array"),
        ],
    )
    def test_bad_payloads_are_silent(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival, payload: bytes
    ) -> None:
        outcome = publish(dialect, world, arrival, A, f"{A}/data/t", payload)
        assert outcome == Outcome(log=outcome.log)
        assert outcome.log or payload == b"[]"
        assert len(outcome.log) < 500

    def test_cp_16_null_is_a_value(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival
    ) -> None:
        (event,) = publish(dialect, world, arrival, A, "data/t", b'{"data":null}').events
        assert event.data == b"null"

    @pytest.mark.parametrize(
        "payload",
        [b'{"data":1,"ttl":0.5}', b'{"data":1,"id":7,"is_priv":[],"channel":"x"}'],
    )
    def test_other_members_are_ignored(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival, payload: bytes
    ) -> None:
        (event,) = publish(dialect, world, arrival, A, "data/t", payload).events
        assert (event.channel, event.data) == ("t", b"1")

    def test_an_array_stores_each_and_skips_what_is_bad(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival
    ) -> None:
        payload = b' [{"data":1}, 7, {"data":2,"at":"x"}, {"data": 3 ,"at":5}, {"data":4}]'
        outcome = publish(dialect, world, arrival, A, "data/t", payload)
        assert [event.data for event in outcome.events] == [b"1", b"3", b"4"]
        assert outcome.events[1].raw == b'{"data": 3 ,"at":5}'
        assert outcome.events[1].time_us == 5000
        assert outcome.events[2].time_us // 1000 == arrival.time_us // 1000 + 1
        assert len({event.id for event in outcome.events}) == 3
        assert outcome.log

    @pytest.mark.parametrize(
        "topic_name",
        [
            f"{A}/data",
            f"{A}/data/",
            f"{A}/data//x",
            f"{A}/data/x/",
            "/data/",
            "data/",
            "data",
            "x",
            "/",
            f"{A}/other/x",
            f"//{A}/data/x",
            f"{A}/ag/prop/set",
            f"{A}/data/" + "x" * (LONGEST_CHANNEL + 1),
            f"{A}/data/" + "ä" * (LONGEST_CHANNEL // 2 + 1),
            "dev-zz/data/x",
            f"dev-{'0' * 24}/data/x",
            f"{X}/data/x",
            "com-5b0000000000000000000000/data/x",
            f"{M}/data/x",
        ],
    )
    def test_topics_of_no_known_form_and_unknown_plug_ids_are_silent(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival, topic_name: str
    ) -> None:
        outcome = publish(dialect, world, arrival, A, topic_name)
        assert outcome == Outcome(log=outcome.log)
        assert outcome.log

    def test_a_channel_of_200_bytes_is_taken(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival
    ) -> None:
        assert publish(dialect, world, arrival, A, "data/" + "ä" * 100).events

    @pytest.mark.parametrize(
        ("device_id", "topic_name", "of", "publisher"),
        [
            pytest.param(A, f"{B}/data/t", None, B, id="all may write all by default"),
            pytest.param(A, f"{A}/data/t", B, B, id="of beats the topic"),
            pytest.param(A, "data/t", "dev-" + B[4:].upper(), B, id="of in another case"),
            pytest.param(A, f"{A}/data/t", X, None, id="of in another company"),
            pytest.param(A, f"{A}/data/t", "", A, id="empty of"),
            pytest.param(A, f"{COM}/data/t", None, COM, id="in the name of the company"),
            pytest.param(N, f"{A}/data/t", None, None, id="CP-15 forbidden"),
            pytest.param(N, f"{N}/data/t", None, N, id="CP-14 own data"),
            pytest.param(N, f"{N}/data/t", A, None, id="of forbidden"),
            pytest.param(None, "data/t", None, COM, id="account without Plug-ID"),
            pytest.param(None, f"{A}/data/t", None, A, id="account for a device"),
        ],
    )
    def test_in_whose_name(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        arrival: Arrival,
        device_id: str | None,
        topic_name: str,
        of: str | None,
        publisher: str | None,
    ) -> None:
        body = {"data": 1} if of is None else {"data": 1, "of": of}
        payload = msgspec.json.encode(body)
        outcome = publish(dialect, world, arrival, device_id, topic_name, payload)
        assert [event.device for event in outcome.events] == ([publisher] if publisher else [])
        assert [event.sender for event in outcome.events] == (
            [device_id or COM if publisher == COM else device_id or publisher] if publisher else []
        )
        assert bool(outcome.log) is (publisher is None)

    def test_a_deleted_device_writes_only_nothing(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival
    ) -> None:
        world.apply(DeleteDevice("one", A))
        assert publish(dialect, world, arrival, A, "data/t").events == ()
        assert publish(dialect, world, arrival, A, f"{B}/data/t").events == ()

    def test_cp_20_a_will_is_checked_and_stored_when_it_is_due(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival
    ) -> None:
        will = Will(f"{A}/data/status", b'{"data":"gone"}', qos=1, retain=True)
        (event,) = dialect.on_will(will, logged_in(A), world, arrival).events
        assert (event.device, event.channel, event.data) == (A, "status", b'"gone"')
        assert event.time_us == arrival.time_us
        assert dialect.on_will(will, logged_in(N), world, arrival).events == ()

    @given(topic_name=st.text(max_size=60), payload=st.binary(max_size=80))
    def test_no_publish_breaks_it(self, topic_name: str, payload: bytes) -> None:
        dialect = CloudPlugsDialect()
        registry = Registry(dialect.keys)
        registry.apply(company_one())
        registry.apply(thing(A, "HWA", "authA"))
        outcome = publish(dialect, registry, Arrival(1, _FixedIds()), A, topic_name, payload)
        assert outcome.reason_code is ReasonCode.SUCCESS
        assert not outcome.close
        assert outcome.replies == ()

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=20,
        )
    )
    def test_every_json_value_comes_through(self, value: Any) -> None:
        dialect = CloudPlugsDialect()
        registry = Registry(dialect.keys)
        registry.apply(company_one())
        registry.apply(thing(A, "HWA", "authA"))
        payload = msgspec.json.format(msgspec.json.encode({"data": value}), indent=2)
        outcome = publish(dialect, registry, Arrival(1, _FixedIds()), A, "data/t", payload)
        message = dialect.deliver(outcome.events[0], Subscription("#"), logged_in(A), registry)
        assert message is not None
        assert msgspec.json.decode(message.payload)["data"] == value


class _FixedIds(_NoIds):
    """Records may be made, nothing else."""

    def oid(self, time_us: int) -> str:
        return f"{time_us:024x}"


class TestHubTimes:
    def test_its_memory_is_bounded(self) -> None:
        times = HubTimes()
        for number in range(3 * REMEMBERED_CHANNELS):
            assert times.next_us("one", A, f"c{number}", 5_000_000) == 5_000_000
        assert len(times._last_ms) <= REMEMBERED_CHANNELS

    def test_what_the_clock_has_passed_is_forgotten_first(self) -> None:
        times = HubTimes()
        for number in range(REMEMBERED_CHANNELS - 1):
            times.next_us("one", A, f"c{number}", 5_000_000)
        assert times.next_us("one", A, "hot", 5_001_000) == 5_001_000
        times.next_us("one", A, "one more", 5_001_000)
        assert times.next_us("one", A, "hot", 5_001_900) == 5_002_000

    def test_a_clock_that_steps_back_makes_no_time_twice(self) -> None:
        times = HubTimes()
        first = times.next_us("one", A, "c", 5_000_000)
        assert times.next_us("one", A, "c", 4_000_000) == first + 1000


def routes(topic_filter: str, device_id: str | None = A) -> Sequence[str]:
    verdict = CloudPlugsDialect().on_subscribe(
        subscribe(topic_filter, qos=2),
        logged_in(device_id),
        Registry(lambda *_: ()),
        Arrival(1, _NoIds()),
    )
    (grant,) = verdict.grants
    assert grant.reason_code == 0
    assert verdict.outcome == NOTHING
    return grant.routes


def matches(topic_filter: str, publisher: str, channel: str, device_id: str | None = A) -> bool:
    name = f"cloudplugs/one/{publisher}/data/{channel}"
    return any(topic_matches(route, name) for route in routes(topic_filter, device_id))


class TestSubscribe:
    def test_cp_13_granted_is_always_qos_0(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival
    ) -> None:
        requests = tuple(SubscriptionRequest(f"{A}/data/{qos}", qos) for qos in range(3))
        verdict = dialect.on_subscribe(Subscribe(1, requests), logged_in(B), world, arrival)
        assert [grant.reason_code for grant in verdict.grants] == [0, 0, 0]

    @pytest.mark.parametrize(
        ("topic_filter", "channel", "found"),
        [
            (f"{A}/data/fridge/#", "fridge", True),
            (f"{A}/data/fridge/#", "fridge/door/left", True),
            (f"{A}/data/fridge/#", "fridges", False),
            ("+/data/room/+/temp", "room/1/temp", True),
            ("+/data/room/+/temp", "room/1/2/temp", False),
            (f"dev-{A[4:].upper()}/data/t", "t", True),
            (f"{B}/data/#", "t", False),
            ("/data/t", "t", True),
            ("data/+", "t", True),
            ("/data/#", "t/u", True),
            ("#", "t", True),
            ("+/#", "t/u/v", True),
            (f"{A}/#", "t", True),
            ("+/+/temp", "temp", True),
            ("+/+/temp", "data", False),
            ("+", "t", False),
            (f"{A}/other/t", "t", False),
            (f"{M}/thing/x", "x", False),
            ("$share/g/+/data/t", "t", False),
            ("$SYS/#", "t", False),
            (f"{A}/data/" + "x" * 201, "x" * 201, False),
        ],
    )
    def test_cp_12_what_a_filter_means_to_device_a(
        self, topic_filter: str, channel: str, *, found: bool
    ) -> None:
        assert matches(topic_filter, A, channel) is found

    def test_a_filter_without_plug_id_means_the_own_device(self) -> None:
        assert matches("data/t", A, "t")
        assert not matches("data/t", B, "t")

    def test_a_filter_without_plug_id_means_every_device_to_an_account(self) -> None:
        assert matches("data/t", A, "t", device_id=None)
        assert matches("/data/t", B, "t", device_id=None)

    def test_routes_never_leave_the_company(self) -> None:
        for topic_filter in ("#", "+/data/#", "data/#", "+/#", "../#", f"{X}/data/#"):
            assert all(route.startswith("cloudplugs/one/") for route in routes(topic_filter))

    def test_unsubscribing_is_plain(self, dialect: CloudPlugsDialect) -> None:
        answers = dialect.on_unsubscribe(
            Unsubscribe(1, ("a", "b")), logged_in(A), frozenset({"a"})
        )
        assert answers == [
            ("a", ReasonCode.SUCCESS),
            (None, ReasonCode.NO_SUBSCRIPTION_EXISTED),
        ]


def event_of(device_id: str = A, application: str = "one", **changes: Any) -> Event:
    made = Event(
        id="5a00000000000000000000aa",
        application=application,
        device=device_id,
        sender=device_id,
        channel="My/Sensor",
        time_us=1_700_000_000_123_999,
        data=b'{"t":21.5}',
    )
    return msgspec.structs.replace(made, **changes)


class TestDelivery:
    def test_cp_10_what_a_subscriber_gets(
        self, dialect: CloudPlugsDialect, world: Registry
    ) -> None:
        message = dialect.deliver(event_of(), Subscription("+/data/#"), logged_in(B), world)
        assert message is not None
        assert message.topic_name == f"{A}/data/My/Sensor"
        assert (message.qos, message.retain) == (0, False)
        assert message.payload == (
            b'{"id":"5a00000000000000000000aa","data":{"t":21.5},"at":1700000000123}'
        )

    @pytest.mark.parametrize(
        ("reader", "application", "sees"),
        [
            pytest.param(A, "one", True, id="CP-11 the publisher itself"),
            pytest.param(B, "one", True, id="without permissions set"),
            pytest.param(N, "one", False, id="CP-14 reads nothing of others"),
            pytest.param(None, "one", True, id="account"),
            pytest.param(X, "two", False, id="CP-14 another company"),
            pytest.param(None, "two", False, id="account of another company"),
            pytest.param(f"dev-{'0' * 24}", "one", False, id="deleted"),
        ],
    )
    def test_permission_to_read_is_asked_at_delivery(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        reader: str | None,
        application: str,
        *,
        sees: bool,
    ) -> None:
        principal = logged_in(reader, application)
        message = dialect.deliver(event_of(), Subscription("+/data/#"), principal, world)
        assert (message is not None) is sees

    @pytest.mark.parametrize(
        ("perm", "reads", "writes"),
        [
            pytest.param({}, True, True, id="unset"),
            pytest.param({"of": {"r": None, "w": None}}, True, True, id="null"),
            pytest.param({"of": {"r": [], "w": []}}, False, False, id="none"),
            pytest.param({"of": {"r": [A], "w": []}}, True, False, id="reads these"),
            pytest.param({"of": {"r": [B], "w": []}}, False, False, id="reads others"),
            pytest.param({"of": {"r": [], "w": [A]}}, True, True, id="writing means reading"),
            pytest.param({"of": {"w": []}}, True, False, id="reads all, writes none"),
        ],
    )
    def test_the_permission_object(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        arrival: Arrival,
        perm: dict[str, Any],
        *,
        reads: bool,
        writes: bool,
    ) -> None:
        world.apply(thing(N, "", "authN", perm=perm))
        message = dialect.deliver(event_of(), Subscription("#"), logged_in(N), world)
        assert (message is not None) is reads
        assert bool(publish(dialect, world, arrival, N, f"{A}/data/t").events) is writes

    @pytest.mark.parametrize(
        ("event", "topics"),
        [
            (event_of(), [f"cloudplugs/one/{A}/data/My/Sensor"]),
            (event_of(kind=Kind.ANSWER), [f"cloudplugs/one/{A}/data/My/Sensor"]),
            (event_of(kind=Kind.CONNECTION, type=CONNECTION_EVENT), []),
            (event_of(kind=Kind.REGISTRY), []),
            (event_of(kind=Kind.COMMAND), []),
            (event_of(application="elsewhere"), []),
            (event_of(application="gone"), []),
        ],
    )
    def test_only_records_of_a_company_are_known_here(
        self, dialect: CloudPlugsDialect, world: Registry, event: Event, topics: list[str]
    ) -> None:
        world.apply(
            PutApplication(
                Application(
                    name="elsewhere", uid="u", dialect="drogue", settings=CompanySettings(id=COM)
                )
            )
        )
        assert list(dialect.topics_of(event, world)) == topics

    @pytest.mark.parametrize(
        ("media_type", "data", "value"),
        [
            (TEXT, "grün".encode(), "grün"),
            (BYTES, b"\x00\xff", base64.b64encode(b"\x00\xff").decode()),
        ],
    )
    def test_what_is_no_json_is_delivered_as_a_string(
        self, dialect: CloudPlugsDialect, world: Registry, media_type: str, data: bytes, value: str
    ) -> None:
        event = event_of(datacontenttype=media_type, data=data)
        message = dialect.deliver(event, Subscription("#"), logged_in(B), world)
        assert message is not None
        assert msgspec.json.decode(message.payload)["data"] == value


OID = "5a00000000000000000000cc"


def command(**changes: Any) -> Command:
    made = Command(
        id=OID,
        application="one",
        device=A,
        name="set-temp",
        data=b'{ "to": 21 }',
        datacontenttype="application/json",
        created_us=1_700_000_000_123_456,
        updated_us=1_700_000_000_123_456,
        operator="olive",
    )
    return msgspec.structs.replace(made, **changes)


class TestCommands:
    @pytest.mark.parametrize(
        ("filters", "reached"),
        [
            ((f"{A}/data/command/+",), True),
            (("data/command/#",), True),
            (("/data/#",), True),
            (("+/data/command/set-temp", f"{A}/data/#"), True),
            ((f"{A}/data/command/other",), False),
            ((f"{B}/data/#",), False),
            ((), False),
        ],
    )
    def test_a_command_goes_to_a_connection_that_listens(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        filters: tuple[str, ...],
        *,
        reached: bool,
    ) -> None:
        receiver = Receiver(logged_in(A), tuple(Subscription(f) for f in filters))
        messages = dialect.deliver_command(
            dialect.check_command(command(), world), receiver, world
        )
        assert len(messages) == reached
        for message in messages:
            assert message.topic_name == f"{A}/data/command/set-temp"
            assert message.payload == (
                f'{{"id":"{OID}","data":{{"to":21}},"at":1700000000123}}'.encode()
            )
            assert message.qos == 0

    def test_nothing_waits_for_a_device_that_is_away(
        self, dialect: CloudPlugsDialect, world: Registry, arrival: Arrival
    ) -> None:
        assert dialect.commands_wait is Waiting.NEVER
        assert list(dialect.on_connected(logged_in(A), [command()], world, arrival)) == []
        assert dialect.receivers(command(), world) == (A,)

    def test_a_commands_id_is_the_id_of_a_record(
        self, dialect: CloudPlugsDialect, arrival: Arrival
    ) -> None:
        assert len(dialect.command_id(arrival)) == 24

    def test_a_command_without_argument_carries_null(
        self, dialect: CloudPlugsDialect, world: Registry
    ) -> None:
        assert dialect.check_command(command(data=b""), world).data == b"null"

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"name": ""}, "name"),
            ({"name": "a//b"}, "name"),
            ({"name": "a/+"}, "name"),
            ({"name": "#"}, "name"),
            ({"name": "a\0b"}, "name"),
            ({"name": "x" * 193}, "name"),
            ({"data": b"{"}, "data"),
            ({"data": b"\xff"}, "data"),
            ({"data": b"[" * 100_000}, "data"),
        ],
    )
    def test_what_can_never_be_delivered_is_refused(
        self, dialect: CloudPlugsDialect, world: Registry, changes: dict[str, Any], path: str
    ) -> None:
        with pytest.raises(RequestError) as refused:
            dialect.check_command(command(**changes), world)
        assert refused.value.path == path

    @pytest.mark.parametrize(
        ("data", "state", "answer", "error"),
        [
            (f'{{"to":"{OID}","result":[1, 2]}}', CommandState.ANSWERED, b"[1,2]", None),
            (f'{{"to":"{OID.upper()}","result":null}}', CommandState.ANSWERED, b"null", None),
            (f'{{"to":"{OID}"}}', CommandState.ANSWERED, None, None),
            (f'{{"to":"{OID}","error":"too hot"}}', CommandState.FAILED, None, "too hot"),
            (f'{{"to":"{OID}","error":{{"code":7}}}}', CommandState.FAILED, None, '{"code":7}'),
        ],
    )
    def test_an_answer_names_the_command_it_answers(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        arrival: Arrival,
        data: str,
        state: CommandState,
        answer: bytes | None,
        error: str | None,
    ) -> None:
        payload = f'{{"data":{data}}}'.encode()
        outcome = publish(dialect, world, arrival, A, f"{A}/data/answer/set-temp", payload)
        (update,) = outcome.updates
        assert (update.application, update.device, update.name) == ("one", A, "set-temp")
        assert (update.id, update.state) == (OID, state)
        assert (update.answer, update.error) == (answer, error)
        (event,) = outcome.events
        assert event.kind is Kind.ANSWER

    @pytest.mark.parametrize(
        ("sender", "topic_name", "data"),
        [
            pytest.param(A, f"{A}/data/answer/x", '{"result":1}', id="names no command"),
            pytest.param(A, f"{A}/data/answer/x", '{"to":"nonsense"}', id="no id"),
            pytest.param(A, f"{A}/data/answer/x", '{"to":7}', id="id is a number"),
            pytest.param(A, f"{A}/data/answer/x", "7", id="no object"),
            pytest.param(A, f"{A}/data/other/x", f'{{"to":"{OID}"}}', id="another channel"),
            pytest.param(B, f"{A}/data/answer/x", f'{{"to":"{OID}"}}', id="another device"),
            pytest.param(None, f"{A}/data/answer/x", f'{{"to":"{OID}"}}', id="an account"),
        ],
    )
    def test_other_records_are_no_answers(
        self,
        dialect: CloudPlugsDialect,
        world: Registry,
        arrival: Arrival,
        sender: str | None,
        topic_name: str,
        data: str,
    ) -> None:
        payload = f'{{"data":{data}}}'.encode()
        outcome = publish(dialect, world, arrival, sender, topic_name, payload)
        assert outcome.updates == ()
        assert [event.kind for event in outcome.events] == [Kind.READING]


class TestPrepare:
    def prepared(self, world: Registry, arrival: Arrival, **changes: Any) -> Device:
        application, device = world.application("one"), world.device("one", A)
        assert application is not None
        assert device is not None
        settings = changes.pop("settings", None)
        if settings is not None:
            changes["settings"] = msgspec.convert(settings, DeviceSettings)
        declared = msgspec.structs.replace(device, **changes)
        return CloudPlugsDialect().prepare(application, declared, None, arrival)

    def test_an_empty_id_is_filled_in(self, world: Registry, arrival: Arrival) -> None:
        device = self.prepared(world, arrival, id="", name="")
        assert device.id.startswith("dev-")
        assert device.name == "HWA"

    def test_a_plug_id_is_kept_in_lower_case(self, world: Registry, arrival: Arrival) -> None:
        assert self.prepared(world, arrival, id="dev-588ACC12").id == "dev-588acc12"

    def test_a_device_to_reactivate_may_not_log_in(
        self, world: Registry, arrival: Arrival
    ) -> None:
        assert not self.prepared(world, arrival, settings={"reactivate": True}).enabled

    def test_a_prepared_device_is_prepared_already(
        self, world: Registry, arrival: Arrival
    ) -> None:
        once = self.prepared(world, arrival, id="dev-588ACC12", settings={"reactivate": True})
        application = world.application("one")
        assert application is not None
        assert CloudPlugsDialect().prepare(application, once, None, arrival) == once

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"id": "boiler"}, "id"),
            ({"id": "mod-00"}, "id"),
            ({"id": "dev-xyz"}, "id"),
            ({"settings": {"hwid": "a/b"}}, "settings.hwid"),
            ({"settings": {"hwid": "x" * 201}}, "settings.hwid"),
            ({"settings": {"model": "mod-00"}}, "settings.model"),
        ],
    )
    def test_what_the_vendor_does_not_know_is_refused(
        self, world: Registry, arrival: Arrival, changes: dict[str, Any], path: str
    ) -> None:
        with pytest.raises(RequestError) as refused:
            self.prepared(world, arrival, **changes)
        assert refused.value.path == path

    def test_two_things_cannot_have_one_serial(self, world: Registry) -> None:
        with pytest.raises(RequestError, match=f"{M}/HWA"):
            world.apply(thing("dev-01", "HWA", "x"))

    @pytest.mark.parametrize(
        "settings",
        [
            {"id": "greenhouse"},
            {"id": COM, "models": [{"id": "thermometer"}]},
            {"id": COM, "accounts": [{"email": "ops", "credentials": []}]},
            {"id": COM, "licences": -1},
            {"id": COM, "unknown": 1},
        ],
    )
    def test_a_company_has_the_vendors_shape(self, settings: dict[str, Any]) -> None:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(settings, CompanySettings)
