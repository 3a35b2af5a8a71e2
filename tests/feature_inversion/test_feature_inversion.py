"""Feature inversion: nearer with iterations, nearest from one's own start; files; bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from smmbench.diffusion.noise import generators, noise
from smmbench.diffusion.schedule import CLEAN
from smmbench.feature_inversion.inverting import (
    KINDS,
    analysis_parameters,
    checked_kinds,
    feature_distances,
    invert_features,
    latent_distances,
    pixel_distance,
    relative_distances,
)
from smmbench.method import Source
from smmbench.smm import (
    SMM,
    Kind,
    Parameters,
    describe,
    guide,
    layers_of,
    sample_with_guidance,
    start_latent,
)
from smmbench.video import Video, read_video

LAYERS = "up_blocks.1.upsamplers.0,up_blocks.1.resnets.0.conv2"


@pytest.fixture
def settings(tiny_backbone: Path) -> list[str]:
    return [f"model={tiny_backbone}", "dtype=float32", f"layers={LAYERS}"]


@pytest.fixture
def parameters(settings: list[str]) -> Parameters:
    return analysis_parameters(None, [*settings, "steps=3", "inversion_steps=3"])


@pytest.fixture
def noisy() -> Video:
    frames = np.random.default_rng(0).integers(0, 256, (3, 16, 24, 3), dtype=np.uint8)
    return Video(frames, fps=8.0)


def test_distances_are_zero_for_the_same_and_one_for_nothing() -> None:
    f = {"layer": torch.rand(1, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0))}
    assert relative_distances(f, f) == dict.fromkeys(KINDS, 0)
    zero = {"layer": torch.zeros_like(f["layer"])}
    assert relative_distances(zero, f) == pytest.approx(dict.fromkeys(KINDS, 1))
    # What differences see is less than what means see, which is less than all.
    moved = {"layer": f["layer"] + 1}
    assert relative_distances(moved, f)["smm-differences"] == pytest.approx(0, abs=1e-5)
    turned = {"layer": f["layer"].flip(-1)}
    assert relative_distances(turned, f)["smm"] == pytest.approx(0, abs=1e-5)
    assert relative_distances(turned, f)["full"] > 0.1


def test_pixels_in_closed_form(noisy: Video) -> None:
    assert pixel_distance(noisy, noisy) == (0, float("inf"))
    black, grey = (Video(np.full((2, 4, 4, 3), value, np.uint8), 8.0) for value in (0, 51))
    assert pixel_distance(black, grey) == pytest.approx((51, 20 * np.log10(5)))


def test_the_analysis_comes_after_the_preset_and_before_the_user() -> None:
    parameters = analysis_parameters("emoji", ["iterations=3"])
    assert (parameters.model, parameters.start, parameters.guidance) == ("emoji", "random", 1)
    assert (parameters.iterations, parameters.prompt_prefix, parameters.restart) == (3, "", False)


def distance(parameters: Parameters, original: Video, kind: Kind) -> float:
    """Of what is sampled, as a latent: the tiny autoencoder forgets what it encodes."""
    method = SMM(parameters, "cpu")
    prepared = method.prepare(Source("noisy", original, "", lambda: original))
    text, draws = method.embed([""]), generators([0])
    start = start_latent(method.backbone.schedule, prepared.inverted, draws, parameters)
    x = sample_with_guidance(
        method.backbone.denoiser,
        method.denoise(text),
        start,
        prepared.inverted,
        text,
        text,
        draws,
        parameters,
    )
    return latent_distances(method, x, prepared.inverted[CLEAN])[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_more_iterations_get_nearer(parameters: Parameters, noisy: Video, kind: Kind) -> None:
    """Within a step; what a random network samples from there means nothing."""
    method = SMM(replace(parameters, features=kind), "cpu")
    inverted = method.prepare(Source("noisy", noisy, "", lambda: noisy)).inverted
    denoiser, text = method.backbone.denoiser, method.embed([""])
    t = method.backbone.schedule.timesteps(parameters.steps)[1]
    start = noise(inverted[t], generators([0]))
    layers = layers_of(denoiser, parameters)

    def left(iterations: int) -> float:
        changed = replace(method.parameters, iterations=iterations)
        x = guide(denoiser, start, inverted[t], t, text, text, 0.05, changed)
        with torch.no_grad():
            ours = denoiser.features(x, t, text, layers)
            theirs = denoiser.features(inverted[t], t, text, layers)
        return relative_distances(ours, theirs)[kind]

    assert left(8) < left(2) < left(0)


def test_the_clip_s_own_start_needs_no_iterations(parameters: Parameters, noisy: Video) -> None:
    unguided = replace(parameters, iterations=0)
    own = replace(unguided, start="inverted", inversion_refinements=5)
    assert distance(own, noisy, "full") < distance(unguided, noisy, "full") / 2


@pytest.mark.slow
def test_a_seed_is_a_video(parameters: Parameters, noisy: Video) -> None:
    short = replace(parameters, iterations=1)

    def hashes() -> list[str]:
        made = invert_features(short, "cpu", "noisy", noisy, ["smm"], seeds=[0, 1])
        return [one.video.pixels_sha256 for one in made]

    first = hashes()
    assert first == hashes() and len(set(first)) == 4


@pytest.mark.slow
def test_files_and_table(
    small_dataset: Path,
    settings: list[str],
    tmp_path: Path,
    smmbench: Callable[..., tuple[int, str, str]],
) -> None:
    folder = tmp_path / "out"
    asked = [word for setting in settings for word in ("--set", setting)]
    options = ["--steps", 2, "--iterations", 1, "--rate", 0.1, "--device", "cpu", "-o", folder]
    words = ["invert", "a", "--dataset", small_dataset, "--features", "smm", *asked, *options]
    code, out, err = smmbench(*words, "--json")
    assert code == 0, err
    content = json.loads(out)
    assert content == json.loads((folder / "inversion.json").read_text())
    rows = [(row["features"], row["seed"]) for row in content["videos"]]
    assert rows == [("none", 0), ("smm", 0), ("none", 1), ("smm", 1)]
    assert content["parameters"]["rates"] == [0.1, 0.05]
    for row in content["videos"]:
        assert set(row["distances"]) == set(KINDS)
        video = read_video(folder / row["video"])
        assert video.pixels_sha256 == row["pixels_sha256"]
        assert (folder / row["video"]).with_name("preview.mp4").is_file()
    assert (folder / "sheet.png").is_file() and not list(folder.glob(".tmp-*"))
    code, out, _ = smmbench(*words)
    assert code == 0 and "PSNR" in out
    table = (folder / "inversion.json").read_bytes()
    code, _, err = smmbench("invert", "b", *words[2:])
    assert code == 2 and "holds the inversion of small-noise/a; name another folder" in err
    assert (folder / "inversion.json").read_bytes() == table


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("invert", "z"), "No clip of dataset 'small-noise' 'z'; available: a, b, c."),
        (
            ("invert", "a", "--features", "sm"),
            "No kind of features 'sm'. Did you mean 'smm'? Available: full, smm, smm-differences.",
        ),
        (("invert", "a", "--preset", "fats"), "No preset 'fats'"),
        (("invert", "a", "--set", "speed=1"), "No parameter 'speed'"),
        (("invert", "a", "--device", "tpu"), "No device 'tpu' here"),
    ],
)
def test_bad_input_is_one_sentence(
    words: tuple[str, ...],
    message: str,
    small_dataset: Path,
    tmp_path: Path,
    smmbench: Callable[..., tuple[int, str, str]],
) -> None:
    folder = tmp_path / "out"
    code, out, err = smmbench(*words, "--dataset", small_dataset, "-o", folder)
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1
    assert not folder.exists()


def test_kinds_come_once_and_in_order() -> None:
    assert checked_kinds(["smm", "full", "smm"]) == ("full", "smm")
    assert checked_kinds([]) == KINDS


def test_a_video_is_at_no_distance_of_itself(parameters: Parameters, noisy: Video) -> None:
    method = SMM(parameters, "cpu")
    assert feature_distances(method, noisy, noisy) == dict.fromkeys(KINDS, 0)
    assert describe(torch.ones(1, 2, 3, 4, 5), "full").shape == (1, 2, 4, 5, 3)
