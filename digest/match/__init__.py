"""Match: papers against topics. No network, no database, no templates; papers in, matches out.

papers ─text→ words ─index→ Index ─rank(topics, likes, rules)→ matches
"""

from digest.match.index import Index, build_index
from digest.match.rank import check_topic, rank

__all__ = ["Index", "build_index", "check_topic", "rank"]
