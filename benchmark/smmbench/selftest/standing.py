"""Run and score controls on a few clips of the embedded world, as a user would."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smmbench.metrics import metric_names
from smmbench.running.executors import named_executor
from smmbench.running.loop import plan_run, run
from smmbench.scoring.loop import Outcome, ScoreLoop, results_below
from smmbench.scoring.options import Options

DATASET = "emoji-val"  # never the set of the board
CLIPS = ("ladybug-right", "giraffe-up", "dog-jump")
TEXT, MOTION = "text_similarity", "motion_fidelity"
METRICS: tuple[str, ...] | None = None  # those that are computed if none is named


@dataclass(frozen=True)
class Control:
    """A method whose expected score is known.

    Attributes:
        name: Name for `smmbench run`.
        model: Whether it needs the embedded text-to-video model.
        settings: Settings of its parameters.
    """

    name: str
    model: bool = False
    settings: tuple[str, ...] = ()


CONTROLS = (
    Control("source-copy"),
    Control("frozen"),
    Control("reversed"),
    Control("shuffled"),
    Control("other-clip"),
    Control("noise"),
    Control("vae-round-trip", model=True),
    # Few steps: enough for the text, and the output still ignores the source.
    Control("text-only", model=True, settings=("steps=4",)),
)


@dataclass(frozen=True)
class Standing:
    """Mean scores of one control over clips.

    Attributes:
        text: Text similarity.
        motion: Motion fidelity.
        floor: Chance level: the motion fidelity of tracks in random directions.
    """

    text: float
    motion: float
    floor: float


def make_controls(controls: Iterable[Control], results: Path, share: str | None = None) -> None:
    """Generate one video per clip with every control.

    Raises:
        RuntimeError: One of them failed.
    """
    for control in controls:
        plan = plan_run(
            control.name,
            DATASET,
            results,
            settings=control.settings,
            clips=CLIPS,
            seeds=(0,),
            limit=len(CLIPS),
            share=share,
            device="cpu",
        )
        done = run(plan, named_executor("local", None))
        if done.failures:
            failure = done.failures[0].failure
            raise RuntimeError(f"{control.name} failed: {failure and failure.message}")


def score_all(results: Path, home: Path) -> list[Outcome]:
    """Score everything below a folder with an empty cache."""
    options = Options(metrics=METRICS or metric_names(), device="cpu")
    with own_home(home):
        return list(ScoreLoop(options).run(results_below(results)))


def means_of(outcomes: Sequence[Outcome]) -> dict[str, Standing]:
    """Return the scores of each control.

    Raises:
        ValueError: A video was rejected, or has no number.
    """
    values: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for outcome in outcomes:
        missing = outcome.missing((TEXT, MOTION))
        if outcome.error or missing:
            raise ValueError(f"{outcome.folder}: {outcome.error or missing}")
        found = {score.metric: score for score in outcome.scores}
        text, motion = found[TEXT].value, found[MOTION].value
        assert text is not None and motion is not None
        values[outcome.record.request.method].append((text, motion, found[MOTION].details["floor"]))
    return {name: Standing(*np.mean(each, axis=0).tolist()) for name, each in values.items()}


@contextmanager
def own_home(folder: Path) -> Iterator[None]:
    """Use another cache folder temporarily, so that no earlier result is reused."""
    before = os.environ.get("SMMBENCH_HOME")
    os.environ["SMMBENCH_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SMMBENCH_HOME"]
        else:
            os.environ["SMMBENCH_HOME"] = before
