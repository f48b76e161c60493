"""Progress bars: on a terminal, on standard error; nothing in a pipe or a cron mail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID

Step = Callable[[str, int, int], None]


@contextmanager
def progress_bars(*, hidden: bool = False) -> Iterator[Step | None]:
    """A callback `(name, done, total)` that draws one bar a name; None where nobody looks."""
    console = Console(stderr=True)
    if hidden or not console.is_terminal:
        yield None
        return
    with Progress(console=console, transient=True) as bars:
        yield _drawing(bars)


def _drawing(bars: Progress) -> Step:
    tasks = dict[str, TaskID]()

    def step(name: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = bars.add_task(escape(name))
        bars.update(tasks[name], completed=done, total=total)

    return step
