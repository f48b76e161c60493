"""Addresses that we never connect to: a feed may redirect us, but not into the operator's own network.

The check is made where the connection is made, on the very address that is connected to, so that a name
that resolves differently a second later (DNS rebinding) gains nothing.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

import httpcore2
import httpx2

from digest.errors import FetchError

#: Public by `is_global` on some Pythons, yet they carry any IPv4 address: NAT64, 6to4, Teredo.
_CARRIERS = tuple(
    ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)

#: The only ports that a redirect may lead to.
PORTS = frozenset({80, 443})


def is_public(address: str) -> bool:
    """True for an address of the public internet: not loopback, private, link-local, shared or multicast."""
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif any(ip in net for net in _CARRIERS):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class Guard(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses alone, and to the address that was checked."""

    def __init__(self, inner: httpcore2.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, check, connect. Raises FetchError for a forbidden port or address."""
        if port not in PORTS:
            raise FetchError(f"a redirect to port {port} of {host} was refused: only 80 and 443 are allowed")
        addresses = await _resolve(host, port)
        if not addresses or not all(map(is_public, addresses)):
            raise FetchError(f"a redirect to {host} was refused: it is not on the public internet")
        return await self._inner.connect_tcp(
            addresses[0], port, timeout=timeout, local_address=local_address, socket_options=socket_options
        )

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Never."""
        raise FetchError(f"a redirect to the socket {path} was refused")

    async def sleep(self, seconds: float) -> None:
        """As the inner backend does."""
        await self._inner.sleep(seconds)


async def _resolve(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(f"{host} cannot be resolved ({error})") from error
    return [str(info[4][0]) for info in found]


def guarded_transport() -> httpx2.AsyncHTTPTransport:
    """A transport that reaches public addresses alone and ignores proxies of the environment."""
    transport = httpx2.AsyncHTTPTransport(trust_env=False)
    pool: Any = transport._pool
    pool._network_backend = Guard(pool._network_backend)
    return transport
