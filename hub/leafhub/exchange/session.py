"""One MQTT session as the exchange sees it, and the connection under it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from leafhub.dialects.base import Principal
from leafhub.exchange.chance_and_time import Clock
from leafhub.mqtt.decoding import LEVEL_3_1_1
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import OutgoingMessage, SendResult, SessionState

if TYPE_CHECKING:
    from leafhub.exchange.complaints import Complaints


class Link(Protocol):
    """The live connection under a session."""

    @property
    def address(self) -> str:
        """IP address of the peer."""
        ...

    @property
    def heard_us(self) -> int:
        """When the last bytes came, microseconds since the epoch."""
        ...

    @property
    def is_congested(self) -> bool:
        """Whether the client does not read, so that QoS 0 messages are lost on it."""
        ...

    def send(self, message: OutgoingMessage) -> SendResult:
        """Give the client a message, now or when its window opens."""
        ...

    def add_backlog(self, topic_filter: str, messages: Iterator[OutgoingMessage | None]) -> None:
        """Give the client many messages as it takes them, see ``SessionState.add_backlog``."""
        ...

    def answer_overdue(self) -> None:
        """Tell the client what became of messages that an earlier connection had brought."""
        ...

    def end(self, reason_code: ReasonCode | None, reason: str) -> None:
        """Close it; the session is detached when this returns.

        ``reason`` is for the log, and for the client where its policy tells reasons.
        """
        ...


class Session:
    """One MQTT session as the exchange sees it.

    Args:
        clock: The time.

    Attributes:
        principal: Whom it speaks for.
        state: What MQTT remembers of it.
        link: Its connection; ``None`` while the client is away.
        routes: For each topic filter the routes it was granted.
        spaces: For each topic filter the topic space it was granted in.
        protocol_level: Of its last connection: 3, 4 or 5.
        complaints: What came to nothing; ``None`` as long as all is well.
    """

    __slots__ = (
        "_clock",
        "complaints",
        "link",
        "principal",
        "protocol_level",
        "routes",
        "spaces",
        "state",
    )

    def __init__(
        self, principal: Principal, state: SessionState, link: Link, clock: Clock
    ) -> None:
        self._clock = clock
        self.principal = principal
        self.state = state
        self.link: Link | None = link
        self.protocol_level = LEVEL_3_1_1
        self.routes: dict[str, tuple[str, ...]] = {}
        self.spaces: dict[str, str] = {}
        self.complaints: Complaints | None = None

    def send(self, message: OutgoingMessage) -> SendResult:
        """Send to the client, or keep for it as far as its session allows."""
        if self.link is None:
            return self.state.enqueue(message, self._clock.now_s())
        return self.link.send(message)
