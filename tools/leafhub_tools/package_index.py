"""Fetch one file from the Python package index, checked by its hash.

``PIP_INDEX_URL`` names another index, ``PIP_CERT`` the certificates to trust.
"""

import hashlib
import html.parser
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request

from leafhub_tools.bringing import BringError

_DOWNLOAD_LIMIT_BYTES = 10_000_000  # what is fetched has 0.1 MB at most, an index page some 100 kB
_DOWNLOAD_TIMEOUT_S = 60


def fetch(project: str, name: str, sha256: str) -> bytes:
    """Return the file ``name`` of ``project``.

    Args:
        project: As the index spells it in addresses.
        name: The file.
        sha256: Of the file, hexadecimal.

    Raises:
        BringError: No answer, not there, or another file than it should be.
    """
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    page = f"{index}/{project}/"
    links = _Links()
    links.feed(_download(page).decode(errors="replace"))
    for link in links.found:
        address = urllib.parse.urljoin(page, link)
        if urllib.parse.unquote(urllib.parse.urlsplit(address).path).endswith(f"/{name}"):
            content = _download(address.partition("#")[0])
            break
    else:
        raise BringError(f"the package index has no {name}; set PIP_INDEX_URL to one that has it")
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise BringError(f"{name} is not the file it should be: sha256 {digest}")
    return content


class _Links(html.parser.HTMLParser):
    """Collect the addresses of all links of an index page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for key, value in attrs if key == "href" and value]


def _download(address: str) -> bytes:
    """Return what is at ``address``.

    Raises:
        BringError: No answer, a refusal, or too much of it.
    """
    if urllib.parse.urlsplit(address).scheme not in {"http", "https", "file"}:
        raise BringError(f"{address} is no web address")
    if address.startswith("file:") and address.endswith("/"):
        address += "index.html"  # as pip reads an index in a folder
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    request = urllib.request.Request(address, headers={"Accept": "text/html, */*;q=0.1"})  # noqa: S310 - the scheme is checked above
    try:
        with urllib.request.urlopen(  # noqa: S310 - the scheme is checked above
            request, timeout=_DOWNLOAD_TIMEOUT_S, context=context
        ) as answer:
            content = answer.read(_DOWNLOAD_LIMIT_BYTES + 1)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as exc:
        raise BringError(
            f"could not fetch {address}: {exc}; is there a network, is PIP_INDEX_URL right?"
        ) from exc
    if len(content) > _DOWNLOAD_LIMIT_BYTES:
        raise BringError(f"{address} is larger than {_DOWNLOAD_LIMIT_BYTES} bytes")
    return bytes(content)
