"""Fixtures that several test files share."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from smmbench.video import Video

os.environ["OMP_NUM_THREADS"] = "1"  # read by torch: for tiny tensors, threads only wait
settings.register_profile("untimed", deadline=None)  # a busy machine is no fault
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has an empty cache folder of its own, and no hub."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("SMMBENCH_HOME", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture
def moving_square() -> Video:
    """A white square that moves 3 pixels a frame to the right over a textured ground."""
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 90, (64, 96, 3), dtype=np.uint8)
    frames = np.repeat(ground[None], 8, axis=0)
    for t in range(8):
        frames[t, 20:40, 10 + 3 * t : 30 + 3 * t] = 250
    return Video(frames, fps=8.0)


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in ZeroScope's layout: small random networks, v-prediction, zero terminal SNR."""
    import string

    import diffusers
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    untyped: Any = diffusers  # its own types leave out what its classes inherit
    folder = tmp_path_factory.mktemp("tiny-backbone")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = untyped.UNet3DConditionModel(
            in_channels=4,
            out_channels=4,
            down_block_types=("CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "DownBlock3D"),
            up_block_types=("UpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D"),
            block_out_channels=(8, 16, 16),
            layers_per_block=1,
            attention_head_dim=4,
            cross_attention_dim=16,
            norm_num_groups=4,
        )
        for parameter in unet.parameters():  # temporal layers begin as zeros: give them a meaning
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.1)
        vae = untyped.AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(4, 4, 4, 8),
            norm_num_groups=2,
            latent_channels=4,
            mid_block_add_attention=False,
            scaling_factor=0.5,
        )
        text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=64,
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                max_position_embeddings=16,
                bos_token_id=62,
                eos_token_id=63,
                pad_token_id=63,
            )
        )
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    text_encoder.save_pretrained(folder / "text_encoder")
    untyped.DDIMScheduler(
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
    ).save_pretrained(folder / "scheduler")
    # Each letter alone and at a word's end, then words that merge; ids as in CLIP's own files.
    letters = string.ascii_lowercase
    merges = ["d o", "do g</w>", "c a", "ca t</w>"]
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    words += [merge.replace(" ", "") for merge in merges]
    vocabulary = {word: i for i, word in enumerate(words)}
    vocabulary |= {"<|startoftext|>": 62, "<|endoftext|>": 63}
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    (tokenizer / "vocab.json").write_text(json.dumps(vocabulary))
    (tokenizer / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    (tokenizer / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 16})
    )
    return folder


@pytest.fixture(scope="session")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifest of a dataset `small-noise`: 3 clips of 4 tiny frames, 2 prompts each, 1 seed."""
    from smmbench.storage.home import file_sha256
    from smmbench.video import write_lossless

    folder = tmp_path_factory.mktemp("small-noise")
    rng = np.random.default_rng(0)
    text = (
        'name = "small-noise"\nversion = 1\ntitle = "T"\ndescription = "D"\nlicence = "CC0-1.0"\n'
        "[protocol]\nframes = 4\nwidth = 24\nheight = 16\nfps = 8\n"
        'text_model = "none"\n'
    )
    for name in ("a", "b", "c"):
        video = Video(rng.integers(0, 256, (4, 16, 24, 3), dtype=np.uint8), fps=8.0)
        path = folder / f"{name}.mkv"
        write_lossless(path, video)
        text += (
            f'[[clips]]\nname = "{name}"\nprompt = "clip {name}"\n'
            f'video = {{ path = "{path.name}", sha256 = "{file_sha256(path)}" }}\n'
            f'pixels_sha256 = "{video.pixels_sha256}"\n'
            'licence = "CC0-1.0"\nattribution = "made here"\n'
        )
        for edit in ("dog", "cat"):
            text += f'[[clips.edits]]\nname = "{edit}"\nprompt = "a {edit} like {name}"\n'
    manifest = folder / "small.toml"
    manifest.write_text(text)
    return manifest


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny random CLIP model in open_clip's layout; it reads 12 tokens."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    configuration = {
        "embed_dim": 8,
        "vision_cfg": {
            "image_size": 32,
            "layers": 1,
            "width": 32,
            "patch_size": 16,
            "head_width": 16,
        },
        "text_cfg": {
            "context_length": 12,
            "vocab_size": 49408,
            "width": 16,
            "heads": 2,
            "layers": 1,
        },
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = open_clip.CLIP(**configuration)
    folder = tmp_path_factory.mktemp("models") / "tiny-clip"
    folder.mkdir()
    text = json.dumps({"model_cfg": configuration, "preprocess_cfg": {}})
    (folder / "open_clip_config.json").write_text(text)
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture
def square_dataset(tmp_path: Path, moving_square: Video) -> Path:
    """Manifest of a dataset of two clips, shipped beside it: `right` (two edits) and `left`."""
    from smmbench.storage.home import file_sha256
    from smmbench.video import write_lossless

    folder = tmp_path / "squares"
    lines = [
        'name = "squares"\nversion = 1\ntitle = "Moving squares"\ndescription = "For tests."',
        'licence = "CC0-1.0"',
        "[protocol]\nframes = 8\nwidth = 96\nheight = 64\nfps = 8",
        'text_model = "emoji-clip"\ngrid = 12',
    ]
    edits = {"right": ("cat", "dog"), "left": ("cat",)}
    for clip, names in edits.items():
        frames = moving_square.frames if clip == "right" else moving_square.frames[:, :, ::-1]
        video = Video(np.ascontiguousarray(frames), fps=8.0)
        write_lossless(folder / f"{clip}.mkv", video)
        lines += [
            f'[[clips]]\nname = "{clip}"\nlicence = "CC0-1.0"\nattribution = "nobody"',
            f'pixels_sha256 = "{video.pixels_sha256}"',
            f'video = {{ path = "{clip}.mkv", sha256 = "{file_sha256(folder / f"{clip}.mkv")}" }}',
            *(f'[[clips.edits]]\nname = "{name}"\nprompt = "a {name} runs"' for name in names),
        ]
    manifest = folder / "squares.toml"
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return manifest


@pytest.fixture(scope="session")
def board_trees() -> type[BoardTree]:
    """`BoardTree`, for fixtures that keep one for several tests."""
    return BoardTree


@pytest.fixture
def board_tree(tmp_path: Path) -> BoardTree:
    """Builder of a dataset `toy` (4 clips, 2 prompts each) and of results with made-up scores."""
    return BoardTree(tmp_path)


class BoardTree:
    """Writes records and scores as the two loops would, without videos.

    Attributes:
        manifest: Path of the dataset's TOML file.
        results: The results folder.
    """

    def __init__(self, folder: Path, clips: int = 4) -> None:
        self.clips = [f"clip-{i}" for i in range(clips)]
        self.edits = ["dog", "cat"]
        self.results = folder / "results"
        self.manifest = folder / "toy.toml"
        text = (
            'name = "toy"\nversion = 1\ntitle = "T"\ndescription = "D"\nlicence = "CC0-1.0"\n'
            "[protocol]\nframes = 4\nwidth = 24\nheight = 16\nfps = 8\n"
            'text_model = "none"\n'
        )
        for i, name in enumerate(self.clips):
            text += (
                f'[[clips]]\nname = "{name}"\nprompt = "clip {i}"\n'
                f'video = {{ path = "{name}.mkv", sha256 = "{i:064x}" }}\n'
                f'pixels_sha256 = "{i:064x}"\nlicence = "CC0-1.0"\nattribution = "made here"\n'
            )
            for edit in self.edits:
                text += f'[[clips.edits]]\nname = "{edit}"\nprompt = "a {edit} like {name}"\n'
        self.manifest.write_text(text)

    def method(self, label: str, kind: str = "method", title: str = "") -> None:
        """Write the method's card."""
        from smmbench.method import Card
        from smmbench.results import MethodFile, method_folder, write_method

        card = Card(title=title or label, kind=kind)
        folder = method_folder(self.results, label)
        write_method(folder, MethodFile(label=label, entry=f"toy:{label}", card=card))

    def pair(
        self,
        label: str,
        clip: str,
        edit: str,
        text: float | None = 0.3,
        motion: float | None = 0.8,
        *,
        seed: int = 0,
        failure: str = "",
        scored: bool = True,
        origin: dict[str, Any] | None = None,
        record: dict[str, Any] | None = None,
    ) -> Path:
        """Write one result; `origin` and `record` replace fields of the scores and the record."""
        from smmbench.metrics import metric
        from smmbench.results import (
            Environment,
            Request,
            RunRecord,
            Score,
            ScoreFile,
            parameters_sha256,
            result_folder,
            write_record,
            write_scores,
        )

        request = Request(
            method=label, dataset="toy", dataset_version=1, clip=clip, edit=edit, seed=seed
        )
        folder = result_folder(self.results, request)
        pixels = "" if failure else hashlib.sha256(f"{label}/{clip}/{edit}".encode()).hexdigest()
        fields: dict[str, Any] = {
            "status": "failed" if failure else "done",
            "request": request,
            "source_sha256": f"{self.clips.index(clip):064x}",
            "prompt": f"a {edit} like {clip}",
            "entry": f"toy:{label}",
            "parameters": {},
            "parameters_sha256": parameters_sha256(f"toy:{label}", {}, {}),
            "environment": Environment(device="cpu: toy", python="3.11", packages={"torch": "2"}),
            "prepare_seconds": 10.0,
            "transfer_seconds": 2.0,
            "peak_memory_bytes": 2**30,
            "pixels_sha256": pixels,
            "failure": {"kind": failure, "message": "M", "stage": "transfer"} if failure else None,
        }
        write_record(folder, RunRecord.model_validate(fields | (record or {})))
        if failure or not scored:
            return folder
        directions = {} if motion is None else {"source_to_output": motion - 0.1}
        directions |= {} if motion is None else {"output_to_source": motion + 0.1}
        scores = tuple(
            Score(
                metric=name,
                version=metric(name).version,
                value=value,
                details=details,
                key="0" * 64,
                origin={"output": pixels, "protocol": {"frames": 4}, "weights": "w"}
                | (origin or {}),
            )
            for name, value, details in (
                ("text_similarity", text, {}),
                ("motion_fidelity", motion, directions),
            )
        )
        write_scores(folder, ScoreFile(request=request, pixels_sha256=pixels, scores=scores))
        return folder

    def whole(
        self, label: str, text: float = 0.3, motion: float = 0.8, kind: str = "method"
    ) -> None:
        """Write a method that answers every pair; clips differ a little, edits less."""
        self.method(label, kind)
        for i, clip in enumerate(self.clips):
            for j, edit in enumerate(self.edits):
                shift = 0.02 * (i - (len(self.clips) - 1) / 2) + 0.001 * (j - 0.5)
                self.pair(label, clip, edit, text + shift / 4, motion + shift)


@pytest.fixture
def smmbench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command line as a user does; gives exit code, standard output, standard error."""

    def run(*words: object) -> tuple[int, str, str]:
        from smmbench.cli import main

        monkeypatch.setattr("sys.argv", ["smmbench", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as left:
            code = int(left.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run
