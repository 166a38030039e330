"""Reads leaf.json and refuses what it does not know, naming the key."""

import json

from leaf import dialects
from leaf.errors import ConfigError

_NUMBER = (int, float)

_REQUIRED = {"host": str, "dialect": str}
_OPTIONAL = {
    "port": int,
    "tls": bool,
    "ca": str,
    "name": str,
    "data": str,
    "interval_s": _NUMBER,
    "keep_alive_s": int,
    "deadline_s": _NUMBER,
    "wifi": dict,
}
_WIFI = {"ssid": str, "password": str}


def load_config(path):
    """Return the configuration in the file ``path``, complete with all defaults.

    ``interval_s`` is the time between two readings, ``keep_alive_s`` the longest silence that the
    hub sees from us, ``deadline_s`` how long we wait for any one answer.

    Raises:
        ConfigError: No such file, no JSON, an unknown or missing key, a value of the wrong kind.
    """
    try:
        with open(path) as file:
            config = json.load(file)
    except OSError as exc:
        raise ConfigError("%s cannot be read: %s" % (path, exc))
    except ValueError:
        raise ConfigError("%s is not JSON" % path)
    if not isinstance(config, dict):
        raise ConfigError("%s must hold one JSON object" % path)
    try:
        return _checked(config)
    except ConfigError as exc:
        raise ConfigError("%s: %s" % (path, exc))


def _checked(config):
    known = dict(_OPTIONAL)
    for name in dialects.NAMES:
        known[name] = dict
    _check(config, _REQUIRED, known, "")
    name = config["dialect"]
    if name not in dialects.NAMES:
        raise ConfigError('"dialect" must be one of: %s' % ", ".join(dialects.NAMES))
    if name not in config:
        raise ConfigError('the section "%s" is missing' % name)
    dialect = dialects.load(name)
    _check(config[name], dialect.REQUIRED, dialect.OPTIONAL, name + ".")
    if "wifi" in config:
        _check(config["wifi"], _WIFI, {}, "wifi.")
    tls = config.setdefault("tls", True)
    if tls and "ca" not in config:
        raise ConfigError('"ca" is missing: the hub\'s CA certificate as a DER file')
    config.setdefault("port", 8883 if tls else 1883)
    config.setdefault("name", "leaf")
    config.setdefault("data", "state")
    _in_range(config, "port", 1, 65535)
    _in_range(config, "interval_s", 0.1, 86400, default=30)
    _in_range(config, "keep_alive_s", 2, 65535, default=60)
    _in_range(config, "deadline_s", 0.1, 300, default=10)
    return config


def _check(section, required, optional, prefix):
    """Compare the keys of ``section``, and the kinds of their values, with what is known."""
    for key in required:
        if key not in section:
            raise ConfigError('"%s%s" is missing' % (prefix, key))
    for key, value in section.items():
        kind = required.get(key) or optional.get(key)
        if kind is None:
            known = ", ".join(sorted(list(required) + list(optional)))
            raise ConfigError('"%s%s" is not known here; known: %s' % (prefix, key, known))
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ConfigError('"%s%s" has the wrong kind of value' % (prefix, key))
        if kind is str and not value and key != "password":
            raise ConfigError('"%s%s" is empty' % (prefix, key))


def _in_range(config, key, lowest, highest, default=None):
    value = config.setdefault(key, default)
    if not lowest <= value <= highest:
        raise ConfigError('"%s" must be from %s to %s' % (key, lowest, highest))
