"""Train the small text-to-video model: `UNet3DConditionModel` and its text encoder, jointly.

    torchrun --nproc-per-node 4 -m smmbench_datasets.emoji.training.text_to_video \
        --vae DIR/vae --seconds 640 --output DIR

v-prediction on a schedule with zero terminal SNR (Lin et al., 2024): at the last timestep nothing
of the clip is left in the noise, so the scene cannot leak through it, and the loss weighs the
noisy timesteps, where object, scene and motion are decided. Latents of many clips are rendered
and encoded once, then held on the GPU. Each process holds its own share of them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as nnf
from diffusers import AutoencoderKL, DDIMScheduler, UNet3DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from smmbench_datasets.emoji.training.tokenizer import MAX_TOKENS, save_tokenizer
from smmbench_datasets.emoji.world import FRAMES, World

LATENT = (8, FRAMES, 16, 16)  # channel, time, height, width
CAPTIONS = 5  # with motion, without, object alone, scene alone, empty


@dataclass(frozen=True)
class Recipe:
    """What the shipped weights were trained with."""

    batch: int = 64  # clips a process and step
    clips: int = 60_000  # rendered and encoded once, a process
    rate: float = 1e-3  # AdamW, peak
    warmup: int = 300  # steps
    decay: float = 0.9995  # of the moving average of the weights
    # How often each form of caption is shown: with motion, without, object, scene, none.
    shares: tuple[float, ...] = (0.5, 0.28, 0.06, 0.06, 0.1)
    seed: int = 0


def build_unet(smoke: bool = False) -> UNet3DConditionModel:
    """The embedded model; `smoke` gives a tiny one of the same blocks for tests."""
    return UNet3DConditionModel(
        sample_size=LATENT[-1],
        in_channels=LATENT[0],
        out_channels=LATENT[0],
        down_block_types=("CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D"),
        block_out_channels=(16, 32, 32) if smoke else (64, 128, 192),
        layers_per_block=1,
        norm_num_groups=8 if smoke else 16,
        cross_attention_dim=32 if smoke else 128,
        attention_head_dim=16,
    )


def build_text_encoder(vocabulary: int, smoke: bool = False) -> CLIPTextModel:
    """Three layers are enough for captions of a dozen words."""
    width = 32 if smoke else 128
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=MAX_TOKENS,
            bos_token_id=vocabulary - 2,
            eos_token_id=vocabulary - 1,
            pad_token_id=vocabulary - 1,
        )
    )


def build_scheduler() -> DDIMScheduler:
    """ZeroScope's betas, rescaled to zero terminal SNR, predicting v."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        rescale_betas_zero_snr=True,
    )


class _FoldedTemporalConv(nn.Conv3d):
    """A (3, 1, 1) convolution as one matrix product and two shifts: training on a GPU is faster.

    Same weights and same result; the saved model holds plain `nn.Conv3d`.
    """

    def forward(self, x: Tensor) -> Tensor:
        batch, _, time_, height, width = x.shape
        weight = self.weight[..., 0, 0].permute(2, 0, 1).flatten(0, 1)  # (3 * out, in)
        y = torch.matmul(weight.to(x.dtype), x.flatten(2)).view(batch, 3, -1, time_, height, width)
        before = nnf.pad(y[:, 0, :, :-1], (0, 0, 0, 0, 1, 0))
        after = nnf.pad(y[:, 2, :, 1:], (0, 0, 0, 0, 0, 1))
        total = before + y[:, 1] + after
        assert self.bias is not None
        return total + self.bias.to(x.dtype)[:, None, None, None]


def fold_temporal_convs(unet: nn.Module) -> None:
    """Make the model's temporal convolutions fast for this process."""
    for module in unet.modules():
        if type(module) is nn.Conv3d and module.kernel_size == (3, 1, 1):
            module.__class__ = _FoldedTemporalConv


@torch.no_grad()
def encode_clips(
    vae: AutoencoderKL,
    world: World,
    tokenizer: CLIPTokenizer,
    count: int,
    generator: torch.Generator,
    chunk: int = 64,
) -> tuple[Tensor, Tensor]:
    """Render `count` training clips.

    Returns:
        Latents (count, 8, 16, 16, 16) in half precision, and the token numbers of the five
        forms of each caption (count, 5, MAX_TOKENS), both on the world's device.
    """
    half = torch.bfloat16 if world.device.type == "cuda" else torch.float32
    latents, tokens = [], []
    for start in range(0, count, chunk):
        clips = world.sample(min(chunk, count - start), generator)
        pixels = world.render(clips).flatten(0, 1).to(half) * 2 - 1
        z = vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor
        z = z.unflatten(0, (len(clips), FRAMES)).transpose(1, 2)
        latents.append(z.to(torch.float16))
        told = zip(clips.object.tolist(), clips.scene.tolist(), clips.motion.tolist(), strict=True)
        texts = [
            text
            for o, s, m in told
            for text in (
                world.caption(o, s, m),
                world.caption(o, s),
                world.caption(o, None),
                world.caption(None, s),
                "",
            )
        ]
        tokens.append(tokenize(tokenizer, texts).view(len(clips), CAPTIONS, -1))
    return torch.cat(latents), torch.cat(tokens).to(world.device)


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Token numbers (texts, MAX_TOKENS)."""
    return tokenizer(
        texts, padding="max_length", max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
    ).input_ids


class Trainer:
    """Model, optimiser and moving average of one process.

    Args:
        recipe: Hyper-parameters.
        device: Where to train.
        compile_: Whether to compile the network (pays after a few minutes on a GPU).
        smoke: Train the tiny model of the tests.
    """

    def __init__(
        self, recipe: Recipe, vocabulary: int, device: torch.device, compile_: bool, smoke: bool
    ) -> None:
        torch.manual_seed(recipe.seed)  # the same start in every process
        self.recipe, self.device = recipe, device
        self.unet = build_unet(smoke).to(device)
        self.text = build_text_encoder(vocabulary, smoke).to(device)
        fold_temporal_convs(self.unet)
        self.model = torch.compile(self.unet) if compile_ else self.unet
        self.alpha_bar = build_scheduler().alphas_cumprod.to(device)
        self.parameters = [*self.unet.parameters(), *self.text.parameters()]
        self.average = [p.detach().clone() for p in self.parameters]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.01
        )
        self.step = 0
        self.generator = torch.Generator(device).manual_seed(recipe.seed + 1 + _rank())

    def loss(self, latents: Tensor, tokens: Tensor) -> Tensor:
        """Mean squared error of v at timesteps spread evenly over the batch."""
        n, g = len(latents), self.generator
        form = torch.multinomial(
            torch.tensor(self.recipe.shares, device=self.device), n, True, generator=g
        )
        spread = torch.rand(1, device=self.device, generator=g)
        share = (torch.arange(n, device=self.device) / n + spread) % 1
        t = (share * 1000).long().clamp(max=999)
        alpha_bar = self.alpha_bar[t].view(-1, 1, 1, 1, 1)
        mu, sigma = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        noise = torch.randn(latents.shape, device=self.device, generator=g)
        x0 = latents.float()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            states = self.text(tokens[torch.arange(n, device=self.device), form])[0]
            v = self.model(mu * x0 + sigma * noise, t, states).sample
        return (v.float() - (mu * noise - sigma * x0)).square().mean()

    def update(self, loss: Tensor, share: float) -> None:
        """One step; `share` is how much of the training has passed, 0 to 1."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        _average_gradients(self.parameters)
        norm = nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.step += 1
        warm = min(1.0, self.step / self.recipe.warmup)
        rate = self.recipe.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if torch.isfinite(norm):  # the same in every process, as the gradients are
            self.optimizer.step()
        decay = min(self.recipe.decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - decay)

    def state(self) -> dict[str, object]:
        """Everything that a resumed training needs, as plain tensors and numbers."""
        return {
            "step": self.step,
            "parameters": [p.detach().cpu() for p in self.parameters],
            "average": [p.cpu() for p in self.average],
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, path: Path) -> float:
        """Continue from a checkpoint; returns the seconds that it had trained."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        with torch.no_grad():
            for mine, saved in zip(self.parameters, state["parameters"], strict=True):
                mine.copy_(saved)
            for mine, saved in zip(self.average, state["average"], strict=True):
                mine.copy_(saved)
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        return float(state["seconds"])

    @torch.no_grad()
    def save(self, folder: Path) -> None:
        """Write the averaged weights in half precision, in ZeroScope's layout."""
        kept = [p.detach().clone() for p in self.parameters]
        for mine, averaged in zip(self.parameters, self.average, strict=True):
            mine.copy_(averaged)
        unet, text = build_like(self.unet), build_like(self.text)
        unet.half().save_pretrained(folder / "unet")
        text.half().save_pretrained(folder / "text_encoder")
        for mine, own in zip(self.parameters, kept, strict=True):
            mine.copy_(own)
        build_scheduler().save_pretrained(folder / "scheduler")
        save_tokenizer(folder / "tokenizer")
        parts = {
            "_class_name": "TextToVideoSDPipeline",
            "scheduler": ["diffusers", "DDIMScheduler"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "unet": ["diffusers", "UNet3DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        }
        (folder / "model_index.json").write_text(json.dumps(parts, indent=2), "utf-8")


def build_like(model: nn.Module) -> nn.Module:
    """A copy on the CPU without what was changed for speed."""
    if isinstance(model, UNet3DConditionModel):
        copy: nn.Module = UNet3DConditionModel.from_config(model.config)
    else:
        copy = CLIPTextModel(model.config)  # type: ignore[arg-type]
    copy.load_state_dict({name: value.cpu() for name, value in model.state_dict().items()})
    return copy


def _rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def _average_gradients(parameters: list[nn.Parameter]) -> None:
    """Mean over the processes, in one message."""
    if not dist.is_initialized():
        return
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
    flat = torch._utils._flatten_dense_tensors(gradients)
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for p, g in zip(
        parameters, torch._utils._unflatten_dense_tensors(flat, gradients), strict=True
    ):
        p.grad = g


def _wait_for(path: Path, patience: float) -> None:
    """The VAE may still be training beside us: compiling needs only the latents' shape."""
    end = time.monotonic() + patience
    while not path.exists():
        if time.monotonic() > end:
            raise FileNotFoundError(f"No '{path}' after {patience:.0f} s; train the VAE first.")
        time.sleep(1)


def main() -> None:
    """Train for a given time, with a cosine schedule over it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vae", type=Path, required=True, help="folder of the trained VAE")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=640, help="of training proper")
    parser.add_argument("--patience", type=float, default=900, help="seconds to wait for the VAE")
    parser.add_argument("--clips", type=int, default=Recipe.clips)
    parser.add_argument("--batch", type=int, default=Recipe.batch)
    parser.add_argument("--rate", type=float, default=Recipe.rate)
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--resume", action="store_true", help="continue from OUTPUT/t2v.ckpt")
    parser.add_argument("--smoke", action="store_true", help="tiny model, for tests")
    options = parser.parse_args()
    train(options)


def train(options: argparse.Namespace) -> dict[str, float]:
    """Run the whole training; returns the last log line."""
    local = int(os.environ.get("LOCAL_RANK", 0))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if "RANK" in os.environ:
        if cuda:
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if cuda else "gloo")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch._dynamo.config.suppress_errors = True  # slower beats stopped
    recipe = Recipe(batch=options.batch, clips=options.clips, rate=options.rate)
    if _rank() == 0:
        save_tokenizer(options.output / "tokenizer")
    if dist.is_initialized():
        dist.barrier()  # nobody reads a half-written file
    tokenizer = CLIPTokenizer.from_pretrained(options.output / "tokenizer")
    compile_ = cuda and not options.no_compile
    trainer = Trainer(recipe, len(tokenizer), device, compile_, options.smoke)
    checkpoint = options.output / "t2v.ckpt"
    before = trainer.restore(checkpoint) if options.resume and checkpoint.exists() else 0.0
    if compile_:
        began = time.monotonic()
        for _ in range(3):
            sample = torch.randn(recipe.batch, *LATENT, device=device)
            none = torch.zeros(recipe.batch, CAPTIONS, MAX_TOKENS, dtype=torch.long, device=device)
            trainer.loss(sample, none).backward()
        trainer.optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        print(f"compiled in {time.monotonic() - began:.0f} s", flush=True)
    _wait_for(options.vae / "config.json", options.patience)
    began = time.monotonic()
    half = torch.bfloat16 if cuda else torch.float32
    vae = AutoencoderKL.from_pretrained(options.vae, torch_dtype=half).to(device).eval()
    generator = torch.Generator().manual_seed(1000 + _rank())
    latents, tokens = encode_clips(vae, World(device), tokenizer, recipe.clips, generator)
    del vae
    print(f"encoded {len(latents)} clips in {time.monotonic() - began:.0f} s", flush=True)
    return _loop(trainer, latents, tokens, options, before)


def _loop(
    trainer: Trainer,
    latents: Tensor,
    tokens: Tensor,
    options: argparse.Namespace,
    before: float,
) -> dict[str, float]:
    log = options.output / "t2v.jsonl"
    began, last, losses = time.monotonic(), time.monotonic(), torch.zeros((), device=trainer.device)
    line: dict[str, float] = {}
    picks = torch.Generator(trainer.device).manual_seed(7 + _rank())
    stop = torch.zeros((), device=trainer.device)
    while True:
        # Every process must stop at the same step: the first one's clock rules.
        if trainer.step % 10 == 0:
            stop.fill_(before + time.monotonic() - began)
            if dist.is_initialized():
                dist.broadcast(stop, 0)
            seconds = float(stop)
            if seconds >= options.seconds:
                break
        index = torch.randint(
            len(latents), (trainer.recipe.batch,), device=trainer.device, generator=picks
        )
        loss = trainer.loss(latents[index], tokens[index])
        trainer.update(loss, min(1.0, seconds / options.seconds))
        losses += loss.detach()
        if trainer.step % 100 == 0 and _rank() == 0:
            line = {"step": trainer.step, "seconds": seconds, "loss": float(losses) / 100}
            losses.zero_()
            with log.open("a") as file:
                file.write(json.dumps(line) + "\n")
            print(line, flush=True)
        if time.monotonic() - last > 120 and _rank() == 0:
            last = time.monotonic()
            _checkpoint(trainer, options.output, seconds)
    if _rank() == 0:
        _checkpoint(trainer, options.output, seconds)
        trainer.save(options.output)
        report = {**asdict(trainer.recipe), "step": trainer.step, "seconds": seconds, **line}
        (options.output / "t2v-report.json").write_text(json.dumps(report, indent=2), "utf-8")
    if dist.is_initialized():
        dist.destroy_process_group()
    return line


def _checkpoint(trainer: Trainer, folder: Path, seconds: float) -> None:
    temporary = folder / "t2v.ckpt.tmp"
    torch.save({**trainer.state(), "seconds": seconds}, temporary)
    temporary.replace(folder / "t2v.ckpt")


if __name__ == "__main__":
    main()
