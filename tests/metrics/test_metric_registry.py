"""Metrics by the door that anyone's come through, and what their scores are kept under."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smmbench import metrics, plugins
from smmbench.dataset import Dataset, Protocol, load_dataset
from smmbench.metrics import Measured, Metric, Task, all_metrics, metric, metric_names, registry
from smmbench.scoring.models.encoders import WeightsUnavailableError
from smmbench.scoring.models.text_model import TextModel
from smmbench.scoring.options import Options
from smmbench.scoring.resources import LoadedResources
from smmbench.scoring.scorer import Scorer
from smmbench.video import Video

OURS = tuple(known for known in all_metrics() if known.__module__.startswith("smmbench."))


class Brightness(Metric):
    name = "brightness"
    version = 1
    title = "Brightness"
    description = "Mean of all colours."
    higher_is_better = True
    minimum, maximum, worst = 0.0, 255.0, 0.0
    extra = True

    def measure(self, task: Task) -> Measured:
        frames = task.output.frames.reshape(len(task.output.frames), -1).mean(axis=1)
        return Measured(float(frames.mean()), per_frame={self.name: tuple(frames.tolist())})


def changed(known: type[Metric], **attributes: Any) -> type[Metric]:
    """The metric with other words."""
    return type(known.__name__, (known,), attributes)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Install metrics besides ours: by name, what their entry points load, or an error."""
    found = dict(plugins.offered(registry.GROUP))

    def install(others: dict[str, Any]) -> None:
        points = found | {
            name: EntryPoint(name, "strangers:METRIC", registry.GROUP) for name in others
        }
        load = plugins.load_offered

        def loaded(group: str, name: str, what: str) -> Any:
            if name not in others:
                return load(group, name, what)
            if isinstance(others[name], Exception):
                raise others[name]
            return others[name]

        monkeypatch.setattr(registry, "offered", lambda group: points)
        monkeypatch.setattr(registry, "load_offered", loaded)
        all_metrics.cache_clear()

    yield install
    all_metrics.cache_clear()


@pytest.fixture
def dataset(square_dataset: Path, tiny_clip: Path) -> Dataset:
    loaded = load_dataset(square_dataset)
    return with_protocol(loaded, text_model=str(tiny_clip))


def with_protocol(dataset: Dataset, **changes: Any) -> Dataset:
    protocol = dataset.manifest.protocol.model_copy(update=changes)
    manifest = dataset.manifest.model_copy(update={"protocol": protocol})
    return dataset.model_copy(update={"manifest": manifest})


def task_of(dataset: Dataset, video: Video, prompt: str = "a dog") -> Task:
    clip = dataset.manifest.clips[0].model_copy(update={"prompt": "a white square"})
    return Task(clip, prompt, video, video.pixels_sha256)


def test_ours_come_through_the_door_in_the_order_of_the_columns() -> None:
    assert all_metrics() == OURS
    assert metric_names()[:2] == ("text_similarity", "motion_fidelity")
    assert len({known.order for known in OURS}) == len(OURS)


def test_one_metric_is_one_file_of_its_name() -> None:
    for name, point in plugins.offered(registry.GROUP).items():
        assert point.value.startswith(f"smmbench.metrics.{name}:")
    files = {path.stem for path in Path(metrics.__file__).parent.glob("*.py")}
    assert {known.name for known in OURS} <= files


def test_metrics_stand_on_nothing_that_scores() -> None:
    for path in Path(metrics.__file__).parent.rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        imported = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        assert not [name for name in imported if name.startswith("smmbench.scoring")], path.name


@pytest.mark.parametrize("known", OURS, ids=lambda known: known.name)
def test_every_metric_says_what_it_is(known: type[Metric]) -> None:
    assert metric(known.name) is known
    assert known.worst == (known.minimum if known.higher_is_better else known.maximum)
    assert np.isfinite([known.minimum, known.maximum]).all()
    assert known.description.endswith(".") and known.source


@pytest.mark.parametrize("name", [m.name for m in OURS if "weights" not in m.needs])
def test_every_metric_gives_a_number_in_its_range_with_a_whole_origin(
    dataset: Dataset, moving_square: Video, name: str
) -> None:
    scorer = Scorer(dataset, Options(metrics=(name,)))
    score = scorer.score(metric(name), task_of(dataset, moving_square), None)
    if score.value is None:  # a script that gives NaN for a track that stands still
        assert name.startswith("motion_fidelity_") and "NaN" in score.note
        return
    assert metric(name).minimum <= score.value <= metric(name).maximum + 1e-9
    assert json.loads(json.dumps(score.origin)) == score.origin
    assert (score.origin["metric"], score.origin["version"]) == (name, metric(name).version)
    assert score.origin["output"] == moving_square.pixels_sha256
    needs = metric(name).needs
    if "tracks" in needs:
        assert score.origin["tracker"]["tracker"] == score.origin["protocol"]["tracker"]
        assert score.origin["tracker"]["grid"] == score.origin["protocol"]["grid"] == 12
    if "text-model" in needs:
        assert all(len(digest) == 64 for digest in score.origin["text_model"]["weights"].values())
    if {"tracks", "flow"} & {*needs}:
        assert score.origin["source"] == dataset.manifest.clips[0].pixels_sha256
    kept = scorer.score(metric(name), task_of(dataset, moving_square), score)
    assert kept is score


def test_a_strangers_metric_comes_after_ours_and_is_computed(
    door: Callable[[dict[str, Any]], None], dataset: Dataset, moving_square: Video
) -> None:
    door({"brightness": Brightness})
    assert all_metrics() == (*OURS, Brightness)
    scorer = Scorer(dataset, Options(metrics=("brightness",)))
    score = scorer.score(Brightness, task_of(dataset, moving_square), None)
    assert score.value == pytest.approx(moving_square.frames.mean())


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (ImportError("it does not load"), "'brightness' is skipped: it does not load"),
        ("a word", r"it is a str and not a subclass of `smmbench.metrics.Metric`"),
        (changed(Brightness, name="dark"), "its `name` is 'dark'"),
    ],
)
def test_a_broken_metric_is_left_out_with_a_warning(
    door: Callable[[dict[str, Any]], None], broken: Any, message: str
) -> None:
    door({"brightness": broken})
    with pytest.warns(UserWarning, match=message):
        assert all_metrics() == OURS
    with warnings.catch_warnings(), pytest.raises(LookupError, match="No metric 'brightness'"):
        metric("brightness")


def test_a_description_is_checked() -> None:
    with pytest.raises(ValueError, match=r"lies in its range, from 0 to 255, got -1"):
        changed(Brightness, worst=-1.0)
    with pytest.raises(TypeError, match=r"'brightness' needs sound; known needs are tracks, "):
        changed(Brightness, needs=("sound",))
    with pytest.raises(TypeError, match=r"Nameless does not define name, version, title"):
        type("Nameless", (Metric,), {"measure": lambda self, task: Measured(0.0)})


class FirstForm:
    """What a loader of smmbench 0.1.0 gives."""

    def __init__(self, wanted: Any, resources: Any) -> None:
        assert (wanted.name, resources.protocol.frames) == ("brightness", 8)

    def origin(self, task: Task) -> dict[str, Any]:
        return {"colour": "all"}

    def measure(self, task: Task) -> Measured:
        return Measured(float(task.output.frames.mean()))


def first_form(loader: str) -> Any:
    described: Any = Metric  # the call that smmbench 0.1.0 had
    words = {name: getattr(Brightness, name) for name in Brightness.describe() if name != "code"}
    with pytest.warns(DeprecationWarning, match=r"subclass of `smmbench\.metrics\.Metric`"):
        return described(**words, loader=loader)


def test_a_description_with_a_loader_still_works(
    door: Callable[[dict[str, Any]], None],
    dataset: Dataset,
    moving_square: Video,
) -> None:
    door({"brightness": first_form(f"{__name__}:FirstForm")})
    assert all_metrics()[-1].name == "brightness"
    scorer = Scorer(dataset, Options(metrics=("brightness",)))
    score = scorer.score(metric("brightness"), task_of(dataset, moving_square), None)
    assert score.value == pytest.approx(moving_square.frames.mean())
    assert score.origin["colour"] == "all"


def test_a_loader_is_checked() -> None:
    described: Any = Metric
    with pytest.raises(ValueError, match=r"package\.module:function, got 'somewhere'"):
        described(name="brightness", loader="somewhere")
    with pytest.raises(ImportError, match=r"'smmbench\.smm' has no 'nothing'"):
        first_form("smmbench.smm:nothing")(LoadedResources.__new__(LoadedResources))


def test_what_several_metrics_need_is_loaded_once(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def out_of_reach(self: TextModel, spec: str, device: str) -> None:
        tries.append(spec)
        raise WeightsUnavailableError("no network here")

    monkeypatch.setattr(TextModel, "__init__", out_of_reach)
    scorer = Scorer(dataset, Options())
    assert len(tries) == 1
    assert set(scorer.unavailable) == set(metric_names()) - {"motion_fidelity"}


def test_a_new_version_or_convention_is_computed_anew(
    dataset: Dataset, moving_square: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = task_of(dataset, moving_square)
    known = metric("motion_fidelity")
    scorer = Scorer(dataset, Options(metrics=("motion_fidelity",)))
    old = scorer.score(known, task, None)
    assert old.origin["conventions"]["moves"] == "share"
    raised = changed(known, version=known.version + 1)
    new = scorer.score(raised, task, old)
    assert (new.version, new.value) == (known.version + 1, old.value)
    assert new.key != old.key
    from smmbench.metrics import motion_fidelity
    from smmbench.metrics.conventions import Conventions

    monkeypatch.setattr(motion_fidelity, "Conventions", lambda: Conventions(moves="any"))
    other = Scorer(dataset, Options(metrics=("motion_fidelity",))).score(known, task, old)
    assert other.key != old.key
    assert other.origin["conventions"]["moves"] == "any"


def test_the_prefix_of_a_protocol_is_before_every_prompt(
    dataset: Dataset, moving_square: Video
) -> None:
    task, long = (
        task_of(dataset, moving_square),
        task_of(dataset, moving_square, "masterpiece, dog"),
    )
    known = metric("text_similarity")
    plain = Scorer(dataset, Options())
    prefixed = Scorer(with_protocol(dataset, text_prefix="masterpiece, "), Options())
    without, with_prefix = (scorer.score(known, task, None) for scorer in (plain, prefixed))
    assert with_prefix.key != without.key
    assert with_prefix.origin["protocol"]["text_prefix"] == "masterpiece, "
    assert with_prefix.origin["prompt"] == without.origin["prompt"] == "a dog"
    dog = prefixed.score(known, task_of(dataset, moving_square, "dog"), None)
    assert dog.value == plain.score(known, long, None).value != without.value


def test_a_protocol_without_a_prefix_is_what_it_was() -> None:
    form: dict[str, Any] = {
        "frames": 8,
        "width": 96,
        "height": 64,
        "fps": 8.0,
        "text_model": "none",
    }
    assert "text_prefix" not in Protocol(**form).model_dump(mode="json")
    said = Protocol(**form, text_prefix="a ")
    assert Protocol.model_validate_json(said.model_dump_json()) == said


def test_a_prompt_that_is_cut_is_said_with_its_prefix(
    dataset: Dataset, moving_square: Video
) -> None:
    names = ("text_similarity", "frame_accuracy")
    scorer = Scorer(with_protocol(dataset, text_prefix="dog " * 9), Options(metrics=names))
    score = scorer.score(metric("text_similarity"), task_of(dataset, moving_square), None)
    assert "The prompt with its prefix is longer than the 12 tokens" in score.note
    assert scorer.score(metric("frame_accuracy"), task_of(dataset, moving_square), None).note


def test_commands_list_and_show(smmbench: Callable[..., tuple[int, str, str]]) -> None:
    listed = json.loads(smmbench("metrics", "list", "--json")[1])
    assert [known["name"] for known in listed] == [known.name for known in OURS]
    code, out, _ = smmbench("metrics", "show", "ftd")
    assert code == 0 and "RoPECraft" in out and "lower" in out and "version 1" in out
    assert json.loads(smmbench("metrics", "show", "ftd", "--json")[1])["extra"] is True
    code, _, err = smmbench("metrics", "show", "fdt")
    assert code == 2 and "Did you mean 'ftd'?" in err
