"""smmbench-real: the protocol for real video, and the datasets that follow it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import Field

from smmbench.dataset.manifest import Protocol, Record
from smmbench.dataset.writing import About, new_manifest
from smmbench.public_sets.ditflow import DITFLOW, entries, read_prompts
from smmbench.storage.atomic import write_text
from smmbench.storage.home import file_sha256

NAME = "smmbench-real"
PATH = Path(__file__).with_name("smmbench-real.toml")
REHEARSAL = "-rehearsal"


class Fixed(Record):
    """A file that the protocol fixes by its hash, which is empty if there are no weights."""

    name: str = ""
    file: str = ""
    commit: str = ""
    sha256: str
    licence: str = ""
    disk_gb: float = 0


class Tracker(Fixed):
    """The tracker, and the points that it tracks."""

    grid: int
    still_threshold: float


class Clips(Record):
    """The clips for tuning, and those of the board."""

    source: str
    disk_gb: float
    tuning: tuple[str, ...]
    board: tuple[str, ...]


class Cost(Record):
    """The measured cost of a method at a block's size."""

    method: str
    preset: str
    gpu: str
    clip_seconds: float
    pair_seconds: float
    memory_gib: float
    frames: int | None = None
    """Measured number of frames if it is larger than the block's, which gives an upper bound."""

    @property
    def name(self) -> str:
        """The method and its preset, as shown to people."""
        return f"{self.method} ({self.preset})"

    def hours(self, clips: int, prompts: int) -> str:
        """Hours of one GPU for all pairs, in words.

        Args:
            clips: Number of clips.
            prompts: Target prompts per clip.
        """
        hours = clips * (self.clip_seconds + prompts * self.pair_seconds) / 3600
        return f"{'at most' if self.frames else 'about'} {hours:.1f} hours of an {self.gpu}"


class Block(Record):
    """A backbone, and the form of the clips that it generates."""

    title: str
    model: str
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    frames: int
    width: int
    height: int
    disk_gb: float
    cost: tuple[Cost, ...]
    """Empty if nothing was measured."""


class RealProtocol(Record):
    """The whole protocol, as in `smmbench-real.toml`."""

    name: str
    version: int
    title: str
    seeds: tuple[int, ...]
    fps: float
    prompts: Fixed
    clips: Clips
    text_model: Fixed
    tracker: Tracker
    blocks: Mapping[str, Block]

    def form(self, block: str, rehearsal: bool = False) -> Protocol:
        """The protocol of a block's datasets; for a rehearsal, a tiny one that works offline."""
        of = self.blocks[block]
        small = {"frames": 5, "width": 64, "height": 32, "text_model": "emoji-clip"}
        full = {
            "frames": of.frames,
            "width": of.width,
            "height": of.height,
            "text_model": self.text_model.name,
        }
        return Protocol.model_validate(
            {
                **(small if rehearsal else full),
                "version": self.version,
                "fps": self.fps,
                "seeds": self.seeds,
                "tracker": self.tracker.name,
                "grid": self.tracker.grid,
                "still_threshold": self.tracker.still_threshold,
            }
        )


@cache
def real_protocol() -> RealProtocol:
    """Read the protocol."""
    return RealProtocol.model_validate(tomllib.loads(PATH.read_text(encoding="utf-8")))


def real_name(block: str, tuning: bool = False, rehearsal: bool = False) -> str:
    """Name of a dataset: `smmbench-real-wan`, `smmbench-real-wan-val`."""
    return f"{NAME}-{block}{'-val' if tuning else ''}{REHEARSAL if rehearsal else ''}"


def take_real(
    davis: Path, prompts: Path, *, rehearsal: bool = False
) -> tuple[list[Path], list[str]]:
    """Write the datasets of the protocol into a copy of DAVIS: two for each block.

    One is for the board; the other, `...-val`, has the clips for tuning.

    Args:
        davis: The copy, with the 50 clips.
        prompts: The script of the paper's page.
        rehearsal: Tiny clips and the embedded text model, to try every stage without
            weights; any prompts are accepted, and the numbers are meaningless.

    Returns:
        Paths of the manifests, and notes on what was done.

    Raises:
        ValueError: The prompts are different, or a clip is missing; the message says which.
        FileExistsError: One of the manifests already exists.
    """
    protocol = real_protocol()
    if not rehearsal and (found := file_sha256(prompts)) != protocol.prompts.sha256:
        raise ValueError(
            f"'{prompts}' is not the file of {NAME}: its SHA-256 is {found}, the protocol requires "
            f"{protocol.prompts.sha256}. Take {protocol.prompts.file} at commit "
            f"{protocol.prompts.commit}."
        )
    asked = read_prompts(prompts)
    splits = {False: protocol.clips.board, True: protocol.clips.tuning}
    if lacking := sorted({name for names in splits.values() for name in names} - set(asked)):
        raise ValueError(f"'{prompts}' has no prompts for {', '.join(lacking)}.")
    paths, notes = [], []
    for block in protocol.blocks:
        for tuning, names in splits.items():
            path = davis / f"{real_name(block, tuning, rehearsal)}.toml"
            if path.exists():
                raise FileExistsError(f"'{path}' already exists; remove it first.")
            found_here = entries(davis, {name: asked[name] for name in names})
            text, said = new_manifest(
                davis,
                {name: entry.asked for name, entry in found_here.items()},
                _about(protocol, block, tuning, rehearsal),
                protocol.form(block, rehearsal),
                {name: entry.place for name, entry in found_here.items()},
            )
            write_text(path, text)
            paths.append(path)
            notes += [f"{path.stem}: {one}" for one in said]
    return paths, notes


def _about(protocol: RealProtocol, block: str, tuning: bool, rehearsal: bool) -> About:
    of = protocol.blocks[block]
    use = "for tuning" if tuning else "for the board"
    why = " A rehearsal: its numbers are meaningless." if rehearsal else ""
    return About(
        name=real_name(block, tuning, rehearsal),
        title=f"{protocol.title}, {of.title}, {use}",
        licence=DITFLOW.about.licence,
        attribution=DITFLOW.about.attribution,
        description=f"{NAME} version {protocol.version}, at the size of {of.model}.{why}",
        citation=DITFLOW.about.citation,
        home=DITFLOW.about.home,
        purpose="validation" if tuning else "board",
    )
