"""The normative statements of MQTT 5.0 (OASIS Standard, 7 March 2019), in our own words."""

from typing import Final

from statements import both, server

STATEMENTS: Final = (
    # 1.5 Data representation
    both("MQTT-1.5.4-1", "Strings are well-formed UTF-8, without surrogates (U+D800 to U+DFFF)."),
    both("MQTT-1.5.4-2", "Strings hold no U+0000."),
    both("MQTT-1.5.4-3", "EF BB BF is U+FEFF wherever it stands, and is never taken out."),
    # 3.1 CONNECT
    server("MQTT-3.1.0-2", "A second CONNECT is a violation and ends the connection."),
)
