"""The way to a hub: operator API over HTTP, live feed over MQTT, one stream of changes."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, TypeVar
from urllib.parse import quote

import aiomqtt
import httpx
import msgspec
from aiomqtt.exceptions import MqttConnectError

from leafhub.contract.live_feed import (
    COMMAND_EVENT,
    CONNECTION_EVENT,
    REGISTRY_EVENT,
    decode_command,
    decode_event,
)
from leafhub.contract.operator_api import (
    ApiError,
    ApplicationSummary,
    CommandRecord,
    CommandRequest,
    DeviceDetail,
    DeviceSummary,
    EventPage,
    HubStatus,
)
from leafhub.contract.operator_login import OperatorLogin
from leafhub_tui.login import tls_context
from leafhub_tui.source import EXIT_AWAY, EXIT_REFUSED, WatchError
from leafhub_tui.state import (
    Change,
    CommandMoved,
    Complaint,
    EventHeard,
    FleetTaken,
    Key,
    LinkDown,
    LinkUp,
    StatusTaken,
)

ANSWER_S = 10.0  # longest wait for an answer
STATUS_EVERY_S = 2.0
FLEET_EVERY_S = 15.0  # heals what the feed missed, finds new applications
FLEET_APART_S = 1.0  # at most so often when the feed asks for it
BACKOFF_FIRST_S = 1.0
BACKOFF_LAST_S = 15.0  # a person waits before the screen
CHANGES_WAITING = (
    10_000  # a slow terminal slows the reading, then the feed drops: the next fleet heals it
)
FILTERS_PER_SUBSCRIBE = 50

_T = TypeVar("_T")


class NotPermittedError(WatchError):
    """The login is good, and may not do that."""


class HubAwayError(WatchError):
    """The hub can't be reached, or went; ``cause`` is a clause that fits before "trying again"."""

    def __init__(self, cause: str, cure: str = "", *, exit_code: int = EXIT_AWAY) -> None:
        super().__init__(cause, cure, exit_code=exit_code)


def _now_us() -> int:
    return time.time_ns() // 1000


class HubClient:
    """One operator's connection to one hub.

    Args:
        login: Who and where.
        clock_us: Microseconds since the epoch.

    Raises:
        WatchError: The CA file is of no use.
    """

    def __init__(self, login: OperatorLogin, *, clock_us: Callable[[], int] = _now_us) -> None:
        self._login = login
        self._clock_us = clock_us
        self._tls = tls_context(login)
        self._http = httpx.AsyncClient(
            base_url=f"{self.place}/api/v1",
            auth=httpx.BasicAuth(login.name, login.token) if login.name else None,
            headers=None if login.name else {"Authorization": f"Bearer {login.token}"},
            timeout=ANSWER_S,
            verify=True if self._tls is None else self._tls,
            trust_env=False,  # a hub is near; a proxy for the web knows nothing of it
        )
        self._known: set[Key] = set()
        self._fleet_wanted = asyncio.Event()
        self._hurry = asyncio.Event()

    @property
    def place(self) -> str:
        return self._login.http.rstrip("/")

    def retry(self) -> None:
        self._hurry.set()

    async def aclose(self) -> None:
        """Let go of the hub."""
        await self._http.aclose()

    # -- the operator API

    async def status(self) -> HubStatus:
        """Fetch how the hub is."""
        return await self._call("GET", "/status", HubStatus)

    async def applications(self) -> list[ApplicationSummary]:
        """Fetch the applications."""
        return await self._call("GET", "/applications", list[ApplicationSummary])

    async def devices(self) -> list[DeviceSummary]:
        """Fetch every device's row."""
        return await self._call("GET", "/devices", list[DeviceSummary])

    async def device(self, key: Key) -> DeviceDetail:
        return await self._call("GET", _device_path(key), DeviceDetail)

    async def events(self, key: Key, *, limit: int) -> EventPage:
        query = {"application": key[0], "device": key[1], "limit": str(limit)}
        return await self._call("GET", "/events", EventPage, params=query)

    async def commands(self, key: Key, *, limit: int) -> list[CommandRecord]:
        query = {"application": key[0], "device": key[1], "limit": str(limit)}
        return await self._call("GET", "/commands", list[CommandRecord], params=query)

    async def send(self, key: Key, request: CommandRequest) -> CommandRecord:
        body = msgspec.json.encode(request)
        return await self._call("POST", f"{_device_path(key)}/commands", CommandRecord, body=body)

    async def _call(
        self,
        method: str,
        path: str,
        kind: type[_T],
        *,
        params: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> _T:
        headers = {"Content-Type": "application/json"} if body is not None else None
        try:
            answer = await self._http.request(
                method, path, params=params, content=body, headers=headers
            )
        except httpx.TimeoutException as exc:
            raise HubAwayError(
                f"the hub at {self.place} is silent", "Look whether it still runs."
            ) from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise self._away(exc) from exc
        if answer.is_error:
            raise self._refused(answer)
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.MsgspecError as exc:
            raise HubAwayError(
                f"what answers at {self.place} is no Leafhub ({path}: {exc})",
                "Look at the address; update the dashboard if the hub is newer.",
            ) from exc

    def _away(self, exc: Exception) -> HubAwayError:
        if "CERTIFICATE_VERIFY_FAILED" in str(exc):
            return HubAwayError(
                f"the certificate of {self.place} fits no {self._login.ca or 'known CA'}",
                "Copy ca.pem from the hub's data folder and say --ca FILE.",
            )
        return HubAwayError(
            f"the hub at {self.place} does not answer",
            "Start it with 'leafhub run', or say --hub URL if it is elsewhere.",
        )

    def _refused(self, answer: httpx.Response) -> WatchError:
        if answer.status_code == 401:
            return HubAwayError(
                f"the hub refuses the login of {self._login.name!r}",
                "Its token is old or another hub's: copy operator.json anew, or say --token.",
                exit_code=EXIT_REFUSED,
            )
        try:
            said = msgspec.json.decode(answer.content, type=ApiError).message
        except msgspec.MsgspecError:
            said = f"The hub answered {answer.status_code} {answer.reason_phrase}."
        if answer.status_code >= 500:
            return HubAwayError(
                f"the hub has a problem ({said.rstrip('.')})",
                "Look at its log.",
                exit_code=EXIT_REFUSED,
            )
        return NotPermittedError(said) if answer.status_code == 403 else WatchError(said)

    # -- everything that happens

    async def changes(self) -> AsyncGenerator[Change, None]:
        queue: asyncio.Queue[Change] = asyncio.Queue(CHANGES_WAITING)
        worker = asyncio.create_task(self._stay_connected(queue), name="hub")
        getter: asyncio.Task[Change] | None = None
        try:
            while True:
                getter = asyncio.create_task(queue.get(), name="hub change")
                await asyncio.wait({getter, worker}, return_when=asyncio.FIRST_COMPLETED)
                if worker.done():
                    worker.result()  # it never returns, so it failed: say why
                yield await getter
                while not queue.empty():
                    yield queue.get_nowait()
        finally:
            for task in (worker, getter):
                if task is not None:
                    task.cancel()
            with suppress(asyncio.CancelledError):
                await worker

    async def _stay_connected(self, queue: asyncio.Queue[Change]) -> None:
        failures = 0
        while True:
            was_up = asyncio.Event()
            reason = ""
            try:
                await self._session(queue, was_up)
            except* WatchError as group:
                reason = str(_first(group).cause)
            except* (aiomqtt.MqttError, OSError) as group:
                reason = self._feed_trouble(_first(group))
            failures = 1 if was_up.is_set() else failures + 1
            delay_s = min(BACKOFF_LAST_S, BACKOFF_FIRST_S * 2 ** (failures - 1))
            await queue.put(
                LinkDown(reason=reason, retry_us=self._clock_us() + int(delay_s * 1_000_000))
            )
            self._hurry.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._hurry.wait()

    def _feed_trouble(self, exc: BaseException) -> str:
        place = f"{self._login.mqtt.host}:{self._login.mqtt.port}"
        if isinstance(exc, MqttConnectError):
            return f"the live feed at {place} refuses the login of {self._login.name!r}"
        if "CERTIFICATE_VERIFY_FAILED" in f"{exc} {exc.__cause__}":
            return f"the certificate of the live feed at {place} is not signed by {self._login.ca}"
        return f"the live feed at {place} does not answer"

    async def _session(self, queue: asyncio.Queue[Change], was_up: asyncio.Event) -> None:
        """Be connected until something breaks.

        Raises:
            BaseExceptionGroup: Of ``WatchError``, ``aiomqtt.MqttError`` or ``OSError``.
        """
        await self._fetch_fleet(queue)  # shown at once, even where the feed is away
        await self._fetch_status(queue)
        login = self._login
        async with AsyncExitStack() as stack:
            feed = await stack.enter_async_context(
                aiomqtt.Client(
                    login.mqtt.host,
                    login.mqtt.port,
                    username=login.name,
                    password=login.token,
                    identifier=f"watch-{secrets.token_hex(6)}",
                    clean_session=True,
                    timeout=ANSWER_S,
                    keepalive=20,
                    max_queued_incoming_messages=CHANGES_WAITING,
                    tls_context=self._tls if login.mqtt.tls else None,
                )
            )
            subscribed: set[str] = set()
            await self._subscribe(feed, subscribed)
            await self._fetch_fleet(queue)  # what happened before the feed ran
            was_up.set()
            await queue.put(LinkUp())
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read_feed(feed, queue), name="feed")
                tasks.create_task(self._watch_status(queue), name="status")
                tasks.create_task(self._watch_fleet(feed, subscribed, queue), name="fleet")

    async def _subscribe(self, feed: aiomqtt.Client, subscribed: set[str]) -> None:
        wanted = {application.name for application in await self.applications()} - subscribed
        filters = [f"{kind}/{name}" for name in sorted(wanted) for kind in ("app", "command")]
        for start in range(0, len(filters), FILTERS_PER_SUBSCRIBE):
            part = filters[start : start + FILTERS_PER_SUBSCRIBE]
            codes: Any = await feed.subscribe([(topic_filter, 0) for topic_filter in part])
            for topic_filter, code in zip(part, codes, strict=True):
                if int(getattr(code, "value", code)) >= 0x80:
                    raise HubAwayError(f"the hub refuses the live feed {topic_filter!r}")
        subscribed |= wanted

    async def _fetch_status(self, queue: asyncio.Queue[Change]) -> None:
        """Fetch how the hub is, as far as the login may know."""
        with suppress(NotPermittedError):
            await queue.put(StatusTaken(status=await self.status()))

    async def _fetch_fleet(self, queue: asyncio.Queue[Change]) -> None:
        asked_us = self._clock_us()
        devices = await self.devices()
        self._known = {(device.application, device.id) for device in devices}
        await queue.put(FleetTaken(devices=devices, asked_us=asked_us))

    async def _watch_status(self, queue: asyncio.Queue[Change]) -> None:
        while True:
            await asyncio.sleep(STATUS_EVERY_S)
            await self._fetch_status(queue)

    async def _watch_fleet(
        self, feed: aiomqtt.Client, subscribed: set[str], queue: asyncio.Queue[Change]
    ) -> None:
        while True:
            self._fleet_wanted.clear()
            await asyncio.sleep(FLEET_APART_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(FLEET_EVERY_S):
                    await self._fleet_wanted.wait()
            await self._subscribe(feed, subscribed)
            await self._fetch_fleet(queue)

    async def _read_feed(self, feed: aiomqtt.Client, queue: asyncio.Queue[Change]) -> None:
        async for message in feed.messages:
            await queue.put(self._understand(str(message.topic), bytes(message.payload)))

    def _understand(self, topic: str, payload: bytes) -> Change:
        try:
            event = decode_event(payload)
            if event.type == COMMAND_EVENT:
                return CommandMoved(command=decode_command(event))
        except msgspec.MsgspecError as exc:
            return Complaint(text=f"The hub sent something on {topic} that is no event: {exc}.")
        unknown = (event.application, event.device) not in self._known
        if unknown or event.type in {CONNECTION_EVENT, REGISTRY_EVENT}:
            self._fleet_wanted.set()
        return EventHeard(event=event)


def _device_path(key: Key) -> str:
    return f"/applications/{quote(key[0], safe='')}/devices/{quote(key[1], safe='')}"


def _first(group: BaseExceptionGroup[BaseException]) -> Any:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
