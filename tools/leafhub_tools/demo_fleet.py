"""The demonstration's fleet: one leaf per dialect, what the hub knows of it, its ``leaf.json``.

What a vendor's console would hand to the owner of a device (an enroll password, a device's first
password) is made here by chance at the first start and kept in the data folder's ``demo.toml``.
"""

import secrets
import string
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from leafhub.errors import ConfigurationError

DOCUMENT = "demo.toml"

_TEMPLATE = string.Template("""\
# The demonstration's applications and devices; `leafhub apply` takes this file.

[[application]]                       # Drogue Cloud: the device is declared, with its password
name = "greenhouse"
dialect = "drogue"
[[application.device]]
id = "bed-1"
name = "Bed 1"
credentials = [{ password = "$drogue_password" }]

[[application]]                       # CloudPlugs: a serial number is declared; the Thing enrolls
name = "kitchen"
dialect = "cloudplugs"
[application.settings]
id = "com-$company"
[[application.settings.models]]
id = "mod-$model"
serials = { "FRIDGE-0001" = { enroll = "$enroll_password" } }

[[application]]                       # Murano: the connector is open, the device provisions itself
name = "workshop"
dialect = "murano"
[application.settings.resources]
temperature = { format = "number", unit = "Cel" }
set-temp = { format = "number", settable = true, allowed = ["5-30"] }
identify = { format = "json", settable = true }

[[application]]                       # SmartWorks: the thing is declared, the hub makes its user
name = "roof"
dialect = "smartworks"
[[application.device]]
name = "Weather mast"
[application.device.settings.thing]
"@type" = ["swx:mqtt-device"]
title = "Weather mast"
properties.temperature = { type = "number", unit = "Cel", readOnly = true }
actions.identify = {}
actions.set-temp.input = { type = "number", minimum = 5, maximum = 30 }
""")


class LeafPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One virtual leaf.

    Attributes:
        name: What it is called; also its folder.
        dialect: What it speaks.
        settings: Its ``leaf.json``.
    """

    name: str
    dialect: str
    settings: dict[str, object]


def make_document(folder: Path) -> str:
    """The demonstration's registry document, made at the first start.

    Args:
        folder: The hub's data folder.
    """
    path = folder / DOCUMENT
    if not path.exists():
        text = _TEMPLATE.substitute(
            drogue_password=secrets.token_urlsafe(18),
            company=secrets.token_hex(12),
            model=secrets.token_hex(12),
            enroll_password=secrets.token_urlsafe(18),
        )
        temporary = path.with_suffix(".tmp")  # whole or not at all: it is made once only
        temporary.touch(mode=0o600)
        temporary.write_text(text)
        temporary.replace(path)
    return path.read_text()


def plan(document: str, registry: str, hub: Mapping[str, object]) -> list[LeafPlan]:
    """Say what each leaf must know.

    Args:
        document: What ``make_document`` gave.
        registry: What the hub exports once it took the document: the thing and its user.
        hub: ``host``, ``port``, ``tls``, ``ca`` and ``interval_s`` for every ``leaf.json``.

    Raises:
        ConfigurationError: Somebody has taken out of the document what a leaf needs.
    """
    try:
        sections = _sections(document, registry)
    except (LookupError, TypeError) as exc:
        raise ConfigurationError(
            f"lacks what the demonstration's leaves need ({exc}); "
            "put it back, or move the file away: then it is made anew",
            path=DOCUMENT,
        ) from exc
    return [
        LeafPlan(
            name=name,
            dialect=dialect,
            settings={**hub, "name": name, "dialect": dialect, dialect: section},
        )
        for dialect, (name, section) in sections.items()
    ]


def _sections(document: str, registry: str) -> dict[str, tuple[str, dict[str, object]]]:
    """For each dialect the leaf's name and its own part of ``leaf.json``."""
    declared = _applications(document)
    thing = _applications(registry)["roof"]["device"][0]
    user = thing["credentials"][0]
    model = declared["kitchen"]["settings"]["models"][0]
    password = declared["greenhouse"]["device"][0]["credentials"][0]["password"]
    return {
        "drogue": (
            "Bed 1",
            {"application": "greenhouse", "device": "bed-1", "password": password},
        ),
        "cloudplugs": (
            "Fridge",
            {
                "model": model["id"],
                "hwid": "FRIDGE-0001",
                "name": "Fridge",
                "enroll_password": model["serials"]["FRIDGE-0001"]["enroll"],
            },
        ),
        "murano": ("Lathe", {"connector": "workshop", "identity": "lathe-1"}),
        "smartworks": (
            "Weather mast",
            {
                "thing": thing["id"],
                "username": user["username"],
                "password": user.get("password") or user["secret"],
            },
        ),
    }


def _applications(document: str) -> dict[str, Any]:
    return {a["name"]: a for a in tomllib.loads(document)["application"]}
