"""Commands of other rooms and packages: entry points ``leafhub.commands``, loaded when called."""

import ast
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from pathlib import Path

import typer

from leafhub.errors import ConfigurationError

GROUP = "leafhub.commands"
_OWN = "leafhub_"  # the package leafhub_tui needs what the extra ``tui`` brings


def add_to(app: typer.Typer) -> None:
    """Give ``app`` a command for each entry point; nothing is imported yet."""
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda p: p.name):
        _add(app, point)


def add_verbatim(
    app: typer.Typer, name: str, summary: str, command: Callable[[list[str]], None]
) -> None:
    """Give ``app`` a command that reads its words itself, ``--help`` too."""

    @app.command(
        name,
        help=summary,
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def run(context: typer.Context) -> None:
        command(context.args)


def _add(app: typer.Typer, point: importlib.metadata.EntryPoint) -> None:
    def run(words: list[str]) -> None:
        command = _load(point)
        command(args=words, prog_name=f"leafhub {point.name}")

    add_verbatim(app, point.name, _summary(point), run)


def _load(point: importlib.metadata.EntryPoint) -> typer.Typer:
    """Import the command.

    Raises:
        ConfigurationError: A package it needs is not installed.
    """
    try:
        loaded = point.load()
    except ModuleNotFoundError as exc:
        package = point.module.partition(".")[0]
        extra = package.removeprefix(_OWN) if package.startswith(_OWN) else ""
        wanted = f"leafhub[{extra}]" if extra and exc.name != package else exc.name or package
        raise ConfigurationError(
            f"`leafhub {point.name}` needs {exc.name}, which is not installed; "
            f"run `pip install '{wanted}'`"
        ) from exc
    if isinstance(loaded, typer.Typer):
        return loaded
    command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    command.command()(loaded)
    return command


def _summary(point: importlib.metadata.EntryPoint) -> str:
    """The first line of the function's docstring, read without running its module."""
    try:
        spec = importlib.util.find_spec(point.module)
        if spec is None or spec.origin is None:
            return ""
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    except (ImportError, OSError, SyntaxError, ValueError):
        return ""  # it says what is wrong when it is called
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == point.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""
