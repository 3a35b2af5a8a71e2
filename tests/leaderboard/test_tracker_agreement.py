"""Tracker agreement: what two tables must say of each other, and which do not compare."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from scipy.stats import kendalltau, spearmanr

from smmbench.tracking import lucas_kanade
from smmbench_leaderboard.board import agreement_plot
from smmbench_leaderboard.board.agreement import Agreement, AgreementReport, agreement_report
from smmbench_leaderboard.board.rank_correlation import kendall, spearman
from smmbench_leaderboard.board.tracker_table import (
    ClipFacts,
    TableRow,
    TrackerTable,
    read_table,
    read_tables,
)
from smmbench_leaderboard.board.types import Bootstrap
from smmbench_leaderboard.formats.agreement import agreement_markdown, agreement_text

Command = Callable[..., tuple[int, str, str]]
FEW = Bootstrap(resamples=300)
SETTINGS = {"dataset": "toy", "dataset_version": 1, "grid": 30, "still_threshold": 0.5}


def a_table(
    values: np.ndarray, tracker: str = "dis", known: bool = False, **changes: Any
) -> TrackerTable:
    """Of values (methods, clips), a prompt and a seed each; NaN is no number."""
    rows = tuple(
        TableRow(
            method=f"m{m:02}",
            clip=f"c{c:02}",
            edit="dog",
            seed=0,
            value=None if np.isnan(value) else float(value),
            pixels=f"{m}/{c}",
            key="k",
        )
        for (m, c), value in np.ndenumerate(values)
    )
    fields: dict[str, Any] = {
        "tracker": tracker,
        "source_tracks": "known" if known else "tracker",
        "origin": {"tracker": tracker},
        "settings": SETTINGS,
        "kinds": {f"m{m:02}": "control" if m == 0 else "method" for m in range(len(values))},
        "clips": {f"c{c:02}": ClipFacts() for c in range(values.shape[1])},
        "rows": rows,
        "whole": True,
    }
    return TrackerTable(**(fields | changes))


@pytest.fixture
def values() -> np.ndarray:
    """Twelve methods on ten clips: methods differ, clips differ, and there is noise."""
    draw = np.random.default_rng(0)
    return np.linspace(0.1, 0.9, 12)[:, None] + 0.1 * draw.normal(size=(12, 10))


def of_two(one: np.ndarray, other: np.ndarray, **changes: Any) -> Agreement:
    tables = [a_table(one), a_table(other, "lucas-kanade", **changes)]
    (found,) = agreement_report(tables, bootstrap=FEW).agreements
    return found


def test_a_tracker_agrees_with_itself_exactly(values: np.ndarray) -> None:
    found = of_two(values, values)
    for name in ("kendall", "spearman", "videos", "within"):
        assert getattr(found, name).value == 1.0
        assert getattr(found, name).interval == pytest.approx((1.0, 1.0))
    assert found.difference == 0 and not found.turned and not found.videos_apart


def test_shuffled_scores_agree_by_chance_alone(values: np.ndarray) -> None:
    draw = np.random.default_rng(1)
    methods = [of_two(values, values[draw.permutation(12)]) for _ in range(40)]
    videos = [
        of_two(values, draw.permutation(values.ravel()).reshape(values.shape)) for _ in range(40)
    ]
    for shuffled, names in (
        (methods, ("kendall", "spearman", "videos")),
        (videos, ("kendall", "spearman", "videos", "within")),
    ):
        for name in names:
            assert abs(np.mean([getattr(one, name).value for one in shuffled])) < 0.12, name
    intervals = [one.videos.interval or (1.0, 1.0) for one in videos]
    assert np.mean([low < 0 < high for low, high in intervals]) > 0.8


def test_a_scale_and_a_shift_change_no_order_and_a_reflection_turns_all(
    values: np.ndarray,
) -> None:
    scaled = of_two(values, 0.5 * values + 0.2)
    assert scaled.kendall.value == scaled.spearman.value == 1.0
    assert scaled.videos.value == pytest.approx(1.0) and scaled.within.value == pytest.approx(1.0)
    assert scaled.difference == pytest.approx(np.mean(0.5 * values - 0.2))
    turned = of_two(values, -values)
    assert turned.kendall.value == turned.spearman.value == -1.0
    assert turned.videos.value == pytest.approx(-1.0)
    assert len(turned.turned) == 66 and len(turned.shown) > 40


def test_exchanging_the_trackers_changes_the_sign_of_the_difference_alone(
    values: np.ndarray,
) -> None:
    other = values + 0.2 * np.random.default_rng(2).normal(size=values.shape)
    there, back = of_two(values, other), of_two(other, values)
    assert there.kendall.value == back.kendall.value
    assert there.videos.value == pytest.approx(back.videos.value)
    assert there.kendall.interval == pytest.approx(back.kendall.interval)
    assert there.difference == pytest.approx(-back.difference)
    assert {frozenset(one) for one in there.turned} == {frozenset(one) for one in back.turned}
    assert 0 < len(there.turned) < 66 and there.kendall.value != 1


def test_correlations_of_ranks_are_those_of_scipy_with_ties() -> None:
    draw = np.random.default_rng(3)
    a, b = (draw.integers(0, 4, (20, 9)).astype(float) for _ in range(2))
    for row in range(20):
        assert kendall(a, b)[row] == pytest.approx(kendalltau(a[row], b[row]).statistic)
        assert spearman(a, b)[row] == pytest.approx(spearmanr(a[row], b[row]).statistic)
    assert np.isnan(kendall(np.ones((1, 4)), a[:1, :4])).all()


def test_the_interval_is_over_clips_and_narrows_with_more_of_them() -> None:
    draw = np.random.default_rng(4)
    level = np.linspace(0.3, 0.6, 8)[:, None]
    widths = []
    for clips in (8, 64):
        a, b = (level + 0.3 * draw.normal(size=(8, clips)) for _ in range(2))
        low, high = of_two(a, b).kendall.interval or (0.0, 0.0)
        widths.append(high - low)
    assert widths[1] < widths[0]
    assert of_two(level + np.zeros((8, 5)), level + np.zeros((8, 5))).kendall.interval is None


def test_missing_numbers_are_said_and_compared_for_no_method(values: np.ndarray) -> None:
    holes = values.copy()
    holes[3, 2] = np.nan
    report = agreement_report([a_table(values), a_table(holes, "lucas-kanade")], bootstrap=FEW)
    assert report.pairs == report.clips == 9
    assert any(
        note.startswith("m03: 1 of 10 pairs lack a number under lucas-kanade; no method")
        for note in report.notes
    )
    kept = np.delete(values, 2, axis=1)
    means = {row.label: row.mean["dis"] for row in report.board}
    assert means["m05"] == pytest.approx(kept[5].mean())
    holes[3, :6] = np.nan  # more than half: it does not choose the pairs of the others
    report = agreement_report([a_table(values), a_table(holes, "lucas-kanade")], bootstrap=FEW)
    assert report.pairs == 10 and "m03" not in {row.label for row in report.board}
    assert any("m03: 6 of 10" in one and "is left out" in one for one in report.notes)
    holes[0, :5], holes[1, 5:] = np.nan, np.nan
    with pytest.raises(ValueError, match=r"No pair is scored for every method.*m00: 5 of 10"):
        agreement_report([a_table(values), a_table(holes, "lucas-kanade")], bootstrap=FEW)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"settings": SETTINGS | {"grid": 20}}, "grid is 30 and 20"),
        ({"settings": SETTINGS | {"dataset_version": 2}}, "dataset_version is 1 and 2"),
        ({"origin": {"tracker": "dis"}}, "one tracker with the same weights"),
        ({"whole": False}, "stopped after 120 videos.*it resumes"),
    ],
)
def test_tables_that_do_not_compare_are_refused_in_words(
    values: np.ndarray, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        of_two(values, values, **changes)


def test_tables_of_other_videos_and_a_single_table_are_refused(values: np.ndarray) -> None:
    other = a_table(values, "lucas-kanade")
    rows = (other.rows[0].model_copy(update={"pixels": "another"}), *other.rows[1:])
    changed = other.model_copy(update={"rows": rows})
    with pytest.raises(ValueError, match="different videos of m00 c00/dog/0"):
        agreement_report([a_table(values), changed])
    with pytest.raises(ValueError, match="two or more trackers; there is only that of dis"):
        agreement_report([a_table(values)])
    with pytest.raises(LookupError, match="Did you mean 'm10'"):
        agreement_report([a_table(values), other], exclude=["m010"])


def test_where_trackers_part_is_named() -> None:
    a = np.array([[0.9] * 10, [0.5] * 10, [0.1] * 10])
    b = a.copy()
    b[0, 4] = -0.9  # one video on which they part
    b[[1, 2]] = b[[2, 1]]  # and two methods that change places
    families = {
        f"c{c:02}": ClipFacts(family="swing" if c == 4 else "up", moving_share=c / 10)
        for c in range(10)
    }
    tables = [a_table(a, clips=families), a_table(b, "lucas-kanade")]
    report = agreement_report(tables, bootstrap=FEW)
    (found,) = report.agreements
    assert found.turned == found.shown == (("m01", "m02"),)
    worst = found.videos_apart[0]
    assert (worst.method, worst.clip) == ("m00", "c04")
    assert worst.difference == pytest.approx(1.8)
    assert found.clips_apart[0].clip == "c04"
    parts = {(part.of, part.name): part for part in found.parts}
    assert parts["motion", "swing"].clips == 1 and parts["motion", "up"].clips == 9
    assert parts["motion", "swing"].difference > parts["motion", "up"].difference
    assert parts["camera", "static"].pairs == 6 and parts["camera", "moving"].pairs == 4
    ranks = {row.label: row.rank for row in report.board}
    assert ranks["m01"] == {"dis": 2, "lucas-kanade": 3}


def test_the_order_of_rows_does_not_matter(values: np.ndarray) -> None:
    other = a_table(values + 0.1 * np.sin(np.arange(120).reshape(12, 10)), "lucas-kanade")
    turned = other.model_copy(update={"rows": other.rows[::-1]})
    one = agreement_report([a_table(values), other], bootstrap=FEW)
    two = agreement_report([a_table(values), turned], bootstrap=FEW)
    assert one.model_dump() == two.model_dump()


def test_text_markdown_and_picture_have_every_method(values: np.ndarray, tmp_path: Path) -> None:
    errors = {"moving": 1.5, "still": 0.1, "lost": 0.25, "unsure": None}
    clips = {f"c{c:02}": ClipFacts(errors=errors) for c in range(10)}
    tables = [
        a_table(values, clips=clips),
        a_table(values**2, "lucas-kanade"),
        a_table(values, known=True, origin={"tracker": "dis"}),
    ]
    report = agreement_report(tables, bootstrap=FEW)
    assert [*report.trackers] == ["dis", "lucas-kanade", "dis+known"]
    assert [row.tracker for row in report.truth] == ["dis"] and report.truth[0].moving == 1.5
    for text in (agreement_text(report), agreement_markdown(report)):
        assert all(row.label in text for row in report.board)
        assert "Error of each tracker against the true tracks" in text
    again = AgreementReport.model_validate_json(report.model_dump_json())
    assert again == report
    agreement_plot.draw_agreement(report, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_labels_of_methods_that_are_close_stay_inside_the_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = np.linspace(0.90, 0.95, 12)[:, None] + np.zeros((12, 3))
    values = np.concatenate([close, np.zeros((1, 3))])
    report = agreement_report([a_table(values), a_table(values - 0.01, "other")], bootstrap=FEW)
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: drawn.append(self))
    monkeypatch.setattr(agreement_plot, "atomic_path", nullcontext)
    agreement_plot.draw_agreement(report, tmp_path / "a.png")
    (axes,) = drawn[0].axes
    heights = [text.xyann[1] for text in axes.texts if isinstance(text, Annotation)]
    assert len(heights) == 2 * 13
    lowest, highest = axes.get_ylim()
    assert lowest < min(heights) and max(heights) < highest
    assert max(heights) > 0.95 + 0.01  # they were spread beyond their means


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder: three controls on two clips of the embedded world."""
    from smmbench.api.loops import run

    root = tmp_path_factory.mktemp("agreement") / "results"
    for method in ("source-copy", "reversed", "other-clip"):
        run(method, "emoji", root, limit=2, device="cpu")
    return root


@pytest.mark.slow
def test_each_tracker_scores_into_a_table_of_its_own(
    folder: Path, smmbench: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chosen = ("--tracker", "dis", "--tracker", "lucas-kanade", "--tracker", "lucas-kanade+known")
    tables = ("--tables", str(tmp_path / "tables"), "--device", "cpu")
    code, out, err = smmbench("tracker-agreement", str(folder), *chosen, *tables, "--json")
    assert code == 0, err
    report = json.loads(out)
    board = {row["label"]: row["mean"] for row in report["board"]}
    assert [*report["trackers"]] == ["dis", "lucas-kanade", "lucas-kanade+known"]
    for name in ("dis", "lucas-kanade"):
        assert board["source-copy"][name] == pytest.approx(1.0)
    assert 0.5 < board["source-copy"]["lucas-kanade+known"] < 1.0  # the truth has no errors
    assert all(board["source-copy"][name] > board["reversed"][name] for name in report["trackers"])
    truth = {row["tracker"]: row for row in report["truth"]}
    assert set(truth) == {"dis", "lucas-kanade"}
    for row in truth.values():  # ground that the object passes over is dragged along
        assert 0 < row["moving"] < 5 and 0 < row["still"] < 10 and 0 < row["lost"] < 1
    assert not list(folder.rglob("scores.json")), "scores beside videos stay as they are"
    assert any(part["of"] == "motion" for part in report["agreements"][0]["parts"])

    path = tmp_path / "tables" / "emoji" / "lucas-kanade.json"
    before = path.read_bytes()
    stopped = read_table(path).model_copy(update={"whole": False})
    path.write_text(stopped.model_copy(update={"rows": stopped.rows[:2]}).model_dump_json())
    code, _, err = smmbench("tracker-agreement", str(folder), *tables)
    assert code == 2 and "stopped after 2 videos" in err
    assert smmbench("tracker-agreement", str(folder), *chosen[2:4], *tables)[0] == 0
    assert path.read_bytes() == before

    def never(*_: object) -> None:
        raise AssertionError("nothing changed, so that nothing is tracked again")

    monkeypatch.setattr(lucas_kanade.LucasKanade, "track", never)
    assert smmbench("tracker-agreement", str(folder), *chosen[2:4], *tables)[0] == 0


def test_what_is_missing_or_broken_is_said(folder: Path, smmbench: Command, tmp_path: Path) -> None:
    code, _, err = smmbench("tracker-agreement", str(folder), "--tables", str(tmp_path / "none"))
    assert code == 2 and "no tables of trackers" in err and "--tracker dis" in err
    code, _, err = smmbench("tracker-agreement", str(folder), "--tracker", "diss")
    assert code == 2 and "Did you mean 'dis'" in err
    code, _, err = smmbench("tracker-agreement", str(folder), "-o", "a.txt")
    assert code == 2 and ".md, .json" in err
    (tmp_path / "bad" / "emoji").mkdir(parents=True)
    (tmp_path / "bad" / "emoji" / "dis.json").write_text('{"schema_version": 1}')
    code, _, err = smmbench("tracker-agreement", str(folder), "--tables", str(tmp_path / "bad"))
    assert code == 2 and "not a readable table" in err
    for name in itertools.islice("ab", 2):
        (tmp_path / "two" / name).mkdir(parents=True)
        (tmp_path / "two" / name / "dis.json").write_text("{}")
    with pytest.raises(ValueError, match=r"tables of a, b: choose one"):
        read_tables(tmp_path / "two")
