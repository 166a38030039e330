"""The worlds of the conformance cases, as documents that ``leafhub apply`` takes."""

import hashlib

BCRYPT_OF_B_SECRET = "$2b$04$ktUos9.yzpS6fmF8R/sgT.tEAZrI38nB9zU1sqzUwKyIzzlooBLNC"
SHA512_OF_S_SECRET = (
    "$6$rounds=1000$Nhx3.EbFpMRX1cFJ$qot0wdmeCCMt8JDpKY6vjUYnKg54pSmziuJ7xhgtv28NiS9.mlOvaCpAOnvDTd"
    "wVgzOChSKUxMOFkEFPlYWD/."
)


def credential(secret: str, username: str = "", *, unique: bool = False) -> str:
    """An entry of ``credentials``; the hash is a fast one, so that tests need not wait."""
    name = f', username = "{username}"' if username else ""
    mark = ", unique = true" if unique else ""
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return f'{{ kind = "sha256", secret = "{digest}"{name}{mark} }}'


DROGUE = f"""
[[application]]
name = "plant-a"
dialect = "drogue"
[[application.device]]
id = "dev1"
credentials = [{credential("pw1")}]
[[application.device]]
id = "dev2"
credentials = [{credential("pw2", "u2")}]
[[application.device]]
id = "dev3"
credentials = [{credential("pw3", "mac3", unique=True)}, {credential("pp3")}]
settings = {{ spec = {{ alias = ["al3"] }} }}
[[application.device]]
id = "hash1"
credentials = [
    {{ kind = "bcrypt", secret = "{BCRYPT_OF_B_SECRET}" }},
    {{ kind = "sha512-crypt", secret = "{SHA512_OF_S_SECRET}" }},
]
[[application.device]]
id = "gw1"
credentials = [{credential("gwpw")}]
[[application.device]]
id = "sen1"
settings.spec = {{ alias = ["s-one"], gatewaySelector = {{ matchNames = ["gw1", "pref1"] }} }}
[[application.device]]
id = "sen2"
settings = {{ spec = {{ gatewaySelector = {{ matchNames = ["elsewhere"] }} }} }}
[[application.device]]
id = "plain1"
credentials = [{credential("pl")}]
settings = {{ spec = {{ mqtt = {{ dialect = {{ type = "plainTopic" }} }} }} }}
[[application.device]]
id = "pref1"
credentials = [{credential("pr")}]
settings = {{ spec = {{ mqtt = {{ dialect = {{ type = "plainTopic", devicePrefix = true }} }} }} }}
[[application]]
name = "off-a"
dialect = "drogue"
enabled = false
[[application.device]]
id = "d"
credentials = [{credential("x")}]
"""

MODEL = "mod-5a0000000000000000000001"
THING_A = "dev-5a00000000000000000000a1"
THING_B = "dev-5a00000000000000000000b1"
THING_D = "dev-5a00000000000000000000d1"
THING_N = "dev-5a0000000000000000000099"
THING_X = "dev-5b00000000000000000000e1"

CLOUDPLUGS = f"""
[[application]]
name = "company-1"
dialect = "cloudplugs"
[application.settings]
id = "com-5a0000000000000000000002"
accounts = [{{ email = "ops@example.com", credentials = [{credential("opspass")}] }}]
[[application.settings.models]]
id = "{MODEL}"
secret = "s3cr3t"
[application.settings.models.serials]
HW1 = {{ enroll = "enroll-HW1", control = "ctrl-HW1" }}
HW2 = {{ enroll = "enroll-HW2" }}
HWA = {{ enroll = "enroll-HWA", control = "ctrl-HWA" }}
HWB = {{}}
HW-0001 = {{}}
ODD = {{ enroll = "a+b/c#d/+/#/=" }}
[[application.device]]
id = "{THING_A}"
credentials = [{credential("authA")}]
settings = {{ model = "{MODEL}", hwid = "HWA" }}
[[application.device]]
id = "{THING_B}"
credentials = [{credential("authB")}]
settings = {{ model = "{MODEL}", hwid = "HWB" }}
[[application.device]]
id = "{THING_N}"
credentials = [{credential("authN")}]
settings = {{ perm = {{ of = {{ r = [], w = [] }} }} }}
[[application.device]]
id = "{THING_D}"
enabled = false
credentials = [{credential("authD")}]
[[application]]
name = "company-2"
dialect = "cloudplugs"
settings = {{ id = "com-5b0000000000000000000002" }}
[[application.device]]
id = "{THING_X}"
credentials = [{credential("authX")}]
"""

TOKEN_1 = "1" * 40
TOKEN_2 = "2" * 40
RESOURCES = """
[application.settings.resources]
data_in = {}
config_io = { settable = true }
temp = { format = "number", allowed = ["-40-125"], settable = true }
mode = { allowed = ["on", "off"], settable = true }
flag = { format = "boolean", settable = true }
"""

MURANO = f"""
[[application]]
name = "tconn"
dialect = "murano"
{RESOURCES}
[[application.device]]
id = "dev1"
credentials = [{credential(TOKEN_1)}]
[[application.device]]
id = "dev2"
credentials = [{credential(TOKEN_2)}]
[[application]]
name = "wconn"
dialect = "murano"
[application.settings]
open_registration = false
{RESOURCES}
[[application]]
name = "pconn"
dialect = "murano"
[application.settings]
auth_type = "password"
{RESOURCES}
"""

A_THING = "01G1GX3TJ1NHAAMDNQJP9CX9D5"
B_THING = "01G1GX3TJ1NHAAMDNQJP9CX9D6"
USER_A = "aaaaaaaaaaaa@ecp"
PASSWORD_A = "a-password-of-24-letters"
USER_B = "bbbbbbbbbbbb@ecp"
PASSWORD_B = "b-password-of-24-letters"


def _thing(title: str, ulid: str, user: str, password: str) -> str:
    return f"""
[[application.device]]
id = "{ulid}"
credentials = [{{ username = "{user}", password = "{password}" }}]
[application.device.settings.thing]
"@type" = ["swx:mqtt-device"]
title = "{title}"
[application.device.settings.thing.properties]
level = {{ type = "integer" }}
temperature = {{ type = "number", readOnly = true }}
[application.device.settings.thing.actions.fan.input]
type = "object"
properties = {{ on = {{ type = "boolean" }} }}
[application.device.settings.thing.events.overheat]
data = {{ type = "number" }}
"""


SMARTWORKS = f"""
[[application]]
name = "space"
dialect = "smartworks"
{_thing("A", A_THING, USER_A, PASSWORD_A)}
{_thing("B", B_THING, USER_B, PASSWORD_B)}
"""

BROKER = f"""
[[application]]
name = "home"
dialect = "broker"
[[application.device]]
id = "hass"
credentials = [{credential("hass-pw")}]
[[application.device]]
id = "tasmota"
credentials = [{credential("tasmota-pw")}]
settings = {{ publish = ["tele/%u/#", "stat/%c/#"], subscribe = ["cmnd/%u/#"] }}
[[application]]
name = "workshop"
dialect = "broker"
[[application.device]]
id = "lathe"
credentials = [{credential("lathe-pw")}]
"""
