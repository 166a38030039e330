"""What only a board does, with stand-ins for the modules that only a board has."""

from typing import TYPE_CHECKING

from leafhub_tools.virtual_leaf import firmware_folder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.firmware.conftest import RunScript

NETWORK = """
STA_IF = 0
calls = []
attempts_until_joined = 3
def hostname(name):
    calls.append(("hostname", name))
class WLAN:
    _asked = 0
    def __init__(self, interface):
        assert interface == STA_IF
    def active(self, on):
        calls.append(("active", on))
    def connect(self, ssid, password):
        calls.append(("connect", ssid, password))
    def isconnected(self):
        WLAN._asked += 1
        return WLAN._asked > attempts_until_joined
"""
NTPTIME = """
host = "pool.ntp.org"
asked = 0
def settime():
    global asked
    asked += 1
    if asked > 1:
        raise OSError(-2)
"""
ENSURE = 'wifi.ensure({"ssid": "home", "password": "wifi-secret"}, "hall")'


async def test_wifi_is_joined_once_and_the_clock_is_set(
    run_script: "RunScript", tmp_path: "Path"
) -> None:
    (tmp_path / "network.py").write_text(NETWORK)
    (tmp_path / "ntptime.py").write_text(NTPTIME)
    printed = await run_script(f"""
import network, ntptime
from leaf import wifi
class Clock:
    from time import sleep_ms, ticks_add, ticks_diff, ticks_ms
    gmtime = staticmethod(lambda: (2021, 1, 1))
wifi.time = Clock
{ENSURE}
print(network.calls, ntptime.asked)
{ENSURE}
print(len(network.calls), ntptime.asked)
""")
    assert printed.splitlines() == [
        "leaf: joined Wi-Fi home",
        "[('hostname', 'hall'), ('active', True), ('connect', 'home', 'wifi-secret')] 1",
        "leaf: no time from pool.ntp.org (-2); certificates may not be good yet",
        "3 2",
    ]


async def test_wifi_that_lets_nobody_in_is_a_lost_link(
    run_script: "RunScript", tmp_path: "Path"
) -> None:
    (tmp_path / "network.py").write_text(NETWORK)
    printed = await run_script(f"""
import network
from leaf import LinkLost, wifi
network.attempts_until_joined = 1_000_000
class Clock:
    now = 0
    ticks_ms = staticmethod(lambda: Clock.now)
    ticks_add = staticmethod(lambda a, b: a + b)
    ticks_diff = staticmethod(lambda a, b: a - b)
    def sleep_ms(ms):
        Clock.now += ms
wifi.time = Clock
try:
    {ENSURE}
except LinkLost as exc:
    print(exc, Clock.now, network.calls[-1])
""")
    assert printed == "Wi-Fi home does not let us in 30000 ('active', False)\n"


async def test_wifi_on_a_computer_is_a_wrong_configuration(run_script: "RunScript") -> None:
    printed = await run_script(f"""
from leaf import ConfigError, wifi
try:
    {ENSURE}
except ConfigError as exc:
    print(exc)
""")
    assert printed == 'leaf.json has "wifi", but this is no board with Wi-Fi\n'


async def test_boot_prepares_for_errors_and_for_tls(run_script: "RunScript") -> None:
    boot = (firmware_folder() / "boot.py").read_text()
    printed = await run_script(f"""
import sys
class Micropython:
    def alloc_emergency_exception_buf(size):
        print("reserved", size)
sys.modules["micropython"] = Micropython
exec({boot!r})
print("threshold", gc.threshold())
""")
    assert printed == "reserved 100\nthreshold 16384\n"
