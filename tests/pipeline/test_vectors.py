"""With the optional model each paper and topic is encoded once, whichever process comes first."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from digest.match import build_index, rank
from digest.match.query import wordings
from digest.match.semantic import SentenceModel, open_model
from digest.pipeline import vectors
from digest.pipeline.compose import compose
from digest.pipeline.model import current_space, use_model
from digest.pipeline.retention import Kept, clean_up
from digest.storage.database import Database
from digest.storage.tables_running import vectors as table
from tests.make import NOW, make_paper, make_topic
from tests.pipeline.steps import announce, at, subscribe

CARS = make_paper(1, title="Automobiles without drivers", abstract="A vehicle finds its way in traffic.")
TEA = make_paper(2, title="Green tea and health", abstract="A trial with two cups a day.")
DRIVING = make_topic("self-driving cars; lorries")  # with its two interests three texts


@pytest.fixture
def model(model_folder: Path) -> SentenceModel:
    """The model of this process, which has read nothing yet."""
    use_model(model_folder, pytest.fail)
    space = current_space()
    assert isinstance(space, SentenceModel)
    return space


async def composed(db: Database) -> None:
    await announce(db, CARS, TEA)
    await subscribe(db, topics=(DRIVING,))
    await compose(db, clock=at(NOW))


async def count(db: Database) -> int:
    async with db.read() as conn:
        return await conn.scalar(select(func.count()).select_from(table)) or 0


async def test_a_pass_keeps_what_it_encoded(db: Database, model: SentenceModel) -> None:
    await composed(db)
    assert await count(db) == 5
    assert model.take_new() == {}


async def test_the_next_process_encodes_nothing_again(
    db: Database, model: SentenceModel, model_folder: Path
) -> None:
    await composed(db)
    use_model(model_folder, pytest.fail)
    fresh = current_space()
    assert isinstance(fresh, SentenceModel)
    assert len(fresh.missing([CARS, TEA], wordings(DRIVING))) == 5
    async with db.read() as conn:
        await vectors.recall(conn, [CARS, TEA], [DRIVING])
    assert fresh.missing([CARS, TEA], wordings(DRIVING)) == set()


@pytest.mark.parametrize(("papers", "told"), [(199, False), (200, True)])
async def test_a_long_reading_of_the_model_is_told(
    db: Database, model_folder: Path, papers: int, told: bool
) -> None:
    said: list[str] = []
    use_model(model_folder, said.append)
    async with db.read() as conn:
        await vectors.recall_window(conn, [make_paper(one) for one in range(papers)])
    assert said == ["the model reads 200 papers that are new to it; this takes a while, once"] * told


async def test_kept_vectors_rank_exactly_as_new_ones(model: SentenceModel, model_folder: Path) -> None:
    topics = [DRIVING, make_topic("tea")]
    first = rank(build_index([CARS, TEA], model), topics)
    other = open_model(model_folder)
    other.remember(model.take_new())
    assert rank(build_index([CARS, TEA], other), topics) == first
    assert other.take_new() == {}


async def test_what_is_no_vector_of_this_model_is_encoded_anew(model: SentenceModel) -> None:
    [key] = model.missing([], ["green tea"])
    model.remember({key: b"short"})
    assert model.missing([], ["green tea"]) == {key}


async def test_retention_takes_vectors_with_the_papers(db: Database, model: SentenceModel) -> None:
    await composed(db)
    later = NOW + timedelta(days=100)
    await clean_up(db, Kept(papers=timedelta(days=200)), later)
    assert await count(db) == 5
    assert (await clean_up(db, Kept(papers=timedelta(days=90)), later)).vectors == 5
    assert await count(db) == 0
