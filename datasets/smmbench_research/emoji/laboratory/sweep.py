"""Run settings of methods over an emoji set in large batches, and measure each output.

    python -m smmbench_research.emoji.laboratory.sweep tune --dataset emoji-val --device cuda \
        --edits 1 --set guidance=6 --output tune.jsonl
    python -m smmbench_research.emoji.laboratory.sweep tune --dataset emoji-val --device cuda \
        --finals tune.jsonl --seed 1 2 --set guidance=6 --output finals.jsonl

Outputs are measured in memory and not kept: what stands on the board is run by `smmbench run`.
One JSON line an output, written setting by setting; run again, it does only the settings that are
not there whole. The same command run several times at once shares the settings out (`job` does so
on several GPUs). A setting that fails is named at the end and stops no other.

Exit code: 0 nothing failed, 1 a setting failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch

from smmbench.dataset import Clip, Dataset, Edit, load_dataset, pairs, source_video
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.method import DiffusionMethod
from smmbench.environment import free_memory, use_tensor_cores
from smmbench.method import Source
from smmbench.method.parameters import build_parameters
from smmbench.resolving import find_method
from smmbench.tracking import Tracks
from smmbench.video import Video
from smmbench_research.emoji.laboratory.claims import Row, Work
from smmbench_research.emoji.laboratory.measures import Measures, figures
from smmbench_research.emoji.laboratory.settings import (
    PRESET,
    SETS,
    Setting,
    distinct,
    longest_first,
)
from smmbench_research.emoji.laboratory.tables import ranked, read_rows

Asked = tuple[Clip, Edit, int]  # with a seed
MadeT = TypeVar("MadeT")


def make(
    setting: Setting,
    changes: Sequence[str],
    measures: Measures,
    backbone: Backbone,
    asked: Sequence[Asked],
    batch: int,
) -> Iterator[Video]:
    """Make the outputs of one setting, `batch` at a time; each clip is prepared once."""
    method_class = find_method(setting.method)
    assert issubclass(method_class, DiffusionMethod)
    parameters = build_parameters(method_class, PRESET, [*changes, *setting.changes])
    method: DiffusionMethod[Any, Any] = method_class(parameters, measures.device, backbone)
    prepared: dict[str, Any] = {}
    clips = list({clip.name: clip for clip, _, _ in asked}.values())
    for start in range(0, len(clips), batch):
        sources = [_source(measures, clip) for clip in clips[start : start + batch]]
        ready = method.prepare_batch(sources)
        prepared |= zip((source.clip for source in sources), ready, strict=True)
    for start in range(0, len(asked), batch):
        part = asked[start : start + batch]
        yield from method.transfer_batch(
            [prepared[clip.name] for clip, _, _ in part],
            [edit.prompt for _, edit, _ in part],
            [seed for _, _, seed in part],
        )


def _source(measures: Measures, clip: Clip) -> Source:
    video = source_video(measures.dataset, clip)
    return Source(clip.name, video, clip.prompt, other=lambda: video)


@dataclass(frozen=True, eq=False)
class Made:
    """The outputs of one setting, being tracked.

    Attributes:
        outputs: Each with what was asked.
        tracks: Of each, once found: by the protocol's tracker, and by the second, if any.
        seconds: Each took on average.
    """

    outputs: list[tuple[Asked, Video]]
    tracks: list[Future[tuple[Tracks, Tracks | None]]]
    seconds: float


class Bench:
    """Makes and measures settings; models are loaded when the first is begun.

    Args:
        options: Of the command line.
        dataset: What is made from.
        asked: Every output that a setting is to have.
        trackers: Threads that follow points while the GPU makes the next setting.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        dataset: Dataset,
        asked: list[Asked],
        trackers: ThreadPoolExecutor,
    ) -> None:
        self.options, self.dataset = options, dataset
        self.asked, self.trackers = asked, trackers

    @cached_property
    def measures(self) -> Measures:
        """The witnesses."""
        return Measures(
            self.dataset, self.options.device, second=self.options.second_tracker or None
        )

    @cached_property
    def backbone(self) -> Backbone:
        """The model of all settings."""
        use_tensor_cores(self.options.device)
        return load_backbone(self.options.model, device=self.options.device)

    def begin(self, setting: Setting) -> Made:
        """Make a setting's outputs and leave them to the trackers, which need no GPU."""
        options, measures = self.options, self.measures
        began = time.monotonic()
        videos = make(setting, options.set, measures, self.backbone, self.asked, options.batch)
        outputs = list(zip(self.asked, videos, strict=True))
        seconds = time.monotonic() - began
        print(f"{setting.name}: {seconds:.1f} s", file=sys.stderr, flush=True)
        tracks = [self.trackers.submit(self._followed, video) for _, video in outputs]
        return Made(outputs, tracks, seconds / len(outputs))

    def finish(self, setting: Setting, made: Made) -> list[Row]:
        """Rows of figures, one an output."""
        return [
            {
                "setting": setting.name,
                "method": setting.method,
                "changes": [*self.options.set, *setting.changes],
                "clip": clip.name,
                "edit": edit.name,
                "kind": edit.kind,
                "seed": seed,
                "seconds": round(made.seconds, 3),
                **figures(self.measures.measure(clip, edit.prompt, video, *tracks.result())),
            }
            for ((clip, edit, seed), video), tracks in zip(made.outputs, made.tracks, strict=True)
        ]

    def recover(self) -> None:
        """Free what a failure left; a GPU that answers no more ends this process here."""
        free_memory(self.options.device)
        if self.options.device.startswith("cuda"):
            torch.cuda.synchronize()

    def _followed(self, video: Video) -> tuple[Tracks, Tracks | None]:
        return self.measures.track(video), self.measures.track_again(video)


def work_through(
    work: Work,
    begin: Callable[[Setting], MadeT],
    finish: Callable[[Setting, MadeT], list[Row]],
    recover: Callable[[], None] = lambda: None,
    seconds: float = float("inf"),
) -> None:
    """Do what there is to do; the next setting is begun while the last is being finished.

    Args:
        work: Where settings are taken from and rows are put.
        begin: Makes a setting's outputs.
        finish: Measures them.
        recover: Called after a failure.
        seconds: After so many nothing new is begun.
    """
    began = time.monotonic()
    before: tuple[Setting, MadeT] | None = None
    while True:
        setting = work.claim() if time.monotonic() - began < seconds else None
        now: tuple[Setting, MadeT] | None = None
        if setting is not None:
            try:
                now = setting, begin(setting)
            except Exception:
                _failed(work, setting)
                recover()
        if before is not None:
            try:
                work.write(before[0], finish(*before))
            except Exception:
                _failed(work, before[0])
                recover()
        if setting is None and before is None:
            return
        before = now


def _failed(work: Work, setting: Setting) -> None:
    why = traceback.format_exc()
    print(f"{setting.name} failed:\n{why}", file=sys.stderr, flush=True)
    work.fail(setting, why)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a named set of settings."""
    options = _parser().parse_args(arguments)
    dataset = load_dataset(options.dataset)
    asked = [(*pair, seed) for pair in chosen_pairs(dataset, options) for seed in options.seed]
    settings = [
        setting
        for setting in longest_first(distinct(SETS[options.which], options.set))
        if setting.name.startswith(tuple(options.only))
    ]
    if options.finals:
        leading = leaders(options.finals, options.keep)
        settings = [setting for setting in settings if setting.name in leading]
    outputs = [(clip.name, edit.name, seed) for clip, edit, seed in asked]
    work = Work(options.output, settings, outputs, options.set, options.since)
    with ThreadPoolExecutor(max_workers=options.trackers) as trackers:
        bench = Bench(options, dataset, asked, trackers)
        work_through(work, bench.begin, bench.finish, bench.recover, options.seconds)
    work.merge()
    failed, left = work.left()
    for what, some in (("Failed", failed), ("Not done, or in hand elsewhere", left)):
        if some:
            names = ", ".join(setting.name for setting in some)
            print(f"{what}: {len(some)} of {len(settings)}: {names}", file=sys.stderr)
    return 1 if failed else 0


def leaders(earlier: Path, count: int) -> set[str]:
    """Settings that are among the first of their method in the rows of an earlier sweep."""
    orders = ranked(read_rows([earlier]))
    return {str(name) for order in orders.values() for name in order.index[:count]}


def chosen_pairs(dataset: Dataset, options: argparse.Namespace) -> list[tuple[Clip, Edit]]:
    """Pairs of the dataset, of each clip the first edits, up to a limit."""
    kept: Counter[str] = Counter()
    chosen = []
    for clip, edit in pairs(dataset):
        if options.edits is None or kept[clip.name] < options.edits:
            chosen.append((clip, edit))
        kept[clip.name] += 1
    return chosen[: options.limit]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("which", choices=list(SETS))
    parser.add_argument("--dataset", default="emoji-val")
    parser.add_argument("--model", default="emoji")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    parser.add_argument("--batch", type=int, default=48, help="outputs made at once")
    parser.add_argument("--limit", type=int, help="at most so many pairs")
    parser.add_argument("--edits", type=int, help="at most so many edits of each clip")
    parser.add_argument("--only", nargs="+", default=[""], help="settings whose name begins so")
    parser.add_argument(
        "--finals", type=Path, help="rows of an earlier sweep: only the best of each method there"
    )
    parser.add_argument("--keep", type=int, default=3, help="so many of each, in the finals")
    parser.add_argument("--set", action="append", default=[], help="for all settings: name=value")
    parser.add_argument("--second-tracker", default="lucas-kanade", help="empty: none")
    parser.add_argument("--trackers", type=int, default=min(12, os.cpu_count() or 1))
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="then begin no new setting"
    )
    parser.add_argument(
        "--since", type=float, help="what failed after this time is left; default: now"
    )
    parser.add_argument("--output", type=Path, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
