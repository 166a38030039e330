"""Shapes of the operator API. Times are microseconds since the epoch, ids are strings.

Below ``/api/v1``, with what goes in and what comes out:

* ``GET /status``: ``HubStatus``
* ``GET /applications``: ``list[ApplicationSummary]``
* ``GET /devices?application=``: ``list[DeviceSummary]``
* ``GET /applications/{application}/devices/{device}``: ``DeviceDetail``
* ``GET /events?application=&device=&channel=&before=&after=&since_us=&limit=``: ``EventPage``
* ``POST /applications/{application}/devices/{device}/commands``, ``CommandRequest``:
  201 ``CommandRecord``
* ``GET /commands?application=&device=&limit=``: ``list[CommandRecord]``
* ``GET /commands/{id}?wait_s=``: ``CommandRecord``
* ``GET /registry``: the TOML document
* ``PUT /registry``, the TOML document: ``ApplyReport``
* ``GET /login``: ``OperatorSummary`` of who calls
* ``GET /operators``: ``list[OperatorSummary]``
* ``POST /operators``, ``OperatorRequest``: 201 ``OperatorSummary``
* ``DELETE /operators/{operator}``: 204
* ``PUT /operators/{operator}/role``, ``RoleRequest``: ``OperatorSummary``
* ``POST /operators/{operator}/tokens``, ``TokenRequest``: 201 ``CreatedToken``
* ``DELETE /operators/{operator}/tokens/{prefix}``: 204

Every call needs the operator's login, ``Authorization: Basic`` or ``Bearer <token>``; a refusal is
an ``ApiError``. Lists hold what the operator may see; ``/status`` takes a role for the hub as a
whole, ``/registry`` that of an admin. ``{device}`` is the device's id, or its name where only one
device of the application has it. With ``wait_s`` (0..60) the answer waits until the command is
final, at most so long.
"""

from typing import Annotated, Literal

import msgspec

DeviceState = Literal["online", "offline", "never"]
CommandState = Literal[
    "queued", "sent", "acknowledged", "answered", "delivered", "failed", "expired"
]


class HubStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Whether all is well.

    Attributes:
        version: Of Leafhub.
        started_us: When the hub started.
        trouble: What is wrong now, a sentence each; empty when all is well.
        connections: Open MQTT connections.
        messages_per_second: Device messages, mean of the last 5 seconds.
        messages_total: Device messages since the start.
        commit_ms: How long the last group of writes took.
        store_bytes: Size of the store on disk.
        store_waiting: Batches that wait for the store.
        listeners: Where MQTT is served, like ``mqtts://0.0.0.0:8883``.
        queue_bytes: What messages under way to clients, and those that wait for them, hold now.
        messages_dropped: Messages to clients that were given up since the start: too many waited
            for one that was slow or away, or their time was over.
    """

    version: str
    started_us: int
    trouble: list[str]
    connections: int
    messages_per_second: float
    messages_total: int
    commit_ms: float
    store_bytes: int
    store_waiting: int
    listeners: list[str]
    queue_bytes: int = 0
    messages_dropped: int = 0


class ApplicationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One application.

    Attributes:
        name: Its name; its live feed is the topic ``app/<name>``.
        dialect: What its devices speak.
        devices: How many there are.
        online: How many are connected.
    """

    name: str
    dialect: str
    devices: int
    online: int


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """The newest message of a channel.

    Attributes:
        channel: Its name.
        time_us: When it was taken.
        datacontenttype: Media type.
        data: The value: the JSON value where it is JSON, else the text, else base64.
    """

    channel: str
    time_us: int
    datacontenttype: str
    data: msgspec.Raw


class DeviceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the fleet.

    Attributes:
        application: Its application.
        id: Its identifier in the dialect.
        name: What people call it.
        dialect: What it speaks.
        enabled: Whether it may log in.
        state: ``online`` while connected; ``never``: was never seen.
        seen_us: When it was last heard of; ``None``: never.
        latest: Its newest reading; of a device that sends none, its newest message.
        connections: How many connections it has open.
    """

    application: str
    id: str
    name: str
    dialect: str
    enabled: bool
    state: DeviceState
    seen_us: int | None
    latest: Value | None
    connections: int


class DeviceDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One device's page.

    Attributes:
        summary: Its row.
        created_us: When its record was made.
        values: The newest message of each channel, by channel.
        addresses: Where its open connections come from.
        commands: Names of commands that it took before, so that they make sense for it; may be
            empty.
    """

    summary: DeviceSummary
    created_us: int
    values: list[Value]
    addresses: list[str]
    commands: list[str]


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One stored message.

    Attributes:
        position: Its place in the store; pages go by it.
        id: CloudEvents ``id``.
        kind: ``reading``, ``occurrence``, ``data``, ``answer``, ``connection`` or ``registry``.
        application: Its application.
        device: The device it is about.
        sender: The device that sent it.
        channel: CloudEvents ``subject``.
        time_us: When it happened.
        datacontenttype: Media type.
        data: As in ``Value``.
        topic: The MQTT topic it came in on.
        raw_base64: The original payload where it differs from ``data``.
    """

    position: int
    id: str
    kind: str
    application: str
    device: str
    sender: str
    channel: str
    time_us: int
    datacontenttype: str
    data: msgspec.Raw
    topic: str
    raw_base64: str | None


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Stored messages, newest first.

    Attributes:
        events: This page.
        next_before: Pass it as ``before`` for the page after; ``None``: this was the last.
    """

    events: list[EventRecord]
    next_before: int | None


class CommandRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command to send.

    Attributes:
        name: What to do.
        data: The argument, any JSON value; leave out for none.
        timeout_s: Give up after so long, seconds, above 0; absent: as the dialect says.
    """

    name: str
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    timeout_s: float | None = None


class CommandRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A command and where it stands.

    Attributes:
        id: Its id.
        application: Application of the target.
        device: Id of the target.
        name: What to do.
        data: The argument; ``null`` when there was none.
        state: Where it stands.
        final: Whether that was the last state.
        created_us: When it was taken.
        updated_us: When it entered ``state``.
        expires_us: When it gives up.
        operator: Who sent it.
        answer: What the device said, JSON value or text; absent until it did.
        error: Why it failed or expired.
    """

    id: str
    application: str
    device: str
    name: str
    data: msgspec.Raw
    state: CommandState
    final: bool
    created_us: int
    updated_us: int
    expires_us: int | None
    operator: str
    answer: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: str | None


class ApplyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What applying a document did, each as ``application`` or ``application/device``."""

    created: list[str]
    updated: list[str]
    unchanged: list[str]


RoleName = Literal["reader", "writer", "admin"]
"""What an operator may do; each includes those before it.

A reader sees applications, devices and events; a writer also sends commands and changes
applications and devices; an admin also removes applications, and says who else may.
"""


class TokenSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A token, which itself was shown once.

    Attributes:
        prefix: How it begins.
        created_us: When it was made.
        description: What it is for.
    """

    prefix: str
    created_us: int
    description: str


class OperatorSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A person or program on the application side.

    Attributes:
        name: Login name; ``anybody`` stands for whoever shows no login.
        role: What it may do everywhere; ``None``: what ``roles`` says.
        roles: What it may do beyond that, by application.
        tokens: Its tokens, for itself and for admins of the hub.
    """

    name: str
    role: RoleName | None
    roles: dict[str, RoleName]
    tokens: list[TokenSummary]


class OperatorRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operator to make.

    Attributes:
        name: 1 to 64 letters, digits, ``.``, ``_`` and ``-``.
        role: What it may do everywhere.
        roles: What it may do beyond that, by application.
    """

    name: str
    role: RoleName | None = None
    roles: dict[str, RoleName] = {}


class RoleRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may do from now on.

    Attributes:
        role: ``None``: nothing there.
        application: Where; ``None``: everywhere.
    """

    role: RoleName | None
    application: str | None = None


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token to make.

    Attributes:
        description: What it is for, at most 256 characters.
    """

    description: Annotated[str, msgspec.Meta(max_length=256)] = ""


class CreatedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A new token.

    Attributes:
        prefix: How it begins.
        token: The token itself, shown this once.
    """

    prefix: str
    token: str


class ApiError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a call was refused.

    Attributes:
        status: The HTTP status.
        error: A code to search for, like ``not_found``.
        message: Cause and cure, one sentence each.
        path: Where in the document the mistake is.
    """

    status: int
    error: str
    message: str
    path: str | None = None
