"""The personal digest of new scientific papers: ingest, match, compose, deliver."""

import os
from importlib.metadata import PackageNotFoundError, version

# Products here take a few milliseconds each: a second thread of BLAS makes none of them faster and burns a
# core in waiting for the next. It is read when numpy is loaded; what the operator has set stays.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

try:
    __version__ = version("digest-papers")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
