"""Rows of 5.0 in which a client breaks the protocol and hears why (§4.13)."""

from table import Row


def offence(name: str, statements: str, sent: str, reason: str = "81") -> Row:
    """Make a row: the connected client ``a`` sends that, gets DISCONNECT with ``reason``, the end.

    ``81`` is a malformed packet, ``82`` a protocol error.
    """
    return Row(
        name,
        f"{statements} MQTT-4.13.1-1 MQTT-4.13.2-1",
        f"""
        a connects
        a > {sent}
        a < DISCONNECT {{ {reason} why }}
        a end
        """,
    )


def bad_connect(name: str, statements: str, sent: str) -> Row:
    """Make a row: the bytes behind ``CONNECT`` are not one, and the hub closes without a word."""
    return Row(
        name,
        f"{statements} MQTT-3.1.4-1 MQTT-4.13.1-1",
        f"""
        a > CONNECT {sent}
        a end
        """,
    )
