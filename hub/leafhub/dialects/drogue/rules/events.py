"""What ``spec.publish.rules`` make of an event: of a message, a Will, or the news of a device.

A device is told no reason of a rule or an endpoint, only that its message was not taken. A rule
that says no to the news of a device loses that news; the device may come in nevertheless. (Drogue
Cloud refused its CONNECT, so that one rule could lock out all devices.)
"""

from typing import Final

import msgspec

from leafhub.dialects.base import Outcome
from leafhub.dialects.cloudevents import is_json, names_json
from leafhub.dialects.drogue.outcomes import REJECTED, refused
from leafhub.dialects.drogue.rules.grammar import rules_of
from leafhub.dialects.drogue.rules.running import (
    Accepted,
    Dropped,
    Failed,
    Rejected,
    Verdict,
    run,
)
from leafhub.dialects.drogue.settings import settings_of
from leafhub.dialects.drogue.spec import SectionError
from leafhub.dialects.inquiry import Inquiry
from leafhub.dialects.log_text import quoted
from leafhub.model.command import CommandUpdate
from leafhub.model.event import JSON, Event, Kind
from leafhub.model.registry import RegistryView
from leafhub.mqtt.reason_codes import ReasonCode

SPEC_ERROR: Final = Outcome(
    reason_code=ReasonCode.UNSPECIFIED_ERROR, reason_string="Publish spec error"
)
"""The application's rules cannot be read."""
PROCESS_ERROR: Final = Outcome(
    reason_code=ReasonCode.UNSPECIFIED_ERROR, reason_string="Process error"
)
"""A rule makes no sense, or an endpoint none, or is away: it may go through later."""


def judged(
    event: Event, updates: tuple[CommandUpdate, ...], registry: RegistryView
) -> Outcome | Inquiry[Outcome]:
    """The outcome of an event, or what an endpoint must be asked first.

    ``updates`` is what it says about commands: it is taken together with the event, or not at all.
    """
    application = registry.application(event.application)
    try:
        rules = () if application is None else rules_of(settings_of(application), "publish")
    except SectionError as exc:
        return refused(SPEC_ERROR, str(exc))
    if not rules:
        return Outcome(events=(event,), updates=updates)

    def end(verdict: Verdict) -> Outcome:
        match verdict:
            case Accepted(accepted):
                return Outcome(events=(_of_its_kind(accepted),), updates=updates)
            case Dropped():
                return Outcome()
            case Rejected(reason):
                why = f"a rule rejects {quoted(event.channel)}: {quoted(reason)}"
                return refused(REJECTED, why)
            case Failed(reason):
                return refused(PROCESS_ERROR, reason)

    return run(rules, event, registry, end)


def _of_its_kind(event: Event) -> Event:
    """A reading is JSON, and other data is none; rules may have made one of the other."""
    if event.kind not in {Kind.READING, Kind.DATA}:
        return event
    may_be_json = names_json(event.datacontenttype or JSON)
    kind = Kind.READING if may_be_json and is_json(event.data) else Kind.DATA
    return msgspec.structs.replace(event, kind=kind)
