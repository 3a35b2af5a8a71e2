"""Scores of the page's five methods under motion fidelity and under each legacy mode.

    smmbench datasets fetch dmt-page-five
    python -m smmbench_datasets.dmt_page.fidelity_table

Prints Markdown: means over the clips, with the protocol's tracker. Tracks are cached on disk.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from smmbench.dataset import (
    Clip,
    Dataset,
    checked_path,
    clip_form,
    clip_named,
    load_dataset,
    source_video,
)
from smmbench.display import print_line
from smmbench.metrics import Task
from smmbench.metrics.motion_fidelity import MotionFidelity
from smmbench.metrics.motion_fidelity_det import det
from smmbench.metrics.motion_fidelity_ditflow import ditflow
from smmbench.metrics.motion_fidelity_dmt import dmt
from smmbench.metrics.motion_fidelity_five import five
from smmbench.metrics.motion_fidelity_ivebench import ivebench
from smmbench.scoring.resources import LoadedResources
from smmbench.tracking import Tracks
from smmbench.video import Video, normal_form, read_video

# Read from the plot of the SMM paper, over its whole set, to about .002; the page has no numbers.
REPORTED = {"tokenflow": 0.966, "smm-published": 0.879, "control-a-video": 0.871}
REPORTED |= {"tune-a-video": 0.669}

OURS = ("source_to_output", "output_to_source", "foreground", "floor", "other_sources")
SCRIPTS = ("dmt", "ditflow", "five", "det", "ivebench")
HEADER = (
    *("method", "reported", "ours", "source to output", "output to source", "foreground"),
    *("chance level", "wrong source", *SCRIPTS, "dmt, never still", "det, never still"),
)


def main() -> None:
    """Score every published output and three controls, and print the table."""
    dataset = load_dataset("dmt-page-five")
    protocol = dataset.manifest.protocol
    resources = LoadedResources(dataset, protocol)
    tracks, metric = resources.tracks, MotionFidelity(resources)
    rows: dict[str, list[list[float]]] = {}
    for name, task in _tasks(dataset):
        measured = metric.measure(task)
        source, output = tracks.of_source(task.clip), tracks.of_output(task)
        own = [measured.value, *(measured.details[detail] for detail in OURS)]
        theirs = _by_scripts(source, output, protocol.width, protocol.height)
        rows.setdefault(name, []).append([*own, *theirs])
    print_line(f"| {' | '.join(HEADER)} |")
    print_line(f"|---{'|--:' * (len(HEADER) - 1)}|")
    for name, values in sorted(rows.items(), key=lambda row: -float(np.mean(row[1], axis=0)[0])):
        cells = (_shown(value) for value in np.mean(values, axis=0))
        print_line(f"| {name} | {_shown(REPORTED.get(name))} | {' | '.join(cells)} |")


def _tasks(dataset: Dataset) -> Iterator[tuple[str, Task]]:
    for output in dataset.manifest.outputs:
        clip = clip_named(dataset, output.clip)
        video = read_video(checked_path(dataset, output.video))
        yield output.method, _task(clip, normal_form(video, clip_form(dataset, clip)))
    controls: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "*source copy*": lambda frames: frames,
        "*reversed*": lambda frames: frames[::-1],
        "*frozen*": lambda frames: np.repeat(frames[:1], len(frames), axis=0),
    }
    for clip in dataset.manifest.clips:
        source = source_video(dataset, clip)
        for name, change in controls.items():
            yield name, _task(clip, Video(change(source.frames).copy(), source.fps))


def _task(clip: Clip, output: Video) -> Task:
    return Task(clip, "", output, output.pixels_sha256)


def _by_scripts(source: Tracks, output: Tracks, width: int, height: int) -> list[float]:
    """Score with each script, then with two of them on tracks that never stand still."""
    a, b = source.points, output.points
    never = _never_still(a) & _never_still(b)
    return [
        dmt(a, b),
        ditflow(a, b),
        five(a, b),
        det(a, b, width, height),
        ivebench(a, b, source.visible, output.visible),
        dmt(a[never], b[never]) if never.any() else math.nan,
        det(a[never], b[never], width, height) if never.any() else math.nan,
    ]


def _never_still(points: np.ndarray) -> np.ndarray:
    return (np.diff(points, axis=1) != 0).any(axis=-1).all(axis=1)


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return "NaN" if math.isnan(value) else f"{value:.3f}"


if __name__ == "__main__":
    main()
