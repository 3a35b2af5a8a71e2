"""Run settings of methods over an emoji set in large batches, and measure each output.

    python -m smmbench_datasets.emoji.laboratory.sweep tune --dataset emoji-val --device cuda \
        --set guidance=6 --output tune.jsonl

Outputs are measured in memory and not kept: what stands on the board is run by `smmbench run`.
One JSON line an output, written setting by setting; run again, it does only the settings that are
not there whole.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from smmbench.atomic import write_text
from smmbench.dataset import Clip, Dataset, Edit, load_dataset, pairs, source_video
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.method import DiffusionMethod
from smmbench.environment import use_tensor_cores
from smmbench.method import Source
from smmbench.methods import find_method
from smmbench.parameters import build_parameters
from smmbench.tracking import Tracks
from smmbench.video import Video
from smmbench_datasets.emoji.laboratory.measures import Measures, figures
from smmbench_datasets.emoji.laboratory.settings import ABLATIONS, TUNING, Setting

SETS = {"tune": TUNING, "ablate": ABLATIONS}
Pair = tuple[Clip, Edit]


def make(
    setting: Setting,
    changes: list[str],
    measures: Measures,
    backbone: Backbone,
    chosen: list[Pair],
    seed: int,
    batch: int,
) -> Iterator[tuple[Pair, Video]]:
    """Make the outputs of one setting, `batch` clips at a time."""
    method_class = find_method(setting.method)
    assert issubclass(method_class, DiffusionMethod)
    parameters = build_parameters(method_class, "emoji", [*changes, *setting.changes])
    method: DiffusionMethod[Any, Any] = method_class(parameters, measures.device, backbone)
    for start in range(0, len(chosen), batch):
        part = chosen[start : start + batch]
        clips = {clip.name: clip for clip, _ in part}
        sources = [_source(measures, clip) for clip in clips.values()]
        prepared = dict(zip(clips, method.prepare_batch(sources), strict=True))
        videos = method.transfer_batch(
            [prepared[clip.name] for clip, _ in part],
            [edit.prompt for _, edit in part],
            [seed] * len(part),
        )
        yield from zip(part, videos, strict=True)


def _source(measures: Measures, clip: Clip) -> Source:
    video = source_video(measures.dataset, clip)
    return Source(clip.name, video, clip.prompt, other=lambda: video)


@dataclass(frozen=True, eq=False)
class Made:
    """The outputs of one setting and seed, being tracked.

    Attributes:
        setting: What made them.
        changes: What was set for all settings.
        seed: Of the draws.
        outputs: Each with its pair.
        tracks: Of each, once found.
        seconds: Each took on average.
    """

    setting: Setting
    changes: list[str]
    seed: int
    outputs: list[tuple[Pair, Video]]
    tracks: list[Future[Tracks]]
    seconds: float


def begin(
    setting: Setting,
    changes: list[str],
    measures: Measures,
    backbone: Backbone,
    seeds: list[int],
    batch: int,
    chosen: list[Pair],
    trackers: ThreadPoolExecutor,
) -> list[Made]:
    """Make one setting's outputs and leave them to the trackers, which need no GPU."""
    all_made = []
    for seed in seeds:
        began = time.monotonic()
        outputs = list(make(setting, changes, measures, backbone, chosen, seed, batch))
        seconds = time.monotonic() - began
        tracks = [trackers.submit(measures.track, video) for _, video in outputs]
        all_made.append(Made(setting, changes, seed, outputs, tracks, seconds / len(outputs)))
        print(f"{setting.name}, seed {seed}: {seconds:.1f} s", file=sys.stderr)
    return all_made


def finish(made: Made, measures: Measures) -> list[dict[str, Any]]:
    """Rows of figures, one an output."""
    return [
        {
            "setting": made.setting.name,
            "method": made.setting.method,
            "changes": [*made.changes, *made.setting.changes],
            "clip": clip.name,
            "edit": edit.name,
            "kind": edit.kind,
            "seed": made.seed,
            "seconds": round(made.seconds, 3),
            **figures(measures.measure(clip, edit.prompt, video, tracks.result())),
        }
        for ((clip, edit), video), tracks in zip(made.outputs, made.tracks, strict=True)
    ]


def main() -> None:
    """Run a named set of settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=list(SETS))
    parser.add_argument("--dataset", default="emoji-val")
    parser.add_argument("--model", default="emoji")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--edits", type=int, help="at most so many edits of each clip")
    parser.add_argument("--only", nargs="+", default=[""], help="settings whose name begins so")
    parser.add_argument("--set", action="append", default=[], help="for all settings: name=value")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    use_tensor_cores(options.device)
    measures = Measures(load_dataset(options.dataset), options.device)
    chosen = _chosen(measures.dataset, options.edits)[: options.limit]
    rows = _whole(options.output, len(chosen) * len(options.seed))
    there = {row["setting"] for row in rows}
    wanted = [
        setting
        for setting in SETS[options.which]
        if setting.name not in there and setting.name.startswith(tuple(options.only))
    ]
    backbone = load_backbone(options.model, device=options.device)
    before: list[Made] = []
    with ThreadPoolExecutor(max_workers=12) as trackers:
        for setting in [*wanted, None]:  # the GPU makes the next setting while one is tracked
            now = (
                begin(
                    setting,
                    options.set,
                    measures,
                    backbone,
                    options.seed,
                    options.batch,
                    chosen,
                    trackers,
                )
                if setting
                else []
            )
            rows += [row for made in before for row in finish(made, measures)]
            write_text(options.output, "".join(json.dumps(row) + "\n" for row in rows))
            before = now


def _chosen(dataset: Dataset, edits: int | None) -> list[Pair]:
    """Pairs of the dataset, of each clip the first edits."""
    kept: Counter[str] = Counter()
    chosen = []
    for clip, edit in pairs(dataset):
        if edits is None or kept[clip.name] < edits:
            chosen.append((clip, edit))
        kept[clip.name] += 1
    return chosen


def _whole(path: Path, outputs: int) -> list[dict[str, Any]]:
    """Rows of an earlier run, of those settings whose every output is there."""
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    count = Counter(row["setting"] for row in rows)
    return [row for row in rows if count[row["setting"]] == outputs]


if __name__ == "__main__":
    main()
