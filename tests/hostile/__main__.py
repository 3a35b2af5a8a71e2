"""Run `smmbench` on hostile input and measure it: nothing let in, no traceback, little memory.

python -m tests.hostile                 build all cases and run them, two at a time
python -m tests.hostile --only bomb      only kinds whose name has this
python -m tests.hostile --table T.md     also write every kind with its memory and time
python -m tests.hostile --cold           import anew for each case, as a user does; slow
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.hostile.cases import read_cases
from tests.hostile.measuring import Outcome, run_all, table


def main() -> int:
    """Give 0 if every case came out right."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="", help="part of a kind's name")
    options.add_argument("--table", type=Path, help="Markdown file for all outcomes")
    options.add_argument("--keep", type=Path, help="build the cases here and leave them")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--cold", action="store_true", help="a process of its own for each case")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="smmbench-hostile-") as name:
        folder = chosen.keep or Path(name)
        os.environ["SMMBENCH_HOME"] = str(folder / "home")
        os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        if not (folder / "cases.json").exists():
            # In a process of its own: this one must stay small, as its children's peak of memory
            # begins with what it has itself.
            build = [sys.executable, "-m", "tests.hostile.building", str(folder)]
            subprocess.run(build, check=True)
        cases = [one for one in read_cases(folder) if chosen.only in one.kind]
        outcomes = run_all(cases, folder, chosen.workers, chosen.cold)
    if chosen.table:
        chosen.table.write_text(table(outcomes))
    return summary(outcomes)


def summary(outcomes: list[Outcome]) -> int:
    """Print what went wrong, and the largest of each measure."""
    wrong = [one for one in outcomes if one.faults]
    for one in wrong:
        print(f"{one.case.group}/{one.case.kind}: {'; '.join(one.faults)}\n    {one.said[:300]!r}")
    hostile = [one for one in outcomes if one.case.group != "honest"]
    let_in = sum(one.let_in for one in hostile)
    print(
        f"{len(hostile)} hostile kinds, {len(outcomes) - len(hostile)} honest ones; "
        f"let in {let_in}, tracebacks {sum(one.traceback for one in outcomes)}, "
        f"wrong {len(wrong)}; "
        f"at most {max(one.mebibytes for one in outcomes):.0f} MiB "
        f"({max(one.beyond for one in outcomes):.0f} beyond the imports), "
        f"{max(one.seconds for one in outcomes):.1f} s of a clock and "
        f"{max(one.cpu for one in outcomes):.1f} s of a processor; "
        f"{sum(one.cpu for one in outcomes):.0f} s of a processor in all."
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
