"""Keeps what the hub has given to this leaf in one file, whole or not at all."""

import json
import os

_FILE = "credentials.json"


class Credentials:
    """The credentials file in ``folder``, for one identity of one dialect.

    ``owner`` names that identity: what was given to another one is not ours to use. ``keys`` are
    what its credentials consist of.
    """

    def __init__(self, folder, owner, keys):
        self._folder = folder
        self._path = folder + "/" + _FILE
        self._owner = owner
        self._keys = keys

    def load(self):
        """Return the kept credentials, or None if there are none that can be used."""
        try:
            with open(self._path) as file:
                kept = json.load(file)
        except OSError:  # the first start
            return None
        except ValueError:  # half of a file, or no text at all
            kept = None
        try:
            credentials = kept["credentials"]
            if kept["owner"] != self._owner:
                print("leaf: the credentials file is another identity's; starting without it")
            elif all(isinstance(credentials[key], str) for key in self._keys):
                return credentials
            else:
                raise KeyError
        except (KeyError, TypeError):
            print("leaf: the credentials file is damaged; starting without it")
        return None

    def save(self, credentials):
        """Keep ``credentials``: after a power cut the file holds either the old or the new.

        A full or broken disk is told and borne: the leaf goes on with what it has in memory.
        """
        try:
            os.mkdir(self._folder)
        except OSError:  # it is there; if not, open() says so
            pass
        temporary = self._path + ".tmp"
        try:
            with open(temporary, "w") as file:
                json.dump({"owner": self._owner, "credentials": credentials}, file)
                file.flush()  # on the unix port: to the disk
            if hasattr(os, "sync"):  # on a board: to the flash
                os.sync()
            os.rename(temporary, self._path)
        except OSError as exc:
            print("leaf: the credentials cannot be kept in %s: %s" % (self._folder, exc))
