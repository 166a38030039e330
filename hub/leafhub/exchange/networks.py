"""What counts as one address."""

import ipaddress


def network_of(address: str) -> str:
    """The IPv4 address itself, the /64 of an IPv6 one: whoever has one of its addresses has all.

    An IPv4 address in IPv6 form is the IPv4 one; what is no IP address stands for itself.
    """
    if ":" not in address:
        return address
    try:
        ip = ipaddress.IPv6Address(address.split("%", 1)[0])
    except ValueError:
        return address
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(ip) >> 64 << 64)) + "/64"
