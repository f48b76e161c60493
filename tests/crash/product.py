"""The whole product dies: two `digest run` at once (two schedulers, two workers), both killed, run again.

Each composes and delivers, so this shows that the issue, too, is made once: every reader gets one mail.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from functools import partial
from pathlib import Path
from typing import Any

from digest.storage.migrate import upgrade
from tests.crash.mailbox import Behaviour, mails
from tests.crash.scenarios import Scene, Stage, Verdict

READERS = 20
NOW = "2026-04-14T12:00:00Z"

ROSTER = """\
sources:
  - example: arxiv
subscribers:
"""
READER = """\
  - email: reader{number}@papers.dev
    topics: [large language models, image generation, reinforcement learning]
    cut: 0
"""


def plays(stage: Stage, seed: int) -> Iterator[Any]:
    """One scenario a round, at a time that follows from the seed."""
    yield partial(whole_product, stage, random.Random(seed).uniform(1.0, 8.0))


def whole_product(stage: Stage, seconds: float) -> Verdict:
    """Two runs at once, killed after a time; two more, then one; count mails a reader."""
    with stage.maildir() as maildir:
        folder = stage.folder / f"product-{time.monotonic_ns()}"
        folder.mkdir()
        roster = ROSTER + "".join(READER.format(number=number) for number in range(READERS))
        (folder / "subscribers.yaml").write_text(roster)
        scene = Scene(f"sqlite:///{folder}/digest.db", maildir)
        upgrade(scene.url)
        port = scene.serve(Behaviour())
        try:
            kills = _killed(_started(folder, scene.url, port, 2), seconds)
            for runs in (_started(folder, scene.url, port, 2), _started(folder, scene.url, port, 1)):
                _waited(runs)
            return _judged(scene, kills)
        finally:
            for server in scene.servers:
                server.kill()
                server.join()


def _started(folder: Path, url: str, port: int, count: int) -> list["subprocess.Popen[bytes]"]:
    settings = {
        "DIGEST_DATABASE_URL": url,
        "DIGEST_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "DIGEST_FROM": "digest@papers.dev",
    }
    command = [sys.executable, "-m", "digest", "run", "--now", NOW]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return [
        subprocess.Popen(command, cwd=folder, env={**os.environ, **settings}, **quiet) for _ in range(count)
    ]


def _killed(runs: Sequence["subprocess.Popen[bytes]"], seconds: float) -> int:
    time.sleep(seconds)
    for run in runs:
        run.send_signal(signal.SIGKILL)
    return sum(run.wait(30) == -signal.SIGKILL for run in runs)


def _waited(runs: Sequence["subprocess.Popen[bytes]"]) -> None:
    for run in runs:
        run.wait(120)


def _judged(scene: Scene, kills: int) -> Verdict:
    parse: Any = BytesHeaderParser().parsebytes
    found = Counter(parseaddr(parse(path.read_bytes())["To"])[1] for path in mails(scene.maildir))
    verdict = Verdict("whole product, 2 killed", kills=kills, bound=0)
    rows = {row.email: row for row in scene.rows()}
    for number in range(READERS):
        address = f"reader{number}@papers.dev"
        row, count = rows.get(address), found.pop(address, 0)
        doubted = row is not None and row.uncertain_at is not None
        verdict.lost += count == 0
        verdict.doubles += count == 2 and doubted
        verdict.wrong_doubles += count > 2 or (count == 2 and not doubted)
        verdict.unfinished += row is None or row.state != "sent"
    if found or len(rows) != READERS:
        verdict.faults.append(f"{len(rows)} deliveries for {READERS} readers; mails to {list(found)[:3]}")
    return verdict
