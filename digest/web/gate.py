"""How much one network may ask for in a minute. Counted in this process: the pages store nothing either."""

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter


class Gate:
    """So many of one kind of page a minute for each network."""

    def __init__(self, per_minute: int) -> None:
        """Nothing was asked yet."""
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def lets(self, network: str) -> bool:
        """May this network have one more?"""
        return await self._limiter.hit(self._item, network)
