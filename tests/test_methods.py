"""Finding methods: by name, in a file, and what is not a method."""

from __future__ import annotations

import json
import pickle
import re
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from smmbench import plugins
from smmbench import resolving as methods
from smmbench.cli.method_description import describe, describe_all
from smmbench.resolving import entry_of, find_method, label_of, method_names, resolve

WHOLE = """
from __future__ import annotations
from dataclasses import dataclass, field
from typing import Annotated, Literal
from typing_extensions import Doc
from smmbench.method import Card, Method

@dataclass(frozen=True)
class Settings:
    steps: Annotated[int, Doc("DDIM steps")] = 50  # no comment is read
    loss: Literal["paper", "code"] = field(default="paper", metadata={"help": "which of the two"})
    plain: tuple[float, ...] = (0.5, 1.0)

class SlowShift(Method):
    Parameters = Settings
    presets = {"emoji": {"steps": 5}}
    card = Card("Slow shift", kind="baseline", paper="nowhere")
    def prepare(self, source): ...
    def transfer(self, prepared, prompt, seed): ...
"""


@pytest.fixture
def whole(tmp_path: Path) -> str:
    (tmp_path / "toy.py").write_text(WHOLE)
    return f"{tmp_path / 'toy.py'}:SlowShift"


def test_the_built_in_methods_are_offered() -> None:
    assert {"smm", "sdedit", "inversion-swap", "source-copy", "noise"} <= set(method_names())
    assert find_method("frozen").__name__ == "Frozen"
    assert entry_of("frozen") == "smmbench_baselines.controls:Frozen"


def test_a_method_in_a_file(whole: str) -> None:
    assert find_method(whole).card.title == "Slow shift"
    assert label_of(whole) == "slow-shift"
    assert entry_of(whole).startswith("toy.py:SlowShift@sha256:")  # without the folder


@pytest.mark.parametrize(
    ("name", "label"),
    [("SMM", "smm"), ("DDIMSwap", "ddim-swap"), ("my_method2", "my-method2"), ("Toy", "toy")],
)
def test_the_label_of_a_class(name: str, label: str) -> None:
    assert label_of(f"folder/file.py:{name}") == label


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("(Method)", "(object)"), "is not a subclass of smmbench.method.Method"),
        (("def transfer", "def transfers"), r"does not define transfer\(\)"),
        (("Parameters = Settings", ""), "needs a frozen dataclass of its parameters"),
        (('Doc("DDIM steps")] = 50', 'Doc("DDIM steps")]'), "needs a default; without one: steps"),
        (("card = Card(", "cart = Card("), "needs a `card = Card"),
        (("class SlowShift", "class Other"), "No class 'SlowShift'; available: "),
        (("import Annotated, Literal", "import Annotated, Litteral"), "does not load: ImportError"),
    ],
)
def test_what_is_not_a_whole_method(whole: str, change: tuple[str, str], message: str) -> None:
    path = Path(whole.rpartition(":")[0])
    path.write_text(WHOLE.replace(*change))
    with pytest.raises((ValueError, ImportError), match=message):
        find_method(whole)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("sourc-copy", r"No method 'sourc-copy'\. Did you mean 'source-copy'\? Available: "),
        ("nowhere.py:Toy", r"No file 'nowhere\.py'"),
        ("nowhere.py", "named as path.py:Class"),
    ],
)
def test_an_unknown_method_says_what_there_is(reference: str, message: str) -> None:
    with pytest.raises((ValueError, LookupError), match=message):
        find_method(reference)


def test_a_description_has_types_defaults_and_help(whole: str) -> None:
    steps, loss, plain = describe(whole).parameters
    assert (steps.name, steps.type, steps.default) == ("steps", "int", 50)
    assert steps.help == "DDIM steps"
    assert (loss.type, loss.help) == ("one of 'paper', 'code'", "which of the two")
    assert (plain.default, plain.help) == ([0.5, 1.0], "")


@pytest.fixture
def one_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    real = plugins.offered

    def offered(group: str) -> dict[str, EntryPoint]:
        if group in ("smmbench.recipes", "smmbench.cards"):
            return {}
        if group != methods.GROUP:
            return real(group)
        places = {"broken": "no_such_package:Class", "noise": "smmbench_baselines.controls:Noise"}
        return {name: EntryPoint(name, value, group) for name, value in places.items()}

    monkeypatch.setattr(plugins, "offered", offered)
    monkeypatch.setattr(methods, "offered", offered)


@pytest.mark.usefixtures("one_broken")
def test_a_broken_method_is_named_and_the_others_still_listed() -> None:
    broken, noise = describe_all()
    assert "no_such_package:Class" in broken.error
    assert "does not load: ModuleNotFoundError" in broken.error
    assert noise.card is not None
    assert not noise.error


def _invoke(*arguments: str) -> Any:
    from smmbench.cli.methods import register

    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)  # with one command Typer would leave its name out
    return CliRunner().invoke(app, ["methods", *arguments])


@pytest.mark.usefixtures("one_broken")
def test_the_list_names_the_broken_one() -> None:
    listed = _invoke("list")
    assert listed.exit_code == 1
    assert "noise" in listed.stdout
    assert "'broken' (no_such_package:Class" in listed.stderr
    assert [one["name"] for one in json.loads(_invoke("list", "--json").stdout)] == [
        "broken",
        "noise",
    ]


def test_show(whole: str) -> None:
    shown = _invoke("show", whole)
    assert shown.exit_code == 0
    assert "DDIM steps" in shown.stdout
    assert json.loads(_invoke("show", whole, "--json").stdout)["presets"] == {"emoji": {"steps": 5}}


def test_a_method_is_resolved_once() -> None:
    """What names a method becomes a value, which also travels to other processes."""
    frozen = resolve("frozen")
    assert (frozen.entry, frozen.label) == (entry_of("frozen"), "frozen")
    assert frozen.card is find_method("frozen").card
    assert resolve(frozen) is frozen
    assert resolve(frozen.implementation) == frozen
    assert pickle.loads(pickle.dumps(frozen)) == frozen


def test_a_method_in_a_file_is_found_from_another_folder(
    whole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(whole.partition(":")[0])
    monkeypatch.chdir(path.parent)
    near = resolve("toy.py:SlowShift")
    far = pickle.dumps(near.elsewhere())
    monkeypatch.chdir("/")
    again = pickle.loads(far)
    assert (again.entry, again.label, again.distribution) == (near.entry, "slow-shift", "")
    with pytest.raises(ValueError, match="No file"):
        pickle.loads(pickle.dumps(near))


def test_a_class_that_nobody_offers_is_known_by_its_source() -> None:
    frozen: Any = find_method("frozen")

    class SlowlyFrozen(frozen):  # type: ignore[misc]
        """In no distribution."""

    found = resolve(SlowlyFrozen)
    assert found.label == "slowly-frozen"
    assert re.search(r":.*SlowlyFrozen@sha256:[0-9a-f]{16}$", found.entry)
    assert found.implementation is SlowlyFrozen


def test_the_page_of_backbones_has_the_table_of_families() -> None:
    page = Path(__file__).parents[1] / "benchmark" / "docs" / "backbones.md"
    printed = _invoke("families", "--markdown")
    assert printed.exit_code == 0
    assert printed.output.strip() in page.read_text(encoding="utf-8")


def test_families_are_shown_for_every_method_with_a_backbone() -> None:
    shown = _invoke("families")
    assert shown.exit_code == 0 and "fast-vmt" in shown.output and "undefined" in shown.output
    found = json.loads(_invoke("families", "--json").output)
    assert found["smm"]["unet-3d"].startswith("original")
    assert "source-copy" not in found
