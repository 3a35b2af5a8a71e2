"""`smmbench tune`: one rule for all methods, on validation sets alone, gone on with when killed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from smmbench.method import Card, Method, Source
from smmbench.resolving import find_method, method_names, resolve
from smmbench.results import RunRecord, read_method
from smmbench.running.executors import named_executor
from smmbench.running.job import Job
from smmbench.running.pairs import Pair
from smmbench.search import Choices, LogRange, Range, Space
from smmbench.tuning.proposals import points, proposals
from smmbench.tuning.searching import Search, plan_search, search
from smmbench.tuning.space import checked_space
from smmbench.tuning.trials import best_of, read_trials
from smmbench.tuning.tuned_file import as_toml, read_tuned, write_tuned
from smmbench.video import Video

TOY = """
from dataclasses import dataclass
import numpy as np
from smmbench.method import Card, Method
from smmbench.search import Choices, Range
from smmbench.video import Video

@dataclass(frozen=True)
class Parameters:
    motion: str = "none"
    noise: float = 30.0

    def __post_init__(self):
        if self.motion == "wrong":
            raise ValueError("no such motion")

class Toy(Method):
    Parameters = Parameters
    presets = {"squares": {"noise": 40.0}}
    search = {"motion": Choices("none", "backwards", "source", "wrong", "fails")}
    card = Card("Toy", kind="control", licence="MIT")

    def prepare(self, source):
        return source.video

    def transfer(self, prepared, prompt, seed):
        frames, motion = prepared.frames, self.parameters.motion
        if motion == "fails":
            raise RuntimeError("no video")
        if motion == "none":
            frames = frames[:1].repeat(len(frames), 0)
        return Video(frames[::-1].copy() if motion == "backwards" else frames.copy(), prepared.fps)

class Fixed(Toy):
    search = {}

class Sound(Toy):
    search = {"motion": Choices("none", "backwards", "source")}
"""


@dataclass(frozen=True)
class Parameters:
    x: float = 0.5
    n: int = 3
    pair: tuple[float, float] = (1.0, 2.0)
    word: str = "a"

    def __post_init__(self) -> None:
        if self.n > 6:
            raise ValueError("n is at most 6")


class Toy(Method[Parameters, Any]):
    Parameters = Parameters
    card = Card("Toy")
    search: ClassVar[dict[str, Space]] = {
        "x": LogRange(0.01, 1.0),
        "n": Range(1, 9),
        "pair": Choices((1.0, 2.0), (3.0, 4.0)),
    }

    def prepare(self, source: Source) -> Any:
        raise NotImplementedError

    def transfer(self, prepared: Any, prompt: str, seed: int) -> Video:
        raise NotImplementedError


START: dict[str, Any] = {"x": 0.5, "n": 3, "pair": (1.0, 2.0), "word": "a"}


# The space ----------------------------------------------------------------------------------------


def test_places_of_a_space() -> None:
    assert [Range(1, 3).at(place) for place in (0.0, 0.34, 0.67, 0.999)] == [1, 2, 3, 3]
    assert (Range(0.0, 1.0).at(0.25), Range(0.0, 1.0).at(0.123456)) == (0.25, 0.123)
    assert LogRange(0.01, 1.0).at(0.5) == pytest.approx(0.1)
    assert (Range(0.1234, 0.5).at(0.0), Range(12340.0, 12360.0).at(0.5)) == (0.1234, 12360.0)
    assert [Choices("a", None, True).at(place) for place in (0.0, 0.5, 0.999)] == ["a", None, True]
    assert str(Choices((1, 2), None)) == "1,2 or none"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Range(1, 1), "A range rises"),
        (lambda: Range(0.0, float("inf")), "A range rises"),
        (lambda: LogRange(0.0, 1.0), "rises from above 0"),
        (lambda: Choices(1), "at least two values"),
    ],
)
def test_what_is_no_space(make: Callable[[], Space], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_declared_space_must_fit_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(checked_space(Toy)) == ["x", "n", "pair"]
    bad: tuple[tuple[Any, str], ...] = (
        ({"y": Range(0, 1)}, "No parameter 'y'"),
        ({"n": Range(0.0, 1.5)}, r"'n' can be 0.75, but must be int"),
        ({"word": 3}, "must be Range, LogRange or Choices; got 3"),
    )
    for space, message in bad:
        monkeypatch.setattr(Toy, "search", space)
        with pytest.raises((ValueError, LookupError), match=message):
            checked_space(Toy)


@pytest.mark.parametrize("name", method_names())
def test_spaces_of_installed_methods_hold(name: str) -> None:
    checked_space(find_method(name))


# The rule -----------------------------------------------------------------------------------------


def proposed(count: int, seed: int = 0) -> list[dict[str, Any]]:
    return list(islice(proposals(Toy, Toy.Parameters(**START), checked_space(Toy), seed), count))


def test_the_first_trial_is_the_preset_and_a_longer_budget_begins_alike() -> None:
    assert proposed(1) == [{}]
    assert proposed(100)[:10] == proposed(10) == proposed(10)
    assert proposed(10) != proposed(10, seed=1)


def test_what_is_proposed_has_the_parameters_own_types() -> None:
    for changes in proposed(20)[1:]:
        assert isinstance(changes["x"], float) and isinstance(changes["n"], int)
        assert isinstance(changes["pair"], tuple)
        assert Toy.Parameters(**{**START, **changes})


def test_nothing_is_tried_twice_and_nothing_that_is_refused() -> None:
    tried = [json.dumps({**START, **changes}) for changes in proposed(200)]
    assert len(set(tried)) == 200
    assert {changes["n"] for changes in proposed(200)[1:]} == {1, 2, 3, 4, 5, 6}


def test_a_small_space_is_used_up() -> None:
    space = {"word": Choices("a", "b", "c")}
    found = list(proposals(Toy, Toy.Parameters(**START), space, 0))
    assert found[0] == {} and sorted(one["word"] for one in found[1:]) == ["b", "c"]


def test_points_cover_the_space_better_than_chance() -> None:
    drawn = np.array(list(islice(points(2, 0), 64)))
    cells = {tuple(cell) for cell in (drawn * 8).astype(int)}
    assert len(cells) == 64  # chance leaves a third of the cells empty


def test_the_rule_finds_a_known_optimum() -> None:
    def value(changes: dict[str, Any]) -> float:
        made = {**START, **changes}
        return -abs(np.log10(made["x"] / 0.1)) - abs(made["n"] - 5) - (made["pair"][0] == 1)

    best = max(proposed(128), key=value)
    assert 0.05 < best["x"] < 0.2 and best["n"] == 5 and best["pair"] == (3.0, 4.0)


# The search ---------------------------------------------------------------------------------------


@dataclass
class Bench:
    """A validation set of three pairs, the toy above, and a place for trials."""

    folder: Path
    manifest: Path

    @property
    def toy(self) -> str:
        return f"{self.folder / 'toy.py'}:Toy"

    def plan(self, method: str = "", **options: Any) -> Search:
        return plan_search(
            method or self.toy, str(self.manifest), self.folder / "trials", device="cpu", **options
        )


@pytest.fixture
def bench(square_dataset: Path, tmp_path: Path) -> Bench:
    text = square_dataset.read_text()
    square_dataset.write_text(text.replace("[protocol]", 'purpose = "validation"\n[protocol]'))
    (tmp_path / "toy.py").write_text(TOY)
    return Bench(tmp_path, square_dataset)


LOCAL = named_executor("local")


@pytest.mark.slow
def test_the_best_is_found_and_taken_by_a_run(
    bench: Bench, smmbench: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bench.folder)
    plan = bench.plan()
    trials = search(plan, 9, LOCAL)
    assert len(trials) == 4  # "wrong" is refused by the parameters
    assert {one.changes.get("motion", "none") for one in trials} == {
        *("none", "backwards", "source", "fails"),
    }
    best = best_of(trials)
    assert best.changes == {"motion": "source"} and best.means["motion_fidelity"] > 0.9
    failed = next(one for one in trials if one.changes.get("motion") == "fails")
    assert (failed.scored, failed.objective) == (0, -2.0)  # both at their worst
    path = write_tuned(plan, 9, trials)
    content = tomllib.loads(path.read_text())
    assert content["parameters"] == {"motion": "source"}
    assert (content["budget"], content["trials"], content["pairs"]) == (9, 4, 3)
    assert content["preset"] == "squares"

    words = ("run", "--dataset", bench.manifest, "--settings", path, "--device", "cpu")
    assert smmbench(*words, "--method", bench.toy, "--limit", 1)[0] == 0
    written = read_method(bench.folder / "results" / "toy")
    assert written is not None
    assert written.parameters["squares"] == {"motion": "source", "noise": 40.0}
    assert (written.tuning["squares"].trials, written.tuning["squares"].budget) == (4, 9)
    override = ("--set", "motion=backwards", "--dry-run", "--json", "--label", "own")
    code, out, _ = smmbench(*words, "--method", bench.toy, *override)
    assert code == 0 and json.loads(out)["parameters"] == {"motion": "backwards", "noise": 40.0}
    code, _, err = smmbench(*words, "--method", "noise")
    assert code == 2 and "was tuned for" in err
    code, _, err = smmbench(*words, "--method", bench.toy, "--preset", "other")
    assert code == 2 and "Leave --preset out" in err


@pytest.mark.slow
def test_a_killed_search_goes_on_and_ends_alike(bench: Bench) -> None:
    made: list[str] = []

    def until(count: int) -> Any:
        def execute(job: Job, groups: Sequence[Sequence[Pair]]) -> Iterator[RunRecord]:
            for record in LOCAL(job, groups):
                if len(made) == count:
                    raise KeyboardInterrupt
                made.append(f"{job.label} {record.request.clip} {record.request.edit}")
                yield record

        return execute

    sound = bench.toy.replace("Toy", "Sound")
    with pytest.raises(KeyboardInterrupt):
        search(bench.plan(sound), 3, until(4))
    plan = bench.plan(sound)
    assert len(plan.done) == 1
    trials = search(plan, 3, until(99))
    assert len(trials) == 3
    assert len(made) == len(set(made)) >= 8  # the video at the kill was written, not counted
    again = search(bench.plan(sound), 3, until(0))
    assert again == trials == list(bench.plan(sound).done)
    whole = plan_search(sound, str(bench.manifest), bench.folder / "whole", device="cpu")
    other = search(whole, 3, LOCAL)
    assert [(one.changes, one.means) for one in other] == [
        (one.changes, one.means) for one in trials
    ]


def test_a_line_cut_short_is_left_out(bench: Bench) -> None:
    plan = bench.plan()
    search(plan, 1, LOCAL)
    path = bench.folder / "trials" / "trials.jsonl"
    path.write_text(path.read_text() + '{"number": 1, "chan')
    assert len(read_trials(path, plan.question)) == 1
    path.write_text("nothing")
    with pytest.raises(ValueError, match="not a readable list of trials"):
        read_trials(path, plan.question)


def test_no_trial_begins_after_the_time(bench: Bench) -> None:
    assert len(search(bench.plan(), 3, LOCAL, seconds=0)) == 1


def test_what_is_refused(bench: Bench) -> None:
    search(bench.plan(), 1, LOCAL)
    with pytest.raises(ValueError, match=r"its seed is 0, here it is 1\. Use another --output"):
        bench.plan(seed=1)
    with pytest.raises(ValueError, match=r"its pairs is 3, here it is 2"):
        bench.plan(limit=2)
    with pytest.raises(ValueError, match=r"declares no `search`"):
        bench.plan(bench.toy.replace("Toy", "Fixed"))
    with pytest.raises(ValueError, match=r"nothing to search besides what --set fixes"):
        bench.plan(fixed=["motion=source"])
    with pytest.raises(ValueError, match="at least 1 trial"):
        search(bench.plan(), 0, LOCAL)
    search(bench.plan(), 2, LOCAL)
    with pytest.raises(ValueError, match="holds 2 trials, and a budget of 1 would not say so"):
        search(bench.plan(), 1, LOCAL)
    with pytest.raises(ValueError, match=r"Methods are ranked on 'emoji'.*emoji-val"):
        plan_search("sdedit", "emoji", bench.folder, device="cpu")
    assert plan_search("sdedit", "emoji-val", bench.folder / "new", device="cpu").done == ()
    broken = bench.folder / "broken.toml"
    broken.write_text("schema_version = 1\n")
    with pytest.raises(ValueError, match="was not written by `smmbench tune`"):
        read_tuned(broken, resolve(bench.toy))


def test_values_in_toml_are_read_back() -> None:
    content = {"a": 1, "b": [0.1, 1e-05], "c": 'x"\n', "d": True, "t": {"k.l": 2, "n": None}}
    assert tomllib.loads(as_toml(content)) == content | {"t": {"k.l": 2, "n": "none"}}


def test_the_command_line(
    bench: Bench, smmbench: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bench.folder)
    words = ("tune", "--method", "toy.py:Toy", "--dataset", bench.manifest, "--budget", 2)
    code, out, err = smmbench(*words, "--dry-run", "--device", "cpu")
    assert code == 0 and "trial   0  to do  the preset" in out and "3 pairs a trial" in err
    code, out, err = smmbench(*words, "--device", "cpu", "--limit", 1)
    assert code == 0 and "text similarity" in out and "[trial 2/2]" in err
    assert (bench.folder / "tuning" / "toy" / "squares" / "tuned.toml").is_file()
    code, out, _ = smmbench(*words, "--device", "cpu", "--limit", 1, "--json")
    assert code == 0 and len(json.loads(out)["trials"]) == 2
    code, _, err = smmbench("tune", "--method", "sdedit", "--dataset", "emoji", "--budget", 2)
    assert code == 2 and "ranked on" in err
