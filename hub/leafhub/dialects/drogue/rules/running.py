"""Running rules over an event: pure, and as far as it goes before an endpoint must be asked."""

from collections.abc import Callable, Generator
from typing import Final, TypeAlias, TypeVar

import msgspec

from leafhub.dialects.cloudevents import names_json
from leafhub.dialects.drogue.rules.changing import (
    ChangeError,
    replace,
    set_attribute,
    set_data,
    set_extension,
)
from leafhub.dialects.drogue.rules.grammar import (
    And,
    Break,
    Drop,
    Enrich,
    IsChannel,
    Not,
    Or,
    Reject,
    Response,
    Rules,
    SetAttribute,
    SetExtension,
    Validate,
    When,
)
from leafhub.dialects.drogue.rules.http_events import NoEventError, read_event, write_event
from leafhub.dialects.inquiry import Answer, Failure, HttpRequest, Inquiry
from leafhub.model.event import BYTES, Event
from leafhub.model.registry import RegistryView

_REJECTED: Final = "Rejected"

T = TypeVar("T")


class Accepted(msgspec.Struct, frozen=True):
    """It goes on, as it is now."""

    event: Event


class Dropped(msgspec.Struct, frozen=True):
    """It goes no further, and its sender is told that all is well."""


class Rejected(msgspec.Struct, frozen=True):
    """It is refused, and why."""

    reason: str


class Failed(msgspec.Struct, frozen=True):
    """Nobody can say what becomes of it: a rule or an endpoint makes no sense, or one is away."""

    reason: str


Verdict: TypeAlias = Accepted | Dropped | Rejected | Failed
_Run: TypeAlias = Generator[HttpRequest, Answer | Failure, Verdict]


def run(
    rules: Rules, event: Event, registry: RegistryView, end: Callable[[Verdict], T]
) -> T | Inquiry[T]:
    """Bring an event through rules; ``end`` makes of the verdict what is wanted."""
    return _go_on(_run(rules, event, registry), None, end)


def _go_on(
    running: _Run, reply: Answer | Failure | None, end: Callable[[Verdict], T]
) -> T | Inquiry[T]:
    try:
        request = next(running) if reply is None else running.send(reply)
    except StopIteration as stop:
        verdict: Verdict = stop.value
    else:
        return Inquiry(request, lambda reply: _go_on(running, reply, end))
    return end(verdict)


def _run(rules: Rules, event: Event, registry: RegistryView) -> _Run:
    for rule in rules:
        if not _holds(rule.when, event):
            continue
        for step in rule.then:
            if isinstance(step, Validate | Enrich):
                headers, body = write_event(event, step.mode, registry)
                reply = yield step.endpoint.request(headers, body)
                result = _after(step, event, reply)
            else:
                result = _do(step, event)
            if not isinstance(result, Event):
                return result
            event = result
    return Accepted(event)


def _holds(when: When, event: Event) -> bool:
    match when:
        case IsChannel(channel):
            return event.channel == channel
        case Not(one):
            return not _holds(one, event)
        case And(conditions):
            return bool(conditions) and all(_holds(one, event) for one in conditions)
        case Or(conditions):
            return any(_holds(one, event) for one in conditions)
        case _:
            return True


def _do(
    step: Drop | Break | Reject | SetAttribute | SetExtension, event: Event
) -> Event | Verdict:
    """Give the event for the next step, or the verdict."""
    try:
        match step:
            case SetAttribute(name, value):
                return set_attribute(event, name, value)
            case SetExtension(name, value):
                return set_extension(event, name, value)
            case Reject(reason):
                return Rejected(reason)
            case Drop():
                return Dropped()
            case Break():
                return Accepted(event)
    except ChangeError as exc:
        return Failed(f"a rule makes no sense: {exc}")


def _after(step: Validate | Enrich, event: Event, reply: Answer | Failure) -> Event | Verdict:
    """Give the event for the next step, or the verdict, now that the endpoint was asked."""
    if isinstance(reply, Failure):
        trouble = reply.reason
    else:
        try:
            if isinstance(step, Validate):
                return _validated(event, reply)
            return _enriched(event, reply, step.response)
        except (ChangeError, NoEventError) as exc:
            trouble = str(exc)
    return Failed(f"{step.endpoint.request((), b'').endpoint}: {trouble}")


def _validated(event: Event, answer: Answer) -> Event | Verdict:
    match answer.status:
        case 200 | 204:
            return event
        case 202:
            return Accepted(event)
        case status if 400 <= status < 500:
            return Rejected(_reason_of(answer))
        case status:
            raise NoEventError(f"it answered {status}")


def _enriched(event: Event, answer: Answer, response: Response) -> Event:
    if answer.status != 200:
        raise NoEventError(f"it answered {answer.status}")
    if response == "raw":
        return set_data(event, answer.body, answer.header("content-type") or BYTES)
    return replace(event, read_event(answer, believe=response == "assumeStructuredCloudEvent"))


def _reason_of(answer: Answer) -> str:
    """Why the endpoint says no: ``reason`` of a JSON body, else the body."""
    if names_json(answer.header("content-type") or ""):
        try:
            return _reason_decoder.decode(answer.body).reason
        except (ValueError, RecursionError):
            return _REJECTED
    return answer.body.decode(errors="replace") or _REJECTED


class _Reason(msgspec.Struct, frozen=True):
    """What an endpoint may say when it says no."""

    reason: str = _REJECTED


_reason_decoder = msgspec.json.Decoder(_Reason)
