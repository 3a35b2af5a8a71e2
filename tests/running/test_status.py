"""How far a results folder is: what is counted, and what the rest will take."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.builders.board_tree import BoardTree

from smmbench.dataset import load_dataset
from smmbench.results import RunRecord, read_record, write_record
from smmbench.running import heartbeat
from smmbench.running.heartbeat import FOLDER, Working, at_work
from smmbench.running.status import Status, complete, status_of
from smmbench.storage.processes import this_machine

GPU = {"device": "cuda: NVIDIA H200", "python": "3.11", "packages": {}}


def only_status(tree: BoardTree, **choice: Any) -> Status:
    (found,) = status_of([tree.results], datasets=[load_dataset(str(tree.manifest))], **choice)
    return found


def heart(tree: BoardTree, *pairs: tuple[str, str, int], **changed: Any) -> Path:
    """Write the file of a process that works on pairs: of this one, if nothing else is said."""
    fields = {
        "machine": this_machine(),
        "pid": os.getpid(),
        "method": "mine",
        "dataset": "toy",
        "manifest": str(tree.manifest),
        "device": GPU["device"],
        "began": time.time(),
        "pairs": pairs,
    }
    working = Working.model_validate(fields | changed)
    path = tree.results / FOLDER / f"{working.machine}-{working.pid}-0.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(working.model_dump_json())
    return path


def test_every_pair_is_counted_once(board_tree: BoardTree) -> None:
    """8 pairs: 2 done (1 scored), 2 failed, 1 running, 3 missing; one of another seed."""
    board_tree.method("mine")
    board_tree.pair("mine", "clip-0", "dog")
    board_tree.pair("mine", "clip-0", "cat", scored=False)
    board_tree.pair("mine", "clip-1", "dog", failure="nan")
    board_tree.pair("mine", "clip-1", "cat", failure="out-of-memory")
    board_tree.pair("mine", "clip-1", "cat", seed=7)
    heart(board_tree, ("clip-2", "dog", 0))
    found = only_status(board_tree)
    assert (found.asked, found.done, found.scored, found.running) == (8, 2, 1, 1)
    assert found.failed == {"nan": 1, "out-of-memory": 1}
    assert (found.missing, found.others, found.processes) == (3, 1, 1)
    assert found.asked is not None and found.missing is not None
    assert found.done + sum(found.failed.values()) + found.running + found.missing == found.asked
    assert not complete(found)


def test_a_failed_pair_that_is_made_again_is_running(board_tree: BoardTree) -> None:
    board_tree.method("mine")
    board_tree.pair("mine", "clip-1", "dog", failure="nan")
    heart(board_tree, ("clip-1", "dog", 0))
    found = only_status(board_tree)
    assert (found.running, found.failed) == (1, {})


def test_time_left_is_a_transfer_for_each_pair_and_a_preparation_for_each_clip(
    board_tree: BoardTree,
) -> None:
    """Of each done pair 2 s, of each clip 10 s: left are 5 pairs of 3 clips."""
    board_tree.method("mine")
    for clip, edit in (("clip-0", "dog"), ("clip-0", "cat"), ("clip-1", "dog")):
        board_tree.pair("mine", clip, edit, record={"environment": GPU})
    found = only_status(board_tree)
    assert found.left_seconds == pytest.approx(5 * 2 + 3 * 10)
    assert found.spent_seconds == pytest.approx(3 * 2 + 2 * 10)
    assert found.device == GPU["device"] and found.on_gpu
    assert found.wall_seconds == found.left_seconds
    heart(board_tree, ("clip-1", "cat", 0))
    heart(board_tree, ("clip-2", "cat", 0), pid=os.getppid())
    two = only_status(board_tree)
    assert two.left_seconds == found.left_seconds
    assert two.wall_seconds == pytest.approx((5 * 2 + 3 * 10) / 2)


def test_time_left_is_that_of_the_device_that_works_now(board_tree: BoardTree) -> None:
    board_tree.method("mine")
    fast = {"environment": GPU, "transfer_seconds": 1.0, "prepare_seconds": 0.0}
    board_tree.pair("mine", "clip-0", "dog", record=fast)
    for edit in ("dog", "cat"):  # most were made on a CPU
        board_tree.pair("mine", "clip-1", edit, record={"transfer_seconds": 100.0})
    assert only_status(board_tree).device == "cpu: toy"
    heart(board_tree, ("clip-2", "dog", 0))
    found = only_status(board_tree)
    assert found.device == GPU["device"]
    assert found.left_seconds == pytest.approx(5 * 1.0)


def test_what_was_not_made_anywhere_has_no_time_left(board_tree: BoardTree) -> None:
    board_tree.method("mine")
    board_tree.pair("mine", "clip-0", "dog", failure="nan")
    assert only_status(board_tree).left_seconds is None
    board_tree.pair("mine", "clip-0", "dog", record={"imported": {"file": "a", "sha256": "b"}})
    assert only_status(board_tree).left_seconds is None


def test_a_whole_row_is_complete_and_costs_nothing_more(board_tree: BoardTree) -> None:
    board_tree.whole("mine")
    found = only_status(board_tree)
    assert complete(found)
    assert (found.done, found.missing, found.scored, found.left_seconds) == (8, 0, 8, 0.0)


def test_a_choice_of_pairs_is_counted_as_run_chooses_them(board_tree: BoardTree) -> None:
    board_tree.method("mine")
    for clip in board_tree.clips:
        board_tree.pair("mine", clip, "dog")
    assert complete(only_status(board_tree, limit=4))  # the first edit of each clip
    assert only_status(board_tree, limit=5).missing == 1
    assert only_status(board_tree, edits=("cat",)).missing == 4


def test_folders_are_read_as_one(board_tree: BoardTree, tmp_path: Path) -> None:
    """Of a pair that failed in one folder and is done in another, the done one counts."""
    board_tree.method("mine")
    done = board_tree.pair("mine", "clip-0", "dog")
    board_tree.pair("mine", "clip-1", "dog")
    record = read_record(done)
    assert record is not None
    failure = {"kind": "nan", "message": "M", "stage": "transfer"}
    failed = record.model_dump() | {"status": "failed", "pixels_sha256": "", "failure": failure}
    second = tmp_path / "second"
    write_record(second / done.relative_to(board_tree.results), RunRecord.model_validate(failed))
    dataset = load_dataset(str(board_tree.manifest))
    for folders in ([board_tree.results, second], [second, board_tree.results]):
        (found,) = status_of(folders, datasets=[dataset])
        assert (found.done, found.failed) == (2, {})
        assert set(found.folders) == {str(folder) for folder in folders}


@pytest.mark.parametrize("by_a_process", [True, False])
def test_a_dataset_that_is_not_installed(board_tree: BoardTree, by_a_process: bool) -> None:
    """A process that works on it says where it is; else what is missing is not known."""
    board_tree.method("mine")
    board_tree.pair("mine", "clip-0", "dog")
    if by_a_process:
        heart(board_tree)
    (found,) = status_of([board_tree.results])
    assert (found.asked, found.missing) == ((8, 7) if by_a_process else (None, None))
    assert found.done == 1 and not complete(found)


def test_only_processes_that_live_count(board_tree: BoardTree) -> None:
    mine = heart(board_tree)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    heart(board_tree, pid=ended.pid)
    other = heart(board_tree, machine="0" * 8)
    (board_tree.results / FOLDER / "nonsense.json").write_text("{")
    assert [one.machine for one in at_work(board_tree.results)] == ["0" * 8, this_machine()]
    os.utime(other, (0, 0))  # silent for long
    assert [one.pid for one in at_work(board_tree.results)] == [os.getpid()]
    future = time.time() + 1e6  # this machine's clock was set back
    os.utime(mine, (future, future))
    assert [one.pid for one in at_work(board_tree.results)] == [os.getpid()]


METHOD = """
import time
from pathlib import Path
from dataclasses import dataclass
from smmbench.method import Card, Method

@dataclass(frozen=True)
class Nothing:
    pass

class Waits(Method):
    Parameters = Nothing
    card = Card("Waits")

    def prepare(self, source):
        return source.video

    def transfer(self, prepared, prompt, seed):
        (Path(__file__).parent / "begun").touch()
        while prompt == "a dog like b" and not (Path(__file__).parent / "go").exists():
            time.sleep(0.01)
        return prepared
"""


@pytest.fixture
def waiting(tmp_path: Path, small_dataset: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that makes the two pairs of clip `a` and waits in the first of `b`."""
    (tmp_path / "waits.py").write_text(METHOD)
    command = [
        *(sys.executable, "-c", "from smmbench.__main__ import main; main()", "run"),
        *("--method", f"{tmp_path / 'waits.py'}:Waits", "--dataset", str(small_dataset)),
        *("--results", str(tmp_path / "results"), "--device", "cpu"),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield process
        process.kill()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_run_says_what_it_works_on_and_leaves_nothing(
    waiting: subprocess.Popen[bytes],
    tmp_path: Path,
    smmbench: Callable[..., tuple[int, str, str]],
) -> None:
    root = tmp_path / "results"

    def pairs() -> list[tuple[tuple[str, str, int], ...]]:
        return [one.pairs for one in at_work(root)]

    until(lambda: pairs() == [(("b", "dog", 0),)])
    code, out, _ = smmbench("status", root, "--json")  # the run names its dataset
    (row,) = json.loads(out)
    assert code == 0
    assert (row["asked"], row["done"], row["running"], row["missing"]) == (6, 2, 1, 3)
    assert (row["processes"], row["killed"]) == (1, 0)
    (tmp_path / "go").touch()
    assert waiting.wait(60) == 0
    assert not (root / FOLDER).exists()


def test_a_killed_run_is_not_running_and_is_swept_after(
    waiting: subprocess.Popen[bytes],
    tmp_path: Path,
    small_dataset: Path,
    smmbench: Callable[..., tuple[int, str, str]],
) -> None:
    root = tmp_path / "results"
    until(lambda: [one.pairs for one in at_work(root)] == [(("b", "dog", 0),)])
    waiting.send_signal(signal.SIGKILL)
    waiting.wait()
    assert at_work(root) == [] and list((root / FOLDER).iterdir())
    assert (
        "1 process of waits on small-noise ended without finishing" in smmbench("status", root)[2]
    )
    (tmp_path / "go").touch()
    method = f"{tmp_path / 'waits.py'}:Waits"
    words = ("--method", method, "--dataset", small_dataset, "--results", root, "--device", "cpu")
    code, _, err = smmbench("run", *words)
    assert code == 0 and "4 made, 2 done before" in err
    assert not (root / FOLDER).exists()


def test_a_process_that_is_silent_writes_its_file_again(
    board_tree: BoardTree, monkeypatch: pytest.MonkeyPatch, small_dataset: Path, tmp_path: Path
) -> None:
    """The folder may be removed by another process just before."""
    from smmbench.running.loop import plan_run

    monkeypatch.setattr(heartbeat, "SECONDS_BETWEEN", 0.01)
    plan = plan_run("source-copy", str(small_dataset), tmp_path / "root", device="cpu")
    with heartbeat.beating(plan.job, plan.dataset.manifest, "cpu: toy") as own:
        own.working_on(plan.todo[:1])
        (path,) = (tmp_path / "root" / FOLDER).glob("*.json")
        path.unlink()
        until(path.exists)
        assert threading.active_count() > 1
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("columns", [200, 80, 60])
def test_the_table_names_method_card_time_and_cost(
    board_tree: BoardTree,
    smmbench: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    board_tree.method("mine-with-a-rather-long-name")
    hour = {"environment": GPU, "transfer_seconds": 3600.0, "prepare_seconds": 0.0}
    board_tree.pair("mine-with-a-rather-long-name", "clip-0", "dog", record=hour)
    board_tree.pair("mine-with-a-rather-long-name", "clip-0", "cat", failure="nan")
    code, out, err = smmbench("status", board_tree.results, "--dataset", board_tree.manifest)
    assert code == 0
    for words in ("mine-with-a-rather-long-name", "1 of 8", "1 nan", "6 h 00 min", "6.00 GPU h"):
        assert words in out
    assert "NVIDIA H200" in out
    assert max(map(len, out.splitlines())) <= columns
    assert "Spent so far: 1.00 GPU h" in err


def test_wrong_use(tmp_path: Path, smmbench: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = smmbench("status", tmp_path / "none")
    assert code == 2 and "No results folder" in err


def test_shards_of_scoring_are_all_results_once(board_tree: BoardTree) -> None:
    """Whatever is there: a clip's share depends on the dataset alone."""
    from smmbench.scoring.loop import results_below, share_of

    dataset = load_dataset(str(board_tree.manifest))
    for label in ("one", "two"):
        board_tree.whole(label)
    everything = results_below(board_tree.results)
    shares = [share_of(everything, f"{i}/3", dataset) for i in (1, 2, 3)]
    assert sorted(folder for share in shares for folder, _ in share) == [f for f, _ in everything]
    fewer = [result for result in everything if result[1].request.clip != "clip-0"]
    for i, share in enumerate(shares):
        left = [result for result in share if result in fewer]
        assert share_of(fewer, f"{i + 1}/3", dataset) == left
    unknown = [share_of(everything, f"{i}/3") for i in (1, 2, 3)]  # `toy` is not installed
    assert [len(share) for share in unknown] == [len(everything), 0, 0]


@pytest.mark.parametrize("command", ["run", "score"])
@pytest.mark.parametrize("share", ["5/4", "0/4", "2", "a/b", "1/0"])
def test_a_wrong_shard_is_refused_at_once(
    command: str, share: str, smmbench: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """Before the method or the results are looked at."""
    words = ("--method", "no-such") if command == "run" else (tmp_path / "none",)
    code, _, err = smmbench(command, *words, "--shard", share)
    assert code == 2 and f"got '{share}'" in err
    assert ("--array=1-4" in err) == (share == "0/4")
