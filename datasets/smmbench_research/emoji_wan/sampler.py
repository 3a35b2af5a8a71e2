"""Load the trained models from disk, and sample by Euler steps, for `evaluate`."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, WanTransformer3DModel
from torch import Tensor
from transformers import AutoTokenizer, UMT5EncoderModel

from smmbench_research.emoji_wan import vae as vaes
from smmbench_research.emoji_wan import whole_sequence
from smmbench_research.emoji_wan.transformer import LATENT, TIMESTEPS, latent_scale, tokenize


class Sampler:
    """Text to video.

    Args:
        folder: Folder in Wan's layout.
        device: Device of the models.
        vae: Folder of the VAE, if it is not in `folder`.
    """

    def __init__(self, folder: Path, device: torch.device, vae: Path | None = None) -> None:
        self.device = device
        transformer: Any = WanTransformer3DModel.from_pretrained(
            folder / "transformer", torch_dtype=torch.float32
        )
        self.transformer = transformer.to(device).eval()
        text: Any = UMT5EncoderModel.from_pretrained(
            folder / "text_encoder", torch_dtype=torch.float32
        )
        self.text = text.to(device).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
        self.scheduler: Any = FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler")
        self.vae = vaes.load(vae or folder / "vae", device)
        self.mean, self.deviation = latent_scale(self.vae, device)

    @torch.no_grad()
    def embed(self, prompts: list[str]) -> Tensor:
        """Embeddings of prompts, zero after the end of each (prompts, tokens, width)."""
        tokens = tokenize(self.tokenizer, prompts).to(self.device)
        mask = tokens != 0
        states = self.text(input_ids=tokens, attention_mask=mask.long()).last_hidden_state
        return states * mask[..., None]

    @torch.no_grad()
    def sample(
        self,
        prompts: list[str],
        seeds: list[int],
        guidance: float,
        steps: int,
        batch: int = 64,
    ) -> Tensor:
        """Videos (prompts, 3, time, height, width), 0 to 1, each from the noise of its seed."""
        made = []
        for start in range(0, len(prompts), batch):
            part = slice(start, start + batch)
            text, nothing = self.embed(prompts[part]), self.embed([""])
            noise = [
                torch.randn(LATENT, generator=torch.Generator().manual_seed(s)) for s in seeds[part]
            ]
            x = torch.stack(noise).to(self.device)
            self.scheduler.set_timesteps(steps)
            sigmas = self.scheduler.sigmas.tolist()
            for now, after in pairwise(sigmas):
                x = x + (after - now) * self.velocity(x, now, text, nothing, guidance)
            made.append(self.decode(x))
        return torch.cat(made)

    def velocity(
        self, x: Tensor, sigma: float, text: Tensor, nothing: Tensor, guidance: float
    ) -> Tensor:
        """Velocity with classifier-free guidance (Ho and Salimans, 2022)."""
        t = torch.full((len(x),), TIMESTEPS * sigma, device=self.device)
        with self._half():
            v = self.transformer(x, t, text, return_dict=False)[0].float()
            if guidance == 1:
                return v
            empty = nothing.expand(len(x), -1, -1)
            v0 = self.transformer(x, t, empty, return_dict=False)[0].float()
        return v0 + guidance * (v - v0)

    @torch.no_grad()
    def encode(self, videos: Tensor) -> Tensor:
        """Latents of mean 0 and deviation 1 of videos (clips, 3, time, height, width), 0 to 1."""
        latents = whole_sequence.encode(self.vae, 2 * videos.to(self.device) - 1)[0]
        return (latents - self.mean) / self.deviation

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Videos of latents, 0 to 1."""
        decoded = whole_sequence.decode(self.vae, latents * self.deviation + self.mean)
        return ((decoded + 1) / 2).clamp(0, 1)

    def _half(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")
