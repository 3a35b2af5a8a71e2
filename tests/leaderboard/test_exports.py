"""One row a pair, and what to cite: the board's content for other tools."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries
from tests.builders.board_tree import BoardTree
from typer.testing import CliRunner

from smmbench.cli import app
from smmbench.metrics import all_metrics
from smmbench.resolving import find_method, method_names
from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.formats.bibtex import to_bibtex
from smmbench_leaderboard.formats.eval_results import eval_results, eval_tasks
from smmbench_leaderboard.formats.pairs import (
    pair_rows,
    pairs_csv,
    pairs_json,
    write_pairs_parquet,
)
from smmbench_leaderboard.literature.references import WORKS, works_named, works_of_tracker


@pytest.fixture
def board(board_tree: BoardTree) -> Board:
    board_tree.whole("smm", motion=0.8)
    board_tree.whole("copy", motion=0.99, kind="control")
    board_tree.pair("smm", "clip-0", "dog", failure="nan")
    return make_board(board_tree.results, str(board_tree.manifest))


def test_the_mean_of_the_rows_of_a_method_is_that_of_the_board(board: Board) -> None:
    rows = pair_rows(board)
    assert len(rows) == 16
    for row in board.rows:
        values = [one["motion_fidelity"] for one in rows if one["method"] == row.label]
        mean = sum(float(value or 0) for value in values) / len(values)
        assert mean == pytest.approx(row.cells["motion_fidelity"].mean)
    (failed,) = (one for one in rows if one["status"] == "failed")
    assert (failed["method"], failed["failure"], failed["motion_fidelity"]) == ("smm", "nan", -1.0)


def test_csv_json_and_parquet_have_the_same_rows(board: Board, tmp_path: Path) -> None:
    from pyarrow import parquet

    rows = pair_rows(board)
    assert json.loads(pairs_json(board)) == rows
    read = list(csv.DictReader(io.StringIO(pairs_csv(board))))
    assert [float(one["motion_fidelity"]) for one in read] == [r["motion_fidelity"] for r in rows]
    path = tmp_path / "pairs.parquet"
    write_pairs_parquet(board, path)
    assert parquet.read_table(path).to_pylist() == rows


def test_pairs_are_asked_for_by_name(
    board: Board,
    board_tree: BoardTree,
    tmp_path: Path,
    smmbench: Callable[..., tuple[int, str, str]],
) -> None:
    about = ("leaderboard", board_tree.results, "--dataset", board_tree.manifest)
    code, out, _ = smmbench(*about, "--pairs", "--format", "csv")
    assert code == 0 and len(out.splitlines()) == 17
    code, _, err = smmbench(*about, "--pairs")
    assert code == 2 and "--pairs supports --format csv, json and parquet" in err
    code, _, err = smmbench(*about, "--format", "parquet")
    assert code == 2 and "--output pairs.parquet" in err
    path = tmp_path / "pairs.parquet"
    assert smmbench(*about, "--pairs", "--output", path)[0] == 0 and path.stat().st_size > 0
    code, out, _ = smmbench(*about, "--format", "bibtex")
    assert code == 0 and "@software{smmbench" in out


def test_bibtex_cites_rows_metrics_dataset_and_software(board: Board) -> None:
    text = cited(board, "SMM & {more}", "Doe et al., CVPR 2031, https://arxiv.org/abs/3111.17009")
    entries = re.findall(r"^@(\w+)\{([^,]+),", text, re.MULTILINE)
    assert ("misc", "smm") in entries and ("software", "smmbench") in entries
    assert {"metric-text-similarity", "metric-motion-fidelity", "dataset-toy"} <= {
        key for _, key in entries
    }
    assert len({key for _, key in entries}) == len(entries)
    (smm,) = [one for one in text.split("@") if one.startswith("misc{smm,")]
    assert "eprint = {3111.17009}" in smm and "year = {2031}" in smm
    assert "author = {Doe and others}" in smm and r"title = {{SMM} \& " in smm
    assert text.count("{") == text.count("}")
    assert "copy" not in {key for _, key in entries}  # a control has nothing to cite


def test_bibtex_cites_known_works_in_full_and_once(board: Board) -> None:
    text = cited(board, "SMM", "Yatim et al., CVPR 2024, https://arxiv.org/abs/2311.17009")
    (entry,) = [one for one in text.split("@") if one.startswith("inproceedings{yatim2024space,")]
    assert "Space-Time Diffusion Features" in entry and "and Dekel, Tali}" in entry
    assert "% smm, metric motion_fidelity\n@inproceedings{yatim2024space," in text


def cited(board: Board, title: str, paper: str) -> str:
    card = type(board.rows[0].card)(title=title, paper=paper)
    first = board.rows[0].model_copy(update={"card": card})
    return to_bibtex(board.model_copy(update={"rows": (first, *board.rows[1:])}))


def test_every_work_can_be_found_and_is_whole() -> None:
    assert len({work.key for work in WORKS}) == len(WORKS)
    for work in WORKS:
        assert work.title and work.author and re.fullmatch(r"(19|20)\d\d", work.year)
        assert all("," in one for one in work.author.split(" and ") if one != "others")
        assert work.venue or work.kind == "misc"
        words = [f"https://arxiv.org/abs/{work.arxiv}"] if work.arxiv else []
        assert all(work in works_named(one) for one in (*words, *work.names))
    assert works_named("Shaw and Detlev, 2020") == []  # DeT is no part of a word


def test_every_bundled_method_and_metric_names_a_known_work() -> None:
    sources = {one.source for one in all_metrics() if "et al." in one.source}
    sources |= {find_method(name).card.paper for name in method_names()} - {""}
    assert [words for words in sources if not works_named(words)] == []


@pytest.mark.parametrize(
    "name", ["dis", "lucas-kanade", "farneback", "cotracker3_offline", "bootstapir:/a.pt"]
)
def test_trackers_name_their_works(name: str) -> None:
    assert list(works_of_tracker(name))
    assert not list(works_of_tracker("mine"))


def test_eval_results_are_read_back_by_the_hubs_own_parser(tmp_path: Path) -> None:
    """Format: huggingface/hub-docs, docs/hub/eval-results.md."""
    tree = BoardTree(tmp_path, clips=3)
    tree.whole("ours", text=0.25, motion=0.75)
    tree.whole("copy", motion=1.0, kind="control")
    tree.method("few")
    tree.pair("few", "clip-0", "dog")
    board = make_board(tree.results, str(tree.manifest))
    text = eval_results(board, "ours", "some-org/toy")
    entries = parse_eval_result_entries(yaml.safe_load(text))
    row = next(row for row in board.rows if row.label == "ours")
    assert {one.task_id: one.value for one in entries} == {
        name: pytest.approx(row.cells[name].mean, abs=1e-6)
        for name in ("text_similarity", "motion_fidelity")
    }
    assert {one.dataset_id for one in entries} == {"some-org/toy"}
    assert all("6 of 6 pairs" in (one.notes or "") for one in entries)
    assert all(one.verify_token is None for one in entries)  # the hub's to give, never ours
    tasks = yaml.safe_load(eval_tasks(board))["tasks"]
    assert {one["id"] for one in tasks} == {one.task_id for one in entries}
    for label, why in (("copy", "control"), ("few", "lacks pairs"), ("nobody", "No row")):
        with pytest.raises(ValueError, match=why):
            eval_results(board, label, "some-org/toy")
    for name in ("toy", "../x", "a/b/c", ""):
        with pytest.raises(ValueError, match="ORG/NAME"):
            eval_results(board, "ours", name)


def test_the_command_exports_one_method_to_the_hub(tmp_path: Path) -> None:
    tree = BoardTree(tmp_path, clips=3)
    tree.whole("ours")
    tree.whole("theirs")
    words = ["leaderboard", str(tree.results), "--dataset", str(tree.manifest)]
    words += ["--format", "eval-results"]
    run = CliRunner()
    assert run.invoke(app, words).exit_code != 0
    path = tmp_path / "smmbench.yaml"
    words += ["--methods", "ours", "--hub-dataset", "some-org/toy", "--output", str(path)]
    done = run.invoke(app, words)
    assert done.exit_code == 0, done.output
    assert len(parse_eval_result_entries(yaml.safe_load(path.read_text()))) == 2
