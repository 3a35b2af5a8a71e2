"""The board of record: its plan, kill and resume, shards, and a row that is made again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smmbench.method.parameters import build_parameters, choose_preset, parameters_to_json
from smmbench.resolving import find_method, method_names, resolve
from smmbench.results import VIDEO, find_records, read_record, write_record
from smmbench.running import maker
from smmbench.tuning.tuned_file import read_tuned
from smmbench.video import Video, read_video, write_lossless
from smmbench_baselines.vae_round_trip import VAERoundTrip
from smmbench_leaderboard.board.published import read_published_board
from smmbench_leaderboard.ledger.location import PUBLISHED, ledger_folder
from smmbench_research.record import doing, making, regenerating, shards
from smmbench_research.record.__main__ import chosen_settings, main
from smmbench_research.record.carrying import carry
from smmbench_research.record.elsewhere import Elsewhere, done_here, take_tuned
from smmbench_research.record.estimating import estimates, wall_seconds
from smmbench_research.record.identity import code_sha256, commit
from smmbench_research.record.making import Machine, Making, keys_of, trials_of
from smmbench_research.record.plan import PLAN, REHEARSAL, Plan, Task, read_plan
from smmbench_research.record.publishing import Wanted, publish
from smmbench_research.record.state import State, folders_of

TINY = """
[worlds.emoji]
dataset = "emoji"
validation = "emoji-val"
clips = 1
seeds = [0]
only = ["horse-right"]

[[rows]]
world = "emoji"
labels = ["source-copy"]
seconds = [0.1]
tried = 1
references = ["forward", "reversed"]

[[rows]]
world = "emoji"
labels = ["near-copy"]
seconds = [0.2]
tried = 1
"""
CPU = Machine(gpus=0, per_gpu=1, scorers=1)
NEWEST = "2026-11-27-record-2"  # entries of the board of record


class Here:
    """A worker that is this process."""

    def __init__(self, card: str, threads: int) -> None:
        self.card, self.threads = card, threads

    def call(self, do: Callable[..., Any], *args: Any) -> Any:
        """Do it."""
        return do(*args)

    def kill(self) -> None:
        """Nothing runs."""


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan of two controls on one clip."""
    path = tmp_path_factory.mktemp("plan") / "plan.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def made(plan_file: Path, tmp_path_factory: pytest.TempPathFactory) -> State:
    """All of it, made here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "Worker", Here)
        patch.setattr(maker, "compute_deterministically", lambda: None)  # of this process
        state = State(tmp_path_factory.mktemp("run"))
        outcome = run_all(plan_file, state)
        assert (outcome.made, outcome.left, outcome.problems) == (3, [], [])
    return state


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in this process."""
    monkeypatch.setattr(making, "Worker", Here)
    monkeypatch.setattr(maker, "compute_deterministically", lambda: None)


def run_all(plan_file: Path, state: State, machine: Machine = CPU) -> making.Outcome:
    plan = read_plan(plan_file)
    return Making(plan, plan_file, state, machine).run(plan.rows)


def files_of(
    state: State, names: tuple[str, ...] = ("record.json", "scores.json")
) -> dict[str, Any]:
    """Records and scores by their places."""
    return {
        path.relative_to(state.results).as_posix(): json.loads(path.read_bytes())
        for name in ("record.json", "scores.json")
        for path in state.results.rglob(name)
    }


# The plan -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PLAN, REHEARSAL])
def test_every_row_of_a_plan_can_be_made(path: Path, tmp_path: Path) -> None:
    plan = read_plan(path)
    for row in plan.rows:
        if row.search:
            assert len(trials_of(row, plan, State(tmp_path))) == row.tried
            continue
        method = find_method(row.method)
        preset = choose_preset(method, row.preset, plan.worlds[row.world].dataset)
        build_parameters(method, preset, row.changes)


def test_searches_have_one_budget() -> None:
    assert {row.tried for row in read_plan(PLAN).rows if row.search} == {8}


def test_batches_hold_every_pair_once_and_whole_clips() -> None:
    plan = read_plan(PLAN)
    for row in (plan.row("emoji/smm"), plan.row("emoji-wan/smm")):
        tasks = [task for task in plan.tasks([row]) if task.reference == "forward"]
        world = plan.worlds[row.world]
        clips = [clip for task in sorted(tasks, key=lambda one: one.number) for clip in task.clips]
        assert clips == world.clip_names
        assert sum(task.pairs for task in tasks) == len(world.pairs)


def test_own_motion_comes_first_and_the_longest_row_before_others(tmp_path: Path) -> None:
    plan = read_plan(PLAN)
    rows = plan.chosen(["emoji-wan"])
    trials = trials_of(plan.row("emoji-wan/smm-grid"), plan, State(tmp_path))
    order = plan.tasks([*rows, *trials])
    kinds = [(not task.row.trial_of, task.reference != "forward") for task in order]
    assert kinds == sorted(kinds)
    forward = [task.row.seconds for task in order if kinds[order.index(task)] == (True, False)]
    assert forward == sorted(forward, reverse=True)


def test_the_plan_costs_less_on_more_gpus_and_when_more_is_done(
    made: State, plan_file: Path
) -> None:
    plan = read_plan(plan_file)
    keys = keys_of(plan.rows, plan, made)
    nothing, all_of_it = State(made.folder / "nothing"), made
    whole = estimates(plan.rows, plan, nothing, keys)
    done = estimates(plan.rows, plan, all_of_it, keys)
    assert [one.left for one in whole] == [6, 3]
    assert [one.left for one in done] == [0, 0]
    seconds = [max(wall_seconds(whole, gpus, 4, 8 * gpus)) for gpus in (1, 2, 4)]
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[0] > seconds[-1] > 0 == max(wall_seconds(done, 1, 1, 1))
    dearer = [replace(row, seconds=row.seconds + 1) for row in plan.rows]
    more = estimates(dearer, plan, nothing, keys)
    assert all(a.left_seconds > b.left_seconds for a, b in zip(more, whole, strict=True))
    elsewhere = done_here(plan, plan.rows, made).keys
    assert [one.left for one in estimates(plan.rows, plan, nothing, keys, elsewhere)] == [0, 0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tried = 1", "tries = 1", "unknown field 'tries'"),
        ("seconds = [0.2]", "seconds = [0.2, 1]", "2 seconds for 1 rows"),
        ('labels = ["near-copy"]', 'labels = ["source-copy"]', "a row twice: emoji/source-copy"),
    ],
)
def test_a_wrong_plan_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(TINY.replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_plan(path)


# Making and resuming ------------------------------------------------------------------------------


def test_videos_are_scored_and_removed_but_for_the_sample(made: State, plan_file: Path) -> None:
    plan = read_plan(plan_file)
    sample = plan.worlds["emoji"].sample_pairs
    for folder, record in find_records(made.results):
        asked = record.request
        kept = asked.reference == "forward" and (asked.clip, asked.edit, asked.seed) in sample
        assert (folder / VIDEO).is_file() == kept
        assert record.batch == 1  # a control has no batches
    scores = [one for name, one in files_of(made).items() if name.endswith("scores.json")]
    assert len(scores) == 9
    copies = {
        score["metric"]: score["value"]
        for one in scores
        if (one["request"]["method"], one["request"]["reference"]) == ("source-copy", "forward")
        for score in one["scores"]
    }
    assert copies["motion_fidelity"] == pytest.approx(1)
    assert "reference_fidelity" in copies
    assert len(list((made.folder / "media").glob("*.webp"))) == 2  # one clip, two rows


def test_a_batch_that_was_cut_off_is_made_whole_again(
    made: State, plan_file: Path, tmp_path: Path, here: None
) -> None:
    plan, state = read_plan(plan_file), copied(made, tmp_path)
    before = files_of(state)
    task, *others = plan.tasks(plan.rows)
    state.marker(task).unlink()
    folders = [folder for _, folder in folders_of(task, plan, state)]
    (folders[0] / "record.json").unlink()
    times = {other.name: state.marker(other).stat().st_mtime_ns for other in others}
    outcome = run_all(plan_file, state)
    assert (outcome.made, outcome.left) == (1, [])
    assert {o.name: state.marker(o).stat().st_mtime_ns for o in others} == times
    assert pixels(files_of(state)) == pixels(before)


def test_what_was_made_otherwise_is_not_mixed(made: State, plan_file: Path, here: None) -> None:
    plan = read_plan(plan_file)
    task = plan.tasks(plan.rows)[0]
    text = made.marker(task).read_text()
    made.marker(task).write_text(text.replace('"key":"', '"key":"0'))
    try:
        with pytest.raises(ValueError, match="made with other code"):
            run_all(plan_file, made)
    finally:
        made.marker(task).write_text(text)


def test_nothing_is_begun_that_cannot_be_over_in_time(plan_file: Path, tmp_path: Path) -> None:
    outcome = run_all(plan_file, State(tmp_path), replace(CPU, seconds=1.0))
    assert outcome.made == 0
    assert len(outcome.left) == 3


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on(plan_file: Path, made: State, tmp_path: Path) -> None:
    state = State(tmp_path / "run")
    command = [sys.executable, "-m", "smmbench_research.record", "make", "--plan", str(plan_file)]
    command += ["--folder", str(state.folder), "--gpus", "0", "--per-gpu", "1", "--scorers", "1"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not list(state.folder.rglob("tasks/**/*.json")) and process.poll() is None:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    first = {path: path.stat().st_mtime_ns for path in state.folder.rglob("tasks/**/*.json")}
    assert first
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in first} == first
    assert pixels(files_of(state)) == pixels(files_of(made))


def unpacked(files: Sequence[Path], plan: Plan, state: State) -> shards.Unpacked:
    return shards.unpack(files, plan, plan.rows, state)


# Shards -------------------------------------------------------------------------------------------


def test_what_is_packed_comes_back_as_it_was(made: State, plan_file: Path, tmp_path: Path) -> None:
    plan = read_plan(plan_file)
    packed = shards.pack(plan, plan.rows, made, tmp_path / "out", 2 << 20, 2)
    assert packed.tasks == 3
    assert packed.left_out == ()
    assert all(path.stat().st_size <= 2 << 20 for path in packed.files)
    state = State(tmp_path / "back")
    assert len(unpacked(packed.files, plan, state).taken) == 3
    assert files_of(state) == files_of(made)
    for name in ("record.json", "scores.json", "tracks.npz", VIDEO):
        for path in made.results.rglob(name):
            assert (
                state.results / path.relative_to(made.results)
            ).read_bytes() == path.read_bytes()
    media = {path.name for path in (made.folder / "media").iterdir()}
    assert {path.name for path in (state.folder / "media").iterdir()} == media
    again = unpacked(packed.files, plan, state)
    assert (again.taken, len(again.there)) == ((), 3)


def test_scores_go_before_previews_and_what_has_no_room_is_said(
    made: State, plan_file: Path, tmp_path: Path
) -> None:
    plan = read_plan(plan_file)
    packed = shards.pack(plan, plan.rows, made, tmp_path, 100 << 10, 1)
    assert packed.tasks >= 1
    assert any(name.startswith(("results/", "media/")) for name in packed.left_out)


def test_shards_of_another_making_are_refused(
    made: State, plan_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read_plan(plan_file)
    (shard,) = shards.pack(plan, plan.rows, made, tmp_path / "out", 16 << 20, 1).files
    state = State(tmp_path / "back")
    other = tmp_path / "other.toml"
    other.write_text(TINY.replace('labels = ["near-copy"]', 'labels = ["frozen"]'))
    with pytest.raises(ValueError, match="from another plan"):
        unpacked([shard], read_plan(other), state)
    parameters = replace(read_plan(other), sha256=plan.sha256)
    with pytest.raises(ValueError, match="not made as this plan says"):
        unpacked([shard], parameters, state)
    fewer = replace(plan.worlds["emoji"], seeds=(1,))
    with pytest.raises(ValueError, match="not made as this plan says"):
        unpacked([shard], replace(plan, worlds={**plan.worlds, "emoji": fewer}), state)
    cut = tmp_path / "cut.tar"
    cut.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    with pytest.raises(ValueError, match="not a shard, or is truncated"):
        unpacked([cut], plan, state)
    monkeypatch.setattr(shards, "code_sha256", lambda: "0" * 64)
    with pytest.raises(ValueError, match="made by other code"):
        unpacked([shard], plan, state)
    assert not state.results.exists()


def test_another_result_of_a_batch_that_is_here_is_refused(
    made: State, plan_file: Path, tmp_path: Path
) -> None:
    plan, state = read_plan(plan_file), copied(made, tmp_path)
    (shard,) = shards.pack(plan, plan.rows, made, tmp_path / "out", 16 << 20, 1).files
    folder, record = next(iter(find_records(state.results)))
    write_record(folder, record.model_copy(update={"transfer_seconds": 99.0}))
    with pytest.raises(ValueError, match="two machines made it"):
        unpacked([shard], plan, state)


TUNED = """method = "flow-motion"
entry = "e"
preset = "emoji"
seconds = {}
[parameters]
"rate" = {}
"""


def test_searches_of_two_machines_agree_where_they_chose_the_same(tmp_path: Path) -> None:
    plan = read_plan(PLAN)
    row = plan.row("emoji/flow-motion")
    state, name = State(tmp_path), f"tuned/{State(tmp_path).tuned(row).name}"

    def take(text: str, rows: Sequence[Any] = plan.rows) -> None:
        shards._take_tuned(tmp_path / "x.tar", name, text.encode(), plan, rows, state)

    take(TUNED.format(1.0, 0.5))
    take(TUNED.format(2.0, 0.5))  # took longer, chose the same: that of the first is kept
    assert state.tuned(row).read_text() == TUNED.format(1.0, 0.5)
    with pytest.raises(ValueError, match="another choice of the search"):
        take(TUNED.format(1.0, 0.25))
    take(TUNED.format(1.0, 0.25), [one for one in plan.rows if one != row])  # not asked for
    assert state.tuned(row).read_text() == TUNED.format(1.0, 0.5)


def test_rows_that_are_left_out_are_not_taken(made: State, plan_file: Path, tmp_path: Path) -> None:
    plan, state = read_plan(plan_file), State(tmp_path / "back")
    (shard,) = shards.pack(plan, plan.rows, made, tmp_path / "out", 16 << 20, 1).files
    rows = plan.chosen(without=["emoji/near-copy"])
    assert len(shards.unpack([shard], plan, rows, state).taken) == 2
    assert not (state.results / "near-copy").exists()


def test_choices_of_searches_travel_with_what_is_done(tmp_path: Path) -> None:
    plan, state = read_plan(PLAN), State(tmp_path)
    row = plan.row("emoji/flow-motion")
    there = Elsewhere(tuned={state.tuned(row).name: "chosen"})
    take_tuned(there, [one for one in plan.rows if one != row], state)
    assert not state.tuned(row).exists()
    take_tuned(there, plan.rows, state)
    assert state.tuned(row).read_text() == "chosen"
    take_tuned(Elsewhere(tuned={state.tuned(row).name: "other"}), plan.rows, state)
    assert state.tuned(row).read_text() == "chosen"  # what is here stays


def test_worlds_come_in_the_order_that_is_asked_for() -> None:
    plan = read_plan(PLAN)
    for worlds in (["emoji", "emoji-wan"], ["emoji-wan", "emoji"]):
        rows = plan.chosen(worlds)
        tasks = plan.tasks(rows)
        assert list(dict.fromkeys(row.world for row in rows)) == worlds
        own = [task.row.world for task in tasks if task.reference == "forward"]
        assert list(dict.fromkeys(own)) == worlds
        assert len(own) == len([one for one in plan.tasks(plan.rows) if one.reference == "forward"])


def test_no_file_of_a_shard_leaves_its_place(made: State, plan_file: Path, tmp_path: Path) -> None:
    plan = read_plan(plan_file)
    (shard,) = shards.pack(plan, plan.rows, made, tmp_path / "out", 16 << 20, 1).files
    evil = tmp_path / "evil.tar"
    with tarfile.open(shard) as old, tarfile.open(evil, "w") as new:
        for one in old:
            if one.name.startswith("media/"):
                one.name = "media/../../escaped.webp"
            new.addfile(one, old.extractfile(one))
    state = State(tmp_path / "back" / "run")
    unpacked([evil], plan, state)
    assert not list(tmp_path.rglob("escaped*"))


@pytest.mark.slow
def test_a_carried_folder_runs_alone_and_makes_the_same_batches(tmp_path: Path) -> None:
    folder = tmp_path / "carried"
    carry(read_plan(PLAN), ["emoji-wan"], folder)
    assert not list(folder.glob("smmbench_datasets/emoji/clips/*"))
    code = (
        "import smmbench_research; from smmbench_research.record.identity import *;"
        "from smmbench.resolving import method_names;"
        "print(smmbench_research.__file__, code_sha256(), commit(), len(method_names()), sep='|')"
    )
    there = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    file, code_there, commit_there, methods = there.stdout.strip().split("|")
    assert Path(file).is_relative_to(folder)
    assert (code_there, commit_there) == (code_sha256(), commit())
    assert int(methods) == len(method_names())
    with pytest.raises(ValueError, match="exists already"):
        carry(read_plan(PLAN), [], folder)


# Regenerating -------------------------------------------------------------------------------------


def test_the_same_pixels_are_equal_and_a_changed_one_is_found(
    made: State, plan_file: Path, tmp_path: Path
) -> None:
    plan, state = read_plan(plan_file), copied(made, tmp_path)
    tasks = [one for one in plan.tasks([plan.row("emoji/near-copy")])]
    published = regenerating.from_results(plan, made)
    same = regenerating.compare(plan, tasks, state, published)
    assert same.same
    assert (same.equal, same.unequal) == (3, [])
    folder = next(folder for _, folder in folders_of(tasks[0], plan, state))
    video = read_video(folder / VIDEO)
    frames = video.frames.copy()
    frames[3, 40, 50, 1] ^= 1
    changed = Video(frames, video.fps)
    write_lossless(folder / VIDEO, changed)
    record = read_record(folder)
    assert record is not None
    write_record(folder, record.model_copy(update={"pixels_sha256": changed.pixels_sha256}))
    found = regenerating.compare(plan, tasks, state, published)
    assert not found.same
    assert (found.equal, len(found.unequal)) == (2, 1)
    ((largest, mean),) = found.pixels
    assert largest == 1
    assert mean == pytest.approx(1 / np.prod(frames.shape))
    assert any("2 of 3 pairs have the same pixels" in line for line in found.lines())
    nothing = regenerating.compare(plan, tasks, State(tmp_path / "nothing"), published)
    assert (nothing.same, nothing.unknown) == (False, 3)


def test_a_batch_that_was_divided_is_divided_again(
    made: State, plan_file: Path, tmp_path: Path, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, state, again = read_plan(plan_file), copied(made, tmp_path), State(tmp_path / "again")
    (task,) = plan.tasks([plan.row("emoji/near-copy")])
    assert task.pairs == 3
    published = regenerating.from_results(plan, state)
    assert regenerating.together(plan, [task], again, published) == {}  # a control has no batches
    for _, folder in folders_of(task, plan, state):
        record = read_record(folder)
        assert record is not None
        write_record(folder, record.model_copy(update={"batch": 2}))
    batches = regenerating.together(plan, [task], again, published)
    assert batches == {task.name: 2}
    asked, make = [], doing.make

    def spied(task: Task, *rest: Any) -> doing.Made:
        asked.append((task.name, rest[-1]))
        return make(task, *rest)

    monkeypatch.setattr(doing, "make", spied)
    Making(plan, plan_file, again, CPU, together=batches).run([task.row])
    assert asked == [(task.name, 2)]
    assert regenerating.compare(plan, [task], again, published).same


def test_a_process_that_began_with_the_short_last_batch_makes_the_others_whole(
    tmp_path: Path, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its method stays loaded, but not the number of pairs that it generated at once."""
    for name, instead in {
        "__init__": lambda self, parameters, device: None,
        "weights": lambda self: {},
        "backbone_use": lambda self: None,
        "prepare_batch": lambda self, sources: [source.video for source in sources],
        "transfer_batch": lambda self, prepared, prompts, seeds: list(prepared),
    }.items():
        monkeypatch.setattr(VAERoundTrip, name, instead)  # any method with batches
    path = tmp_path / "plan.toml"
    path.write_text(
        '[worlds.emoji]\ndataset = "emoji"\nvalidation = "emoji-val"\nclips = 2\nseeds = [0]\n'
        'only = ["horse-right", "balloon-right", "rocket-jump"]\n'
        '[[rows]]\nworld = "emoji"\nlabels = ["vae-round-trip"]\n'
        "seconds = [1.0]\ntried = 1\n"
    )
    plan, state = read_plan(path), State(tmp_path / "run")
    long, short = plan.tasks(plan.rows)
    assert (long.pairs, short.pairs) == (6, 3)
    for task in (short, long):
        doing.make(task, path, plan.sha256, state.folder, "cpu", task.pairs)
        for _, folder in folders_of(task, plan, state):
            record = read_record(folder)
            assert record is not None and record.batch == task.pairs


def test_a_marked_pair_of_an_entry_has_no_motion_score_to_compare_with() -> None:
    """The entry has the worst value in its place."""
    entry = Path(__file__).parents[2] / f"leaderboard/entries/emoji-wan/{NEWEST}.board.xz"
    plan = read_plan(PLAN)
    row = plan.row("emoji-wan/moft")
    published = regenerating.from_entry(entry, row)
    board, _ = read_published_board(entry)
    (found,) = (one for one in board.rows if one.label == "moft")
    marked = {(one.clip, one.edit, one.seed) for one in found.pairs if one.marks}
    assert 0 < len(marked) < len(found.pairs)
    for task in (one for one in plan.tasks([row]) if one.reference == "forward"):
        for pair, _ in folders_of(task, plan, State(Path("nowhere"))):
            one = published(task, pair)
            assert one is not None
            assert (one.values["motion_fidelity"] is None) == (pair in marked)
            assert one.values["text_similarity"] is not None


@pytest.mark.slow
def test_searched_rows_have_the_published_settings() -> None:
    plan, nowhere = read_plan(PLAN), State(Path("nowhere"))
    for world in sorted({row.world for row in plan.rows}):
        entry = ledger_folder(PUBLISHED) / world / f"{NEWEST}.board.xz"
        board, _ = read_published_board(entry)
        rows = {row.label: row for row in board.rows}
        assert set(rows) == {row.label for row in plan.rows if row.world == world}
        for row in plan.rows:
            if row.world != world:
                continue
            resolved, changes, preset = resolve(row.method), row.changes, row.preset
            if row.search:
                found = read_tuned(chosen_settings(row, nowhere), resolved)
                changes, preset = tuple(found.settings), found.preset
            method = resolved.implementation
            named = choose_preset(method, preset, plan.worlds[world].dataset)
            parameters = build_parameters(method, named, changes)
            assert parameters_to_json(parameters) == rows[row.label].parameters, row.name


def test_a_comparison_with_nothing_is_refused_before_anything_is_generated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = ledger_folder(PUBLISHED) / "emoji" / f"{NEWEST}.board.xz"
    again = ["--gpus", "0", "--batches", "1", "--again", str(tmp_path / "again")]
    for words in (["--entry", str(entry), "--reference", "reversed"], ["--folder", "nowhere"]):
        assert main(["regenerate", "emoji/near-copy", *again, *words]) == 2
        assert "nothing to compare" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "again").exists()


def test_a_search_without_a_file_is_refused_in_words(tmp_path: Path) -> None:
    row = replace(read_plan(PLAN).row("emoji-wan/moft"), label="unknown")
    with pytest.raises(ValueError, match=r"'emoji-wan/unknown' were chosen by a search.*--tuned"):
        chosen_settings(row, State(tmp_path))


def test_an_entry_of_another_world_is_refused_before_anything_is_generated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = Path(__file__).parents[2] / f"leaderboard/entries/emoji-wan/{NEWEST}.board.xz"
    words = ["regenerate", "emoji/smm", "--again", str(tmp_path / "again"), "--entry", str(entry)]
    assert main(words) == 2
    assert "is an entry of 'emoji-wan', and the row is of 'emoji'" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--tuned", "--entry"])
def test_a_file_that_is_not_there_is_refused_before_anything_is_generated(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again"
    words = ["regenerate", "emoji/flow-motion", "--again", str(again), option, str(tmp_path)]
    assert main(words) == 2
    assert f"given as {option}, is not a file" in capsys.readouterr().err and not again.exists()


# Publishing ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_is_published_whole(made: State, plan_file: Path, tmp_path: Path) -> None:
    plan = read_plan(plan_file)
    ledger, output = tmp_path / "ledger", tmp_path / "published"
    wanted = Wanted("2026-12-01-tiny", "an organiser", ledger, output)
    notes = publish(plan, plan.rows, made, wanted, lambda _: None)
    assert "No sample of controls that `verify` must reject: emoji/near-copy." in notes
    board = json.loads((output / "emoji" / "board.json").read_bytes())
    assert {row["label"]: row["coverage"]["done"] for row in board["rows"]} == {
        "source-copy": 3,
        "near-copy": 3,
    }
    entry = ledger / "emoji" / "2026-12-01-tiny.board.xz"
    row = plan.row("emoji/near-copy")
    task = plan.tasks([row])
    found = regenerating.compare(plan, task, made, regenerating.from_entry(entry, row))
    assert found.same
    assert [path.name for path in (output / "sample").iterdir()] == ["emoji-source-copy.zip"]
    for name in ("site/index.html", "site-small/index.html", "emoji/selectivity.png"):
        assert (output / name).is_file()
    assert "source-copy" in (output / "emoji" / "selectivity.md").read_text()
    assert "| near-copy | control | 3 of 3" in (output / "emoji" / "marks.md").read_text()
    with pytest.raises(ValueError, match="is there already"):
        publish(plan, plan.rows, made, wanted, lambda _: None)


def test_only_the_plan_of_record_goes_into_the_published_ledger(
    made: State, plan_file: Path, tmp_path: Path
) -> None:
    from smmbench_leaderboard.ledger.location import ledger_folder

    plan = read_plan(plan_file)
    wanted = Wanted("2026-12-01-tiny", "an organiser", ledger_folder("published"), tmp_path)
    with pytest.raises(ValueError, match="not that of the board of record"):
        publish(plan, plan.rows, made, wanted, lambda _: None)


def test_missing_batches_and_scores_of_other_videos_are_not_published(
    made: State, plan_file: Path, tmp_path: Path
) -> None:
    plan, state = read_plan(plan_file), copied(made, tmp_path)
    wanted = Wanted("2026-12-01-tiny", "an organiser", tmp_path / "ledger", tmp_path / "out")
    folder, record = next(iter(find_records(state.results)))
    write_record(folder, record.model_copy(update={"pixels_sha256": "0" * 64}))
    with pytest.raises(ValueError, match=r"1 results cannot be published.*no scores of its video"):
        publish(plan, plan.rows, state, wanted, lambda _: None)
    state.marker(plan.tasks(plan.rows)[0]).unlink()
    with pytest.raises(ValueError, match="1 batches are missing"):
        publish(plan, plan.rows, state, wanted, lambda _: None)


def test_half_a_batch_is_not_published(made: State, plan_file: Path, tmp_path: Path) -> None:
    plan, state = read_plan(plan_file), copied(made, tmp_path)
    task = next(one for one in plan.tasks(plan.rows) if one.reference == "reversed")
    _, *rest = [folder for _, folder in folders_of(task, plan, state)]
    state.marker(task).unlink()
    for folder in rest:
        (folder / "scores.json").unlink()
    wanted = Wanted("no-date", "", tmp_path / "ledger", tmp_path / "out", partial=True)
    with pytest.raises(ValueError, match="--by says who does"):
        publish(plan, plan.rows, state, wanted, lambda _: None)
    assert not any(folder.exists() for _, folder in folders_of(task, plan, state))
    assert (tmp_path / "out" / "emoji" / "board.json").is_file()


def copied(state: State, folder: Path) -> State:
    """The same run in another folder."""
    import shutil

    target = folder / "copy"
    shutil.copytree(state.folder, target)
    return State(target)


def pixels(files: dict[str, Any]) -> dict[str, str]:
    """Pixel hashes by record."""
    return {
        name: one["pixels_sha256"] for name, one in files.items() if name.endswith("record.json")
    }
