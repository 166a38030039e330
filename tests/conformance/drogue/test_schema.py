"""Drogue Cloud's faces are as the hub's OpenAPI document says: schemathesis tries to show not."""

import asyncio
import os
import re
import sys
from pathlib import Path

import httpx
from drogue_registry import RegistryApi, app, device
from whole_hub import TOKEN, RunningHub

SEED = 20261121
EXAMPLES = 8  # for each call; hundreds take minutes, and are for a person who waits
FACES = r"^/(api/(registry|tokens|admin|command|console)/|\.well-known/drogue-)"
SUPPORT = Path(__file__).parents[2] / "support"


async def test_what_is_served_is_what_the_document_says(hub: RunningHub, tmp_path: Path) -> None:
    async with httpx.AsyncClient(
        base_url=hub.http.base_url, auth=("operator", TOKEN), trust_env=False
    ) as http:
        await RegistryApi(http).make(app("app1"), device("dev1", "app1"))
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        f"--config-file={SUPPORT / 'schemathesis.toml'}",
        "run",
        f"{hub.http.base_url}/schema",
        f"--auth=operator:{TOKEN}",
        f"--include-path-regex={FACES}",
        f"--seed={SEED}",
        f"--max-examples={EXAMPLES}",
        "--phases=fuzzing,stateful",
        "--suppress-health-check=all",
        "--no-color",
        cwd=tmp_path,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "schema_hooks",
            "PYTHONPATH": str(SUPPORT),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text
    selected = re.search(r"Operations: +(\d+) selected", text)
    assert selected is not None, text
    assert int(selected[1]) > 20  # the faces are all there, and none was left out by mistake
