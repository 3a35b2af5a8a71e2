"""Trainings of emoji-wan: exact forms, targets that mean something, and runs that resume."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from smmbench_datasets.emoji.judges import JUDGES
from smmbench_datasets.emoji_wan import world
from smmbench_datasets.emoji_wan.captions import PLAIN, SECOND, TWO, words
from smmbench_research.emoji_wan import (
    evaluate,
    text_model,
    tokenizer,
    transformer,
    vae,
    whole_sequence,
)


def run(module: ModuleType, monkeypatch: pytest.MonkeyPatch, output: Path, *more: str) -> None:
    options = ["--smoke", "--device", "cpu", "--seconds", "2", "--output", str(output), *more]
    monkeypatch.setattr(sys, "argv", [module.__name__, *options])
    module.main()


def clips_of(rows: list[tuple[int, int, int]]) -> world.Clips:
    """Clips of objects, scenes and attributes."""
    o, s, a = torch.tensor(rows).unbind(1)
    return world.compose(o, s, torch.zeros_like(o), a, torch.Generator().manual_seed(0))


def random_vae() -> Any:  # diffusers is not typed
    torch.manual_seed(0)
    model = vae.build(smoke=True).eval()
    for name, parameter in model.named_parameters():
        with torch.no_grad():
            if parameter.dim() == 1:
                parameter.normal_(0, 0.1)
            elif "gamma" in name:
                parameter.uniform_(0.5, 1.5)
    return model


def test_whole_sequence_is_diffusers_vae() -> None:
    model = random_vae()
    video = 2 * torch.rand(2, 3, 9, 16, 16) - 1
    with torch.no_grad():
        found = model.encode(video).latent_dist
        mean, log_variance = whole_sequence.encode(model, video)
        torch.testing.assert_close(mean, found.mean, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(log_variance, found.logvar, atol=1e-5, rtol=1e-4)
        decoded = whole_sequence.decode(model, mean)
        assert decoded.shape == video.shape
        expected = model.decode(mean).sample
        torch.testing.assert_close(decoded.clamp(-1, 1), expected, atol=1e-5, rtol=1e-4)


def test_unused_taps_stay_unused_in_training() -> None:
    model = random_vae()
    video = 2 * torch.rand(1, 3, 5, 16, 16) - 1
    mean, _ = whole_sequence.encode(model, video)
    whole_sequence.decode(model, mean).square().mean().backward()
    gradient = model.decoder.conv_out.weight.grad
    assert gradient[:, :, :2].abs().max() == 0 and gradient[:, :, 2].abs().max() > 0
    slow = model.decoder.mid_block.resnets[0].conv1.weight.grad
    assert slow[:, :, 0].abs().max() > 0  # behind the temporal downsampling, layers are causal


def test_latents_do_not_depend_on_later_frames() -> None:
    model = random_vae()
    video = 2 * torch.rand(1, 3, 9, 16, 16) - 1
    changed = video.clone()
    changed[:, :, 5:] = 0
    with torch.no_grad():
        first, _ = whole_sequence.encode(model, video)
        second, _ = whole_sequence.encode(model, changed)
    torch.testing.assert_close(first[:, :, :3], second[:, :, :3])
    assert not torch.allclose(first[:, :, 3], second[:, :, 3])


def test_a_vae_with_other_downsampling_is_refused() -> None:
    model = random_vae()
    model.register_to_config(temperal_downsample=[False, True, True])
    with pytest.raises(ValueError, match="exactly one temporal downsampling"):
        whole_sequence.clear_unused_taps_(model)


@pytest.mark.parametrize("end_last", [False, True])
def test_every_word_is_one_token_and_the_end_is_marked(end_last: bool) -> None:
    found: Tokenizer = tokenizer.build(end_last)
    end = found.token_to_id(tokenizer.END)
    for word in words():
        ids = found.encode(word).ids
        assert len(ids) == 2 and ids[-1] == end
    assert found.get_vocab_size() == text_model.VOCABULARY
    assert end == (text_model.VOCABULARY - 1 if end_last else 1)
    assert found.encode("zebra").ids != found.encode("zebras").ids  # letters, not one unknown
    assert max(len(found.encode(t).ids) for t in words()) < tokenizer.MAX_TOKENS


def test_cosines_are_asked_to_be_the_weight_of_the_claims_that_hold() -> None:
    device = torch.device("cpu")
    frames = clips_of([(0, 0, PLAIN), (0, 0, 1), (0, 0, SECOND + 3), (0, 0, TWO)])
    said = clips_of([(0, 0, PLAIN), (0, 0, 1), (0, 0, 2), (3, 0, SECOND + 0), (5, 1, PLAIN)])
    true = text_model.Said.of(frames, device)
    full = text_model.Said.of(said, device)
    cosine, right = text_model.targets(true, full, torch.ones(4))
    expected = torch.tensor(
        [
            [1.0, 0.75, 0.75, 0.75, 0.25],  # plain: another attribute costs .25
            [0.75, 1.0, 0.75, 0.75, 0.0],
            [0.75, 0.75, 0.75, 1.0, 0.0],  # two objects have no order
            [0.75, 0.75, 0.75, 0.75, 0.0],
        ]
    )
    torch.testing.assert_close(cosine, expected)
    torch.testing.assert_close(right, (expected == 1).float())
    hidden, _ = text_model.targets(true, full, torch.zeros(4))
    assert hidden[0, 0] == text_model.WEIGHTS["scene"]


def test_shorter_captions_claim_only_what_they_name() -> None:
    device = torch.device("cpu")
    clips = clips_of([(0, 0, 1), (1, 2, PLAIN)])
    true = text_model.Said.of(clips, device)
    for kind, most in ((text_model.PHRASE, 0.625**0.5), (text_model.SCENE, 0.375**0.5)):
        said = text_model.Said.of(clips, device, torch.full((2,), kind))
        cosine, right = text_model.targets(true, said, torch.ones(2))
        torch.testing.assert_close(cosine.diagonal(), torch.full((2,), most))
        assert torch.equal(right, torch.eye(2))


def test_breaking_an_object_leaves_pairs_alone() -> None:
    frames = text_model.Frames(world.Renderer(), 0)
    batch = frames.draw(32)
    image, shown = text_model.spoil(batch)
    pairs = batch.clips.other >= 0
    assert (shown[pairs] == 1).all() and torch.equal(image[pairs], batch.image[pairs])
    assert (shown < 1).any()


def test_noise_levels_are_shifted_towards_noise() -> None:
    u = torch.linspace(0, 1, 5)
    sigma = transformer.shifted(u)
    assert sigma[0] == 0 and sigma[-1] == 1 and (sigma[1:-1] > u[1:-1]).all()
    torch.testing.assert_close(transformer.shifted(u, shift=1.0), u)


def test_the_schedule_on_disk_is_the_one_of_training() -> None:
    scheduler = transformer.build_scheduler()
    scheduler.set_timesteps(30)
    sigmas = scheduler.sigmas
    assert sigmas[0] == 1 and sigmas[-1] == 0 and (sigmas.diff() < 0).all()
    torch.testing.assert_close(
        sigmas[:-1] * transformer.TIMESTEPS, scheduler.timesteps, rtol=1e-4, atol=1e-2
    )


def test_loss_of_the_true_velocity_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    model = transformer.TextToVideo(text_model.VOCABULARY, smoke=True)
    latents = torch.randn(3, *transformer.LATENT)
    tokens = torch.ones(3, transformer.FORMS, tokenizer.MAX_TOKENS, dtype=torch.long)

    def perfect(x: torch.Tensor, t: torch.Tensor, states: torch.Tensor, return_dict: bool):  # type: ignore[no-untyped-def]
        sigma = (t / transformer.TIMESTEPS).view(-1, 1, 1, 1, 1)
        return ((x - latents) / sigma,)

    monkeypatch.setattr(model.transformer, "forward", perfect)
    torch.manual_seed(0)
    clips = transformer.Encodings(latents, tokens, torch.ones(3, 1, *transformer.LATENT[1:]))
    loss = transformer.flow_loss(model, clips, torch.tensor(transformer.Recipe.shares), 2.0)
    assert float(loss) < 1e-4


def test_objects_weigh_more_only_where_there_are_objects() -> None:
    model = transformer.TextToVideo(text_model.VOCABULARY, smoke=True)
    tokens = torch.ones(4, transformer.FORMS, tokenizer.MAX_TOKENS, dtype=torch.long)
    shares = torch.tensor(transformer.Recipe.shares)
    losses = {}
    for cover, emphasis in ((0.0, 0.0), (0.0, 2.0), (1.0, 0.0), (1.0, 2.0)):
        torch.manual_seed(0)
        objects = torch.full((4, 1, *transformer.LATENT[1:]), cover)
        clips = transformer.Encodings(torch.randn(4, *transformer.LATENT), tokens, objects)
        loss = transformer.flow_loss(model, clips, shares, emphasis)
        losses[cover, emphasis] = float(loss.detach())
    assert losses[0.0, 0.0] == losses[0.0, 2.0] == losses[1.0, 0.0]
    plain = losses[0.0, 0.0]
    assert plain < losses[1.0, 2.0] < 3 * plain  # 1 + 2 (1 - sigma) at most


def test_forms_of_captions_are_drawn_at_their_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    model = transformer.TextToVideo(text_model.VOCABULARY, smoke=True)
    seen: list[torch.Tensor] = []

    def embed(tokens: torch.Tensor) -> torch.Tensor:
        seen.append(tokens[:, 0])
        return torch.zeros(len(tokens), 1, 32)

    def nothing(x: torch.Tensor, *_: torch.Tensor, return_dict: bool) -> tuple[torch.Tensor]:
        return (torch.zeros_like(x),)

    monkeypatch.setattr(model, "embed", embed)
    monkeypatch.setattr(model.transformer, "forward", nothing)
    n = 500
    tokens = torch.arange(transformer.FORMS)[None, :, None].repeat(n, 1, 2)
    clips = transformer.Encodings(torch.zeros(n, 1, 1, 1, 1), tokens, torch.zeros(n, 1, 1, 1, 1))
    torch.manual_seed(0)
    transformer.flow_loss(model, clips, torch.tensor([0.5, 0.0, 0.5, 0.0, 0.0]))
    counts = torch.bincount(seen[0], minlength=transformer.FORMS)
    assert counts.sum() == n and counts[1] == counts[3] == counts[4] == 0
    assert 200 < counts[0] < 300


def test_cover_is_the_share_of_each_latent() -> None:
    alpha = torch.zeros(1, 1, 5, 16, 16)
    alpha[:, :, 0, :8, :8] = 1  # the first frame is a latent frame of its own
    alpha[:, :, 1, 8:, 8:] = 1  # the second shares one with the third
    found = transformer.cover(alpha)
    assert found.shape == (1, 1, 3, 2, 2)
    assert found[0, 0, 0].tolist() == [[1, 0], [0, 0]]
    assert found[0, 0, 1].tolist() == [[0, 0], [0, 0.5]]
    assert found[0, 0, 2].abs().max() == 0


def test_windows_are_cut_out_of_clips_around_their_objects() -> None:
    stock = vae.Stock(world.Renderer(), 3, 4)
    whole = 2 * stock.pixels[:, :3].float() / 255 - 1
    torch.manual_seed(0)
    video, alpha = stock.draw(6, 64)
    assert video.shape == (6, 3, 17, 64, 64) and alpha.shape == (6, 1, 17, 64, 64)
    for one in video:
        first = whole[:, :, 8, :65, :65] - one[:, 8, 0, 0].view(1, 3, 1, 1)
        places = (first.abs().amax(1) < 1e-5).nonzero().tolist()
        assert any(
            torch.allclose(whole[c, :, :, y : y + 64, x : x + 64], one, atol=1e-5)
            for c, y, x in places
        )
    assert (alpha.amax((1, 2, 3, 4)) > 0.9).all()  # an object is in every window
    assert alpha.mean() > stock.pixels[:, 3].float().mean() / 255


def test_text_is_zero_behind_its_end() -> None:
    model = transformer.TextToVideo(text_model.VOCABULARY, smoke=True)
    tokens = torch.tensor([[5, 6, 1, 0, 0], [1, 0, 0, 0, 0]])
    states = model.embed(tokens)
    assert (states[0, 3:] == 0).all() and (states[1, 1:] == 0).all()
    assert (states[0, :3] != 0).any()
    longer = model.embed(torch.nn.functional.pad(tokens, (0, 4)))
    torch.testing.assert_close(longer[:, :5], states, atol=1e-5, rtol=1e-4)


def test_five_forms_of_each_caption() -> None:
    clips = clips_of([(0, 0, 1), (1, 2, SECOND + 4)])
    texts = transformer.texts_of(clips)
    assert texts[:5] == [
        "a red dog moving right in a forest",
        "a red dog in a forest",
        "a red dog",
        "a forest",
        "",
    ]
    assert texts[5] == "a cat and a cow moving right at the sea"


def test_true_paths_are_of_their_own_family() -> None:
    clips = world.sample(60, torch.Generator().manual_seed(9), "test")
    assert evaluate.family_followed(clips.path, clips.motion).float().mean() > 0.95
    still = torch.zeros_like(clips.path)
    assert evaluate.family_followed(still, clips.motion).float().mean() < 0.5
    figures = evaluate.motion_figures(clips.path, clips, clips.other < 0)
    assert figures["way"] == 1
    back = evaluate.motion_figures(clips.path.flip(1), clips, clips.other < 0)
    assert back["way"] == 0 and back["family"] > 0.95  # backwards is the same family


@pytest.mark.slow
def test_all_trainings_run_and_the_transformer_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(vae, monkeypatch, tmp_path)
    for kind in ("residual", "patches"):
        run(text_model, monkeypatch, tmp_path, "--kind", kind)
    more = ["--vae", str(tmp_path / "vae"), "--clips", "4", "--latents", str(tmp_path / "latents")]
    backbone = tmp_path / "backbone"
    run(transformer, monkeypatch, backbone, *more, "--until", "1")
    first = json.loads((backbone / "report.json").read_text())["steps"]
    run(transformer, monkeypatch, backbone, *more, "--resume", "--seconds", "60", "--until", "1")
    assert json.loads((backbone / "report.json").read_text())["steps"] > first >= 1
    output = tmp_path / "evaluation"
    judge = str(JUDGES)
    options = ["--backbone", str(backbone), "--vae", str(tmp_path / "vae")]
    options += ["--text-models", str(tmp_path), "--judge", judge, "--output", str(output)]
    options += ["--clips", "4", "--steps", "2", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["evaluate", *options])
    evaluate.main()
    report = json.loads((output / "evaluation.json").read_text())
    assert {"true", "rebuilt", "guidance-4-motion", "guidance-4-plain"} <= report.keys()
    assert (output / "guidance-4-motion.png").is_file()
