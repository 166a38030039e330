"""The way of a command to the devices that get it."""

from collections.abc import Iterable, Sequence

from leafhub.dialects.base import Grant, Outcome, Principal, Receiver, SubscribeOutcome
from leafhub.dialects.cloudevents import names_json
from leafhub.dialects.drogue.external_commands import enabled_gateways, errand_of
from leafhub.dialects.drogue.publishing import device_of
from leafhub.dialects.drogue.rules.commands import judged
from leafhub.dialects.drogue.spec import terms_of
from leafhub.dialects.inquiry import Inquiry
from leafhub.dialects.log_text import refused_filters
from leafhub.errors import RequestError
from leafhub.model.command import Command, CommandUpdate
from leafhub.model.event import TEXT
from leafhub.model.registry import RegistryView
from leafhub.mqtt.packets import Subscribe
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import OutgoingMessage
from leafhub.mqtt.topics import is_topic_name


def on_subscribe(
    subscribe: Subscribe, principal: Principal, registry: RegistryView
) -> SubscribeOutcome:
    """Grant what the grammar knows, each filter for itself, with the QoS that commands have.

    Whether a named device is behind this gateway is asked when there is a command for it.
    """
    if subscribe.properties.subscription_identifiers:
        refused = Grant(ReasonCode.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED)
        return SubscribeOutcome(
            grants=(refused,) * len(subscribe.requests),
            outcome=Outcome(log="subscription identifiers are not of this dialect"),
        )
    asked = [one.topic_filter for one in subscribe.requests]
    lost = frozenset(lost_filters(asked, principal, registry))  # of thousands, perhaps
    effective_qos = principal.policy.effective_qos
    grants = tuple(
        Grant(
            ReasonCode.UNSPECIFIED_ERROR
            if request.topic_filter in lost
            else effective_qos(request.qos)
        )
        for request in subscribe.requests
    )
    return SubscribeOutcome(grants=grants, outcome=Outcome(log=refused_filters(subscribe, grants)))


def lost_filters(
    topic_filters: Iterable[str], principal: Principal, registry: RegistryView
) -> tuple[str, ...]:
    """Those that a client is not granted, as its grammar is now."""
    device = device_of(principal, registry)
    grammar = None if device is None else terms_of(device, registry).grammar
    return tuple(one for one in topic_filters if grammar is None or not grammar.grants(one))


def check_command(command: Command, registry: RegistryView) -> Command | Inquiry[Command]:
    """Its argument goes out byte for byte, unless a rule of the application changes it.

    Raises:
        RequestError: It can never arrive, or a rule says no.
        UnavailableError: The rules do not work.
    """
    device = registry.device(command.application, command.device)
    if device is not None and not device.enabled:
        raise RequestError(f"device {device.id!r} is disabled; enable it first")
    _check_name(command, registry)
    return judged(command, registry, lambda changed: _check_name(changed, registry))


def _check_name(command: Command, registry: RegistryView) -> None:
    if errand_of(command, registry) is None and not is_topic_name(
        f"command/inbox//{command.name}"
    ):
        raise RequestError(
            f"{command.name!r} cannot stand in a topic; leave out '+', '#' and NUL", path="name"
        )


def receivers(command: Command, registry: RegistryView) -> Sequence[str] | Inquiry[CommandUpdate]:
    """The target, and every gateway it names that is there and enabled; or an endpoint of one.

    Raises:
        RequestError: The endpoint cannot be given this command.
    """
    errand = errand_of(command, registry)
    if errand is not None:
        return errand
    if registry.device(command.application, command.device) is None:
        return ()
    gateways = (gateway.id for gateway in enabled_gateways(command, registry))
    return tuple(dict.fromkeys((command.device, *gateways)))


def deliver_command(
    command: Command, receiver: Receiver, registry: RegistryView
) -> Sequence[OutgoingMessage]:
    """One message for each subscription that selects it, on that one's form of topic."""
    device = device_of(receiver.principal, registry)
    if device is None:
        return ()
    terms = terms_of(device, registry)
    if terms.grammar is None:
        return ()
    options = terms.options
    properties = _properties_of(command) if options.command_properties else EMPTY
    messages: list[OutgoingMessage] = []
    for one in receiver.subscriptions:
        topic_name = terms.grammar.command_topic(one.topic_filter, command, device.id)
        if topic_name is not None and is_topic_name(topic_name):
            qos = min(one.qos, options.command_qos)
            message = OutgoingMessage(
                topic_name=topic_name, payload=command.data, qos=qos, properties=properties
            )
            messages.append(message)
    return messages


def _properties_of(command: Command) -> Properties:
    """What Drogue Cloud lost on the way; the time goes out as what is left of it."""
    content_type = command.datacontenttype
    is_text = names_json(content_type) or content_type == TEXT
    time_us = None if command.expires_us is None else command.expires_us - command.created_us
    return Properties(
        content_type=content_type or None,
        payload_format_indicator=1 if is_text else None,
        message_expiry_interval_s=None if time_us is None else -(-time_us // 1_000_000),
    )
