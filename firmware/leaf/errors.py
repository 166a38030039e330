"""What can go wrong on a leaf."""


class LeafError(Exception):
    """The root of all errors of this library."""


class ConfigError(LeafError):
    """leaf.json is wrong; the text names the key. Trying again does not help."""


class LinkLost(LeafError):  # noqa: N818 - what happened; often no error of anybody's
    """The way to the hub is gone or was never there. Trying again may help."""


class HungUp(LinkLost):
    """The hub has closed the connection: in MQTT 3.1.1 its only way to refuse a message."""


class Refused(LeafError):  # noqa: N818 - as above
    """The hub answered, and the answer is no; the text says to what."""
