"""The operator API for programs that wait for each answer: the command line, tools, scripts."""

import ssl
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from leafhub.contract.operator_api import (
    ApiError,
    ApplicationSummary,
    ApplyReport,
    CommandRecord,
    CommandRequest,
    CreatedToken,
    DeviceDetail,
    DeviceSummary,
    EventPage,
    HubStatus,
    OperatorRequest,
    OperatorSummary,
    RoleRequest,
    TokenRequest,
)
from leafhub.contract.operator_login import OperatorLogin
from leafhub.errors import ConfigurationError, RequestError, UnavailableError

ANSWER_TIME_S = 15.0  # the slowest Raspberry Pi answers a page of events in under 2 s
REGISTRY_TIME_S = 60.0  # a Raspberry Pi writes 5,000 devices down in 10 s
APPLY_TIME_S = 3600.0  # each new password of a document takes a Raspberry Pi some 200 ms to hash
TOML = "application/toml"

_T = TypeVar("_T")
_Parameter = str | int | float | None


class HubUnreachableError(UnavailableError):
    """No answer from the hub: not running, elsewhere, or its certificate is not to be trusted."""


class RefusedError(RequestError):
    """The hub answered and said no.

    Args:
        error: What it said.
    """

    def __init__(self, error: ApiError) -> None:
        super().__init__(error.message, path=error.path)
        self.status = error.status
        self.code = error.error


class HubClient:
    """A login's view of the hub. Use it in a ``with`` statement.

    Every call raises ``HubUnreachableError`` without an answer, and ``RefusedError`` where the
    hub says no.

    Args:
        login: Who asks and where; ``ca`` is an absolute path.
        transport: Replaces the network, for tests.

    Raises:
        ConfigurationError: The CA's file is not there or is none.
    """

    def __init__(
        self, login: OperatorLogin, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._where = login.http.rstrip("/")
        self._http = httpx.Client(
            base_url=f"{self._where}/api/v1",
            auth=httpx.BasicAuth(login.name, login.token) if login.name else None,
            headers=None if login.name else {"Authorization": f"Bearer {login.token}"},
            verify=_tls(login) if self._where.startswith("https:") else False,
            timeout=ANSWER_TIME_S,
            transport=transport,
            trust_env=False,  # a desktop's proxy has no way to a hub on the local network
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def status(self) -> HubStatus:
        """Whether all is well."""
        return self._get("/status", HubStatus)

    def applications(self) -> list[ApplicationSummary]:
        """Every application."""
        return self._get("/applications", list[ApplicationSummary])

    def devices(self, application: str | None = None) -> list[DeviceSummary]:
        """Every device, or those of one application."""
        return self._get("/devices", list[DeviceSummary], application=application)

    def device(self, application: str, device: str) -> DeviceDetail:
        """One device by id, or by name where it is unique."""
        return self._get(_device_path(application, device), DeviceDetail)

    def events(
        self,
        *,
        application: str | None = None,
        device: str | None = None,
        channel: str | None = None,
        before: int | None = None,
        after: int | None = None,
        since_us: int | None = None,
        limit: int | None = None,
    ) -> EventPage:
        """One page of stored messages, newest first."""
        return self._get(
            "/events",
            EventPage,
            application=application,
            device=device,
            channel=channel,
            before=before,
            after=after,
            since_us=since_us,
            limit=limit,
        )

    def send_command(
        self, application: str, device: str, request: CommandRequest
    ) -> CommandRecord:
        """Send a command; it is stored when this returns."""
        path = f"{_device_path(application, device)}/commands"
        return self._send("POST", path, request, CommandRecord)

    def commands(
        self,
        *,
        application: str | None = None,
        device: str | None = None,
        limit: int | None = None,
    ) -> list[CommandRecord]:
        """Commands, newest first."""
        return self._get(
            "/commands", list[CommandRecord], application=application, device=device, limit=limit
        )

    def command(self, command_id: str, *, wait_s: float = 0) -> CommandRecord:
        """Where a command stands; with ``wait_s`` (0..60) once it is final or time is over."""
        answer = self._ask(
            "GET",
            f"/commands/{quote(command_id, safe='')}",
            parameters={"wait_s": wait_s or None},
            time_s=ANSWER_TIME_S + wait_s,
        )
        return _decode(answer, CommandRecord)

    def registry(self) -> str:
        """The TOML document of all applications and devices, secrets as they are kept."""
        return self._ask("GET", "/registry", time_s=REGISTRY_TIME_S).text

    def apply(self, document: str) -> ApplyReport:
        """Take a TOML document in; all of it is done, or none."""
        answer = self._ask(
            "PUT",
            "/registry",
            content=document.encode(),
            content_type=TOML,
            time_s=APPLY_TIME_S,
        )
        return _decode(answer, ApplyReport)

    def login(self) -> OperatorSummary:
        """Whose login this is, and what it may do."""
        return self._get("/login", OperatorSummary)

    def operators(self) -> list[OperatorSummary]:
        """The operators that this login may know of."""
        return self._get("/operators", list[OperatorSummary])

    def make_operator(self, request: OperatorRequest) -> OperatorSummary:
        """Make an operator; it cannot log in before it has a token."""
        return self._send("POST", "/operators", request, OperatorSummary)

    def remove_operator(self, name: str) -> None:
        """Remove an operator; its connections end."""
        self._ask("DELETE", _operator_path(name))

    def give_role(self, name: str, request: RoleRequest) -> OperatorSummary:
        """Give an operator a role, or take it away."""
        return self._send("PUT", f"{_operator_path(name)}/role", request, OperatorSummary)

    def make_token(self, operator: str, description: str = "") -> CreatedToken:
        """Make a token; only this answer holds it."""
        request = TokenRequest(description=description)
        return self._send("POST", f"{_operator_path(operator)}/tokens", request, CreatedToken)

    def remove_token(self, operator: str, prefix: str) -> None:
        """Remove a token; nobody logs in with it any more."""
        self._ask("DELETE", f"{_operator_path(operator)}/tokens/{quote(prefix, safe='')}")

    def _send(self, method: str, path: str, body: msgspec.Struct, shape: type[_T]) -> _T:
        content = msgspec.json.encode(body)
        answer = self._ask(method, path, content=content, content_type="application/json")
        return _decode(answer, shape)

    def _get(self, path: str, shape: type[_T], **parameters: _Parameter) -> _T:
        return _decode(self._ask("GET", path, parameters=parameters), shape)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        parameters: dict[str, _Parameter] | None = None,
        content: bytes | None = None,
        content_type: str | None = None,
        time_s: float = ANSWER_TIME_S,
    ) -> httpx.Response:
        present = {k: v for k, v in (parameters or {}).items() if v is not None}
        try:
            answer = self._http.request(
                method,
                path,
                params=present,
                content=content,
                headers={"Content-Type": content_type} if content_type else None,
                timeout=time_s,
            )
        except (httpx.TransportError, httpx.InvalidURL) as exc:
            raise HubUnreachableError(
                f"no answer from the hub at {self._where} ({str(exc) or type(exc).__name__}); "
                "start it with `leafhub run`, or name another with --hub"
            ) from exc
        if answer.is_success:
            return answer
        raise RefusedError(_error_of(answer))


def _operator_path(name: str) -> str:
    return f"/operators/{quote(name, safe='')}"


def _device_path(application: str, device: str) -> str:
    return f"/applications/{quote(application, safe='')}/devices/{quote(device, safe='')}"


def _tls(login: OperatorLogin) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=login.ca)
    except OSError as exc:  # ssl.SSLError is one
        raise ConfigurationError(
            f"is not the hub's CA in PEM ({exc.strerror or exc}); "
            "copy ca.pem from the hub's data folder",
            path=login.ca,
        ) from exc


def _decode(answer: httpx.Response, shape: type[_T]) -> _T:
    try:
        return msgspec.json.decode(answer.content, type=shape)
    except msgspec.DecodeError as exc:
        raise HubUnreachableError(
            f"{answer.url} does not speak this Leafhub's API ({exc}); "
            "are hub and command line of one version?"
        ) from exc


def _error_of(answer: httpx.Response) -> ApiError:
    try:
        return msgspec.json.decode(answer.content, type=ApiError)
    except msgspec.DecodeError:
        return ApiError(
            status=answer.status_code,
            error="not_leafhub",
            message=f"{answer.url} answered {answer.status_code} {answer.reason_phrase}, "
            "which is not Leafhub's way; is it another server?",
        )
