"""Memory: what was worked out once, for whoever asks for it again. Pure; knows nothing of what it keeps."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """At most `most` values; those that nobody asked for are forgotten, half of the room at a time.

    To ask for what was asked for lately costs one look into one dict: a pass does it for every topic of
    every reader. Threads may share it: at worst a value is worked out twice.
    """

    def __init__(self, most: int) -> None:
        """Room for `most` values, two at least."""
        self._half = most // 2
        self._recent: dict[Key, Value] = {}
        self._older: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self._recent.keys() | self._older.keys())

    def get(self, key: Key) -> Value | None:
        """What was kept; None if it never was, or is forgotten."""
        found = self._recent.get(key)
        if found is None:
            found = self._older.get(key)
            if found is not None:
                self.keep(key, found)
        return found

    def keep(self, key: Key, value: Value) -> None:
        """Keep a value; where the room is full, those go that were not asked for since it was half full."""
        if len(self._recent) >= self._half:
            self._older, self._recent = self._recent, {}
        self._recent[key] = value
