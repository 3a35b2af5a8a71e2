"""Controls on a few clips of the embedded world, made and scored as users make and score."""

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
    """A method whose place on every board is known.

    Attributes:
        name: As `smmbench run` knows it.
        model: Whether it needs the embedded text-to-video model.
        settings: Of its parameters.
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
    # Few steps: enough for the text, and that it knows nothing of the source stays so.
    Control("text-only", model=True, settings=("steps=4",)),
)


@dataclass(frozen=True)
class Standing:
    """Means over clips of what one control scored.

    Attributes:
        text: Text similarity.
        motion: Motion fidelity.
        floor: What tracks of random directions would score in motion.
    """

    text: float
    motion: float
    floor: float


def make_controls(controls: Iterable[Control], results: Path, share: str | None = None) -> None:
    """Make one video a clip with every control.

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
    """Where each control stands.

    Raises:
        ValueError: A video was refused, or has no number.
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
    """Keep caches in another folder for a while: nothing that was computed before is used."""
    before = os.environ.get("SMMBENCH_HOME")
    os.environ["SMMBENCH_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SMMBENCH_HOME"]
        else:
            os.environ["SMMBENCH_HOME"] = before
