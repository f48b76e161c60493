"""Charts are readable without colour and without sight, and hold every number."""

from datetime import date, timedelta
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from digest.web import charts

TODAY = date(2026, 4, 26)
numbers = st.lists(st.integers(0, 10**7), max_size=60)


@given(numbers)
def test_sparkline_is_well_formed_and_tells_its_numbers(values: list[int]) -> None:
    drawn = ElementTree.fromstring(str(charts.sparkline(values, 'a "source" & more')))
    assert drawn.get("aria-label") == f'a "source" & more: {", ".join(map(str, values))}'
    points = [tuple(map(float, pair.split(","))) for pair in (drawn[0].get("points") or "").split()]
    assert all(0 <= x <= 120 and 0 <= y <= 24 for x, y in points)


@given(
    st.dictionaries(st.sampled_from(["sent", "quiet", "failed", "deferred", "expired"]), st.integers(0, 999))
)
def test_bar_has_a_pattern_and_a_title_for_every_part(states: dict[str, int]) -> None:
    drawn = str(charts.bars([TODAY], {TODAY: states}, "issues"))
    ElementTree.fromstring(drawn)
    parts = {charts.series(state) for state, number in states.items() if number}
    assert drawn.count("<title>") == len(parts)
    assert all(f" {name}</title>" in drawn for name in parts)


def test_last_days_end_today() -> None:
    days = charts.last_days(TODAY, 30)
    assert (len(days), days[-1], days[0]) == (30, TODAY, TODAY - timedelta(days=29))


def test_four_fills_differ_without_colour() -> None:
    assert len(set(charts.SERIES.values())) == 4
    assert all(word in str(charts.legend()) for word in charts.SERIES)
