"""Match: papers against topics. No network, no database, no templates; papers in, matches out.

papers ─text→ words ─index→ Index ─rank(topics, likes, rules)→ matches ─variety→ choice ─variety→ choice
"""

from digest.match.index import Index, build_index
from digest.match.losses import losses, unheard
from digest.match.rank import check_topic, explain, rank, rank_ids
from digest.match.variety import choose_varied, drop_twins

__all__ = [
    "Index",
    "build_index",
    "check_topic",
    "choose_varied",
    "drop_twins",
    "explain",
    "losses",
    "rank",
    "rank_ids",
    "unheard",
]
