"""Make digest/match/acronyms.txt: python -m tests.benchmarks.acronyms --output FILE

From the papers of which the background is made: each acronym with the number of papers that define it or use
it as a word in small letters, a meaning, and the papers that give it; meanings of one paper are left out.
"""

import argparse
from collections import Counter
from pathlib import Path

from digest.match.acronyms import FEWEST, definitions, is_acronym
from digest.match.text import surfaces, term
from tests.benchmarks.background import read_papers


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    texts = [f"{title}. {abstract}" for title, abstract in read_papers()]
    counts = Counter(one for text in texts for one in definitions(text))
    uses = Counter(acronym for acronym, _ in counts.elements())
    for text in texts:
        uses.update(
            {one for word in {*surfaces(text)} if not is_acronym(word) and (one := term(word)) in uses}
        )
    kept = sorted((acronym, meaning) for acronym, meaning in counts if counts[acronym, meaning] >= FEWEST)
    rows = [
        f"{acronym}\t{uses[acronym]}\t{' '.join(meaning)}\t{counts[acronym, meaning]}\n"
        for acronym, meaning in kept
    ]
    options.output.write_text("".join(rows), encoding="ascii")


if __name__ == "__main__":
    main()
