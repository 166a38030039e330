"""Commands about what devices say and are told: ``events``, ``command``."""

from typing import Annotated

import msgspec
import typer

from leafhub.cli import options
from leafhub.cli.output import give_json, give_table, moment, named, next_step, said, say
from leafhub.contract.client import HubClient
from leafhub.contract.operator_api import CommandRecord, CommandRequest
from leafhub.errors import HubError

WAIT_STEP_S = 20.0  # how long one call waits; the next one goes on
FOLLOW_PAUSE_S = 0.2  # between looks at a command that has moved on but is not final


class CommandFailedError(HubError):
    """The command ended without an answer.

    Args:
        command: How it ended.
    """

    def __init__(self, command: CommandRecord) -> None:
        super().__init__(
            f"the command {command.state}: {command.error or 'the device gave no reason'}; "
            f"`leafhub events {named(command.application, command.device)}` shows what it says"
        )


def events(
    device: Annotated[
        str | None, typer.Argument(help="APPLICATION, or APPLICATION/DEVICE by id or name.")
    ] = None,
    *,
    channel: Annotated[str | None, typer.Option(help="Only this channel.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 20,
    before: Annotated[
        int | None, typer.Option(help="Older ones: below this position.", show_default=False)
    ] = None,
    data: options.Data = None,
    hub: options.Hub = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Show what devices said, the newest first."""
    application, _, name = (device or "").partition("/")
    with options.connect(data, hub, token) as client:
        page = client.events(
            application=application or None,
            device=name or None,
            channel=channel,
            before=before,
            limit=limit,
        )
    if json:
        give_json(page)
        return
    give_table(
        ("time", "device", "kind", "channel", "value"),
        [
            (
                moment(event.time_us),
                f"{event.application}/{event.device}",
                event.kind,
                event.channel,
                said(event),
            )
            for event in page.events
        ],
    )
    if page.next_before is not None:
        next_step(f"add --before {page.next_before} for older ones")
    elif not page.events:
        next_step("`leafhub devices` shows which devices have been there")


def command(
    device: Annotated[str, typer.Argument(help="APPLICATION/DEVICE, by id or name.")],
    name: Annotated[str, typer.Argument(help="What to do.")],
    argument: Annotated[
        str | None,
        typer.Argument(metavar="JSON", help="The argument, as JSON; text needs quotes in it."),
    ] = None,
    *,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Follow it to its end.")] = False,
    timeout_s: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            min=0.001,
            help="Give up after so many seconds; as the dialect says if left out.",
            show_default=False,
        ),
    ] = None,
    data: options.Data = None,
    hub: options.Hub = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Send a command to a device.

    With --wait the exit code is 0 when it was answered (or delivered, where devices do not
    answer), and 4 when it failed or expired. With --json it gives one document: how the command
    stands at the end.
    """
    application, slash, target = device.partition("/")
    if not (application and slash and target):
        raise typer.BadParameter("write it as APPLICATION/DEVICE", param_hint="DEVICE")
    request = CommandRequest(name=name, data=_argument(argument), timeout_s=timeout_s)
    with options.connect(data, hub, token) as client:
        sent = client.send_command(application, target, request)
        if not json:
            _tell(sent)
        if wait:
            sent = _follow(client, sent, quiet=json)
    if json:
        give_json(sent)
    if sent.final and sent.state not in {"answered", "delivered"}:
        raise CommandFailedError(sent)
    if not json and not wait:
        next_step("with --wait it shows the answer")


def _argument(text: str | None) -> msgspec.Raw | msgspec.UnsetType:
    if text is None:
        return msgspec.UNSET
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise typer.BadParameter(
            f"{text!r} is not JSON ({exc}); for text write '\"{text}\"'", param_hint="JSON"
        ) from exc
    return msgspec.Raw(text.encode())


def _follow(client: HubClient, sent: CommandRecord, *, quiet: bool) -> CommandRecord:
    """Tell each step of a command until its last.

    The hub answers when the command is final; the steps between are looked for at short intervals
    at first, because most commands are through in a moment.
    """
    looks = 0
    while not sent.final:
        looks += 1
        before = sent.state
        quick = looks * FOLLOW_PAUSE_S < WAIT_STEP_S
        sent = client.command(sent.id, wait_s=FOLLOW_PAUSE_S if quick else WAIT_STEP_S)
        if sent.state != before and not quiet:
            _tell(sent)
    return sent


def _tell(sent: CommandRecord) -> None:
    answer = f": {bytes(sent.answer).decode()}" if sent.answer is not msgspec.UNSET else ""
    say(f"{moment(sent.updated_us)} {sent.state}{answer}")
