"""As much of curl as the documentation uses, for computers that have none.

``python curl.py [-u name:password] [-X method] [--json text] [-d text] [-H header] url``
"""

import argparse
import sys

import httpx


def main() -> int:
    """Make the request; the exit code says whether it went well, as with ``--fail``."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-u", "--user")
    parser.add_argument("-X", "--request")
    parser.add_argument("--json")
    parser.add_argument("-d", "--data")
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument("url")
    said = parser.parse_args()
    headers = dict(header.split(": ", 1) for header in said.header)
    body = said.data
    if said.json is not None:
        body = said.json
        headers["Content-Type"] = headers["Accept"] = "application/json"
    elif body is not None:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    answer = httpx.request(
        said.request or ("GET" if body is None else "POST"),
        said.url,
        content=body,
        headers=headers,
        auth=None if said.user is None else tuple(said.user.split(":", 1)),
        trust_env=False,
    )
    print(answer.text)  # noqa: T201 - that is what it is for
    return 0 if answer.is_success else 22


if __name__ == "__main__":
    sys.exit(main())
