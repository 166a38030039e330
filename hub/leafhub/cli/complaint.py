"""What is said where a command failed, and with which exit code it ends."""

from rich.console import Console
from rich.markup import escape

from leafhub.cli.message_commands import CommandFailedError
from leafhub.cli.output import printable
from leafhub.contract.client import HubUnreachableError
from leafhub.errors import HubError

REFUSED = 1
UNREACHABLE = 3
COMMAND_FAILED = 4


def complain(exc: HubError) -> int:
    """Say the cause on the first line, the cure on the second; gives the exit code."""
    text = str(exc)
    cause, semicolon, cure = text.rpartition("; ")
    if not semicolon:
        cause, cure = text, ""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[red]leafhub:[/red] {escape(printable(cause))}")
    if cure:
        end = "" if cure.endswith(("?", ".")) else "."
        console.print(f"  {escape(printable(cure[0].upper() + cure[1:]))}{end}")
    match exc:
        case HubUnreachableError():
            return UNREACHABLE
        case CommandFailedError():
            return COMMAND_FAILED
        case _:
            return REFUSED
