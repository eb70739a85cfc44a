"""Addresses that an organisation may make the server connect to: public ones, and those that the operator allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# All that is given out to the public network (IANA IPv6 Global Unicast Address Space).
_UNICAST = IPv6Network("2000::/3")
# Of IANA's special-purpose registries what Python's own list lacks in some versions.
_RESERVED = (
    IPv4Network("192.0.0.0/24"),
    IPv6Network("2001::/23"),
    IPv6Network("2001:db8::/32"),
    IPv6Network("3fff::/20"),
)
# IPv4 inside IPv6, as a translator between the two networks reads it (RFC 6052)
_TRANSLATED = IPv6Network("64:ff9b::/96")

Networks = Sequence[IPv4Network | IPv6Network]
EVERYWHERE: Networks = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))


def may_be_reached(addresses: Iterable[str], own: Networks) -> bool:
    """Whether every address of a name is a public one, or in a network of the operator's that is allowed."""
    return all(is_public(address) or _lies_in(address, own) for address in addresses)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public network, also where it is wrapped in another."""
    found = _unwrapped(address)
    if isinstance(found, IPv6Address) and found not in _UNICAST:
        # fec0::/10 (RFC 3879), for one, was for private networks and is still routed in some; Python calls it global
        return False
    if any(found in network for network in _RESERVED):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def _lies_in(address: str, networks: Networks) -> bool:
    found = _unwrapped(address)
    return any(found in network for network in networks)


def _unwrapped(address: str) -> IPv4Address | IPv6Address:
    found = ip_address(address.partition("%")[0])
    return (_inner(found) or found) if isinstance(found, IPv6Address) else found


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
