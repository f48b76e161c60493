"""Alone: what breaks for one reader of a batch breaks for nobody else."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from digest.errors import DigestError
from digest.models import Subscriber

Result = TypeVar("Result")

log = structlog.get_logger()


async def one_by_one(
    work: Callable[[Sequence[Subscriber]], Awaitable[list[Result]]], readers: Sequence[Subscriber]
) -> tuple[list[Result], list[Subscriber]]:
    """The work for all readers at once; where a fault of ours breaks it, for each alone.

    Gives what came of it, and the readers for whom it broke. What the database or the operator must mend
    is no fault of one reader and is raised.
    """
    try:
        return await work(readers), []
    except (DigestError, SQLAlchemyError):
        raise
    except Exception as error:
        log.warning("compose.apart", readers=len(readers), reason=repr(error))
    done: list[Result] = []
    broken: list[Subscriber] = []
    for reader in readers:
        try:
            done += await work([reader])
        except (DigestError, SQLAlchemyError):
            raise
        except Exception as error:
            log.error("compose.broken", subscriber=reader.id, exc_info=error)
            broken.append(reader)
    return done, broken
