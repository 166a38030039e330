"""The command line ``leafhub``.

Exit codes: 0 done; 1 refused or failed; 2 wrong call; 3 no answer from the hub; 4 the command to a
device failed or expired; 130 ended by Ctrl-C.
"""

from collections.abc import Sequence

import typer
from rich.console import Console
from rich.markup import escape

from leafhub.cli import extensions, hub_commands, message_commands, registry_commands
from leafhub.cli.output import printable
from leafhub.contract.client import HubUnreachableError
from leafhub.errors import HubError

DONE = 0
REFUSED = 1
UNREACHABLE = 3
COMMAND_FAILED = 4
INTERRUPTED = 130

_HELP = """One hub for boards written for Drogue Cloud, SmartWorks, CloudPlugs and Murano.

Exit codes: 0 done, 1 refused or failed, 2 wrong call, 3 no answer from the hub, 4 the command to a
device failed or expired.
"""


def build() -> typer.Typer:
    """The command line with all its commands."""
    app = typer.Typer(
        name="leafhub",
        help=_HELP,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    app.command("init")(hub_commands.init)
    app.command("run")(hub_commands.run)
    app.command("apply")(registry_commands.apply)
    app.command("export")(registry_commands.export)
    app.command("devices")(registry_commands.devices)
    app.command("events")(message_commands.events)
    app.command("command")(message_commands.command)
    app.command("config")(hub_commands.show_config)
    app.command("version")(hub_commands.version)
    extensions.add_to(app)
    return app


def main(args: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit code, and says cause and cure where it failed."""
    try:
        build()(args=args, prog_name="leafhub")
    except HubError as exc:
        _complain(str(exc))
        return _exit_code(exc)
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else DONE
    return DONE


def _exit_code(exc: HubError) -> int:
    match exc:
        case HubUnreachableError():
            return UNREACHABLE
        case message_commands.CommandFailedError():
            return COMMAND_FAILED
        case _:
            return REFUSED


def _complain(text: str) -> None:
    """Cause on the first line, cure on the second."""
    cause, semicolon, cure = text.rpartition("; ")
    if not semicolon:
        cause, cure = text, ""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[red]leafhub:[/red] {escape(printable(cause))}")
    if cure:
        end = "" if cure.endswith(("?", ".")) else "."
        console.print(f"  {escape(printable(cure[0].upper() + cure[1:]))}{end}")
