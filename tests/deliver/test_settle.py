"""What outcomes make of deliveries: pure, table-driven."""

from datetime import timedelta
from itertools import pairwise

import pytest

from digest.deliver.settle import (
    GIVE_UP_AFTER,
    delay,
    is_dead_address,
    is_policy,
    is_soft_bounce,
    settle,
)
from digest.models import DeliveryState, Outcome, Verdict
from tests.make import NOW, make_delivery


def outcome(verdict: Verdict, enhanced: str | None = None, code: int | None = None) -> Outcome:
    return Outcome(verdict=verdict, stage="rcpt", code=code, enhanced=enhanced, reply="words")


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (Verdict.ACCEPTED, DeliveryState.SENT),
        (Verdict.REFUSED, DeliveryState.FAILED),
        (Verdict.UNKNOWN, DeliveryState.UNCERTAIN),
        (Verdict.DEFERRED, DeliveryState.DEFERRED),
        (Verdict.UNAVAILABLE, DeliveryState.DEFERRED),
    ],
)
def test_each_verdict_has_its_state(verdict: Verdict, state: DeliveryState) -> None:
    settled = settle(make_delivery(attempts=1), outcome(verdict), NOW)
    assert settled.state is state
    assert (settled.settled_at is None) == (state is DeliveryState.DEFERRED)


def test_delays_grow_and_end() -> None:
    delays = [delay(7, attempts) for attempts in range(1, 12)]
    assert timedelta(minutes=30) <= delays[0] <= timedelta(minutes=36)
    assert all(later >= earlier * 0.83 for earlier, later in pairwise(delays))
    assert delays[-1] <= timedelta(hours=9.6)
    assert delay(7, 1, unavailable=True) < timedelta(minutes=2)


def test_deferred_together_do_not_come_back_together() -> None:
    assert len({delay(number, 1) for number in range(1000)}) > 200


def test_four_days_of_refusals_end_with_the_last_reason() -> None:
    late = NOW + GIVE_UP_AFTER - timedelta(minutes=5)
    settled = settle(make_delivery(attempts=9), outcome(Verdict.DEFERRED, code=450), late)
    assert settled.state is DeliveryState.EXPIRED
    assert settled.reply == "given up after 4 days: rcpt: 450 words"


@pytest.mark.parametrize(
    ("enhanced", "dead", "policy"),
    [
        ("5.1.1", True, False),
        ("5.1.10", True, False),
        ("5.1.8", False, False),
        ("5.2.2", False, False),
        ("5.7.1", False, True),
        ("5.4.1", False, True),
        (None, False, False),
    ],
)
def test_only_a_bad_address_counts_against_the_reader(enhanced: str | None, dead: bool, policy: bool) -> None:
    refused = outcome(Verdict.REFUSED, enhanced, 550)
    assert (is_dead_address(refused), is_policy(refused)) == (dead, policy)
    assert not is_dead_address(outcome(Verdict.DEFERRED, "5.1.1"))


@pytest.mark.parametrize(
    ("said", "soft", "policy"),
    [
        (("rcpt", 550, "5.2.1"), True, False),
        (("dot", 552, "5.2.2"), True, False),
        (("rcpt", 550, None), True, False),
        (("rcpt", 553, None), True, False),
        (("dot", 552, None), True, False),
        (("dot", 554, None), False, True),
        (("dot", 550, None), False, False),
        (("rcpt", 550, "5.7.1"), False, True),
    ],
)
def test_a_refusal_without_a_clear_word_is_judged_by_its_stage(
    said: tuple[str, int, str | None], soft: bool, policy: bool
) -> None:
    stage, code, enhanced = said
    refused = Outcome(verdict=Verdict.REFUSED, stage=stage, code=code, enhanced=enhanced, reply="words")
    assert (is_soft_bounce(refused), is_policy(refused), is_dead_address(refused)) == (soft, policy, False)
    assert not is_soft_bounce(refused._replace(verdict=Verdict.DEFERRED))
