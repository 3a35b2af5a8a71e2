"""Each training of the emoji world, small: it runs, ends on time, resumes, and loads again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from smmbench_datasets.emoji.world import World
from smmbench_research.emoji.training import clip, evaluate, frames, judge, text_to_video, vae
from smmbench_research.emoji.training.loop import AGREE_EVERY, Loop, Place

pytestmark = [
    # Of libraries, on loading: nothing that this project could change.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
CPU = Place(torch.device("cpu"))


def world() -> World:
    return World("cpu")


def run(module: object, monkeypatch: pytest.MonkeyPatch, output: Path, *more: str) -> None:
    words = ["train", "--smoke", "--device", "cpu", "--seconds", "1", "--output", str(output)]
    monkeypatch.setattr(sys, "argv", [*words, *more])
    module.main()  # type: ignore[attr-defined]


def linear(output: Path, seconds: float, **options: object) -> Any:
    torch.manual_seed(0)
    return Loop(nn.Linear(3, 1), CPU, output, "linear", seconds, warmup=1, **options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_folding_centres_the_latents_and_changes_no_reconstruction() -> None:
    torch.manual_seed(0)
    model = vae.build(smoke=True).eval()
    source = frames.Frames(world(), seed=0)
    picture = 2 * source.draw(2).image - 1
    with torch.no_grad():
        model.quant_conv.bias.add_(torch.linspace(-3, 3, 16))
        before = model.decode(model.encode(picture).latent_dist.mean).sample
        spread = model.encode(picture).latent_dist.logvar
        mean, deviation = vae.latent_statistics(model, frames.Frames(world(), 1), 1)
        vae.fold_(model, mean, deviation)
        after = model.decode(model.encode(picture).latent_dist.mean).sample
        moved = model.encode(picture).latent_dist.logvar
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(moved + 2 * deviation.log()[:, None, None], spread)
    mean, deviation = vae.latent_statistics(model, frames.Frames(world(), 1), 1)
    torch.testing.assert_close(mean, torch.zeros(8), atol=1e-3, rtol=0)
    torch.testing.assert_close(deviation, torch.ones(8), atol=1e-3, rtol=0)


@pytest.mark.slow
def test_vae_then_clip_then_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(vae, monkeypatch, tmp_path)
    snapshot = str(tmp_path / "vae-snapshot")
    run(clip, monkeypatch, tmp_path, "--vae", snapshot)
    run(judge, monkeypatch, tmp_path, "--vae", snapshot)
    for name, figure in (("vae", "psnr_frame"), ("clip", "reconstructed"), ("judge", "true")):
        report = json.loads((tmp_path / name / "report.json").read_text())
        assert report["steps"] >= 1 and figure in report
        lines = (tmp_path / f"{name}-log.jsonl").read_text().splitlines()
        assert {"step", "seconds", "loss"} <= json.loads(lines[0]).keys()


def test_stored_clip_embeds_as_the_one_that_was_stored(tmp_path: Path) -> None:
    import open_clip

    torch.manual_seed(0)
    captions = clip.Captions(world(), 0)
    model = clip.build(captions, smoke=True).eval()
    clip.save(model, tmp_path, smoke=True)
    stored, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{tmp_path}")
    picture, words = torch.rand(2, 3, 128, 128), ["a dog in a forest", "the sea"]
    tokens = open_clip.get_tokenizer(f"local-dir:{tmp_path}")(words)
    torch.testing.assert_close(tokens, captions.tokens(words))
    with torch.no_grad():
        for one, other in (
            (model.encode_image(picture), stored.eval().encode_image(picture)),
            (model.encode_text(tokens), stored.encode_text(tokens)),
        ):
            torch.testing.assert_close(one, other, atol=5e-3, rtol=5e-3)
    assert "mean=[0.5, 0.5, 0.5]" in str(preprocess)
    rows = model.token_embedding.weight.detach().abs().sum(1) > 0
    assert rows.sum() == len(captions.used())


def test_a_cosine_is_asked_to_be_the_share_of_the_caption_that_is_shown() -> None:
    source = frames.Frames(world(), seed=0)
    batch = source.draw(8)
    o, s = batch.clips.object, batch.clips.scene
    said = clip.Said(
        torch.tensor([0, 1, 2]).repeat(8), o.repeat_interleave(3), s.repeat_interleave(3)
    )
    parts = torch.cat([torch.eye(len(World.objects))[o], torch.eye(len(World.scenes))[s]], 1)
    told = torch.stack([parts, parts, parts], 1)
    told[:, 1, len(World.objects) :] = 0
    told[:, 2, : len(World.objects)] = 0
    unit = nn.functional.normalize(told.flatten(0, 1), dim=1)
    seen = nn.functional.normalize(parts, dim=1)
    contrast, calibration = clip.losses(seen @ unit.T, batch, torch.ones(8), said)
    assert calibration < 1e-10
    assert (
        contrast
        < 0.1
        + sum(  # several right captions cost their entropy, whatever the model
            clip.losses(1e3 * (seen @ unit.T), batch, torch.ones(8), said)[:1]
        )
    )


def test_shuffling_keeps_the_pixels_and_hiding_removes_the_object() -> None:
    batch = frames.Frames(world(), seed=0).draw(4)
    centre = batch.centre.round().long()
    broken = frames.shuffled(batch.image, centre, side=72, cells=6)
    assert not torch.equal(broken, batch.image)
    for one, other in zip(broken, batch.image, strict=True):
        torch.testing.assert_close(one.flatten().sort()[0], other.flatten().sort()[0])
    gone = frames.part_hidden(
        batch.image, batch.mask, batch.centre, torch.ones(4, dtype=torch.bool)
    )
    elsewhere = batch.image.roll(64, dims=3)
    torch.testing.assert_close(gone * (batch.mask > 0), elsewhere * (batch.mask > 0))


def test_centre_is_read_between_the_cells() -> None:
    from smmbench_datasets.emoji.judges import cell_places, centre_of

    place, truth = cell_places(128, torch.device("cpu")), torch.tensor([[40.3, 77.8]])
    x, y = (place - truth[:, :1]) ** 2, (place - truth[:, 1:]) ** 2
    logits = -(y[:, :, None] + x[:, None, :]) / 18
    torch.testing.assert_close(centre_of(logits), truth, atol=0.2, rtol=0)


def test_a_step_that_is_not_finite_changes_nothing(tmp_path: Path) -> None:
    loop = linear(tmp_path, seconds=60)
    before = loop.model.weight.detach().clone()
    loop.update((loop.model(torch.ones(2, 3)) * torch.nan).sum())
    assert torch.equal(loop.model.weight, before)
    loop.update(loop.model(torch.ones(2, 3)).sum())
    assert not torch.equal(loop.model.weight, before)
    assert torch.isfinite(loop.averaged.weight).all()


def test_resuming_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = linear(tmp_path, seconds=60)
    for _ in first:
        first.update(first.model(torch.ones(2, 3)).square().sum())
        if first.step == 4:
            first.stopped = True  # what SIGTERM does
    second = linear(tmp_path, seconds=60, resume=True)
    assert second.step == 5 and second.elapsed >= first._before
    assert torch.equal(second.model.weight, first.model.weight)
    assert torch.equal(second.averaged.weight, first.averaged.weight)


def test_a_resumed_run_knows_its_share_of_the_time_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several processes agree on it every few steps; a checkpoint is of any step."""
    first = linear(tmp_path, seconds=60)
    for _ in first:
        first.update(first.model(torch.ones(2, 3)).square().sum())
        if first.step == 4:
            first.stopped = True
    second = linear(tmp_path, seconds=60, resume=True)
    second._before = 45.0
    second.place = Place(torch.device("cpu"), processes=2)
    monkeypatch.setattr("torch.distributed.broadcast", lambda tensor, source: None)
    assert second.step % AGREE_EVERY and next(iter(second)) > 0.7


@pytest.mark.slow
def test_two_processes_train_one_vae(tmp_path: Path) -> None:
    module = "smmbench_research.emoji.training.vae"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", module, "--smoke", "--device", "cpu", "--seconds", "3"]
    subprocess.run([*command, "--output", str(tmp_path)], check=True, capture_output=True)
    assert json.loads((tmp_path / "vae" / "report.json").read_text())["hardware"] == "2 x cpu"


def test_told_captions_take_their_share_from_the_others() -> None:
    shares = text_to_video.shares_told(0.75)
    assert sum(shares) == pytest.approx(1) and shares[0] == 0.75
    before = text_to_video.Recipe.shares
    assert text_to_video.shares_told(before[0]) == pytest.approx(before)
    assert shares[1] / shares[2] == pytest.approx(before[1] / before[2])


@pytest.mark.parametrize(("noisy", "least"), [(1.0, 940), (0.0, 0)])
def test_the_noisiest_timesteps_are_drawn_as_often_as_asked(noisy: float, least: int) -> None:
    seen: list[torch.Tensor] = []

    class Network(torch.nn.Module):
        def forward(self, x: torch.Tensor, t: torch.Tensor, states: torch.Tensor) -> Any:
            seen.append(t)
            return SimpleNamespace(sample=x)

    model: Any = SimpleNamespace(text=lambda tokens: (tokens,))
    latents, tokens = torch.zeros(200, 1, 1, 1, 1), torch.zeros(200, 5, 2)
    recipe = text_to_video.Recipe(noisy=noisy)
    text_to_video.v_loss(model, Network(), latents, tokens, torch.linspace(1, 0, 1000), recipe)
    assert least <= int(seen[0].min()) < least + 10 and int(seen[0].max()) <= 999


def test_a_second_phase_starts_from_the_weights_of_the_first(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first, second = (text_to_video.TextToVideo(12, smoke=True) for _ in range(2))
    text_to_video.save(first, tmp_path)
    text_to_video.start_from(second, tmp_path)
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.allclose(a, b, atol=1e-3)  # saved in half precision


def test_families_of_paths_are_told_apart_in_any_direction() -> None:
    world = World("cpu")
    clips = world.sample(60, torch.Generator().manual_seed(9), split="test")
    moved = clips.path + torch.tensor([5.0, -3.0])
    assert evaluate.family_followed(world, moved, clips.motion) == 1
    assert evaluate.family_followed(world, moved.flip(1), clips.motion) == 1  # backwards
    other = (clips.motion + 3) % 13
    assert evaluate.family_followed(world, moved, other) < 0.3
