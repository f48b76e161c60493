"""The queue's tables are made with ours, and upgraded while workers run."""

from sqlalchemy import create_engine, text

from digest.storage.database import driver_url
from digest.storage.migrate import upgrade
from digest.storage.queue import allowed

NEWER = ["05.00.00_01_pre_add.sql", "05.00.00_50_post_drop.sql", "05.01.00_01_pre_more.sql"]


def test_scripts_that_older_workers_mind_wait_for_the_end_of_workers() -> None:
    assert allowed(NEWER, workers=True) == NEWER[:1]
    assert allowed(NEWER, workers=False) == NEWER
    assert allowed([], workers=True) == []


def test_upgrade_beside_a_worker_leaves_it_what_it_needs(postgres_url: str) -> None:
    before = "COMMENT ON TABLE procrastinate_jobs IS '03.04.00_01_pre_add_retry_failed_job_procedure.sql'"
    assert upgrade(postgres_url) is False
    _execute(postgres_url, before, "INSERT INTO procrastinate_workers DEFAULT VALUES")
    assert upgrade(postgres_url) is False
    _execute(postgres_url, "DELETE FROM procrastinate_workers")
    assert upgrade(postgres_url) is True
    assert upgrade(postgres_url) is False


def _execute(url: str, *statements: str) -> None:
    engine = create_engine(driver_url(url, sync=True))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
