"""Small charts as inline SVG, readable without colour: patterns, labels, and the numbers as text. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from markupsafe import Markup, escape

#: State -> fill: solid, outline, hatched, dotted. What is not named is "other".
SERIES = {"sent": "solid", "quiet": "outline", "failed": "hatched", "other": "dotted"}

_BAR, _GAP, _HEIGHT = 14, 4, 120

_PATTERNS = Markup(
    '<defs><pattern id="hatched" width="5" height="5" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="2.5" height="5" fill="currentColor"/></pattern>'
    '<pattern id="dotted" width="5" height="5" patternUnits="userSpaceOnUse">'
    '<circle cx="2.5" cy="2.5" r="1.3" fill="currentColor"/></pattern></defs>'
)
_FILLS = {
    "solid": 'fill="currentColor"',
    "outline": 'fill="none" stroke="currentColor" stroke-width="1"',
    "hatched": 'fill="url(#hatched)" stroke="currentColor" stroke-width="1"',
    "dotted": 'fill="url(#dotted)" stroke="currentColor" stroke-width="1"',
}


def last_days(today: date, number: int = 30) -> list[date]:
    """The last days, oldest first, today included."""
    return [today - timedelta(days=back) for back in reversed(range(number))]


def series(state: str) -> str:
    """Which of the four series a state belongs to."""
    return state if state in SERIES else "other"


def sparkline(values: Sequence[int], label: str) -> Markup:
    """A line of numbers, 120 by 24; the label and the numbers are its text."""
    top = max(values, default=0) or 1
    step = 116 / max(len(values) - 1, 1)
    points = " ".join(f"{2 + n * step:.1f},{22 - 20 * value / top:.1f}" for n, value in enumerate(values))
    told = f"{label}: {', '.join(map(str, values))}"
    return Markup(
        '<svg class="spark" viewBox="0 0 120 24" width="120" height="24" role="img" aria-label="{}">'
        '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    ).format(told, Markup(points))


def bars(days: Sequence[date], found: Mapping[date, Mapping[str, int]], label: str) -> Markup:
    """One stacked bar a day; every part names its day, series and number when pointed at."""
    stacks = [_stack(found.get(day, {})) for day in days]
    top = max((sum(stack.values()) for stack in stacks), default=0) or 1
    width = len(days) * (_BAR + _GAP) + 60
    parts = [_bar(n, day, stack, top) for n, (day, stack) in enumerate(zip(days, stacks, strict=True))]
    axis = Markup('<text x="36" y="12" text-anchor="end" class="tick">{:,}</text>').format(top)
    opening = (
        '<svg class="bars" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{label}">'
    )
    head = Markup(opening).format(w=width, h=_HEIGHT + 20, label=label)
    return Markup("").join([head, _PATTERNS, axis, *parts, Markup("</svg>")])


def legend() -> Markup:
    """What the four fills mean."""
    key = Markup(
        '<li><svg width="14" height="14" aria-hidden="true">'
        '<rect x="1" y="1" width="12" height="12" {}/></svg> {}</li>'
    )
    keys = [key.format(Markup(_FILLS[fill]), name) for name, fill in SERIES.items()]
    return Markup('<ul class="legend">') + Markup("").join(keys) + Markup("</ul>")


def _stack(states: Mapping[str, int]) -> dict[str, int]:
    stack = dict.fromkeys(SERIES, 0)
    for state, number in states.items():
        stack[series(state)] += number
    return stack


def _bar(place: int, day: date, stack: Mapping[str, int], top: int) -> Markup:
    x, y, parts = 40 + place * (_BAR + _GAP), float(_HEIGHT), []
    for name, number in stack.items():
        height = _HEIGHT * number / top
        y -= height
        if number:
            parts.append(_part(x, y, height, name, f"{day:%d %b}: {number:,} {name}"))
    if day.weekday() == 0:
        tick = '<text x="{}" y="{}" text-anchor="middle" class="tick">{}</text>'
        parts.append(Markup(tick).format(x + _BAR / 2, _HEIGHT + 15, f"{day.day} {day:%b}"))
    return Markup("").join(parts)


def _part(x: float, y: float, height: float, name: str, title: str) -> Markup:
    return Markup('<rect x="{}" y="{:.1f}" width="{}" height="{:.1f}" {}><title>{}</title></rect>').format(
        x, y, _BAR, height, Markup(_FILLS[SERIES[name]]), escape(title)
    )
