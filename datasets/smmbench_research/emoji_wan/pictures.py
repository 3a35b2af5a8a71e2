r"""Draw the answer to the preregistered question: the two axes, and sheets of transfers.

    python -m smmbench_research.emoji_wan.pictures ROWS.jsonl --plot axes.png
    python -m smmbench_research.emoji_wan.pictures ROWS.jsonl --results DIR/test --sheets FOLDER

Sheets show the pairs of the first seed with SMM's best, middle and worst scores, by text similarity
plus motion fidelity, so that nobody selects them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from smmbench.dataset import Dataset, clip_named, edit_named, load_dataset, source_video
from smmbench.results import VIDEO
from smmbench.statistics import mean_interval
from smmbench.video import read_video
from smmbench_research.emoji_wan.answer import MOTION, SEED, TEXT, Scores, frontier, read
from smmbench_research.emoji_wan.question import TEST, WITH_STRENGTH

SHOWN = (
    ("SMM", "smm"),
    ("inversion-swap", "inversion-swap"),
    ("SDEdit .85", "sdedit-0"),
    ("FlowEdit .803", "flow-edit-6"),
    ("FlowMotion", "flow-motion"),
    ("text only", "text-only"),
)
EACH = 6  # pairs of a sheet
MOMENTS = 6  # frames of a clip
SIDE, LEFT, TOP = 72, 84, 16
Frames = UInt8[np.ndarray, "time height width 3"]
Pair = tuple[str, str]


def plot(scores: Mapping[str, Scores], clips: Sequence[str], to: Path) -> None:
    """Plot motion against text with 95 % intervals, and a curve for methods with a strength."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
    grouped: dict[str, list[str]] = {}
    for label in scores:
        method = next((one for one in WITH_STRENGTH if label.startswith(f"{one}-")), label)
        grouped.setdefault(method, []).append(label)
    for method, labels in grouped.items():
        text, motion = (
            [mean_interval(getattr(scores[label], axis), clips, SEED) for label in labels]
            for axis in ("text", "motion")
        )
        order = np.argsort([one.mean for one in text])
        x, y = (np.array([axis[k].mean for k in order]) for axis in (text, motion))
        errors = [
            np.abs(np.array([axis[k].interval or (axis[k].mean,) * 2 for k in order]).T - means)
            for axis, means in ((text, x), (motion, y))
        ]
        (line,) = axes.plot(x, y, "o", ms=4, label=method)
        axes.errorbar(
            x,
            y,
            xerr=errors[0],
            yerr=errors[1],
            fmt="none",
            ecolor=line.get_color(),
            elinewidth=0.8,
        )
        if method in WITH_STRENGTH:
            own = [scores[label] for label in frontier({label: scores[label] for label in labels})]
            curve = [(one.text.mean(), one.motion.mean()) for one in own]
            axes.plot(*zip(*curve, strict=True), ":", lw=1, color=line.get_color())
    axes.set(xlabel="text similarity", ylabel="motion fidelity")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(to, dpi=130)
    plt.close(figure)


def chosen(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Pair]]:
    """Return the pairs of the first seed with SMM's best, middle and worst scores."""
    own = [row for row in rows if row["label"] == "smm" and row["seed"] == SEED]
    pairs = [
        (row["clip"], row["edit"]) for row in sorted(own, key=lambda row: row[TEXT] + row[MOTION])
    ]
    middle = len(pairs) // 2
    return {
        "best": pairs[-EACH:][::-1],
        "middle": pairs[middle - EACH // 2 : middle + EACH // 2],
        "worst": pairs[:EACH],
    }


def sheet(
    pairs: Sequence[Pair], rows: Sequence[Mapping[str, Any]], results: Path, across: int = 3
) -> Image.Image:
    """Draw blocks of frames: the source, then each method's output with both scores."""
    dataset = load_dataset(TEST)
    by = {(r["label"], r["clip"], r["edit"]): r for r in rows if r["seed"] == SEED}
    blocks = [_block(dataset, pair, by, results) for pair in pairs]
    width, height = (side + 8 for side in blocks[0].size)
    whole = Image.new("RGB", (across * width - 8, -(-len(blocks) // across) * height), "white")
    for k, block in enumerate(blocks):
        whole.paste(block, (k % across * width, k // across * height))
    return whole


def _block(
    dataset: Dataset,
    pair: Pair,
    rows: Mapping[tuple[str, str, str], Mapping[str, Any]],
    results: Path,
) -> Image.Image:
    clip = clip_named(dataset, pair[0])
    size = (LEFT + MOMENTS * SIDE, TOP + (1 + len(SHOWN)) * SIDE)
    block = Image.new("RGB", size, "white")
    ink = ImageDraw.Draw(block)
    ink.text((2, 2), f"{edit_named(clip, pair[1]).prompt}   [from: {clip.prompt}]", fill="black")
    shown: list[tuple[str, Frames]] = [("source", source_video(dataset, clip).frames)]
    for title, label in SHOWN:
        row = rows[label, *pair]
        words = f"{title}\ntext {row[TEXT]:.2f}\nmotion {row[MOTION]:.2f}"
        folder = results / label / TEST / pair[0] / pair[1] / f"seed-{SEED}"
        shown.append((words, read_video(folder / VIDEO).frames))
    for line, (words, frames) in enumerate(shown):
        top = TOP + line * SIDE
        ink.text((2, top + 4), words, fill="black")
        for k, frame in enumerate(moments(frames)):
            small = Image.fromarray(frame).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            block.paste(small, (LEFT + k * SIDE, top))
    return block


def moments(frames: Frames) -> Frames:
    """Frames evenly spaced from the first to the last."""
    picked: Frames = frames[np.linspace(0, len(frames) - 1, MOMENTS).round().astype(int)]
    return picked


def main() -> None:
    """Draw the requested figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path, help="test.jsonl")
    parser.add_argument("--plot", type=Path, help="picture of the two axes")
    parser.add_argument("--results", type=Path, help="folder of the test's videos")
    parser.add_argument("--sheets", type=Path, help="folder for the sheets")
    options = parser.parse_args()
    if options.plot:
        plot(*read(options.rows), options.plot)
    if options.sheets:
        lines = options.rows.read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        for name, pairs in chosen(rows).items():
            picture = sheet(pairs, rows, options.results)
            picture.save(options.sheets / f"emoji-wan-{name}.jpg", quality=87)


if __name__ == "__main__":
    main()
