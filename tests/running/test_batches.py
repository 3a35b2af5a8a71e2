"""Pairs made in batches: the same videos, and failures that stay with the guilty."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smmbench.dataset import load_dataset
from smmbench.results import VIDEO, RunRecord, find_records, read_record
from smmbench.running.batches import Batches
from smmbench.running.executors import named_executor
from smmbench.running.executors.ray import _batched
from smmbench.running.loop import Plan, Summary, plan_run, run
from smmbench.running.maker import Maker
from smmbench.running.pairs import by_clip, choose_pairs, in_batches
from smmbench.storage.home import file_sha256
from smmbench.video import Video, read_video, write_lossless

TOY = """
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from smmbench.method import BackboneUse, Card, Method
from smmbench.video import Video

@dataclass(frozen=True)
class Parameters:
    room: int = 99  # pairs that fit into memory
    guilty: str = ""  # prompt or clip that fails

class Alone(Method):
    Parameters = Parameters
    card = Card("Toy")

    def prepare(self, source):
        return self.prepare_some([source])[0]

    def transfer(self, prepared, prompt, seed):
        return self.transfer_some([prepared], [prompt], [seed])[0]

    def prepare_some(self, sources):
        names = [source.clip for source in sources]
        self.log("prepare " + " ".join(names))
        if self.parameters.guilty in names:
            raise RuntimeError("this clip")
        return [source.video for source in sources]

    def transfer_some(self, prepared, prompts, seeds):
        self.log("transfer " + ", ".join(prompts))
        if len(prepared) > self.parameters.room:
            raise MemoryError("too many")
        if self.parameters.guilty in prompts:
            raise FloatingPointError("this prompt")
        return [
            Video(np.roll(video.frames, len(prompt) + seed, axis=2), video.fps)
            for video, prompt, seed in zip(prepared, prompts, seeds, strict=True)
        ]

    def log(self, text):
        with (Path(__file__).parent / "calls").open("a") as log:
            log.write(text + "\\n")

class Together(Alone):
    prepare_batch = Alone.prepare_some
    transfer_batch = Alone.transfer_some

class Measured(Alone):
    taken = ()

    def transfer(self, prepared, prompt, seed):
        if prompt == "a cat like b":
            self.taken = ("clips are decoded in tiles",)
        return super().transfer(prepared, prompt, seed)

    def backbone_use(self):
        return BackboneUse("toy", memory_measures=self.taken)

class Lossy(Alone):
    prepare_batch = Alone.prepare_some

    def transfer_batch(self, prepared, prompts, seeds):
        return self.transfer_some(prepared, prompts, seeds)[1:]
"""


class Bench:
    """Toy methods, and what they were asked for."""

    def __init__(self, folder: Path, manifest: Path) -> None:
        self.folder, self.manifest = folder, manifest
        (folder / "toy.py").write_text(TOY)

    def run(self, method: str = "Together", **options: Any) -> Summary:
        toy = f"{self.folder / 'toy.py'}:{method}"
        plan = plan_run(toy, str(self.manifest), self.folder / "results", device="cpu", **options)
        return run(plan, named_executor("local"))

    def calls(self) -> list[str]:
        """What the method was asked since the last look."""
        log = self.folder / "calls"
        lines = log.read_text().splitlines()
        log.unlink()
        return lines

    def records(self, label: str = "together") -> dict[str, RunRecord]:
        return {
            f"{r.request.clip}/{r.request.edit}": r
            for _, r in find_records(self.folder / "results" / label)
        }


def plan_of(bench: Bench, method: str, batch: int = 1) -> Plan:
    """All pairs, into a folder that no other run uses."""
    toy = f"{bench.folder / 'toy.py'}:{method}"
    place = bench.folder / "planned"
    return plan_run(toy, str(bench.manifest), place, device="cpu", batch=batch, seeds=(0,))


@pytest.fixture(autouse=True)
def no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collecting garbage after each failure takes long beside all that a test run holds."""
    monkeypatch.setattr("smmbench.running.batches.free_memory", lambda device: None)


@pytest.fixture
def bench(tmp_path: Path, small_dataset: Path) -> Bench:
    return Bench(tmp_path, small_dataset)


def test_a_batch_makes_what_single_pairs_make(bench: Bench) -> None:
    bench.run("Alone")
    assert bench.run("Together", batch=4).made == 6
    single, batched = bench.records("alone"), bench.records("together")
    assert {k: r.pixels_sha256 for k, r in single.items()} == {
        k: r.pixels_sha256 for k, r in batched.items()
    }
    assert {r.batch for r in single.values()} == {1}
    assert [r.batch for r in batched.values()] == [4, 4, 4, 4, 2, 2]
    for folder, record in find_records(bench.folder / "results"):
        assert read_video(folder / VIDEO).pixels_sha256 == record.pixels_sha256


def test_clips_are_prepared_together_once_and_stay_while_they_are_needed(bench: Bench) -> None:
    bench.run(batch=3)
    assert bench.calls() == [
        "prepare a b",
        "transfer a dog like a, a cat like a, a dog like b",
        "prepare c",  # b is still there
        "transfer a cat like b, a dog like c, a cat like c",
    ]


def test_a_method_without_the_door_is_asked_for_one_at_a_time(bench: Bench) -> None:
    bench.run("Alone", batch=4)
    assert not [call for call in bench.calls() if "," in call]
    assert {record.batch for record in bench.records("alone").values()} == {1}


def test_seconds_are_a_share_of_the_batch(bench: Bench) -> None:
    bench.run(batch=6)
    assert len({record.transfer_seconds for record in bench.records().values()}) == 1
    assert len({record.prepare_seconds for record in bench.records().values()}) == 1


@pytest.mark.parametrize(
    ("guilty", "failed", "stage"),
    [("a cat like b", {"b/cat"}, "transfer"), ("b", {"b/cat", "b/dog"}, "prepare")],
)
def test_only_the_guilty_fails(bench: Bench, guilty: str, failed: set[str], stage: str) -> None:
    summary = bench.run(batch=6, settings=[f"guilty={guilty}"])
    assert (summary.made, summary.failed) == (6 - len(failed), len(failed))
    for name, record in bench.records().items():
        assert (record.status == "failed") == (name in failed)
        assert record.failure is None or record.failure.stage == stage
    kept = bench.run(batch=6, settings=[f"guilty={guilty}"], keep_failed=True)
    assert (kept.made, kept.kept, kept.failed) == (0, 6 - len(failed), len(failed))


def test_the_number_of_pairs_at_once_can_be_changed_either_way(bench: Bench) -> None:
    """It replaces the run's own number, whether that was smaller or larger."""
    plan = plan_of(bench, "Together", batch=2)
    pairs = [pair for pair, _ in plan.pairs]
    maker = Maker(plan.job)
    assert [record.batch for record in maker.make(pairs[4:])] == [2, 2]
    bench.calls()
    maker.in_batches_of(6)
    assert {record.batch for record in maker.make(pairs)} == {6}
    assert [call.split()[0] for call in bench.calls()] == ["prepare", "transfer"]
    maker.in_batches_of(3)
    assert {record.batch for record in maker.make(pairs)} == {3}
    limited = bench.calls()
    bench.run(batch=3, seeds=(0,))
    assert bench.calls() == limited  # clips are prepared in smaller groups, too


def test_methods_without_batches_are_asked_for_one_pair_whatever_the_number(bench: Bench) -> None:
    plan = plan_of(bench, "Alone")
    maker = Maker(plan.job)
    maker.in_batches_of(4)
    assert {record.batch for record in maker.make([pair for pair, _ in plan.pairs])} == {1}


def test_records_state_measures_against_a_lack_of_memory_from_the_pair_on_that_took_them(
    bench: Bench,
) -> None:
    assert bench.run("Measured").failed == 0
    order = [pair for pair, _ in plan_of(bench, "Measured").pairs]
    records = bench.records("measured")
    taken = [
        record.backbone.memory_measures
        for pair in order
        if (record := records[f"{pair.clip.name}/{pair.edit.name}"]).backbone is not None
    ]
    prompts = [pair.edit.prompt for pair in order]
    first = prompts.index("a cat like b")
    assert 0 < first < len(order) - 1
    assert taken == [()] * first + [("clips are decoded in tiles",)] * (len(order) - first)


def test_a_full_memory_makes_all_later_batches_smaller(bench: Bench) -> None:
    bench.run(batch=4, settings=["room=2"], seeds=(0, 1))
    sizes = [call.count(",") + 1 for call in bench.calls() if call.startswith("transfer")]
    assert sizes == [4, 2, 2, 2, 2, 2, 2]
    assert {record.batch for record in bench.records().values()} == {2}


def test_a_run_with_batches_goes_on_where_one_without_stopped(bench: Bench) -> None:
    bench.run(limit=2)
    bench.calls()
    summary = bench.run(batch=4)
    assert (summary.made, summary.kept) == (4, 2)
    assert bench.calls()[0] == "prepare a b c"


def test_a_batch_that_gives_too_little_is_not_taken(bench: Bench) -> None:
    """None of its videos can be told whose it is; each pair alone goes by the other door."""
    assert bench.run("Lossy", batch=2).made == 6
    assert {record.batch for record in bench.records("lossy").values()} == {1}


def test_a_batch_below_one_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        bench.run(batch=0)


def test_halves_are_tried_until_the_guilty_are_alone() -> None:
    tried: list[int] = []

    def invert(items: Sequence[int]) -> list[float]:
        tried.append(len(items))
        return [1 / item for item in items]

    outcomes = list(Batches("transfer", 8, "cpu").run(invert, [1, 2, 0, 4, 5, 6, 7, 8, 9]))
    assert [type(one.error) for one in outcomes].count(ZeroDivisionError) == 1
    assert outcomes[2].error is not None
    assert [one.value for one in outcomes[3:]] == [1 / n for n in range(4, 10)]
    assert tried == [8, 4, 2, 2, 1, 1, 4, 1]


def test_batches_of_pairs_are_of_clips_of_one_length(small_dataset: Path) -> None:
    manifest = load_dataset(small_dataset).manifest
    pairs = choose_pairs(manifest)
    short = pairs[2].clip.model_copy(update={"frames": 3})
    mixed = [type(p)(short, p.edit, p.seed) if p.clip.name == "b" else p for p in pairs]
    batches = list(in_batches(mixed, 3))
    assert sorted(map(str, (p for batch in batches for p in batch))) == sorted(map(str, pairs))
    assert all(len({p.clip.frames for p in batch}) == 1 for batch in batches)
    assert [len(batch) for batch in batches] == [3, 1, 2]
    assert list(in_batches(mixed, 1)) == [[pair] for pair in mixed]


@pytest.mark.parametrize(("size", "sizes"), [(1, [2, 2, 2]), (2, [2, 2, 2]), (3, [4, 2]), (9, [6])])
def test_a_worker_gets_whole_clips_that_fill_a_batch(
    small_dataset: Path, size: int, sizes: list[int]
) -> None:
    groups = by_clip(choose_pairs(load_dataset(small_dataset).manifest))
    assert [len(group) for group in _batched(groups, size)] == sizes


@pytest.mark.slow
def test_a_diffusion_method_gives_the_same_in_batches_to_rounding(
    tmp_path: Path, tiny_backbone: Path
) -> None:
    manifest = _dataset_of_size(tmp_path, height=16, width=24, clips=2)
    settings = [f"model={tiny_backbone}", "dtype=float32", "steps=3", "inversion_steps=4"]
    settings += [
        "prompt_prefix=",
        "negative_prompt=",
        "iterations=2",
        "downsample=2",
        "grid=2",
        "layers=up_blocks.1",
    ]
    for batch in (1, 4):
        plan = plan_run(
            "smm",
            str(manifest),
            tmp_path / "results",
            device="cpu",
            label=f"batch-{batch}",
            batch=batch,
            settings=settings,
        )
        assert run(plan, named_executor("local")).failed == 0
    for folder, record in find_records(tmp_path / "results" / "batch-4"):
        other = Path(str(folder).replace("batch-4", "batch-1"))
        single = read_record(other)
        assert single is not None
        assert (single.batch, record.batch) == (1, 4)
        difference = (
            read_video(folder / VIDEO).frames.astype(int) - read_video(other / VIDEO).frames
        )
        assert abs(difference).max() <= 2


def _dataset_of_size(folder: Path, height: int, width: int, clips: int) -> Path:
    rng = np.random.default_rng(0)
    text = (
        'name = "sized"\nversion = 1\ntitle = "T"\ndescription = "D"\nlicence = "CC0-1.0"\n'
        f"[protocol]\nframes = 3\nwidth = {width}\nheight = {height}\nfps = 8\n"
        'text_model = "none"\n'
    )
    for i in range(clips):
        frames = rng.integers(0, 256, (3, height, width, 3), dtype=np.uint8)
        path = folder / f"{i}.mkv"
        write_lossless(path, Video(frames, 8.0))
        text += (
            f'[[clips]]\nname = "c{i}"\nprompt = "a dog"\nlicence = "CC0-1.0"\n'
            f'attribution = "A"\npixels_sha256 = "{read_video(path).pixels_sha256}"\n'
            f'video = {{ path = "{path.name}", sha256 = "{file_sha256(path)}" }}\n'
            '[[clips.edits]]\nname = "cat"\nprompt = "a cat"\n'
            '[[clips.edits]]\nname = "dog"\nprompt = "dog"\n'
        )
    manifest = folder / "sized.toml"
    manifest.write_text(text)
    return manifest


def test_nothing_is_asked_for_nothing() -> None:
    def work(some: Sequence[int]) -> list[int]:
        raise AssertionError("it was called")

    assert list(Batches("transfer", 2, "cpu").run(work, [])) == []


def test_leaving_the_program_ends_one_item_alone() -> None:
    def work(some: Sequence[int]) -> list[int]:
        if 2 in some:
            raise SystemExit(0)
        return list(some)

    found = list(Batches("transfer", 2, "cpu").run(work, [1, 2, 3]))
    assert [one.value for one in found] == [1, None, 3]
    assert isinstance(found[1].error, SystemExit)
