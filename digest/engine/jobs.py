"""The protocol of engines: jobs go in, steps run. The ledger, not the job, holds the truth.

A job may be lost, doubled or late: the next tick finds the work again, and a step that runs twice changes
nothing. So an engine needs no promises beyond "sooner or later, and not twice at a time for one key".
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Step(StrEnum):
    """What an engine runs."""

    INGEST = "ingest"
    DUE = "due"  # compose the issues whose time has come
    DELIVER = "deliver"
    BOUNCES = "bounces"
    CLEAN_UP = "clean-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One step to run, soon."""

    step: Step
    args: Mapping[str, Any] = field(default_factory=dict)  # JSON values, such as ids of subscribers
    key: str = ""  # jobs of one step and key are one while the first waits


#: What runs a job; `stop` asks it to end early.
Handler = Callable[[Job, asyncio.Event], Awaitable[None]]


class Engine(Protocol):
    """Takes jobs and runs their steps."""

    async def submit(self, jobs: Sequence[Job], *, conn: Any = None) -> int:
        """Add jobs, in the caller's transaction if the engine keeps them in the database.

        Gives how many were new; a job whose like is waiting already is dropped.
        """
        ...

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop` is set; then end what runs and return."""
        ...
