"""Every command with its name, as typer shows and calls them."""

import typer

from leafhub.cli import (
    extensions,
    hub_commands,
    message_commands,
    operator_commands,
    registry_commands,
    run_command,
)

_HELP = """One hub for boards written for Drogue Cloud, SmartWorks, CloudPlugs and Murano, and
an MQTT broker for all else.

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
    extensions.add_verbatim(app, "run", run_command.SUMMARY, run_command.run)
    app.command("apply")(registry_commands.apply)
    app.command("export")(registry_commands.export)
    app.command("devices")(registry_commands.devices)
    app.command("events")(message_commands.events)
    app.command("command")(message_commands.command)
    app.add_typer(operator_commands.build_operator(), name="operator")
    app.add_typer(operator_commands.build_token(), name="token")
    app.command("config")(hub_commands.show_config)
    app.command("version")(hub_commands.version)
    extensions.add_to(app)
    return app
