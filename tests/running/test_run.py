"""The loop that makes videos: what it makes, keeps, refuses and survives."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from smmbench.dataset import load_dataset
from smmbench.results import (
    PREVIEW,
    VIDEO,
    RunRecord,
    find_records,
    read_method,
    read_record,
    write_record,
)
from smmbench.running.executors import named_executor
from smmbench.running.loop import Summary, plan_run, run
from smmbench.running.pairs import choose_pairs, shard
from smmbench.storage.atomic import held, remove_leftovers
from smmbench.video import Video, read_video

TOY = """
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from smmbench.method import Card, Method
from smmbench.video import Video

@dataclass(frozen=True)
class Parameters:
    shift: int = 1  # pixels to the right
    weights: str = "one"

class Toy(Method):
    Parameters = Parameters
    presets = {"small": {"shift": 2}}
    card = Card("Toy")

    def weights(self):
        if self.has("no-weights"):
            raise FileNotFoundError("the weights are not there")
        return {"toy": self.parameters.weights}

    def prepare(self, source):
        self.log("prepare " + source.clip)
        if source.clip == "b" and self.has("fail-prepare"):
            raise MemoryError("not enough of it")
        return source

    def transfer(self, prepared, prompt, seed):
        self.log(f"transfer {prompt} {seed}")
        if prompt == "a dog like a" and self.has("nan"):
            raise FloatingPointError("a latent is not a number")
        if prompt == "a dog like a" and self.has("stop"):
            raise KeyboardInterrupt
        if prompt == "a dog like a" and self.has("wrong"):
            return prepared.video.frames
        if prompt == "a dog like a" and self.has("short"):
            return Video(prepared.video.frames[:2], prepared.video.fps)
        frames = np.roll(prepared.video.frames, self.parameters.shift + seed, axis=2)
        return Video(frames, prepared.video.fps)

    def has(self, name):
        return (Path(__file__).parent / name).exists()

    def log(self, text):
        with (Path(__file__).parent / "calls").open("a") as log:
            log.write(text + "\\n")
"""


class Bench:
    """A toy method, a small dataset, and a results folder."""

    def __init__(self, folder: Path, manifest: Path) -> None:
        self.folder, self.manifest, self.root = folder, manifest, folder / "results"
        (folder / "toy.py").write_text(TOY)
        self.method = f"{folder / 'toy.py'}:Toy"

    def run(self, **options: Any) -> Summary:
        plan = plan_run(self.method, str(self.manifest), self.root, device="cpu", **options)
        return run(plan, named_executor("local"))

    def switch(self, name: str) -> None:
        (self.folder / name).touch()

    def calls(self) -> list[str]:
        """What the method was asked since the last look."""
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def records(self) -> dict[str, RunRecord]:
        return {
            f"{r.request.clip}/{r.request.edit}/{r.request.seed}": r
            for _, r in find_records(self.root)
        }


@pytest.fixture
def bench(tmp_path: Path, small_dataset: Path) -> Bench:
    return Bench(tmp_path, small_dataset)


def test_every_pair_has_video_preview_and_record(bench: Bench) -> None:
    summary = bench.run()

    assert (summary.made, summary.kept, summary.failed) == (6, 0, 0)
    records = list(find_records(bench.root))
    assert len(records) == 6
    for folder, record in records:
        video = read_video(folder / VIDEO)
        assert video.pixels_sha256 == record.pixels_sha256
        assert read_video(folder / PREVIEW).frames.shape == video.frames.shape
        assert record.status == "done"
        assert record.parameters == {"shift": 2, "weights": "one"}  # the family's preset
        assert record.weights == {"toy": "one"}
        assert record.entry.startswith("toy.py:Toy@sha256:")
        assert record.peak_memory_bytes > 0
        assert record.environment.packages["smmbench"]
        assert sorted(path.name for path in folder.iterdir()) == [PREVIEW, "record.json", VIDEO]
    about = read_method(bench.root / "toy")
    assert about is not None
    assert about.parameters == {"small-noise": {"shift": 2, "weights": "one"}}


def test_a_method_that_does_not_load_leaves_no_row_behind(bench: Bench) -> None:
    """A method.json without a result would be a row that nobody made."""
    bench.switch("no-weights")
    with pytest.raises(FileNotFoundError, match="weights are not there"):
        bench.run()
    assert read_method(bench.root / "toy") is None
    (bench.folder / "no-weights").unlink()
    bench.run(limit=1)
    assert read_method(bench.root / "toy") is not None


def test_a_record_that_cannot_be_read_is_made_again(bench: Bench) -> None:
    bench.run()
    folder = next(folder for folder, _ in find_records(bench.root))
    (folder / "record.json").write_text("")
    summary = bench.run()
    assert (summary.made, summary.kept) == (1, 5) and len(bench.records()) == 6


def test_a_clip_is_prepared_once_for_all_its_prompts_and_seeds(bench: Bench) -> None:
    bench.run(seeds=(0, 1), clips=("a", "b"))
    calls = bench.calls()
    assert [call for call in calls if call.startswith("prepare")] == ["prepare a", "prepare b"]
    assert len(calls) == 2 + 2 * 2 * 2


def test_running_again_makes_nothing(bench: Bench) -> None:
    bench.run()
    bench.calls()
    summary = bench.run()
    assert (summary.made, summary.kept, summary.failed) == (0, 6, 0)
    assert bench.calls() == []


def test_what_is_missing_is_made_and_the_rest_kept(bench: Bench) -> None:
    bench.run()
    bench.calls()
    (folder,) = bench.root.rglob("b/dog/seed-0")
    (folder / VIDEO).unlink()
    summary = bench.run()
    assert (summary.made, summary.kept) == (1, 5)
    assert bench.calls() == ["prepare b", "transfer a dog like b 0"]


def test_a_limit_goes_around_the_clips(bench: Bench) -> None:
    bench.run(limit=4)
    assert sorted(bench.records()) == ["a/cat/0", "a/dog/0", "b/dog/0", "c/dog/0"]


@pytest.mark.parametrize(
    ("switch", "kind", "stage", "message"),
    [
        ("nan", "nan", "transfer", "a latent is not a number.*guidance"),
        ("wrong", "method-error", "transfer", "transfer.. must return a Video, got ndarray"),
        ("short", "decode", "transfer", "2 frames .* too few"),
    ],
)
def test_a_pair_fails_alone(bench: Bench, switch: str, kind: str, stage: str, message: str) -> None:
    bench.switch(switch)
    summary = bench.run()

    assert (summary.made, summary.failed) == (5, 1)
    failed = bench.records()["a/dog/0"].failure
    assert failed is not None
    assert (failed.kind, failed.stage) == (kind, stage)
    with pytest.raises(ValueError, match=message):
        raise ValueError(failed.message)
    assert "Traceback" in (bench.root / "toy" / "run.log").read_text()

    (bench.folder / switch).unlink()
    assert bench.run(keep_failed=True).failed == 1
    again = bench.run()
    assert (again.made, again.kept, again.failed) == (1, 5, 0)
    assert bench.records()["a/dog/0"].status == "done"


def test_a_failed_preparation_fails_all_its_pairs(bench: Bench) -> None:
    bench.switch("fail-prepare")
    summary = bench.run()
    assert (summary.made, summary.failed) == (4, 2)
    failures = [record.failure for record in summary.failures]
    assert {(f.kind, f.stage) for f in failures if f} == {("out-of-memory", "prepare")}


def test_a_failure_leaves_no_older_video(bench: Bench) -> None:
    bench.run()
    bench.switch("nan")
    bench.run(overwrite=True)
    (folder,) = bench.root.rglob("a/dog/seed-0")
    assert [path.name for path in folder.iterdir()] == ["record.json"]


def test_a_full_disk_ends_the_run_and_is_no_fault_of_the_method(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, video: Video) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as disk, pytest.raises(OSError, match="No space left"):
        disk.setattr("smmbench.running.recorder.write_lossless", full)
        bench.run()
    assert list(bench.root.rglob("record.json")) == []
    assert bench.run().made == 6


def test_a_folder_removed_while_a_pair_is_written_is_no_fault_of_the_method(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results folder itself stays, as where `rm -rf` meets a run that makes folders again."""

    def removed(path: Path, video: Video) -> None:
        shutil.rmtree(path.parent)
        path.touch()

    with monkeypatch.context() as disk, pytest.raises(FileNotFoundError, match=r"preview\.mp4"):
        disk.setattr("smmbench.running.recorder.write_preview", removed)
        bench.run()
    assert bench.root.exists() and list(bench.root.rglob("record.json")) == []
    assert bench.run().made == 6


def test_ctrl_c_stops_and_the_next_run_goes_on(bench: Bench) -> None:
    bench.switch("stop")
    with pytest.raises(KeyboardInterrupt):
        bench.run()
    (bench.folder / "stop").unlink()
    assert bench.run().made == 6


def test_other_parameters_under_the_same_label_are_refused(bench: Bench) -> None:
    bench.run(limit=1)
    with pytest.raises(ValueError, match=r"shift was 2, now 3.*--label NAME.*--overwrite"):
        bench.run(settings=["shift=3"])
    with pytest.raises(ValueError, match="shift was 2, now 3"):  # even when it is not chosen
        bench.run(settings=["shift=3"], clips=("c",), overwrite=True)
    assert bench.run(settings=["shift=3"], label="toy-3", limit=1).made == 1
    assert bench.run(settings=["shift=3"], overwrite=True).made == 6
    assert {record.parameters["shift"] for _, record in find_records(bench.root / "toy")} == {3}


def test_other_code_under_the_same_label_is_refused(bench: Bench) -> None:
    bench.run(limit=1)
    (bench.folder / "toy.py").write_text(TOY + "\n# changed\n")
    with pytest.raises(ValueError, match=r"have other settings: method was toy\.py:Toy@sha256"):
        bench.run()


def test_other_weights_under_the_same_label_are_refused(bench: Bench) -> None:
    bench.run(limit=1)
    ((_, record),) = find_records(bench.root)
    plan = plan_run(bench.method, str(bench.manifest), bench.root, device="cpu")
    other = replace(plan, job=replace(plan.job, weights={"toy": "another"}))
    assert record.weights == plan.job.weights
    with pytest.raises(ValueError, match="made with other weights of 'toy'"):
        run(other, named_executor("local"))


def test_an_edited_record_is_refused(bench: Bench) -> None:
    bench.run(limit=1)
    ((folder, record),) = find_records(bench.root)
    write_record(folder, record.model_copy(update={"parameters_sha256": "0" * 64}))
    with pytest.raises(ValueError, match="changed by hand"):
        bench.run()


def test_a_missing_source_ends_the_run_with_what_to_do(bench: Bench) -> None:
    bench.manifest = Path(_copy_without(bench.manifest, bench.folder / "elsewhere", "b.mkv"))
    with pytest.raises(ValueError, match=r"b\.mkv' is missing"):
        bench.run()
    assert sorted(bench.records()) == ["a/cat/0", "a/dog/0"]


def _copy_without(manifest: Path, folder: Path, left_out: str) -> Path:
    folder.mkdir()
    for path in manifest.parent.iterdir():
        if path.name != left_out:
            (folder / path.name).write_bytes(path.read_bytes())
    return folder / manifest.name


def test_shards_make_what_one_run_makes(bench: Bench) -> None:
    bench.run(label="whole")
    for share in ("2/2", "1/2"):
        bench.run(label="shards", share=share)
    assert _without_cost(bench.root / "whole") == _without_cost(bench.root / "shards")


def _without_cost(folder: Path) -> list[dict[str, Any]]:
    measured = {"prepare_seconds", "transfer_seconds", "cached_seconds", "peak_memory_bytes"}
    return [
        record.model_dump(exclude=measured) | {"request": record.request.clip}
        for _, record in find_records(folder)
    ]


def test_shares_are_all_clips_without_overlap(small_dataset: Path) -> None:
    pairs = choose_pairs(load_dataset(small_dataset).manifest)
    shares = [shard(pairs, f"{i}/2") for i in (1, 2)]
    assert len(shares[0]) + len(shares[1]) == len(pairs) == len({*shares[0], *shares[1]})
    assert not {p.clip.name for p in shares[0]} & {p.clip.name for p in shares[1]}


def test_share_i_holds_every_nth_clip_from_the_ith(small_dataset: Path) -> None:
    """Shares are numbered: a second machine that is given 2/2 must find what 2/2 was before."""
    pairs = choose_pairs(load_dataset(small_dataset).manifest)
    held = [list(dict.fromkeys(p.clip.name for p in shard(pairs, f"{i}/2"))) for i in (1, 2)]
    assert held == [["a", "c"], ["b"]]


@pytest.mark.parametrize("batch", [1, 4])
def test_a_method_is_given_the_seed_of_its_pair(bench: Bench, batch: int) -> None:
    """The toy rolls the clip by `shift + seed`, so that the seed is read off the pixels."""
    bench.run(clips=("a",), edits=("cat",), seeds=(0, 3), batch=batch)
    videos = {
        record.request.seed: read_video(folder / VIDEO)
        for folder, record in find_records(bench.root)
    }
    assert sorted(videos) == [0, 3]
    moved = np.roll(videos[0].frames, 3, axis=2)
    assert (videos[3].frames == moved).all() and (videos[0].frames != moved).any()


@pytest.mark.parametrize("share", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", ""])
def test_a_bad_share_is_refused(share: str, small_dataset: Path) -> None:
    with pytest.raises(ValueError, match="written i/n"):
        shard(choose_pairs(load_dataset(small_dataset).manifest), share)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clips": ["aa"]}, r"No clip 'aa'\. Did you mean 'a'\? Available: a, b, c"),
        ({"edits": ["dig"]}, r"No edit 'dig'\. Did you mean 'dog'\? Available: dog, cat\."),
        ({"seeds": [-1]}, "from 0 to 4294967295, got -1"),
        ({"limit": 0}, "at least 1 pair, got 0"),
        ({"label": "A b"}, "label has up to 64 lower-case.*got 'A b'"),
        ({"device": "abacus"}, "No device 'abacus' here; available: cpu"),
        ({"preset": "smal"}, "No preset 'smal'.*Did you mean 'small'"),
    ],
)
def test_wrong_use_says_what_is_possible(
    bench: Bench, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((ValueError, LookupError), match=message):
        plan_run(bench.method, str(bench.manifest), bench.root, **options)


@pytest.mark.parametrize("edit", ["no-such-edit", "octopus-snow"])  # the second is another clip's
def test_an_edit_that_the_chosen_clips_lack_lists_those_that_they_have(edit: str) -> None:
    manifest = load_dataset("emoji").manifest
    (clip,) = (clip for clip in manifest.clips if clip.name == "balloon-right")
    listed = "; available: " + ", ".join(one.name for one in clip.edits) + "."
    with pytest.raises((ValueError, LookupError)) as refused:
        choose_pairs(manifest, clips=[clip.name], edits=[edit])
    assert edit in str(refused.value) and str(refused.value).endswith(listed)


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    import subprocess
    import sys

    write = (
        "import sys, pathlib, time; from smmbench.storage.atomic import atomic_path\n"
        "with atomic_path(pathlib.Path(sys.argv[1]) / 'x.mkv'):\n"
        "    print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", write, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        remove_leftovers(tmp_path)
        assert len(list(tmp_path.iterdir())) == 1
        process.kill()
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def _invoke(arguments: Sequence[str]) -> Any:
    import typer

    from smmbench.cli.run import register

    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)  # with one command Typer would leave its name out
    return CliRunner().invoke(app, ["run", *arguments])


def test_results_that_cannot_be_written_are_known_before_anything_is_loaded(
    bench: Bench, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    plan = plan_run(bench.method, str(bench.manifest), file, device="cpu", limit=1)

    def execute(*_: object) -> Iterator[RunRecord]:
        pytest.fail("the method was loaded")

    with pytest.raises(OSError, match=r"file' is not a folder\. Name another folder") as refused:
        run(plan, execute)
    arguments = ("--method", bench.method, "--dataset", str(bench.manifest), "--device", "cpu")
    dry = _invoke([*arguments, "--results", str(file), "--limit", "1", "--dry-run"])
    assert dry.exit_code == 1 and "room for results: broken: " in dry.stderr
    assert "Not ready: room for results." in dry.stderr and str(file) in str(refused.value)


def test_the_command(bench: Bench) -> None:
    arguments = [
        *("--method", bench.method, "--dataset", str(bench.manifest)),
        *("--output", str(bench.root), "--device", "cpu", "--set", "shift=5", "--json"),
    ]
    plan = _invoke([*arguments, "--dry-run", "--limit", "2"])
    assert plan.exit_code == 0
    assert json.loads(plan.stdout)["todo"] == 2
    assert not bench.root.exists()

    bench.switch("nan")
    outcome = _invoke(arguments)
    assert outcome.exit_code == 1
    content = json.loads(outcome.stdout)
    assert (content["made"], content["failed"]) == (5, 1)
    assert content["failures"][0]["failure"]["kind"] == "nan"
    assert "Next: smmbench score" in outcome.stderr
    record = read_record(bench.root / "toy" / "small-noise" / "c" / "cat" / "seed-0")
    assert record is not None
    assert record.parameters["shift"] == 5

    bench.switch("stop")
    (bench.folder / "nan").unlink()
    stopped = _invoke(arguments)
    assert stopped.exit_code == 130
    assert "same command to resume" in stopped.stderr


def test_who_holds_a_folder_makes_others_wait(tmp_path: Path) -> None:
    """Also in another process, and only until it ends, however that ends."""
    script = (
        "import sys, time; from pathlib import Path; from smmbench.storage.atomic import held\n"
        "with held(Path(sys.argv[1])):\n"
        "    print(flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        begun = Event()

        def wait() -> None:
            begun.set()
            with held(tmp_path):
                pass

        waiting = Thread(target=wait, daemon=True)
        waiting.start()
        assert begun.wait(10)
        waiting.join(0.3)
        assert waiting.is_alive()
        other.kill()
    waiting.join(10)
    assert not waiting.is_alive()
