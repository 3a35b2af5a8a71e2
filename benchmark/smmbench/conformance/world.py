"""The clips and prompts on which a method is checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smmbench.dataset import Clip, Dataset, clip_form, load_dataset, source_video
from smmbench.method import Source
from smmbench.video import NormalForm, Video


@dataclass(frozen=True)
class Request:
    """A request for a video.

    Attributes:
        clip: Index of the clip.
        prompt: Target prompt.
        seed: Seed of the random numbers.
    """

    clip: int
    prompt: str
    seed: int

    def __str__(self) -> str:
        return f"clip {self.clip + 1}, '{self.prompt}', seed {self.seed}"


@dataclass(frozen=True)
class World:
    """Two clips of a dataset, of one length, and two prompts.

    Attributes:
        dataset: Where they are from.
        clips: The two.
        prompts: Two target prompts of the first.
        named: The dataset as it was asked for: its name, or its manifest's path.
    """

    dataset: Dataset
    clips: tuple[Clip, Clip]
    prompts: tuple[str, str]
    named: str

    @property
    def form(self) -> NormalForm:
        """What the protocol wants of a video of the first clip."""
        return clip_form(self.dataset, self.clips[0])

    @property
    def first(self) -> Request:
        """The request that all others are compared with."""
        return Request(0, self.prompts[0], 0)

    def source(self, clip: int) -> Source:
        """A clip as a method is given it, in memory of its own."""
        chosen, other = self.clips[clip], self.clips[1 - clip]
        return Source(
            clip=chosen.name,
            video=self._video(chosen),
            prompt=chosen.prompt,
            other=lambda: self._video(other),
        )

    def _video(self, clip: Clip) -> Video:
        video = source_video(self.dataset, clip)
        return Video(video.frames.copy(), video.fps)


def load_world(dataset: str | Path) -> World:
    """Choose two clips of a dataset.

    Raises:
        LookupError: There is no such dataset.
        ValueError: It has no two clips of equal length, or only one prompt.
    """
    found = load_dataset(dataset)
    first, *others = found.manifest.clips
    alike = [clip for clip in others if clip.frames == first.frames]
    prompts = list(dict.fromkeys(edit.prompt for clip in (first, *alike) for edit in clip.edits))
    if not alike or len(prompts) < 2:
        raise ValueError(
            f"Conformance checks need two clips of equal length and two prompts, which "
            f"'{found.manifest.name}' does not have; without --dataset they use `emoji-val`."
        )
    return World(found, (first, alike[0]), (prompts[0], prompts[1]), str(dataset))
