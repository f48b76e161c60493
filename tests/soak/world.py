"""What stands around the node: readers in twenty zones, a mail server with moods, feeds with faults."""

import re
import socket
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from random import Random
from typing import Any

from tests.deliver.server import ScriptedServer

ZONES = (
    "Pacific/Kiritimati", "Pacific/Chatham", "Australia/Lord_Howe", "Asia/Tokyo", "Asia/Kolkata",
    "Asia/Kathmandu", "Asia/Tehran", "Europe/Moscow", "Africa/Nairobi", "Europe/Berlin",
    "Europe/London", "UTC", "Atlantic/Azores", "America/St_Johns", "America/Sao_Paulo",
    "America/New_York", "America/Denver", "America/Los_Angeles", "Pacific/Marquesas", "Pacific/Pago_Pago",
)  # fmt: skip

TOPICS = (
    "large language model agents", "efficient inference of transformers", "diffusion models for images",
    "reinforcement learning from human feedback", "multilingual translation", "medical image segmentation",
    "graph neural networks", "speech recognition", "autonomous driving perception", "federated learning",
    "code generation", "retrieval augmented generation", "video understanding", "robot manipulation",
    "time series forecasting", "adversarial robustness", "knowledge graphs", "tabular data",
)  # fmt: skip

DAYS = ("daily", "daily", "daily", "weekdays", "monday, thursday", "weekly on friday")

FIRST = date(2026, 4, 13)

#: What the visitor looks at, and the token that some of it needs.
PAGES = ("/", "/trending", "/readyz", "/metrics", "/admin", "/admin/subscribers")
TOKEN = "token-of-the-soak"


def roster(readers: int, feeds: str, seed: int) -> str:
    """subscribers.yaml: every reader with a zone, an hour and topics of its own."""
    random = Random(seed)
    lines = [
        "sources:",
        f"  - arxiv: [cs.AI, cs.CL, cs.CV, cs.LG]\n    base_url: {feeds}/rss",
        f"  - huggingface: daily\n    base_url: {feeds}/api/daily_papers",
        "subscribers:",
    ]
    for number in range(readers):
        at = f"{random.randrange(24):02d}:{random.randrange(60):02d}"
        topics = ", ".join(f'"{topic}"' for topic in random.sample(TOPICS, 2))
        lines += [
            f"  - email: reader{number}@papers.dev",
            f"    topics: [{topics}]",
            f"    schedule: {random.choice(DAYS)} at {at} {ZONES[number % len(ZONES)]}",
            f"    cut: 40\n    trending: {2 * (number % 3 == 0)}",
        ]
    return "\n".join(lines) + "\n"


@dataclass
class Mood:
    """Looks like a script of `ScriptedServer`: the mood of the hour, and addresses that are always bad."""

    now: str = ""
    dead: frozenset[str] = frozenset({"reader3@papers.dev", "reader77@papers.dev"})

    def get(self, recipient: str, default: str = "") -> str:
        if recipient in self.dead:
            return "550 5.1.1 no such mailbox"
        return self.now or default


@dataclass(frozen=True)
class Mail:
    """One message that the server took, as its bytes tell: nothing of the ledger is asked."""

    recipient: str
    message_id: str
    papers: tuple[str, ...]  # their ids


@dataclass
class Mails:
    """A mail server and what it took."""

    mood: Mood = field(default_factory=Mood)
    read: list[Mail] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = ScriptedServer(script=self.mood)  # type: ignore[arg-type]

    def take_in(self) -> int:
        """Read what came since the last time and drop its bytes; gives how many mails there are."""
        self.read += [read_mail(taken.recipient, taken.raw) for taken in self.server.taken]
        self.server.taken.clear()
        return len(self.read)


def read_mail(recipient: str, raw: bytes) -> Mail:
    """Recipient, Message-ID and papers of a message: its cards, and the lines that it calls trending."""
    mail = message_from_bytes(raw, policy=default)
    text = mail.get_body(("plain",))
    assert text is not None, recipient
    cards, _, trending = text.get_content().partition("\nTrending\r\n---")
    papers = re.findall(r"^Abstract +https://arxiv\.org/abs/(\S+)", cards, re.MULTILINE)
    papers += re.findall(r"^https://arxiv\.org/abs/(\S+)", trending, re.MULTILINE)
    return Mail(recipient, str(mail["Message-ID"]), tuple(f"arxiv:{paper}" for paper in papers))


#: Hours of a day (UTC) -> what the mail server does then, by the number of the day.
MOODS: dict[int, tuple[int, int, str]] = {
    1: (6, 9, "450 4.2.0 greylisted"),
    2: (8, 10, "421 4.3.2 shutting down"),
    4: (5, 7, "drop dot"),
    5: (0, 24, ""),
    6: (12, 14, "data 451 4.3.0 try later"),
    8: (7, 9, "drop rcpt"),
    9: (4, 6, "drop dot"),
    11: (9, 12, "450 4.2.0 greylisted"),
    12: (15, 16, "drop body"),
}

#: The same for the feeds: fault rules of the feed server.
FAULTS: dict[int, tuple[int, int, list[str]]] = {
    1: (4, 6, ["/rss/cs.CL status code=503"]),
    2: (4, 8, ["/rss/* status code=503 retry_after=600"]),
    3: (3, 5, ["*/cs.AI reset"]),
    4: (4, 7, ["/rss/cs.LG truncate at=0.5 times=2"]),
    7: (4, 12, ["/rss/cs.CV html"]),
    8: (0, 24, ["/api/* status code=502"]),
    9: (5, 6, ["/rss/* delay seconds=1 times=3"]),
    10: (4, 9, ["/rss/cs.AI status code=429 retry_after=60"]),
    13: (4, 5, ["/rss/* empty"]),
}


def mood_at(now: datetime) -> str:
    """What the mail server does at this moment of the replay."""
    begin, end, mood = MOODS.get((now.date() - FIRST).days, (0, 0, ""))
    return mood if begin <= now.hour < end else ""


def faults_at(now: datetime) -> list[str]:
    """What ails the feeds at this moment of the replay."""
    begin, end, rules = FAULTS.get((now.date() - FIRST).days, (0, 0, []))
    return rules if begin <= now.hour < end else []


def maps_at(now: datetime, feeds: Path) -> list[str]:
    """arXiv's answer of the day, from five past midnight Eastern on; the last day stays."""
    day = (now - timedelta(hours=4, minutes=5)).astimezone(UTC).date()
    while day > FIRST and not (feeds / "replay" / day.isoformat()).is_dir():
        day -= timedelta(days=1)
    return [f"/rss/*=replay/{max(day, FIRST)}/*.xml", "/api/daily_papers?date=*=replay/*/huggingface.json"]


def clock_at(base: datetime, end: datetime, speed: float, seconds: float) -> datetime:
    """The time of the replay after so many seconds of the machine: fast until `end`, then at the usual pace.

    So at the end everything that is due is served, and hardly anything new becomes due meanwhile.
    """
    fast = min(seconds, (end - base).total_seconds() / speed)
    return base + timedelta(seconds=fast * speed + (seconds - fast))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def resident(pid: int) -> float:
    """Megabytes of memory that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def load_feedserver(shared: Path) -> Any:
    """The feed server beside the checkout."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("feedserver", shared / "feedserver.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["feedserver"] = module
    spec.loader.exec_module(module)
    return module
