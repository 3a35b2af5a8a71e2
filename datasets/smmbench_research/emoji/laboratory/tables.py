"""Tables of the laboratory: means, chosen settings and differences, with intervals over clips.

    python -m smmbench_research.emoji.laboratory.tables witness.jsonl.gz --best --markdown
    python -m smmbench_research.emoji.laboratory.tables witness.jsonl.gz --against smm --markdown

Intervals cover the true mean with 95 % confidence and resample whole clips, since the outputs of
one clip share its motion. Differences are paired, over the outputs that both settings have.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from smmbench.statistics import mean_interval, paired_difference

# Figures in the order of the columns, with their headings.
FIGURES = {
    "text": "text",
    "motion": "motion",
    "to_source": "output to source",
    "to_output": "source to output",
    "motion_second": "motion, Lucas-Kanade",
    "motion_known": "motion, true tracks",
    "path": "path, px",
    "shape": "path centred, px",
    "object_clip": "object, CLIP",
    "scene_clip": "scene, CLIP",
    "source_clip": "still the source, CLIP",
    "object_judge": "object, judge",
}
COMPARED = (
    *("text", "motion", "motion_second", "motion_known", "path", "shape"),
    *("object_clip", "scene_clip", "object_judge"),
)
BALANCE = "balance"
"""The rule that tunes every method: text similarity plus motion fidelity, equally weighted."""

KEYS = ["clip", "edit", "seed"]


def read_rows(paths: Sequence[Path]) -> pd.DataFrame:
    """Read rows of JSON lines, gzipped or not; one row per output of a setting."""
    rows = [json.loads(line) for path in paths for line in text_of(path).splitlines()]
    frame = pd.DataFrame(rows)
    there = [name for name in FIGURES if name in frame]
    frame = frame.astype(dict.fromkeys(there, float))
    if frame.duplicated(["setting", *KEYS]).any():
        twice = frame[frame.duplicated(["setting", *KEYS])]["setting"].unique()
        raise ValueError(f"Outputs stand twice in these files, of: {', '.join(twice)}.")
    frame[BALANCE] = frame["text"] + frame["motion"]
    return frame


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each figure by setting, in the order of first appearance."""
    there = [name for name in (*FIGURES, BALANCE) if name in rows and rows[name].notna().any()]
    return rows.groupby("setting", sort=False)[there].mean()


def means(rows: pd.DataFrame, figures: Sequence[str] = COMPARED) -> pd.DataFrame:
    """Return the means as text with intervals, and the number of outputs."""
    table: dict[str, dict[str, str]] = {}
    for setting, part in rows.groupby("setting", sort=False):
        table[str(setting)] = {"outputs": str(len(part))} | {
            FIGURES[figure]: _mean(part, figure) for figure in figures if figure in rows
        }
    return pd.DataFrame.from_dict(table, orient="index")


def against(rows: pd.DataFrame, one: str, other: str, figure: str) -> str:
    """Return the paired difference of two settings over common outputs; empty if there are none.

    The text is in asterisks if the interval excludes 0.
    """
    a, b = (rows[rows["setting"] == name].set_index(KEYS)[figure].dropna() for name in (one, other))
    common = a.index.intersection(b.index)
    if not len(common):
        return ""
    found = paired_difference(
        a.loc[common].to_numpy(),
        b.loc[common].to_numpy(),
        [str(clip) for clip in common.get_level_values("clip")],
        seed=0,
    )
    text = _with_interval(found.mean, found.interval, figure, sign=True)
    return f"**{text}**" if found.separable else text


def differences(rows: pd.DataFrame, other: str, figures: Sequence[str] = COMPARED) -> pd.DataFrame:
    """Return the differences of every setting to a reference setting, by figure, as text.

    Raises:
        LookupError: There are no rows of the reference setting.
    """
    settings = list(rows["setting"].unique())
    if other not in settings:
        raise LookupError(f"No rows of '{other}'; there is: {', '.join(settings)}.")
    table = {
        f"{setting} - {other}": {
            FIGURES[figure]: against(rows, setting, other, figure)
            for figure in figures
            if figure in rows and rows[figure].notna().any()
        }
        for setting in settings
        if setting != other
    }
    return pd.DataFrame.from_dict(table, orient="index")


def remarks(rows: pd.DataFrame) -> list[str]:
    """Return notes on the rows for readers of the tables."""
    found = []
    outputs = [set(part[KEYS].itertuples(index=False)) for _, part in rows.groupby("setting")]
    if any(some != outputs[0] for some in outputs):
        found.append("Not all settings have the same outputs: means are over each one's own.")
    if "method" in rows and rows["method"].notna().all():
        tried = rows.groupby("method")["setting"].nunique()
        if tried.nunique() > 1:
            counts = ", ".join(f"{method} {count}" for method, count in tried.items())
            found.append(f"Not all methods tried the same number of settings: {counts}.")
    return found


def ranked(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the means of each method's settings in the order of the tuning rule."""
    scored = summary(rows)
    return {
        str(method): scored.loc[part["setting"].unique()].sort_values(BALANCE, ascending=False)
        for method, part in rows.groupby("method", sort=False)
    }


def best(rows: pd.DataFrame) -> pd.DataFrame:
    """Return each method's chosen setting and the runner-up, as text."""
    table: dict[str, dict[str, str]] = {}
    for method, order in ranked(rows).items():
        chosen, others = order.index[0], order.index[1:]
        line = order.loc[chosen]
        table[method] = {
            "tried": str(len(order)),
            "chosen": str(chosen),
            "text": number(line["text"]),
            "motion": number(line["motion"]),
            "sum": number(line[BALANCE]),
            "runner-up": str(others[0]) if len(others) else "",
            "its sum": number(order.loc[others[0], BALANCE]) if len(others) else "",
            "lead": against(rows, chosen, others[0], BALANCE) if len(others) else "",
            "range of sums": f"{number(order[BALANCE].min())} to {number(line[BALANCE])}",
        }
    return pd.DataFrame.from_dict(table, orient="index")


def number(value: float, figure: str = "", sign: bool = False) -> str:
    """Format a figure: `.742`, `+.082`, `14.5` pixels; empty if it is NaN."""
    if np.isnan(value):
        return ""
    text = f"{value:{'+' if sign else ''}.{1 if figure in ('path', 'shape') else 3}f}"
    whole, _, rest = text.partition(".")
    return f"{whole.removesuffix('0') if whole in ('0', '+0', '-0') else whole}.{rest}"


def markdown(table: pd.DataFrame) -> str:
    """Format a table of texts as Markdown, with its index first."""
    lines = [
        ["", *table.columns],
        ["---", *("--:" for _ in table.columns)],
        *([name, *row] for name, row in zip(table.index, table.to_numpy(), strict=True)),
    ]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table of means, and the requested further tables."""
    options = _parser().parse_args(arguments)
    rows = read_rows(options.rows)
    if options.only:
        rows = rows[rows["setting"].str.startswith(tuple(options.only))]
    write = markdown if options.markdown else pd.DataFrame.to_string
    if options.intervals or options.against:
        tables = [means(rows)]
    else:
        plain = summary(rows)
        shown = plain.apply(lambda column: column.map(lambda x: number(x, str(column.name))))
        tables = [shown.rename(columns=FIGURES)]
    tables += [best(rows)] if options.best else []
    tables += [differences(rows, options.against)] if options.against else []
    print("\n\n".join(write(table) for table in tables))
    for remark in remarks(rows):
        print(remark, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path, nargs="+", help="files of `witness`")
    parser.add_argument("--only", nargs="+", help="settings whose name begins so")
    parser.add_argument("--intervals", action="store_true", help="means with their intervals")
    parser.add_argument("--best", action="store_true", help="the tuned setting of each method")
    parser.add_argument("--against", help="differences of every setting to this one")
    parser.add_argument("--markdown", action="store_true", help="as Markdown")
    return parser


def text_of(path: Path) -> str:
    """Read a text file, gzipped if its name ends in `.gz`."""
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")


def _mean(part: pd.DataFrame, figure: str) -> str:
    values = part.set_index("clip")[figure].dropna()
    if values.empty:
        return ""
    found = mean_interval(values.to_numpy(), [str(clip) for clip in values.index], seed=0)
    return _with_interval(found.mean, found.interval, figure)


def _with_interval(
    mean: float, interval: tuple[float, float] | None, figure: str, sign: bool = False
) -> str:
    low, high = interval or (np.nan, np.nan)
    return (
        f"{number(mean, figure, sign)} [{number(low, figure, sign)}, {number(high, figure, sign)}]"
    )


if __name__ == "__main__":
    main()
