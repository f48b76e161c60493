"""The step itself on both databases: claims, sends through a folder, settles, accounts."""

from pathlib import Path

from digest.deliver.files import FileTransport
from digest.models import Outcome, Verdict
from digest.storage.database import Database
from tests.deliver.scene import ScriptedTransport, add_readers, run


async def test_a_second_run_sends_nothing(db: Database, tmp_path: Path) -> None:
    await add_readers(db, 3)
    first = await run(db, FileTransport(tmp_path))
    second = await run(db, FileTransport(tmp_path))
    assert (first.selected, first.sent, first.ok) == (3, 3, True)
    assert (second.selected, second.sent, second.ok) == (0, 0, True)
    assert len(list(tmp_path.glob("*.eml"))) == len(list(tmp_path.glob("*.html"))) == 3


async def test_more_than_a_batch_is_sent_once_each(db: Database) -> None:
    await add_readers(db, 450)
    transport = ScriptedTransport(concurrency=8)
    report = await run(db, transport)
    assert (report.selected, report.sent, report.balanced) == (450, 450, True)
    assert sorted(transport.recipients) == sorted(f"reader{n}@papers.dev" for n in range(450))


async def test_one_refused_reader_never_stops_the_rest(db: Database) -> None:
    await add_readers(db, 20)
    no = Outcome(verdict=Verdict.REFUSED, stage="rcpt", code=550, enhanced="5.7.1", reply="5.7.1 No")
    report = await run(db, ScriptedTransport({"reader7@papers.dev": no}))
    assert (report.sent, report.failed, report.ok) == (19, 1, False)
    assert [(p.email, p.state, p.reason) for p in report.problems] == [
        ("reader7@papers.dev", "failed", "rcpt: 550 5.7.1 No")
    ]
