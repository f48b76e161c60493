"""The personal digest of new scientific papers: ingest, match, compose, deliver."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("digest-papers")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
