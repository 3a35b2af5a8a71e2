"""A Ray cluster of two nodes in one machine: the same results, whoever dies, wherever they lie."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.builders.board_tree import BoardTree

from smmbench.cluster import parcels
from smmbench.cluster.connection import connected
from smmbench.cluster.spreading import spreading
from smmbench.dataset import load_dataset
from smmbench.errors import MachineError
from smmbench.results import PREVIEW, VIDEO, find_records
from smmbench.results.files import RECORD, SCORES
from smmbench.running.executors import named_executor
from smmbench.running.executors import ray as ray_executor
from smmbench.running.heartbeat import FOLDER, at_work
from smmbench.running.loop import Executor, plan_run, run
from smmbench.scoring import on_ray
from smmbench.scoring.loop import ScoreLoop, results_below
from smmbench.scoring.options import Options
from smmbench.tuning.searching import plan_search, search
from smmbench.video import read_video
from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.formats import to_json

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("default")]  # warnings are Ray's own

TOY = """
import os
import time
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from smmbench.method import Card, Method
from smmbench.search import Choices
from smmbench.video import Video

HERE = Path(__file__).parent

@dataclass(frozen=True)
class Toy_:
    dies: str = ""
    seconds: float = 0.0
    shift: int = 0

class Toy(Method):
    Parameters = Toy_
    search = {"shift": Choices(0, 3)}
    card = Card("Toy")

    def prepare(self, source):
        with (HERE / "prepared").open("a") as log:
            log.write(f"{source.clip} {os.getpid()}\\n")
        return source.video

    def transfer(self, prepared, prompt, seed):
        time.sleep(self.parameters.seconds)
        if prompt == "a dog like a":
            raise FloatingPointError("a latent is not a number")
        mark = HERE / "died" / f"{prompt} {seed}"
        once = self.parameters.dies == "once" and not mark.exists()
        if once or self.parameters.dies == prompt:
            mark.touch()
            os._exit(1)
        return Video(np.roll(prepared.frames, seed + self.parameters.shift, axis=2), prepared.fps)
"""


@pytest.fixture
def toy(tmp_path: Path) -> str:
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "died").mkdir()
    return f"{tmp_path / 'toy.py'}:Toy"


@contextmanager
def one_node() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    try:
        yield cluster
    finally:
        cluster.shutdown()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a cluster that several tests use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        with one_node() as cluster:
            cluster.add_node(num_cpus=2)
            yield cluster.address


@pytest.fixture(params=["shared", "own-disks"])
def disks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Nodes that see the results folder, and nodes that do not: the sign is another one there."""
    if request.param == "own-disks":

        @contextmanager
        def unseen(folder: Path) -> Iterator[parcels.Sign]:
            with parcels.sign_in(folder) as sign:
                yield replace(sign, content="of another disk")

        monkeypatch.setattr(ray_executor, "sign_in", unseen)
        monkeypatch.setattr(on_ray, "sign_in", unseen)
    yield request.param
    assert not list(Path(tempfile.gettempdir()).glob(f"*spool*-{os.getpid()}-*"))


def outcomes(folder: Path) -> list[dict[str, Any]]:
    """Every record but its label, what it cost, and who made it with which modules imported."""
    apart: dict[str, Any] = {"environment": {"executor", "libraries"}, "request": True}
    measured = {"prepare_seconds", "transfer_seconds", "cached_seconds", "peak_memory_bytes"}
    return [
        record.model_dump(exclude=apart | dict.fromkeys(measured, True))
        | {"place": path.relative_to(folder)}
        for path, record in find_records(folder)
    ]


def test_runs_make_what_this_process_makes(
    toy: str, small_dataset: Path, tmp_path: Path, address: str, disks: str
) -> None:
    ray = named_executor("ray", 2, address)
    for label, execute in (("here", named_executor("local")), ("ray", ray)):
        plan = plan_run(toy, str(small_dataset), tmp_path / "r", device="cpu", label=label)
        summary = run(plan, execute)
        assert (summary.made, summary.failed) == (5, 1)
    here, there = tmp_path / "r" / "here", tmp_path / "r" / "ray"
    assert outcomes(here) == outcomes(there)
    for place, record in find_records(here):
        if record.status == "done":
            for name in (VIDEO, PREVIEW):
                other = there / place.relative_to(here) / name
                assert other.read_bytes() == (place / name).read_bytes()
    assert "a latent is not a number" in (there / "run.log").read_text()
    assert (there / "method.json").is_file() and not (tmp_path / "r" / FOLDER).exists()
    prepared = (tmp_path / "prepared").read_text().split()[::2]
    assert sorted(prepared) == sorted("abc" * 2)  # each clip once by this process, once there


def test_of_a_pair_that_kills_two_workers_the_rest_is_made(
    toy: str, small_dataset: Path, tmp_path: Path, address: str, disks: str
) -> None:
    plan = plan_run(
        toy, str(small_dataset), tmp_path / "r", device="cpu", settings=["dies=a cat like b"]
    )
    summary = run(plan, named_executor("ray", 2, address))
    failed = {f"{r.request.clip}/{r.request.edit}" for r in summary.failures}
    assert summary.made == 4 and failed == {"a/dog", "b/cat"}


def test_no_pair_is_blamed_for_one_death(
    toy: str, small_dataset: Path, tmp_path: Path, address: str
) -> None:
    plan = plan_run(toy, str(small_dataset), tmp_path / "r", device="cpu", settings=["dies=once"])
    summary = run(plan, named_executor("ray", 2, address))
    assert len(list((tmp_path / "died").iterdir())) == 5
    assert (summary.made, summary.failed) == (5, 1)


def until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + 120
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_a_killed_worker_and_a_killed_node_lose_nothing(
    toy: str, small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kill -9` of a worker in the middle of a pair, then of all that runs on the second node.

    This process joins the cluster while the head is its only node. On a machine with two nodes Ray
    joins either, and removing the node that this process has joined ends its connection.
    """
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    root, killed = tmp_path / "r", []
    plan = plan_run(
        toy, str(small_dataset), root, device="cpu", settings=["seconds=0.3"], seeds=range(8)
    )

    def disturb(cluster: Any, second: Any) -> None:
        until(lambda: len(list(root.rglob(RECORD))) > 4)
        (busy, *_) = until(lambda: [one for one in at_work(root) if one.pairs])
        os.kill(busy.pid, signal.SIGKILL)
        killed.append(busy.pid)
        until(lambda: len(list(root.rglob(RECORD))) > 16)
        cluster.remove_node(second, allow_graceful=False)
        killed.append("node")

    with one_node() as cluster, connected(cluster.address):
        thread = threading.Thread(target=disturb, args=(cluster, cluster.add_node(num_cpus=2)))
        thread.start()
        summary = run(plan, named_executor("ray", 3, cluster.address))
        thread.join()
    assert len(killed) == 2
    assert {r.request.edit for r in summary.failures} == {"dog"} and summary.failed == 8
    assert summary.made == 40
    done = [(place, one) for place, one in find_records(root) if one.status == "done"]
    assert len(done) == 40
    for place, record in done:
        assert read_video(place / VIDEO).pixels_sha256 == record.pixels_sha256
    again = plan_run(toy, str(small_dataset), root, device="cpu", settings=["seconds=0.3"])
    run(again, named_executor("local"))
    assert not list(root.rglob(".tmp-*")) and not (root / FOLDER).exists()


def test_scores_are_those_of_one_process(
    square_dataset: Path, tmp_path: Path, address: str, disks: str
) -> None:
    root, dataset = tmp_path / "r", load_dataset(str(square_dataset))
    for method in ("frozen", "source-copy"):
        run(plan_run(method, str(square_dataset), root, device="cpu"), named_executor("local"))
    options = Options(metrics=("motion_fidelity", "warp_error"), device="cpu")
    results = results_below(root)

    def scores() -> dict[Path, Any]:
        return {place: (place / SCORES).read_bytes() for place, _ in results}

    assert all(
        not one.error for one in on_ray.score_on_ray(options, results, [dataset], 2, address)
    )
    there = scores()
    for place, _ in results:
        (place / SCORES).unlink()
    list(ScoreLoop(options, [dataset]).run(results))
    assert [strip(text) for text in there.values()] == [strip(text) for text in scores().values()]


def strip(text: bytes) -> Any:
    """Scores without what is not a number: libraries that happened to be imported, file times."""
    import json

    content = json.loads(text)
    content.pop("video_file", None)
    for score in content["scores"]:
        score.pop("libraries", None)
    return content


def test_what_is_wrong_is_one_sentence(
    toy: str,
    small_dataset: Path,
    tmp_path: Path,
    address: str,
    smmbench: Callable[..., tuple[int, str, str]],
) -> None:
    words = ("run", "--method", toy, "--dataset", small_dataset, "--results", tmp_path / "r")
    ray = (*words, "--executor", "ray", "--ray-address")
    code, out, err = smmbench(*ray, "127.0.0.1:9", "--device", "cpu")
    assert code == 2 and out == "" and "No Ray cluster answers at '127.0.0.1:9'" in err
    code, _, err = smmbench(*ray, address, "--device", "cuda")
    assert code == 2 and "No device 'cuda' in the Ray cluster; available: cpu." in err
    assert err.count("\n") == 1
    plan = plan_run(toy, str(small_dataset), tmp_path / "r", device="cpu")
    (tmp_path / "toy.py").rename(tmp_path / "gone.py")
    with pytest.raises(MachineError, match=r"On the node .*toy\.py"):
        run(plan, named_executor("ray", 1, address))


def test_a_board_has_the_same_numbers_for_any_number_of_workers(
    board_tree: BoardTree, address: str
) -> None:
    for label in ("one", "two", "three"):
        board_tree.whole(label)
    here = to_json(make_board(board_tree.results, str(board_tree.manifest)))
    for workers in (1, 3):
        with spreading("ray", workers, address) as spread:
            board = make_board(board_tree.results, str(board_tree.manifest), spread=spread)
        assert to_json(board) == here


def test_a_search_finds_what_it_finds_in_one_process(
    toy: str, square_dataset: Path, tmp_path: Path, address: str
) -> None:
    text = square_dataset.read_text()
    square_dataset.write_text(text.replace("[protocol]", 'purpose = "validation"\n[protocol]'))

    def trials(name: str, execute: Executor, **options: Any) -> list[dict[str, Any]]:
        plan = plan_search(toy, str(square_dataset), tmp_path / name, device="cpu")
        found = search(plan, 2, execute, **options)
        return [one.model_dump(exclude={"seconds"}) for one in found]

    score = partial(on_ray.score_on_ray, workers=2)
    with connected(address):  # kept for all trials
        there = trials("ray", named_executor("ray", 2), score=score)
    assert there == trials("here", named_executor("local"))
    assert len(there) == 2 and all(one["scored"] == one["pairs"] == 3 for one in there)
