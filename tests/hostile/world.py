"""An honest dataset, honest results and an honest submission: what every attack begins with."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tests.builders.text_model import write_tiny_clip

SMMBENCH = (sys.executable, "-c", "from smmbench.__main__ import main; main()")
PAIR, OTHER, AGAIN = "pairs/a/dog/seed-0", "pairs/b/dog/seed-0", "pairs/a/dog/seed-1"
CARD = {
    "title": "Toy",
    "paper": "https://example.org/toy",
    "code": "https://example.org/toy/code",
    "licence": "MIT",
    "authors": "A. Toy",
    "contact": "toy@example.org",
    "seen": "none",
}
LABEL = "toy-method"

Tree = dict[str, bytes]
Edit = Callable[[Any], None]


def pixels(seed: int, frames: int = 5, height: int = 48, width: int = 64) -> np.ndarray:
    """Texture with a square that moves 2 pixels a frame: RGB, (frames, height, width, 3)."""
    rng = np.random.default_rng(seed)
    content = np.repeat(rng.integers(0, 90, (1, height, width, 3), dtype=np.uint8), frames, axis=0)
    for t in range(frames):
        content[t, 10:30, 5 + 2 * t : 25 + 2 * t] = rng.integers(150, 255, 3, dtype=np.uint8)
    return content


class World:
    """Everything honest, made once.

    Attributes:
        folder: Where it lies.
        manifest: The dataset's TOML file: clips `a` and `b`, one prompt, seeds 0 and 1.
        results: The results folder of the method `toy-method`, scored.
        tree: Files of the honest submission by name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.manifest = self._dataset()
        self.results = self._results()
        self._call("score", self.results, "--device", "cpu")
        self._call(
            *("submit", self.results / LABEL, "-o", folder / "honest.zip"),
            *("--dataset", self.manifest),
        )
        with zipfile.ZipFile(folder / "honest.zip") as archive:
            self.tree: Tree = {name: archive.read(name) for name in archive.namelist()}

    def verify(self, archive: Path, *more: str) -> tuple[str, ...]:
        """Arguments that verify an archive."""
        return ("verify", str(archive), "--dataset", str(self.manifest), "--device", "cpu", *more)

    def forge(self, place: Path, change: Callable[[Tree], None], relist: bool = True) -> Path:
        """Pack the honest submission after a change, with a new list of its files."""
        tree = dict(self.tree)
        change(tree)
        if relist:
            tree["manifest.json"] = listed(tree)
        return packed(place / "submission.zip", tree)

    def edited(self, place: Path, name: str, change: Edit) -> tuple[str, ...]:
        """Arguments that verify a submission in which one JSON file was changed."""

        def apply(tree: Tree) -> None:
            content = json.loads(tree[name])
            change(content)
            tree[name] = json.dumps(content).encode()

        return self.verify(self.forge(place, apply, relist=name != "manifest.json"))

    def replaced(self, place: Path, name: str, content: bytes) -> tuple[str, ...]:
        """Arguments that verify a submission in which one file was replaced."""

        def apply(tree: Tree) -> None:
            tree[name] = content

        return self.verify(self.forge(place, apply, relist=name != "manifest.json"))

    def _call(self, *words: object) -> None:
        subprocess.run([*SMMBENCH, *map(str, words)], check=True, capture_output=True)

    def _dataset(self) -> Path:
        from smmbench.storage.home import file_sha256
        from smmbench.video import Video, write_lossless

        folder = self.folder / "toys"
        text = (
            'name = "toys"\nversion = 1\ntitle = "T"\ndescription = "D"\nlicence = "CC0-1.0"\n'
            "[protocol]\nframes = 5\nwidth = 64\nheight = 48\nfps = 8\ngrid = 8\nseeds = [0, 1]\n"
            f'text_model = "{write_tiny_clip(self.folder / "tiny-clip").as_posix()}"\n'
        )
        for seed, name in enumerate(("a", "b")):
            video = Video(pixels(seed), fps=8.0)
            path = folder / f"{name}.mkv"
            write_lossless(path, video)
            text += (
                f'[[clips]]\nname = "{name}"\n'
                f'video = {{ path = "{path.name}", sha256 = "{file_sha256(path)}" }}\n'
                f'pixels_sha256 = "{video.pixels_sha256}"\n'
                'licence = "CC0-1.0"\nattribution = "made here"\n'
                '[[clips.edits]]\nname = "dog"\nprompt = "a dog"\n'
            )
        (folder / "toys.toml").write_text(text)
        self_added = [*SMMBENCH, "datasets", "add", str(folder / "toys.toml")]
        subprocess.run(self_added, check=True, capture_output=True)
        return folder / "toys.toml"

    def _results(self) -> Path:
        from smmbench.dataset import load_dataset
        from smmbench.method import Card
        from smmbench.results import (
            Environment,
            MethodFile,
            Request,
            RunRecord,
            method_folder,
            parameters_sha256,
            result_folder,
            write_method,
            write_record,
        )
        from smmbench.video import Video, write_lossless

        root = self.folder / "results"
        known = {one.name for one in dataclasses.fields(Card)}
        card = Card(**{name: fact for name, fact in CARD.items() if name in known})
        entry, dataset = "toy.method:Toy", load_dataset(self.manifest)
        write_method(
            method_folder(root, LABEL),
            MethodFile(label=LABEL, entry=entry, card=card, parameters={"toys": {"steps": 3}}),
        )
        for i, clip in enumerate(dataset.manifest.clips):
            for seed in (0, 1):
                output = Video(pixels(10 + 2 * i + seed), fps=8.0)
                request = Request(
                    method=LABEL,
                    dataset="toys",
                    dataset_version=1,
                    clip=clip.name,
                    edit="dog",
                    seed=seed,
                )
                folder = result_folder(root, request)
                write_lossless(folder / "video.mkv", output)
                record = RunRecord(
                    status="done",
                    request=request,
                    source_sha256=clip.pixels_sha256,
                    prompt="a dog",
                    entry=entry,
                    parameters={"steps": 3},
                    parameters_sha256=parameters_sha256(entry, {"steps": 3}, {}),
                    environment=Environment(device="cpu: toy", python="3.11", packages={}),
                    transfer_seconds=1.0,
                    pixels_sha256=output.pixels_sha256,
                )
                write_record(folder, record)
        return root


def listed(tree: Mapping[str, bytes]) -> bytes:
    """The submission's list, right for the files that are there."""
    manifest = json.loads(tree["manifest.json"])
    manifest["files"] = [
        {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in sorted(tree.items())
        if name != "manifest.json"
    ]
    return json.dumps(manifest).encode()


def packed(path: Path, tree: Mapping[str, bytes], compress: bool = False) -> Path:
    """Write files as an archive, as `smmbench submit` does."""
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in tree.items():
            archive.writestr(name, content)
    return path


def set_to(*keys: str | int, value: Any) -> Edit:
    """A change that sets one key, however deep."""

    def apply(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return apply
