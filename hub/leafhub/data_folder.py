"""The hub's data folder: what is in it, and writing so that a power cut leaves old or new."""

import os
import tempfile
from pathlib import Path

from leafhub.contract import operator_login
from leafhub.errors import ConfigurationError

SECRET = 0o600
PUBLIC = 0o644


class DataFolder:
    """Names of the files; nothing is read or made until asked for.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.configuration = path / "leafhub.toml"
        self.database = path / "leafhub.sqlite"
        self.operator_login = path / operator_login.FILE_NAME
        self.ca_certificate = path / "ca.pem"
        self.ca_certificate_der = path / "ca.der"
        self.ca_key = path / "ca-key.pem"
        self.server_certificate = path / "server.pem"
        self.server_key = path / "server-key.pem"

    def make(self) -> bool:
        """Make the folder, for its owner only, and say whether it was new.

        Raises:
            ConfigurationError: It cannot be made.
        """
        if self.path.is_dir():
            return False
        try:
            self.path.mkdir(mode=0o700, parents=True)
        except OSError as exc:
            raise ConfigurationError(
                f"cannot be made ({exc.strerror}); name another data folder with --data",
                path=str(self.path),
            ) from exc
        return True


def write(path: Path, content: bytes, *, mode: int) -> None:
    """Replace a file as a whole and make it last through a power cut.

    Raises:
        ConfigurationError: The folder takes no file.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink()
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as exc:
        raise ConfigurationError(
            f"cannot be written ({exc.strerror}); see that its folder is there, has room, and is "
            "yours to write",
            path=str(path),
        ) from exc
