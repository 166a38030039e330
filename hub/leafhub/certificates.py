"""The certificates that the hub's listeners show: made, given, renewed and replaced as it runs."""

import asyncio
import datetime as dt
import logging
import ssl

from leafhub import authority
from leafhub.certificate_files import (
    Adopt,
    Certificate,
    CertificateFiles,
    CertificateWatch,
)
from leafhub.data_folder import DataFolder
from leafhub.errors import ConfigurationError

LOOK_S = 10.0
"""How often certificate files are looked at: two calls of the operating system for each pair;
whoever cannot wait sends SIGHUP."""
RENEW_S = 86_400.0
"""How often the hub's own certificate is looked over: its dates, and the machine's addresses."""

log = logging.getLogger(__name__)


class Certificates:
    """One for each hub; used from the event loop's thread.

    Args:
        folder: Where the hub's own certificate is; other files' paths start here.
        domain: The hub's own domain.
    """

    def __init__(self, folder: DataFolder, domain: str) -> None:
        self._folder = folder
        self._domain = domain
        self._own = CertificateFiles(folder.server_certificate, folder.server_key)
        self._watch = CertificateWatch()

    def prepare(self) -> None:
        """Make or renew the hub's own certificate if need be; only who has the store may.

        Raises:
            ConfigurationError: See ``authority.prepare``.
        """
        prepared = authority.prepare(
            self._folder,
            authority.names_of_this_machine(self._domain),
            dt.datetime.now(dt.UTC),
        )
        if prepared.new_certificate:
            log.info("new server certificate: %s", prepared.reason)

    def read(self, certificate: str | None, key: str | None, adopt: Adopt) -> Certificate:
        """Read a certificate, the hub's own by default; ``adopt`` gets those that follow.

        Raises:
            ConfigurationError: It cannot be used.
        """
        files = self._own
        if certificate is not None and key is not None:
            files = CertificateFiles(self._folder.path / certificate, self._folder.path / key)
        return self._watch.certificate(files, adopt)

    def https_context(self) -> ssl.SSLContext:
        """The hub's own certificate for HTTPS, now and later.

        Raises:
            ConfigurationError: It cannot be used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2

        def load(certificate: Certificate) -> None:
            files = certificate.files
            try:
                context.load_cert_chain(files.certificate, files.key)
            except (OSError, ssl.SSLError) as exc:
                raise ConfigurationError(
                    f"HTTPS cannot use it ({exc})", path=str(files.certificate)
                ) from exc

        load(self.read(None, None, load))
        return context

    def look(self) -> None:
        """Take in what has changed, now."""
        self._watch.look(at_once=True)

    async def run(self) -> None:
        """Renew the hub's own certificate in time, and take in files that others change."""
        while True:
            for _ in range(int(RENEW_S / LOOK_S)):
                await asyncio.sleep(LOOK_S)
                self._watch.look()
            try:
                await asyncio.to_thread(self.prepare)
            except (ConfigurationError, OSError) as exc:
                log.error("the hub's certificate was not looked over: %s", exc)  # noqa: TRY400 - its text says all
