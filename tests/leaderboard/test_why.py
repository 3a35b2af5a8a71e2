"""Where a number comes from: the arithmetic of a mean, and every link down to the pixels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.builders.datasets import square_in_motion, write_square_dataset

from smmbench.dataset import Dataset, load_dataset, source_video
from smmbench.method import Card
from smmbench.metrics import metric
from smmbench.results import (
    VIDEO,
    Environment,
    Failure,
    MethodFile,
    Request,
    RunRecord,
    method_folder,
    parameters_sha256,
    read_scores,
    result_folder,
    write_method,
    write_record,
    write_scores,
)
from smmbench.scoring.loop import ScoreLoop, results_below
from smmbench.scoring.options import Options
from smmbench.video import Video, write_lossless
from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.formats.explaining import cell_text, pair_text
from smmbench_leaderboard.provenance import chain
from smmbench_leaderboard.provenance.chain import Link
from smmbench_leaderboard.provenance.why import PairOrigin, why_cell, why_pair

PAIR = ("right", "cat", 0)
Run = Callable[..., tuple[int, str, str]]


def another(source: Video) -> Video:
    """Another thing over another ground, on its way down."""
    noise = np.random.default_rng(1).normal(size=source.frames.shape[1:]).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    ground = np.clip(128 + 60 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    frames = np.repeat(ground[None], len(source.frames), axis=0)
    for time, frame in enumerate(frames):
        frame[2 + 2 * time : 18 + 2 * time, 6:22] = 255 - ground[:16, :16]
    return Video(frames, source.fps)


def asked(edit: str) -> Request:
    """The request of an edit of the clip `right`."""
    return Request(
        method="flip", dataset="squares", dataset_version=1, clip="right", edit=edit, seed=0
    )


class Tree:
    """Results of `flip` on the two squares: right/cat done, right/dog failed, left/cat missing."""

    def __init__(self, root: Path) -> None:
        self.results, self.manifest = root / "results", root / "squares" / "squares.toml"
        self.dataset: Dataset = load_dataset(self.manifest)
        self.source = source_video(self.dataset, self.dataset.manifest.clips[0])
        self.folder = result_folder(self.results, asked("cat"))

    def make(self) -> None:
        card = Card(title="Flip", kind="method")
        folder = method_folder(self.results, "flip")
        write_method(folder, MethodFile(label="flip", entry="toy:Flip", card=card))
        self.put("cat", another(self.source))
        self.put("dog", None)
        self.score()

    def put(self, edit: str, video: Video | None) -> Path:
        request = asked(edit)
        folder = result_folder(self.results, request)
        folder.mkdir(parents=True, exist_ok=True)
        if video:
            write_lossless(folder / VIDEO, video)
        fields: dict[str, Any] = {
            "status": "done" if video else "failed",
            "request": request,
            "source_sha256": self.source.pixels_sha256,
            "prompt": f"a {edit} runs",
            "entry": "toy:Flip",
            "parameters": {"axis": 1},
            "parameters_sha256": parameters_sha256("toy:Flip", {"axis": 1}, {}),
            "environment": Environment(device="cpu: toy", python="3.11", packages={"torch": "2"}),
            "pixels_sha256": video.pixels_sha256 if video else "",
            "failure": None if video else Failure(kind="nan", message="M", stage="transfer"),
        }
        write_record(folder, RunRecord(**fields))
        return folder

    def score(self, **options: Any) -> None:
        loop = ScoreLoop(Options(**options), [self.dataset])
        assert not [one.error for one in loop.run(results_below(self.results)) if one.error]

    def pair(self, column: str = "motion_fidelity") -> PairOrigin:
        return why_pair(self.results, "flip", column, PAIR, str(self.manifest))

    def broken(self, column: str = "motion_fidelity") -> dict[str, Link]:
        return {link.name: link for link in self.pair(column).links if link.holds is False}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_clip: Path) -> Path:
    """Folder of a tree that is made and scored once, to be copied."""
    root = tmp_path_factory.mktemp("why") / "root"
    manifest = write_square_dataset(root / "squares", square_in_motion())
    text = manifest.read_text(encoding="utf-8").replace("emoji-clip", tiny_clip.as_posix())
    manifest.write_text(text, encoding="utf-8")
    Tree(root).make()
    return root


@pytest.fixture
def tree(tmp_path: Path, made: Path) -> Tree:
    return Tree(shutil.copytree(made, tmp_path / "root"))


def test_a_mean_is_the_sum_of_its_pairs_with_missing_ones_as_worst(tree: Tree) -> None:
    cell = why_cell(tree.results, "flip", "motion_fidelity", str(tree.manifest), "full")
    (row,) = make_board(tree.results, str(tree.manifest), "full").rows
    assert cell.cell == row.cells["motion_fidelity"]
    assert cell.cell.mean == pytest.approx(cell.sum / 3)
    assert [(p.clip, p.edit, p.status) for p in cell.pairs] == [
        ("right", "cat", "done"),
        ("right", "dog", "failed"),
        ("left", "cat", "missing"),
    ]
    assert [pair.counts for pair in cell.pairs][1:] == [-1, -1]
    assert (cell.worst_pairs, cell.unbroken) == (2, True)
    assert cell.column.conditions["conventions"]["moves"] == "share"


def test_a_pair_has_its_whole_chain(tree: Tree) -> None:
    found = tree.pair()
    assert found.unbroken
    assert found.value == found.counts
    assert found.score is not None and found.record is not None
    assert found.score.origin["tracker"]["tracker"] == "lucas-kanade"
    assert found.score.origin["output"] == found.record.pixels_sha256
    assert [link.name for link in found.links if link.holds is not True] == []
    assert {"output", "source", "key of the score", "scored here and now"} <= {
        link.name for link in found.links
    }


def test_the_origin_of_a_detail_and_of_a_companion(tree: Tree) -> None:
    tree.score(metrics=("ftd",))
    detail, other = tree.pair("source_to_output"), tree.pair("ftd")
    assert (detail.metric, detail.detail) == ("motion_fidelity", "source_to_output")
    assert detail.score is not None
    assert detail.value == detail.score.details["source_to_output"]
    assert other.metric == "ftd" and other.unbroken
    text = tree.pair("text_similarity")
    assert text.score is not None and text.score.origin["text_model"]["weights"]


def test_a_marked_pair_says_why_it_counts_as_worst(tree: Tree) -> None:
    """A copy has the best number there is, and the worst in the mean."""
    tree.folder = tree.put("cat", tree.source)
    tree.score()
    found = tree.pair()
    assert found.value == pytest.approx(1)
    marks = ("source_share", "moved_source")
    assert (found.counts, found.marks) == (-1, marks)
    cell = why_cell(tree.results, "flip", "motion_fidelity", str(tree.manifest))
    assert [pair.marks for pair in cell.pairs if pair.scored] == [marks]
    assert "as the worst, because it is marked: source_share, moved_source" in cell_text(cell)
    assert "Marked (source_share, moved_source)" in pair_text(found)
    assert tree.pair("text_similarity").marks == ()


def test_a_changed_video_breaks_the_chain(tree: Tree) -> None:
    write_lossless(tree.folder / VIDEO, tree.source)
    broken = tree.broken()
    assert set(broken) == {"output", "output in normal form"}
    assert tree.source.pixels_sha256 in broken["output"].says
    (tree.folder / VIDEO).unlink()
    assert "no such file" in tree.broken()["output"].says
    assert not why_cell(tree.results, "flip", "motion_fidelity", str(tree.manifest)).unbroken


def test_a_changed_score_breaks_the_chain(tree: Tree) -> None:
    file = read_scores(tree.folder)
    assert file is not None
    changed = [
        s.model_copy(update={"origin": s.origin | {"output": "0" * 64}}) for s in file.scores
    ]
    write_scores(tree.folder, file.model_copy(update={"scores": tuple(changed)}))
    assert {"output in normal form", "key of the score"} <= set(tree.broken())


def test_a_changed_record_breaks_the_chain(tree: Tree) -> None:
    record = json.loads((tree.folder / "record.json").read_text())
    record |= {"parameters": {"axis": 2}, "prompt": "a cow runs"}
    (tree.folder / "record.json").write_text(json.dumps(record))
    assert {"prompt", "parameters and weights"} <= set(tree.broken())


def test_a_score_of_an_older_metric_is_stale(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    known = metric("motion_fidelity")
    raised = type("Raised", (known,), {"version": known.version + 1})
    monkeypatch.setattr(chain, "metric", lambda name: raised)
    broken = tree.broken()
    assert (
        "Outdated: scored under version 2, the current version is 3"
        in broken["version of the metric"].says
    )
    assert "version" in broken["scored here and now"].says


def test_another_convention_is_stale_and_another_library_only_differs(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    from smmbench.metrics import motion_fidelity
    from smmbench.metrics.conventions import Conventions
    from smmbench.tracking.lucas_kanade import LucasKanade

    with monkeypatch.context() as patch:
        patch.setattr(motion_fidelity, "Conventions", lambda: Conventions(moves="any"))
        assert "these differ: conventions" in tree.broken()["scored here and now"].says
    was = LucasKanade.origin
    monkeypatch.setattr(LucasKanade, "origin", lambda self: was(self) | {"opencv": "0"})
    found = tree.pair()
    assert found.unbroken
    (open_,) = (link for link in found.links if link.holds is None)
    assert "these differ: tracker" in open_.says


def test_another_protocol_is_said(tree: Tree) -> None:
    tree.score(metrics=("motion_fidelity",), tracker="dis")
    assert "tracker dis" in tree.broken()["protocol"].says


def test_a_pair_without_a_video_says_why(tree: Tree) -> None:
    failed = why_pair(
        tree.results, "flip", "motion_fidelity", ("right", "dog", 0), str(tree.manifest)
    )
    assert (failed.status, failed.value, failed.counts) == ("failed", None, -1)
    missing = why_pair(
        tree.results, "flip", "motion_fidelity", ("left", "cat", 0), str(tree.manifest)
    )
    assert (missing.status, missing.record, missing.links) == ("missing", None, ())


def test_command(tree: Tree, smmbench: Run) -> None:
    where = (tree.results, "--dataset", tree.manifest, "--device", "cpu")
    code, out, _ = smmbench("why", "flip", "motion_fidelity", *where, "--scope", "full")
    assert code == 0
    assert "2 of them have no number and count as the worst, -1" in out
    assert "right/dog/0: -1.000000 as the worst (failed nan)" in out
    assert "unbroken" in out
    code, out, _ = smmbench("why", "flip", "motion_fidelity", "right/cat/0", *where)
    assert code == 0
    for part in ("conventions", "tracker", "still_threshold", "toy:Flip", '"axis": 1', "cpu: toy"):
        assert part in out
    code, out, _ = smmbench("why", "flip", "chance_level", "right/cat/0", *where, "--json")
    assert json.loads(out)["score"]["metric"] == "motion_fidelity"
    assert smmbench("why", "flip", "floor", "right/cat/0", *where, "--json")[1] == out  # as stored
    code, out, _ = smmbench("why", "flip", "wrong_source_score", "right/cat/0", *where, "--json")
    stored = smmbench("why", "flip", "other_sources", "right/cat/0", *where, "--json")
    assert (code, out) == stored[:2]
    write_lossless(tree.folder / VIDEO, Video(np.zeros_like(tree.source.frames), 8.0))
    code, out, _ = smmbench("why", "flip", "motion_fidelity", "right/cat/0", *where)
    assert code == 1 and "BROKEN" in out


def test_unknown_names_are_said(tree: Tree, smmbench: Run) -> None:
    where = (tree.results, "--dataset", tree.manifest)
    for words, message in (
        (
            ("flap", "motion_fidelity"),
            "No method in these results 'flap'. Did you mean 'flip'? Available: flip.",
        ),
        (
            ("flip", "motion"),
            "No column 'motion'. Did you mean 'motion_fidelity'?",
        ),
        (("flip", "motion_fidelity", "right/cat"), "CLIP/EDIT/SEED, got 'right/cat'"),
        (("flip", "motion_fidelity", "right/cow/0"), "No pair 'right/cow/0'"),
        (("flip", "warp_error"), "Run `smmbench score --metrics warp_error`"),
    ):
        code, _, err = smmbench("why", *words, *where)
        assert code == 2 and message in err
