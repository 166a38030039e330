"""What schemathesis is to know of Drogue Cloud's faces beyond their OpenAPI document.

It loads this module by the name in ``SCHEMATHESIS_HOOKS``.
"""

import zlib
from typing import Any, Final
from urllib.parse import quote, unquote

import schemathesis
from schemathesis import Case, GenerationMode, HookContext, Response

APPLICATIONS: Final = ("app1", "app2", "app3")
DEVICES: Final = ("dev1", "dev2", "a/b", "%2F", "ü")
REFUSAL: Final = b'{"error":"","message":""}'


@schemathesis.hook
def map_case(_: HookContext, case: Case[Any]) -> Case[Any]:
    """Let some calls be about what is there, and paths name what bodies name.

    A call that is to be wrong stays as it is.
    """
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return case
    names = {name: unquote(value) for name, value in (case.path_parameters or {}).items()}
    metadata = case.body.get("metadata") if isinstance(case.body, dict) else None
    if isinstance(metadata, dict):
        own = "device" if "application" in metadata else "application"
        wanted = {"application": metadata.get("application", ""), own: metadata["name"]}
        chosen = {name: _chosen(name, str(value)) for name, value in wanted.items()}
        metadata |= {name: chosen[name] for name in ("application",) if name in metadata}
        metadata["name"] = chosen[own]
        names |= {name: value for name, value in chosen.items() if name in names}
    else:
        names = {name: _chosen(name, value) for name, value in names.items()}
    case.path_parameters = {name: quote(value, safe="") for name, value in names.items()}
    return case


@schemathesis.hook
def after_call(_: HookContext, __: Case[Any], response: Response) -> None:
    """Some refusals have no body: OpenAPI knows either that or a body for a status."""
    if response.status_code in {400, 404} and not response.content:
        response.content = REFUSAL
        response.headers["content-type"] = ["application/json"]


def _chosen(kind: str, name: str) -> str:
    """That name, or for half of all names one that others choose too."""
    number = zlib.crc32(name.encode(errors="surrogatepass"))
    if number % 2 == 0 and name.strip("."):  # clients take dots for steps in a path
        return name
    choices = DEVICES if kind == "device" else APPLICATIONS
    return choices[number // 2 % len(choices)]
