"""The summary of one run of composing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeReport:
    """How many issues have something to mail, and how many are quiet."""

    composed: int = 0
    quiet: int = 0
    waiting: int = 0  # put off until a late batch comes, or until its deadline
    broken: int = 0  # put off because a fault of ours keeps them from being made
    topicless: int = 0  # of the quiet ones: their readers follow no topic yet
    idle: int = 0  # of the quiet ones: no new papers came

    def __add__(self, other: "ComposeReport") -> "ComposeReport":
        names = self.__dataclass_fields__
        return ComposeReport(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def to_json(self) -> dict[str, int]:
        """The promised shape."""
        return {"composed": self.composed, "quiet": self.quiet}
