r"""Train the text-to-video transformer and its text encoder together, by flow matching.

    torchrun --nproc-per-node 4 -m smmbench_research.emoji_wan.transformer \
        --vae DIR/vae --seconds 700 --output DIR

Writes the parts of a folder in Wan 2.1's published layout (`transformer/`, `text_encoder/`,
`tokenizer/`, `scheduler/`, `model_index.json`), without the VAE.

x = (1 - sigma) x0 + sigma noise, with sigma = s u / (1 + (s - 1) u), u uniform and s the shift of
the schedule that samples; the network predicts the velocity noise - x0 (Lipman et al., Flow
Matching for Generative Modeling, 2023; Esser et al., Scaling Rectified Flow Transformers, 2024).
Latents of many clips are rendered and encoded once, then kept on the GPU, separately in each
process; `--latents` stores them on disk for a later run. `--resume` continues a run that `--until`
ended.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as nnf
from diffusers import FlowMatchEulerDiscreteScheduler, WanTransformer3DModel
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import AutoTokenizer, UMT5Config, UMT5EncoderModel

from smmbench.storage.atomic import atomic_path, write_text
from smmbench_datasets.emoji_wan.captions import caption
from smmbench_datasets.emoji_wan.world import FRAMES, Clips, Renderer, sample
from smmbench_research.emoji.training.loop import Loop, Place, join, leave, options, write_report
from smmbench_research.emoji_wan import tokenizer as tokenizers
from smmbench_research.emoji_wan import vae as vaes
from smmbench_research.emoji_wan import whole_sequence

LATENT = (vaes.LATENT_CHANNELS, (FRAMES + 1) // 2, 16, 16)  # channel, time, row, column
FORMS = 5  # of a caption: with motion, without, object alone, scene alone, empty
SHIFT = 3.0  # of the schedule: sigma = 3 u / (1 + 2 u)
TIMESTEPS = 1000


@dataclass(frozen=True)
class Recipe:
    """Settings of the training."""

    batch: int = 96  # clips per process and step
    clips: int = 40_000  # rendered and encoded once, per process
    rate: float = 1e-3  # AdamW, peak
    warmup: int = 300  # steps
    decay: float = 0.9995  # of the moving average of the weights
    shares: tuple[float, ...] = (0.5, 0.28, 0.06, 0.06, 0.1)  # how often each form is shown
    emphasis: float = 2.0  # extra weight of an object's latents without noise


def build_transformer(smoke: bool = False) -> Any:
    """The network: Wan's class, small enough for a CPU."""
    return WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2 if smoke else 4,
        attention_head_dim=16 if smoke else 64,
        in_channels=LATENT[0],
        out_channels=LATENT[0],
        text_dim=32 if smoke else 128,
        freq_dim=256,
        ffn_dim=64 if smoke else 1024,
        num_layers=2 if smoke else 9,
        rope_max_seq_len=64,
    )


def build_text_encoder(vocabulary: int, smoke: bool = False) -> UMT5EncoderModel:
    """A text encoder with three layers, enough for captions of a dozen words."""
    width = 32 if smoke else 128
    return UMT5EncoderModel(
        UMT5Config(
            vocab_size=vocabulary,
            d_model=width,
            d_kv=width // 4,
            d_ff=2 * width,
            num_layers=3,
            num_heads=4,
            dropout_rate=0.0,
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
        )
    )


def build_scheduler() -> Any:
    """The schedule of sampling: sigma from 1 down to 0, shifted."""
    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=TIMESTEPS, shift=SHIFT)


class TextToVideo(nn.Module):
    """Transformer and text encoder.

    Args:
        vocabulary: Number of tokens.
        smoke: The tiny model of the tests.
    """

    def __init__(self, vocabulary: int, smoke: bool = False) -> None:
        super().__init__()
        self.transformer = build_transformer(smoke)
        self.text = build_text_encoder(vocabulary, smoke)

    def embed(self, tokens: Int[Tensor, "texts tokens"]) -> Float[Tensor, "texts tokens width"]:
        """Embeddings of texts; zero after the end of each, as in Wan's pipeline."""
        mask = tokens != 0
        states = self.text(input_ids=tokens, attention_mask=mask.long()).last_hidden_state
        return states * mask[..., None]


def shifted(u: Tensor, shift: float = SHIFT) -> Tensor:
    """Noise level sigma of a uniform draw."""
    return shift * u / (1 + (shift - 1) * u)


@dataclass(frozen=True)
class Encodings:
    """Training clips on one device.

    Attributes:
        latents: Latents of mean 0 and deviation 1, (clips, 16, 9, 16, 16), in half precision.
        tokens: Tokens of the five forms of each caption, (clips, 5, tokens).
        objects: Share of each latent that objects cover, (clips, 1, 9, 16, 16), in half precision.
    """

    latents: Tensor
    tokens: Tensor
    objects: Tensor

    def __len__(self) -> int:
        return len(self.latents)

    def take(self, index: Tensor) -> Encodings:
        """Some of the clips."""
        return Encodings(self.latents[index], self.tokens[index], self.objects[index])

    def to(self, device: torch.device | str) -> Encodings:
        """The same on another device."""
        return Encodings(*(getattr(self, part.name).to(device) for part in fields(self)))


def flow_loss(
    model: TextToVideo, clips: Encodings, shares: Tensor, emphasis: float = 0.0
) -> Tensor:
    """Mean squared error of the velocity at noise levels spread evenly over the batch.

    Args:
        model: Transformer and text encoder.
        clips: The batch.
        shares: How often each form of a caption is drawn.
        emphasis: Extra weight of objects' latents without noise. It falls to zero at full noise,
            where a weight that depends on the object's position would attract objects to it.
    """
    n, device = len(clips), clips.latents.device
    form = torch.searchsorted(shares.cumsum(0), torch.rand(n, device=device) * shares.sum())
    form = form.clamp(max=FORMS - 1)
    u = (torch.arange(n, device=device) / n + torch.rand(1, device=device)) % 1
    sigma = shifted(u)
    at = sigma.view(-1, 1, 1, 1, 1)
    x0 = clips.latents.float()
    noise = torch.randn(x0.shape, device=device)
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        states = model.embed(clips.tokens[torch.arange(n, device=device), form])
        found = model.transformer(
            (1 - at) * x0 + at * noise, TIMESTEPS * sigma, states, return_dict=False
        )[0]
    weight = 1 + emphasis * (1 - at) * clips.objects.float()
    return (weight * (found.float() - (noise - x0)).square()).mean()


def texts_of(clips: Clips) -> list[str]:
    """The five forms of each clip's caption, clip by clip."""
    columns = (clips.object, clips.scene, clips.motion, clips.attribute)
    return [
        text
        for o, s, m, a in zip(*(column.tolist() for column in columns), strict=True)
        for text in (
            caption(o, s, m, a),
            caption(o, s, None, a),
            caption(o, None, None, a),
            caption(None, s),
            "",
        )
    ]


def tokenize(tokenizer: Any, texts: list[str]) -> Tensor:
    """Token numbers (texts, tokens); each text is tokenized once."""
    distinct = list(dict.fromkeys(texts))
    numbers = tokenizer(
        distinct,
        padding="max_length",
        max_length=tokenizers.MAX_TOKENS,
        truncation=True,
        return_tensors="pt",
    ).input_ids
    row = {text: index for index, text in enumerate(distinct)}
    return numbers[torch.tensor([row[text] for text in texts])]


@torch.no_grad()
def encode_clips(
    vae: Any, renderer: Renderer, tokenizer: Any, count: int, seed: int, chunk: int = 64
) -> Encodings:
    """Render and encode `count` training clips, on the renderer's device."""
    device, generator = renderer.device, torch.Generator().manual_seed(seed)
    mean, deviation = latent_scale(vae, device)
    latents, tokens, objects = [], [], []
    for start in range(0, count, 2048):
        lot = sample(min(2048, count - start), generator)
        tokens.append(tokenize(tokenizer, texts_of(lot)).view(len(lot), FORMS, -1))
        for first in range(0, len(lot), chunk):
            video, alpha = renderer.render_with_alpha(lot.take(slice(first, first + chunk)))
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                z = whole_sequence.encode(vae, 2 * video.transpose(1, 2) - 1)[0]
            latents.append(((z - mean) / deviation).to(torch.float16))
            objects.append(cover(alpha.transpose(1, 2)).to(torch.float16))
    return Encodings(torch.cat(latents), torch.cat(tokens).to(device), torch.cat(objects))


def cover(alpha: Float[Tensor, "clips 1 time height width"]) -> Float[Tensor, "clips 1 t h w"]:
    """Share of each latent that objects cover: the first frame alone, then frames in pairs."""
    placed = torch.cat([alpha[:, :, :1], alpha], 2)
    return nnf.avg_pool3d(placed, (vaes.TEMPORAL_FACTOR, 8, 8))


def latent_scale(vae: Any, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the latents' channels, to broadcast over (clips, channels, ...)."""
    values = torch.tensor([vae.config.latents_mean, vae.config.latents_std], device=device)
    mean, deviation = values.view(2, 1, -1, 1, 1, 1)
    return mean, deviation


def save(model: TextToVideo, folder: Path) -> None:
    """Write the weights in half precision, in Wan 2.1's layout, without the VAE."""
    for part, name in ((model.transformer, "transformer"), (model.text, "text_encoder")):
        copy: Any = (
            WanTransformer3DModel.from_config(part.config)
            if name == "transformer"
            else UMT5EncoderModel(part.config)
        )
        copy.load_state_dict({key: value.cpu() for key, value in part.state_dict().items()})
        copy.half().save_pretrained(folder / name)
    build_scheduler().save_pretrained(folder / "scheduler")
    tokenizers.save(folder / "tokenizer", "T5TokenizerFast")
    parts = {
        "_class_name": "WanPipeline",
        "_diffusers_version": "0.34.0",
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "T5TokenizerFast"],
        "transformer": ["diffusers", "WanTransformer3DModel"],
        "vae": ["diffusers", "AutoencoderKLWan"],
    }
    write_text(folder / "model_index.json", json.dumps(parts, indent=2) + "\n")


def start_from(model: TextToVideo, folder: Path) -> None:
    """Load the weights that an earlier training saved.

    Raises:
        RuntimeError: They are of a network of another shape.
    """
    saved: Any = WanTransformer3DModel.from_pretrained(folder / "transformer")
    model.transformer.load_state_dict(saved.float().state_dict())
    text: Any = UMT5EncoderModel.from_pretrained(folder / "text_encoder")
    model.text.load_state_dict(text.float().state_dict())


def _wait_for(path: Path, patience: float) -> None:
    """Wait for the VAE, which may still be training."""
    end = time.monotonic() + patience
    while not path.exists():
        if time.monotonic() > end:
            raise FileNotFoundError(f"No '{path}' after {patience:.0f} s; train the VAE first.")
        time.sleep(0.5)


def _data(place: Place, args: argparse.Namespace, recipe: Recipe) -> Encodings:
    """Return the clips of this process, from disk if an earlier run stored them."""
    kept = args.latents / f"latents-{place.rank}.pt" if args.latents else None
    if kept is not None and kept.is_file():
        state = torch.load(kept, map_location="cpu", weights_only=True)
        return Encodings(**state).to(place.device)
    _wait_for(args.vae / "diffusion_pytorch_model.safetensors", args.patience)
    began = time.monotonic()
    vae = vaes.load(args.vae, place.device)
    words = AutoTokenizer.from_pretrained(args.output / "tokenizer")
    seed = 1000 * (args.seed + 1) + place.rank
    clips = encode_clips(vae, Renderer(place.device), words, recipe.clips, seed)
    print(f"encoded {len(clips)} clips in {time.monotonic() - began:.0f} s", flush=True)
    if kept is not None:
        with atomic_path(kept) as temporary:
            torch.save(vars(clips.to("cpu")), temporary)
    return clips


def _warm_up(model: TextToVideo, recipe: Recipe, shares: Tensor, device: torch.device) -> None:
    """Compile on synthetic latents, so that training starts at full speed."""
    n = recipe.batch
    for _ in range(2):
        made_up = Encodings(
            torch.randn(n, *LATENT, device=device),
            torch.ones(n, FORMS, tokenizers.MAX_TOKENS, dtype=torch.long, device=device),
            torch.zeros(n, 1, *LATENT[1:], device=device),
        )
        flow_loss(model, made_up, shares, recipe.emphasis).backward()
    model.zero_grad(set_to_none=True)
    torch.cuda.empty_cache()  # the VAE may still be training


def train(place: Place, args: argparse.Namespace, recipe: Recipe) -> Loop:
    """Compile, wait for the VAE, encode the clips, and train until time runs out."""
    if place.leads:
        tokenizers.save(args.output / "tokenizer", "T5TokenizerFast")
    if place.processes > 1:
        dist.barrier()  # nobody reads a half-written file
    vocabulary = len(AutoTokenizer.from_pretrained(args.output / "tokenizer"))
    torch.manual_seed(args.seed)
    model = TextToVideo(vocabulary, args.smoke)
    if args.weights:
        start_from(model, args.weights)
    model = model.to(place.device)
    shares = torch.tensor(recipe.shares, device=place.device)
    if place.device.type == "cuda" and not args.no_compile:
        model.transformer.compile_repeated_blocks(fullgraph=True)
        whole_sequence.fuse()
        _warm_up(model, recipe, shares, place.device)
    print("ready to train", flush=True)
    clips = _data(place, args, recipe)
    loop = Loop(
        model,
        place,
        args.output,
        "transformer",
        max(1.0, args.end - time.time()) if args.end else args.seconds,
        rate=recipe.rate,
        warmup=recipe.warmup,
        decay=recipe.decay,
        resume=args.resume,
    )
    torch.manual_seed(args.seed + 1 + place.rank + loop.step)

    def compute() -> dict[str, Tensor]:
        index = torch.randint(len(clips), (recipe.batch,), device=place.device)
        return {"loss": flow_loss(model, clips.take(index), shares, recipe.emphasis)}

    step = loop.record(compute)
    for _ in loop:
        step()
        if args.until and time.time() > args.until:
            loop.stopped = True
        if loop.every("snapshot", 120.0, at_once=False):
            assert isinstance(loop.averaged, TextToVideo)
            save(loop.averaged, args.output / "snapshot")
    return loop


def main() -> None:
    """Train, and write the weights with a report of the training."""
    parser = options("Train the text-to-video transformer of emoji-wan.")
    parser.add_argument("--vae", type=Path, required=True, help="folder of the trained VAE")
    parser.add_argument("--patience", type=float, default=900, help="seconds to wait for the VAE")
    parser.add_argument("--clips", type=int, default=Recipe.clips, help="encoded a process")
    parser.add_argument("--latents", type=Path, help="folder that keeps the encoded clips")
    parser.add_argument("--weights", type=Path, help="folder of the weights to begin with")
    parser.add_argument("--rate", type=float, default=Recipe.rate, help="of AdamW, at its peak")
    parser.add_argument(
        "--end", type=float, help="time at which to end, in Unix seconds, instead of --seconds"
    )
    parser.add_argument("--until", type=float, help="time at which to pause, in Unix seconds")
    args = parser.parse_args()
    recipe = Recipe(
        batch=args.batch or (4 if args.smoke else Recipe.batch), clips=args.clips, rate=args.rate
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
