"""Measure the outputs of `smmbench run` with the world's held-out evaluators.

python -m smmbench_research.emoji.laboratory.witness results/ --dataset emoji --output rows.jsonl

Existing rows of the same pixels, trackers and metric are kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from smmbench.dataset import clip_named, edit_named, load_dataset
from smmbench.resolving import entry_of, method_names
from smmbench.results import VIDEO, RunRecord, find_records
from smmbench.storage.atomic import write_text
from smmbench.tracking import Tracks
from smmbench.video import Video, read_video
from smmbench_research.emoji.laboratory.measures import Measures, figures


def witness(
    root: Path,
    measures: Measures,
    seeds: Collection[int] | None = None,
    earlier: Iterable[dict[str, Any]] = (),
    threads: int = 8,
) -> Iterator[dict[str, Any]]:
    """Return one row of figures for each output in `root` of this dataset and these seeds.

    Args:
        root: The results folder, or a folder in it.
        measures: What to measure.
        seeds: Seeds to include; None for all.
        earlier: Existing rows, which are kept if nothing has changed.
        threads: Number of threads that track points.
    """
    name = measures.dataset.manifest.name
    methods = {entry_of(method): method for method in method_names()}
    found = [
        (folder, record)
        for folder, record in find_records(root)
        if record.request.dataset == name
        and record.status == "done"
        and (not seeds or record.request.seed in seeds)
    ]
    kept = {
        (*(row[part] for part in ("setting", "clip", "edit", "seed")), row["pixels"]): row
        for row in earlier
        if row.get("terms") == measures.terms
    }

    def read(one: tuple[Path, RunRecord]) -> dict[str, Any] | tuple[Video, Tracks, Tracks | None]:
        asked, pixels = one[1].request, one[1].pixels_sha256
        row = kept.get((asked.method, asked.clip, asked.edit, asked.seed, pixels))
        if row is not None:
            return row
        video = read_video(one[0] / VIDEO)
        return video, measures.track(video, pixels), measures.track_again(video, pixels)

    with ThreadPoolExecutor(max_workers=threads) as pool:
        for (_, record), one in zip(found, pool.map(read, found), strict=True):
            if isinstance(one, dict):
                yield one
                continue
            asked = record.request
            clip = clip_named(measures.dataset, asked.clip)
            edit = edit_named(clip, asked.edit)
            yield {
                "setting": asked.method,
                "method": methods.get(record.entry, record.entry),
                "clip": asked.clip,
                "edit": asked.edit,
                "kind": edit.kind,
                "seed": asked.seed,
                "pixels": record.pixels_sha256,
                "terms": measures.terms,
                **figures(measures.measure(clip, edit.prompt, *one)),
            }


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read rows of a file of JSON lines; none if the file does not exist."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def main() -> None:
    """Write one JSON line per output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--dataset", default="emoji")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--second-tracker", help="such as lucas-kanade, in addition to the protocol's"
    )
    parser.add_argument("--seed", type=int, nargs="+", help="only outputs of these seeds")
    parser.add_argument("--threads", type=int, default=8, help="that follow points")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    measures = Measures(
        load_dataset(options.dataset), options.device, second=options.second_tracker
    )
    rows = witness(
        options.results, measures, options.seed, read_lines(options.output), options.threads
    )
    write_text(options.output, "".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
