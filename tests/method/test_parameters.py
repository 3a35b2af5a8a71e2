"""Parameters from text: typed by their annotations, checked, written in full."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smmbench.method import Card, Method, Source
from smmbench.method.parameters import (
    build_parameters,
    choose_preset,
    note_on_defaults,
    parameters_from_json,
    parameters_to_json,
    type_in_words,
)
from smmbench.video import Video


@dataclass(frozen=True)
class Parameters:
    steps: int = 50
    strength: float = 0.7
    restart: bool = True
    loss: Literal["paper", "code"] = "paper"
    layers: tuple[str, ...] = ("up.1",)
    rates: tuple[float, float] = (0.007, 0.004)
    limit: int | None = None
    prompt: str = ""
    weights: Path = Path("none")

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}.")


class Toy(Method[Parameters, None]):
    Parameters = Parameters
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "emoji": {"steps": 5, "layers": ("up.0", "up.1")},
        "broken": {"stepps": 5},
    }
    card = Card("Toy")

    def prepare(self, source: Source) -> None: ...

    def transfer(self, prepared: None, prompt: str, seed: int) -> Video:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("steps=10", "steps", 10),
        ("strength=0.9", "strength", 0.9),
        ("strength=1", "strength", 1.0),
        ("strength=1e-3", "strength", 0.001),
        ("restart=false", "restart", False),
        ("restart=no", "restart", False),
        ("restart=1", "restart", True),
        ("loss=code", "loss", "code"),
        ("layers=up.1, up.2", "layers", ("up.1", "up.2")),
        ("layers=up.1", "layers", ("up.1",)),
        ('layers=["a,b"]', "layers", ("a,b",)),
        ("layers=", "layers", ()),
        ("rates=0.005,0.002", "rates", (0.005, 0.002)),
        ("limit=3", "limit", 3),
        ("limit=none", "limit", None),
        ("prompt=none", "prompt", "none"),
        ("prompt=a=b, c", "prompt", "a=b, c"),
        ("prompt=7", "prompt", "7"),
        ("weights=a/b", "weights", Path("a/b")),
    ],
)
def test_text_becomes_the_annotated_type(setting: str, name: str, value: object) -> None:
    found = getattr(build_parameters(Toy, None, [setting]), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("stepps=1", r"No parameter 'stepps'\. Did you mean 'steps'\? Available: steps, "),
        ("steps=many", "Parameter 'steps' must be int, got 'many'"),
        ("steps=1.5", "Parameter 'steps' must be int, got '1.5'"),
        ("steps=", "Parameter 'steps' must be int, got ''"),
        ("strength=nan", "Parameter 'strength' must be float, got 'nan'"),
        ("strength=inf", "Parameter 'strength' must be float"),
        ("restart=maybe", "Parameter 'restart' must be bool"),
        ("loss=mine", "Parameter 'loss' must be one of 'paper', 'code', got 'mine'"),
        ("rates=1,2,3", r"Parameter 'rates' must be \(float, float\), with commas, got '1,2,3'"),
        ("limit=x", "Parameter 'limit' must be int or none, got 'x'"),
        ("steps", "A setting is written name=value, got 'steps'"),
        ("steps=0", "steps must be at least 1, got 0"),
    ],
)
def test_a_wrong_setting_says_what_came_and_what_is_possible(setting: str, message: str) -> None:
    with pytest.raises((ValueError, LookupError), match=message):
        build_parameters(Toy, None, [setting])


def test_settings_come_after_the_preset_and_the_last_one_wins() -> None:
    found = build_parameters(Toy, "emoji", ["steps=7", "steps=8"])
    assert (found.steps, found.layers, found.strength) == (8, ("up.0", "up.1"), 0.7)


def test_a_broken_preset_is_named() -> None:
    with pytest.raises(LookupError, match="In preset 'broken': No parameter 'stepps'"):
        build_parameters(Toy, "broken")


@pytest.mark.parametrize(
    ("asked", "dataset", "preset"),
    [
        (None, "emoji", "emoji"),
        (None, "emoji-val", "emoji"),
        (None, "emojis", None),
        (None, "dmt-page", None),
        ("emoji", "dmt-page", "emoji"),
    ],
)
def test_the_preset_of_the_datasets_family(
    asked: str | None, dataset: str, preset: str | None
) -> None:
    assert choose_preset(Toy, asked, dataset) == preset


def test_defaults_in_place_of_a_preset_are_noted() -> None:
    said = note_on_defaults(Toy, "dmt-page")
    assert "no preset for 'dmt-page'" in said and "emoji, broken" in said
    assert note_on_defaults(Toy, "emoji-val") == ""

    class Plain(Toy):
        presets: ClassVar[dict[str, dict[str, Any]]] = {}

    assert note_on_defaults(Plain, "dmt-page") == ""  # nothing could be named


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(
        LookupError, match=r"No preset 'emojy'\. Did you mean 'emoji'\? Available: emoji, broken"
    ):
        choose_preset(Toy, "emojy", "emoji")


@given(
    st.builds(
        Parameters,
        steps=st.integers(1),
        strength=st.floats(allow_nan=False, allow_infinity=False),
        layers=st.lists(st.text()).map(tuple),
        limit=st.none() | st.integers(),
        prompt=st.text(st.characters(codec="utf-8")),
    )
)
def test_json_and_back_is_the_same(parameters: Parameters) -> None:
    content = parameters_to_json(parameters)
    assert list(content) == list(Parameters.__dataclass_fields__)  # all of them, in order
    assert parameters_from_json(Toy, json.loads(json.dumps(content))) == parameters


def test_types_in_words() -> None:
    assert type_in_words(int | str | None) == "int or str or none"
    assert type_in_words(tuple[int, ...]) == "any number of int, with commas"
