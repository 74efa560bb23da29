"""Where a request comes from, as every limit counts it."""

import ipaddress

from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str:
    """Return the address that asks: the one that the first of our own proxies saw, else the connection's own; "" for none.

    An IPv4 address that comes in the clothes of an IPv6 one (`::ffff:192.0.2.1`) is the IPv4 address.
    """
    try:
        ip = get_client_ip(request)
    except ImproperlyConfigured:  # fewer proxies said where it comes from than there are
        ip = None
    ip = ip or str(request.META.get("REMOTE_ADDR", ""))
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    return str(getattr(address, "ipv4_mapped", None) or address)


def client_network(ip: str) -> str:
    """Return what a limit counts an address by: an IPv4 address itself, of an IPv6 address its /64."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), settings.ALLAUTH_RATE_LIMIT_IPV6_PREFIX), strict=False))
