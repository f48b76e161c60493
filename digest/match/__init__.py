"""Match: papers against topics. No network, no database, no templates; papers in, matches out.

papers ─text→ words ─index→ Index ─rank(topics, likes)→ matches
"""

from digest.match.index import Index, build_index
from digest.match.rank import rank

__all__ = ["Index", "build_index", "rank"]
