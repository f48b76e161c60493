"""Counters of this process for Prometheus, in a registry of its own; the database knows the rest."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a time beside each counter, which nobody asks for

#: Seconds: a tick with nothing to do takes milliseconds, a first ingest minutes.
_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800)


class Metrics:
    """Counters of steps, papers, issues and deliveries since the process began."""

    def __init__(self) -> None:
        """Make an empty registry."""
        self.registry = CollectorRegistry()
        self._steps = Counter(
            "digest_step_runs", "Runs of a step by outcome.", ["step", "outcome"], registry=self.registry
        )
        self._seconds = Histogram(
            "digest_step_seconds", "How long a step ran.", ["step"], buckets=_BUCKETS, registry=self.registry
        )
        self._papers = Counter(
            "digest_papers_new", "Papers seen for the first time.", ["source"], registry=self.registry
        )
        self._issues = Counter("digest_issues", "Issues made, by result.", ["result"], registry=self.registry)
        self._deliveries = Counter(
            "digest_deliveries", "Ends of delivery attempts.", ["state"], registry=self.registry
        )

    def count_step(self, step: str, outcome: str, seconds: float) -> None:
        """One run of a step: done, busy or failed."""
        self._steps.labels(step, outcome).inc()
        self._seconds.labels(step).observe(seconds)

    def count_papers(self, new: Mapping[str, int]) -> None:
        """New papers by source."""
        for source, number in new.items():
            self._papers.labels(source).inc(number)

    def count_issues(self, made: Mapping[str, int]) -> None:
        """Issues by result: composed, quiet, waiting."""
        for result, number in made.items():
            self._issues.labels(result).inc(number)

    def count_deliveries(self, ends: Mapping[str, int]) -> None:
        """Deliveries by the state that a run left them in."""
        for state, number in ends.items():
            self._deliveries.labels(state).inc(number)
