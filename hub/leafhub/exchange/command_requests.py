"""Commands as they come: each is judged by the dialect of its device, and set on its way."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from leafhub.dialects.base import Arrival
from leafhub.dialects.inquiry import Inquiry
from leafhub.dialects.interface import Dialect
from leafhub.dialects.log_text import device_name, one_line
from leafhub.errors import NotFoundError, RequestError, UnavailableError
from leafhub.exchange.commands import Commands, lane_of
from leafhub.exchange.endpoints.lanes import Lanes
from leafhub.model.command import Command, CommandRequest
from leafhub.model.registry import Registry

log = logging.getLogger(__name__)


class CommandRequests:
    """Takes commands from operators and from the dialects.

    Args:
        registry: Who is there.
        dialects: Who judges, by name.
        commands: Takes those that are good.
        lanes: Where those wait about which endpoints are asked.
        arrival: Gives now, and identifiers.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        dialects: Mapping[str, Dialect],
        commands: Commands,
        lanes: Lanes,
        arrival: Callable[[], Arrival],
    ) -> None:
        self._registry = registry
        self._dialects = dialects
        self._commands = commands
        self._lanes = lanes
        self._arrival = arrival

    async def send(self, request: CommandRequest, timeout_s: float | None) -> Command:
        """See ``Exchange.command``."""
        settled: asyncio.Future[Command | Exception] = asyncio.get_running_loop().create_future()

        def start(command: Command) -> None:
            self._commands.start(command, lambda error: settled.set_result(error or command))

        self._judge(request, timeout_s, start, settled.set_result)
        verdict = await asyncio.shield(settled)  # who asked may leave; the command goes on
        if isinstance(verdict, Exception):
            raise verdict
        return await self._commands.find(verdict.id) or verdict

    def try_send(self, request: CommandRequest) -> None:
        """Send a command that came by MQTT, where nobody waits for a refusal: it is logged."""

        def refuse(exc: Exception) -> None:
            is_mistake = not isinstance(exc, RequestError | UnavailableError)
            log.warning(
                "command %s for %s from %s refused: %s",
                one_line(request.name),
                device_name(request.application, request.device),
                *(request.operator, exc),
                exc_info=exc if is_mistake else None,
            )

        try:
            self._judge(
                request, None, lambda command: self._commands.start(command, _ignore), refuse
            )
        except (RequestError, UnavailableError) as exc:
            refuse(exc)

    def _judge(
        self,
        request: CommandRequest,
        timeout_s: float | None,
        start: Callable[[Command], None],
        refuse: Callable[[Exception], None],
    ) -> None:
        """Have a command judged, behind those of its device about which endpoints are asked.

        Raises:
            RequestError: Refused at once; ``refuse`` gets what is refused later.
            UnavailableError: Too many wait, or what it needs is away.
        """
        uid: str | None = None

        def judge() -> Command | Inquiry[Command]:
            nonlocal uid
            device = self._registry.device(request.application, request.device)
            uid = None if device is None else device.uid
            return self._make(request, timeout_s)

        def begin(command: Command) -> None:
            device = self._registry.device(command.application, command.device)
            if device is None or device.uid != uid:
                raise NotFoundError("the device was deleted while an endpoint was asked")
            start(command)

        self._lanes.enter(
            lane_of(request),
            judge,
            begin,
            refuse,
            len(request.data),
        )

    def _make(
        self, request: CommandRequest, timeout_s: float | None
    ) -> Command | Inquiry[Command]:
        application = self._registry.application(request.application)
        if application is None:
            raise NotFoundError(f"there is no application {request.application!r}")
        device = self._registry.device(request.application, request.device)
        if device is None:
            raise NotFoundError(
                f"application {request.application!r} has no device {request.device!r}"
            )
        dialect = self._dialects[application.dialect]
        arrival = self._arrival()
        wait_s = timeout_s
        if wait_s is None:
            wait_s = dialect.command_timeout_s(device, self._registry)
        command = Command(
            id=dialect.command_id(arrival),
            application=request.application,
            device=request.device,
            name=request.name,
            data=request.data,
            datacontenttype=request.datacontenttype,
            created_us=arrival.time_us,
            updated_us=arrival.time_us,
            expires_us=None if wait_s is None else arrival.time_us + round(wait_s * 1_000_000),
            operator=request.operator,
        )
        return dialect.check_command(command, self._registry)


def _ignore(_error: Exception | None) -> None:
    """Nobody waits; the life line tells."""
