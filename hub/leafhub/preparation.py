"""What has to be there before a hub can start: its folder, certificates, an operator's login."""

import datetime as dt

from leafhub import authority, operator_file
from leafhub.config import Config


def prepare(config: Config) -> list[str]:
    """Make what the data folder lacks, and say what that was; what is there stays as it is.

    Raises:
        ConfigurationError: Something cannot be made, or what is there cannot be used.
    """
    folder = config.folder
    made: list[str] = []
    if folder.make():
        made.append(f"{folder.path} (for you only)")
    names = authority.names_of_this_machine(config.domain)
    prepared = authority.prepare(folder, names, dt.datetime.now(dt.UTC))
    if prepared.new_ca:
        made.append("ca.pem and ca.der, the CA that boards and browsers trust, and its key")
    if prepared.new_certificate:
        made.append(f"server.pem, the hub's certificate, and its key ({prepared.reason})")
    if operator_file.make(config):
        made.append("operator.json, the login for `leafhub watch` and the other commands")
    return made
