"""Train the small text-to-video model: `UNet3DConditionModel` and its text encoder, jointly.

    torchrun --nproc-per-node 4 -m smmbench_research.emoji.training.text_to_video \
        --vae DIR/vae --seconds 640 --output DIR

The model predicts v on a schedule with zero terminal SNR (Lin et al., 2024): at the last timestep
nothing of the clip is left in the noise, so the scene cannot leak through it, and the loss gives
weight to noisy timesteps, where object, scene and motion are decided. Latents of many clips are
rendered and encoded once, then kept on the GPU; each process has its own share of them.

A second phase may start from the weights of the first. Motion words inform the network only where
almost nothing of the clip is left in the noise; this command therefore draws half of the timesteps
there:

    python -m smmbench_research.emoji.training.text_to_video --weights DIR --noisy 0.5 --told 0.75 \
        --rate 5e-4 --clips 24000 --no-compile --vae DIR/vae --seconds 390 --output DIR
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as nnf
from diffusers import AutoencoderKL, DDIMScheduler, UNet3DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from smmbench.storage.atomic import write_text
from smmbench_datasets.emoji.world import FRAMES, World
from smmbench_research.emoji.training.loop import Loop, Place, join, leave, options, write_report
from smmbench_research.emoji.training.tokenizer import MAX_TOKENS, save_tokenizer

LATENT = (8, FRAMES, 16, 16)  # channel, time, height, width
CAPTIONS = 5  # with motion, without, object alone, scene alone, empty
NOISIEST = 60  # timesteps, of 1000, with less than .1 % of the clip's variance in them


@dataclass(frozen=True)
class Recipe:
    """Settings with which the bundled weights were trained."""

    batch: int = 64  # clips per process and step
    clips: int = 48_000  # rendered and encoded once, per process
    rate: float = 1e-3  # AdamW, peak
    warmup: int = 300  # steps
    decay: float = 0.9995  # of the moving average of the weights
    # How often each form of caption is shown: with motion, without, object, scene, none.
    shares: tuple[float, ...] = (0.5, 0.28, 0.06, 0.06, 0.1)
    noisy: float = 0.0  # share of the batch whose timestep is one of the `NOISIEST`


def build_unet(smoke: bool = False) -> Any:
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
    """A text encoder with three layers, enough for captions of a dozen words."""
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


def build_scheduler() -> Any:
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
    """A (3, 1, 1) convolution as one matrix product and two shifts, which trains faster on a GPU.

    Weights and results are the same; the saved model holds plain `nn.Conv3d`.
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
    """Replace the model's temporal convolutions by the fast form in this process."""
    for module in unet.modules():
        if type(module) is nn.Conv3d and module.kernel_size == (3, 1, 1):
            module.__class__ = _FoldedTemporalConv


@torch.no_grad()
def encode_clips(
    vae: Any,
    world: World,
    tokenizer: CLIPTokenizer,
    count: int,
    generator: torch.Generator,
    chunk: int = 256,
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


class TextToVideo(nn.Module):
    """Denoiser and text encoder, trained together.

    Args:
        vocabulary: Number of tokens.
        smoke: The tiny model of the tests.
    """

    def __init__(self, vocabulary: int, smoke: bool = False) -> None:
        super().__init__()
        self.unet = build_unet(smoke)
        self.text = build_text_encoder(vocabulary, smoke)
        fold_temporal_convs(self.unet)


def v_loss(
    model: TextToVideo,
    network: Callable[..., Any],
    latents: Tensor,
    tokens: Tensor,
    alpha_bar: Tensor,
    recipe: Recipe,
) -> Tensor:
    """Mean squared error of v = mu eps - sigma x0 at timesteps spread evenly over the batch.

    A share `recipe.noisy` of them is spread over the noisiest ones only.

    Args:
        model: The model, of which the text encoder is used.
        network: Its UNet, possibly compiled.
        latents: (batch, 8, 16, 16, 16).
        tokens: Tokens of the five forms of each caption, of which one is drawn.
        alpha_bar: Cumulative signal level of each timestep.
        recipe: Shares of the forms and of the noisiest timesteps.
    """
    n, device = len(latents), latents.device
    form = torch.multinomial(torch.tensor(recipe.shares, device=device), n, True)
    share = (torch.arange(n, device=device) / n + torch.rand(1, device=device)) % 1
    last = len(alpha_bar) - 1
    t = (share * len(alpha_bar)).long().clamp(max=last)
    noisy = torch.rand(n, device=device) < recipe.noisy
    t = torch.where(noisy, last - (torch.rand(n, device=device) * NOISIEST).long(), t)
    at_t = alpha_bar[t].view(-1, 1, 1, 1, 1)
    mu, sigma = at_t.sqrt(), (1 - at_t).sqrt()
    x0, eps = latents.float(), torch.randn(latents.shape, device=device)
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        states = model.text(tokens[torch.arange(n, device=device), form])[0]
        v = network(mu * x0 + sigma * eps, t, states).sample
    return (v.float() - (mu * eps - sigma * x0)).square().mean()


def save(model: TextToVideo, folder: Path) -> None:
    """Write the weights in half precision, in ZeroScope's layout, without the VAE."""
    build_like(model.unet).half().save_pretrained(folder / "unet")
    build_like(model.text).half().save_pretrained(folder / "text_encoder")
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
    write_text(folder / "model_index.json", json.dumps(parts, indent=2) + "\n")
    for weights in folder.rglob("*.safetensors"):
        weights.chmod(0o644)


def start_from(model: TextToVideo, folder: Path) -> None:
    """Load the weights that an earlier phase saved.

    Raises:
        RuntimeError: They are of a network of another shape.
    """
    for part, name in ((model.unet, "unet"), (model.text, "text_encoder")):
        saved: Any = type(part).from_pretrained(folder / name)
        part.load_state_dict(saved.float().state_dict())


def build_like(model: nn.Module) -> Any:
    """Return a copy on the CPU without the changes for speed."""
    if isinstance(model, UNet3DConditionModel):
        copy: Any = UNet3DConditionModel.from_config(model.config)
    else:
        copy = CLIPTextModel(model.config)  # type: ignore[arg-type]
    copy.load_state_dict({name: value.cpu() for name, value in model.state_dict().items()})
    return copy


def shares_told(told: float) -> tuple[float, ...]:
    """Return shares of caption forms: `told` of them name the motion, others keep their ratio."""
    first, *others = Recipe.shares
    return (told, *(share * (1 - told) / (1 - first) for share in others))


def _wait_for(path: Path, patience: float) -> None:
    """Wait for the VAE, which may still be training; compiling needs only the latents' shape."""
    end = time.monotonic() + patience
    while not path.exists():
        if time.monotonic() > end:
            raise FileNotFoundError(f"No '{path}' after {patience:.0f} s; train the VAE first.")
        time.sleep(1)


def _compile(model: TextToVideo, recipe: Recipe, alpha_bar: Tensor, device: torch.device) -> Any:
    """Compile the network on synthetic latents, so that training starts at full speed."""
    torch._dynamo.config.suppress_errors = True  # slower is better than stopping
    network = torch.compile(model.unet)
    tokens = torch.zeros(recipe.batch, CAPTIONS, MAX_TOKENS, dtype=torch.long, device=device)
    for _ in range(3):
        latents = torch.randn(recipe.batch, *LATENT, device=device)
        v_loss(model, network, latents, tokens, alpha_bar, recipe).backward()
    model.zero_grad(set_to_none=True)
    return network


def train(place: Place, args: argparse.Namespace, recipe: Recipe) -> Loop:
    """Compile, wait for the VAE, encode the clips, and train until time runs out."""
    folder = args.output / "tokenizer"
    if place.leads:
        save_tokenizer(folder)
    if place.processes > 1:
        dist.barrier()  # nobody reads a half-written file
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    torch.manual_seed(args.seed)
    model = TextToVideo(len(tokenizer), args.smoke)
    if args.weights:
        start_from(model, args.weights)
    model = model.to(place.device)
    alpha_bar = build_scheduler().alphas_cumprod.to(place.device)
    network: Any = model.unet
    if place.device.type == "cuda" and not args.no_compile:
        network = _compile(model, recipe, alpha_bar, place.device)
    print("ready to train", flush=True)
    _wait_for(args.vae / "diffusion_pytorch_model.safetensors", args.patience)
    half = torch.bfloat16 if place.device.type == "cuda" else torch.float32
    vae = AutoencoderKL.from_pretrained(args.vae, torch_dtype=half).to(place.device).eval()
    began = time.monotonic()
    draws = torch.Generator().manual_seed(1000 * (args.seed + 1) + place.rank)
    latents, tokens = encode_clips(vae, World(place.device), tokenizer, recipe.clips, draws)
    del vae
    print(f"encoded {len(latents)} clips in {time.monotonic() - began:.0f} s", flush=True)
    loop = Loop(
        model,
        place,
        args.output,
        "text-to-video",
        args.seconds,
        rate=recipe.rate,
        warmup=recipe.warmup,
        decay=recipe.decay,
        resume=args.resume,
    )
    torch.manual_seed(args.seed + 1 + place.rank + loop.step)
    for _ in loop:
        index = torch.randint(len(latents), (recipe.batch,), device=place.device)
        loop.update(v_loss(model, network, latents[index], tokens[index], alpha_bar, recipe))
    return loop


def main() -> None:
    """Train, and write the weights with a report of the training."""
    parser = options("Train the text-to-video model of the emoji world.")
    parser.add_argument("--vae", type=Path, required=True, help="folder of the trained VAE")
    parser.add_argument("--patience", type=float, default=900, help="seconds to wait for the VAE")
    parser.add_argument("--clips", type=int, default=Recipe.clips, help="encoded a process")
    parser.add_argument("--weights", type=Path, help="folder of the weights to begin with")
    parser.add_argument("--rate", type=float, default=Recipe.rate, help="of AdamW, at its peak")
    parser.add_argument("--noisy", type=float, default=0.0, help="share of noisiest timesteps")
    parser.add_argument(
        "--told",
        type=float,
        default=Recipe.shares[0],
        help="share of captions that name the motion",
    )
    args = parser.parse_args()
    if not (0 <= args.noisy <= 1 and 0 <= args.told <= 1):
        parser.error("--noisy and --told are shares, 0 to 1.")
    recipe = Recipe(
        batch=args.batch or (4 if args.smoke else Recipe.batch),
        clips=args.clips,
        rate=args.rate,
        shares=shares_told(args.told),
        noisy=args.noisy,
    )
    place = join(args.device)
    loop = train(place, args, recipe)
    leave(place)
    if place.leads:
        assert isinstance(loop.averaged, TextToVideo)
        save(loop.averaged, args.output)
        write_report(args.output / "report.json", loop, {**asdict(recipe), "seed": args.seed})


if __name__ == "__main__":
    main()
