"""Tables of the laboratory: means, and differences with intervals clustered by clip.

python -m smmbench_datasets.emoji.laboratory.tables rows.jsonl [--best] [--against SETTING]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from smmbench.statistics import paired_difference

COLUMNS = (
    "text", "motion", "to_source", "to_output", "motion_known", "motion_second", "object_clip",
    "scene_clip", "source_clip", "object_judge", "path", "shape",
)  # fmt: skip


def read_rows(paths: list[Path]) -> pd.DataFrame:
    """All rows; a pair of clip and edit in each seed is one."""
    rows = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    return pd.DataFrame(rows)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean of each figure by setting, in the order of first appearance."""
    there = [name for name in COLUMNS if name in rows]
    return rows.astype(dict.fromkeys(there, float)).groupby("setting", sort=False)[there].mean()


def balance(table: pd.DataFrame) -> pd.Series:
    """The rule that tunes every method: text similarity plus motion fidelity, equal weights."""
    return table["text"] + table["motion"]


def against(rows: pd.DataFrame, one: str, other: str, figure: str) -> str:
    """Paired difference of two settings over their common outputs, as text."""
    keys = ["clip", "edit", "seed"]
    a = rows[rows["setting"] == one].set_index(keys)[figure]
    b = rows[rows["setting"] == other].set_index(keys)[figure]
    common = a.index.intersection(b.index)
    clusters = [str(clip) for clip in common.get_level_values("clip")]
    found = paired_difference(
        np.asarray(a.loc[common], dtype=float),
        np.asarray(b.loc[common], dtype=float),
        clusters,
        seed=0,
    )
    low, high = found.interval or (np.nan, np.nan)
    return f"{found.mean:+.3f} [{low:+.3f}, {high:+.3f}] p={found.p:.3f}"


def main() -> None:
    """Print a table of means, and what is asked for beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--best", action="store_true", help="the tuned setting of each method")
    parser.add_argument("--against", help="differences of every setting to this one")
    options = parser.parse_args()
    rows = read_rows(options.rows)
    table = summary(rows)
    print(table.round(3).to_string())
    if options.best:
        methods = rows.drop_duplicates("setting").set_index("setting")["method"]
        print("\nBest by text + motion:")
        for method, part in balance(table).groupby(methods):
            print(f"  {method}: {part.idxmax()} ({part.max():.3f})")
    if options.against:
        for setting in table.index.drop(options.against):
            shown = [
                f"{figure} {against(rows, setting, options.against, figure)}"
                for figure in ("text", "motion", "motion_known")
            ]
            print(f"{setting} - {options.against}: " + "; ".join(shown))


if __name__ == "__main__":
    main()
