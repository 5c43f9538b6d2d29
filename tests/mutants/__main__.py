"""The command line: `python -m mutants [--again] [area …]`; 1 where a score is below the floor.

`--again` plays what the last run left: its survivors, after tests were added, and functions that were edited.
"""

from __future__ import annotations

import sys

from demo import text
from mutants import areas, tree
from mutants.outcome import Outcome, outcome

FLOOR = 90.0
"""Per cent."""


def main(words: list[str]) -> int:
    """Plays the areas, prints every survivor and the table."""
    again, names = "--again" in words, [one for one in words if one != "--again"]
    known = {one.name: one for one in areas.ALL}
    wrong = [name for name in names if name not in known]
    if wrong:
        print(f"error: no area {', '.join(wrong)}: there are {', '.join(known)}", file=sys.stderr)
        return 2
    found: dict[str, Outcome] = {}
    for name in names or known:
        print(f"{name}: every change is played, which takes minutes …", flush=True)
        try:
            lines = tree.played(known[name], again=again)
        except tree.UnfitTestsError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        found[name] = outcome(lines, tree.folder_of(known[name]))
        for one in found[name].survivors:
            print(one)
    rows = [
        (
            name,
            str(one.tried),
            str(len(one.survivors)),
            str(one.explained),
            f"{one.score:.1f} %",
        )
        for name, one in found.items()
    ]
    heads = ("AREA", "CHANGES", "SURVIVED", "EQUIVALENT", "SCORE")
    print("\n" + "\n".join(text.table(heads, rows, indent="")))
    return 1 if any(one.score < FLOOR for one in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
