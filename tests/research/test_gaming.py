"""The calibration of marks: bounds, thresholds, and attacks that know the rules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from smmbench.marks import RULES
from smmbench.marks.rules import MOVING_STRUCTURE, SOURCE_SHARE
from smmbench_research.emoji.gaming.adaptive import ATTACKS, rippled_trace, search
from smmbench_research.emoji.gaming.bounds import upper_bound
from smmbench_research.emoji.gaming.calibration import (
    false_marks,
    left_out,
    marked,
    nearest,
    threshold,
)
from smmbench_research.emoji.gaming.constructions import FAMILIES
from smmbench_research.emoji.gaming.resuming import left_of, rows_of_tasks

SOURCE = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 3), dtype=np.uint8)
STILL = np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8)


def rows(family: str, moving: list[float], share: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": family,
            "family": family,
            "motion": 0.9,
            "moving_structure": moving,
            "source_share": share,
        }
    )


@pytest.mark.parametrize("pairs", [1, 30, 300])
def test_the_bound_of_none_is_known_in_closed_form(pairs: int) -> None:
    assert upper_bound(0, pairs) == pytest.approx(1 - 0.05 ** (1 / pairs))
    assert upper_bound(pairs, pairs) == 1
    assert upper_bound(0, pairs) < upper_bound(1, pairs)
    with pytest.raises(ValueError, match="0 <= marked <= pairs"):
        upper_bound(pairs + 1, pairs)


def test_a_threshold_lies_in_the_middle_of_the_gap() -> None:
    real = rows("real", [0.5, 0.3, 2.0], [0.1, 0.6, 0.2])
    attacks = rows("stills", [0.0, 0.1, 0.9], [1.0, 0.8, 0.1])
    assert threshold(MOVING_STRUCTURE, real, attacks) == pytest.approx(0.2)
    assert threshold(SOURCE_SHARE, real, attacks) == pytest.approx(0.7)


def test_a_family_that_was_left_out_is_judged_by_the_others() -> None:
    real = rows("real", [0.5, 0.3, 2.0], [0.1, 0.6, 0.2])
    attacks = pd.concat(
        [rows("faint", [0.0, 0.1], [0.0, 0.0]), rows("fainter", [0.0, 0.22], [0.0, 0.0])],
        ignore_index=True,
    )
    found = {str(row["family"]): row for row in left_out(real, attacks)}
    assert found["fainter"]["moving_structure"] == pytest.approx(0.2)
    assert found["fainter"]["marked"] == 0.5
    assert found["faint"]["marked"] == 1.0


def test_false_marks_are_counted_by_group() -> None:
    real = rows("real", [1.0, 0.0], [0.0, 0.0]).assign(kind=["object", "scene"])
    table = false_marks(real, ["kind"])
    assert table["marked"].to_dict() == {"object": 0, "scene": 1}
    assert table.loc["scene", "at most"] == 1.0
    assert marked(real).tolist() == [False, True]


def test_the_nearest_real_output_is_named_for_each_rule() -> None:
    real = rows("real", [1.0, 0.2, 0.4], [0.9, 0.1, 0.3]).assign(
        kind=["object", "object", "scene"], clip=["a", "b", "c"], edit="edit"
    )
    table = nearest(real).set_index(["rule", "kind"])
    assert table.loc[("moving_structure", "object"), "pair"] == "b/edit"
    assert table.loc[("source_share", "object"), "pair"] == "a/edit"
    assert table.loc[("source_share", "scene"), "value"] == 0.3


@pytest.mark.parametrize("family", FAMILIES)
def test_constructions_keep_the_form_of_the_source(family: str) -> None:
    for build in FAMILIES[family].values():
        output = build(SOURCE, STILL)
        assert output.shape == SOURCE.shape
        assert output.dtype == np.uint8


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_search_climbs_among_what_is_not_marked(attack: object) -> None:
    """Where strength alone is worth something and too much of it is marked, it stops below."""
    limit = next(rule for rule in RULES if rule.side == "above").threshold

    def figures(output: np.ndarray) -> dict[str, float]:
        strength = float(np.abs(output - STILL.astype(float)).mean() / 64)
        shares = {"source_share": strength, "moved_source": strength}
        return {"text": 0.0, "motion": strength, "moving_structure": 1.0} | shares

    few, many = (search(attack, SOURCE, STILL, figures, steps) for steps in (2, 30))  # type: ignore[arg-type]
    assert many["unmarked"]
    assert many["motion"] <= limit
    assert not few["unmarked"] or many["motion"] >= few["motion"]


def test_a_search_that_is_always_marked_says_so() -> None:
    def figures(output: np.ndarray) -> dict[str, float]:
        shares = {"source_share": 1.0, "moved_source": 1.0}
        return {"text": 1.0, "motion": 1.0, "moving_structure": 0.0} | shares

    assert not search(ATTACKS[0], SOURCE, STILL, figures, 3)["unmarked"]


@pytest.mark.slow
def test_tasks_that_were_done_are_kept_and_the_rest_is_done_later(tmp_path: Path) -> None:
    log = tmp_path / "tasks"
    tasks = [Doubled(number) for number in range(3)]
    assert rows_of_tasks(tasks[:1], doubled, log) == [{"value": 0}]
    assert rows_of_tasks(tasks, doubled, log, seconds=0) is None
    assert left_of(tasks, log) == 2
    log.write_text(log.read_text() + '{"key": "1", "rows": [{"val')  # killed while it wrote
    kept = json.dumps({"key": "2", "rows": [{"value": "kept"}]})
    assert rows_of_tasks(tasks[:2], doubled, log, workers=2) == [{"value": 0}, {"value": 2}]
    log.write_text(log.read_text() + kept + "\n")
    assert rows_of_tasks(tasks, doubled, log) == [{"value": 0}, {"value": 2}, {"value": "kept"}]


@pytest.mark.slow
def test_a_task_that_fails_loses_nothing_that_was_done(tmp_path: Path) -> None:
    log = tmp_path / "tasks"
    tasks = [Doubled(0), Doubled(-1)]
    with pytest.raises(ValueError, match="negative"):
        rows_of_tasks(tasks, doubled, log)
    assert left_of(tasks, log) == 1


def test_a_trace_is_the_source_where_nothing_bends_or_ripples_it() -> None:
    settings = {"gain": 1.0, "pixels": 0.0, "waves": 1.0, "bend": 1e-3}
    grey = np.full_like(STILL, 128)
    change = SOURCE - np.median(SOURCE, axis=0)
    wanted = np.clip(np.rint(128 + change), 0, 255)
    output = rippled_trace(SOURCE, grey, settings)
    assert np.abs(output - wanted).max() <= 1
    assert (rippled_trace(SOURCE, STILL, settings | {"gain": 0.0}) == STILL).all()


@dataclass(frozen=True)
class Doubled:
    number: int

    @property
    def key(self) -> str:
        return str(self.number)


def doubled(task: Doubled) -> list[dict[str, int]]:
    if task.number < 0:
        raise ValueError("negative")
    return [{"value": 2 * task.number}]
