"""A text encoder that is loaded for new prompts and dropped: the same states, once a prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.builders.transformers import build_tiny_cogvideox, build_tiny_wan

from smmbench.diffusion import loading, text_on_demand
from smmbench.diffusion.backbone import Backbone, load_backbone
from smmbench.diffusion.text import TextEncoder
from smmbench.diffusion.text_on_demand import TextOnDemand

PROMPTS = ["a cat", "a dog runs"]


@pytest.fixture(scope="module", params=["wan", "cogvideox"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = build_tiny_wan if request.param == "wan" else build_tiny_cogvideox
    return build(tmp_path_factory.mktemp("on-demand") / request.param)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Parts that were loaded."""
    seen: list[str] = []
    load = loading.load_network

    def watched(folder: Path, part: str, *args: Any) -> Any:
        seen.append(part)
        return load(folder, part, *args)

    monkeypatch.setattr(loading, "load_network", watched)
    return seen


def small(folder: Path) -> Backbone:
    return load_backbone(str(folder), low_memory=True)


def test_states_are_those_of_a_resident_encoder(folder: Path) -> None:
    resident, on_demand = load_backbone(str(folder)), small(folder)
    assert isinstance(on_demand.text, TextOnDemand) and isinstance(resident.text, TextEncoder)
    assert on_demand.text.width == resident.text.width
    torch.testing.assert_close(on_demand.embed(PROMPTS), resident.embed(PROMPTS))


def test_each_prompt_is_encoded_once(folder: Path, loads: list[str]) -> None:
    backbone = small(folder)
    assert "text_encoder" not in loads
    first = backbone.embed(PROMPTS)
    assert loads.count("text_encoder") == 1
    again = backbone.embed([PROMPTS[1], PROMPTS[0], PROMPTS[1]])
    assert loads.count("text_encoder") == 1
    assert torch.equal(again, first[[1, 0, 1]])
    other = small(folder)  # another process, the same disk
    assert torch.equal(other.embed(PROMPTS), first)
    assert loads.count("text_encoder") == 1
    backbone.embed(["a bird"])
    assert loads.count("text_encoder") == 2


@pytest.mark.slow
def test_other_weights_are_another_entry(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "tensors_sha256", lambda files: "one")
    small(folder).embed(PROMPTS[:1])
    kept = list(text_on_demand.text_path({}).parent.glob("*.safetensors"))
    small(folder).embed(PROMPTS[:1])
    assert list(text_on_demand.text_path({}).parent.glob("*.safetensors")) == kept
    monkeypatch.setattr(loading, "tensors_sha256", lambda files: "other")
    small(folder).embed(PROMPTS[:1])
    assert len(list(text_on_demand.text_path({}).parent.glob("*.safetensors"))) == len(kept) + 1


def test_a_large_encoder_is_loaded_on_demand_by_itself(
    folder: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(load_backbone(str(folder)).text, TextEncoder)
    monkeypatch.setattr(loading, "ON_DEMAND", 1)
    assert isinstance(load_backbone(str(folder)).text, TextOnDemand)


def test_an_encoder_that_does_not_fit_reads_on_the_cpu_and_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = load_backbone(str(folder))
    places: list[torch.device] = []

    def load(where: torch.device) -> TextEncoder:
        places.append(where)
        found: TextEncoder = resident.text
        return found

    monkeypatch.setattr(text_on_demand, "free_bytes", lambda device: 100.0)
    text = TextOnDemand(load, 1000, 16)
    with pytest.warns(UserWarning, match="does not fit next to the network on meta"):
        text._encode(PROMPTS, torch.device("meta"))
    assert places == [torch.device("cpu")]


@pytest.mark.slow
def test_the_number_of_prompts_in_memory_is_bounded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_on_demand, "MET", 2)
    backbone = small(folder)
    for i in range(6):
        backbone.embed([f"{i} cats"])
    assert len(backbone.text._met) <= 3


def test_padding_behind_the_longest_prompt_changes_nothing(tmp_path: Path) -> None:
    """Of UMT5, which masks it: alone or beside a longer prompt, states are the same."""
    backbone = load_backbone(str(build_tiny_wan(tmp_path / "wan")))
    alone = backbone.embed(["a"])
    beside = backbone.embed(["a", "a cat runs"])[:1]
    torch.testing.assert_close(alone, beside)
    assert alone.shape[1] == backbone.text.length and not alone[0, 2:].any()
