"""Controls: methods that cheat or fail in one known way, so that their place is known.

They anchor the board: a copy of the source moves perfectly and ignores the prompt, noise does
neither. A metric that puts them elsewhere is wrong, whatever it says of the methods.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smmbench.method import Card, Method, Source
from smmbench.video import Video


@dataclass(frozen=True)
class NoParameters:
    """A control has nothing to choose."""


class Control(Method[NoParameters, Source]):
    """A method that computes nothing of the source beforehand."""

    Parameters = NoParameters

    def prepare(self, source: Source) -> Source:
        """Keep the source as it is."""
        return source


class SourceCopy(Control):
    """Give the source back: all of the motion, nothing of the prompt."""

    deterministic = True
    card = Card(
        "Source copy",
        kind="control",
        licence="Apache-2.0",
        notes="The source itself: the highest motion fidelity there is, the prompt ignored.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Give the source, whatever is asked."""
        return prepared.video


class NearCopy(Control):
    """Give the source back with one pixel changed by one level: no copy to the letter."""

    deterministic = True
    card = Card(
        "Source with one pixel changed",
        kind="control",
        licence="Apache-2.0",
        notes="One value of the first frame differs by 1: whoever looks for equal pixels misses "
        "that it is the source.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Change the first value of the first frame."""
        frames = prepared.video.frames.copy()
        frames[0, 0, 0, 0] ^= 1
        return Video(frames, prepared.video.fps)


class RecolouredCopy(Control):
    """Give the source back with its colour channels in turn: another look, the same clip."""

    deterministic = True
    card = Card(
        "Source in other colours",
        kind="control",
        licence="Apache-2.0",
        notes="Red, green and blue change places: every pixel differs, nothing was transferred.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Turn the channels round by one."""
        return Video(np.roll(prepared.video.frames, 1, axis=-1), prepared.video.fps)


class TurnedCopy(Control):
    """Give the source back turned by half a circle and backwards: every direction stays."""

    deterministic = True
    card = Card(
        "Source turned round and reversed",
        kind="control",
        licence="Apache-2.0",
        notes="Rows, columns and time are turned round, so that what moves to the right still "
        "does: no pixel and no frame is in its place, nothing was transferred.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Turn three axes round."""
        return Video(prepared.video.frames[::-1, ::-1, ::-1].copy(), prepared.video.fps)


class DelayedCopy(Control):
    """Give the source back two frames late: steady motion looks the same."""

    deterministic = True
    card = Card(
        "Source two frames late",
        kind="control",
        licence="Apache-2.0",
        notes="The first frame stands for two more frames; what moves steadily has its directions "
        "still, and nothing was transferred.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Give each frame two frames later; one frame stays one frame."""
        frames = prepared.video.frames
        late = np.maximum(np.arange(len(frames)) - 2, 0)
        return Video(frames[late], prepared.video.fps)


class Frozen(Control):
    """Repeat the first frame: no motion at all."""

    deterministic = True
    card = Card(
        "Frozen first frame",
        kind="control",
        licence="Apache-2.0",
        notes="The source's first frame, repeated: tracking finds nothing that moves.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Give the first frame as often as the source has frames."""
        frames = prepared.video.frames
        return Video(np.repeat(frames[:1], len(frames), axis=0), prepared.video.fps)


class Reversed(Control):
    """Play the source backwards: the same places, every direction turned round."""

    deterministic = True
    card = Card(
        "Source reversed in time",
        kind="control",
        licence="Apache-2.0",
        notes="The source backwards. Clips that read the same both ways do not tell it apart.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Give the frames last to first."""
        return Video(prepared.video.frames[::-1].copy(), prepared.video.fps)


class Shuffled(Control):
    """Put the source's frames in a random order: the same pictures, no motion to follow."""

    card = Card(
        "Source with its frames shuffled",
        kind="control",
        licence="Apache-2.0",
        notes="The source's frames in an order drawn by the seed; never the source's own order.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Give the frames in an order that the seed alone decides; one frame stays one frame."""
        frames = prepared.video.frames
        rng = np.random.default_rng(seed)
        order = np.arange(len(frames))
        while len(frames) > 1 and np.array_equal(order, np.arange(len(frames))):
            order = rng.permutation(len(frames))
        return Video(frames[order], prepared.video.fps)


class OtherClip(Control):
    """Give another clip of the dataset: real motion, of the wrong clip."""

    deterministic = True
    card = Card(
        "Another clip of the dataset",
        kind="control",
        licence="Apache-2.0",
        notes="The dataset's next clip, the last one's next being the first: what motion "
        "fidelity gives to natural motion by chance.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Give the other clip, always the same for a source."""
        return prepared.other()


class Noise(Control):
    """Give noise: neither the motion nor the prompt."""

    card = Card(
        "Noise",
        kind="control",
        licence="Apache-2.0",
        notes="Independent uniform noise in every pixel, channel and frame.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Draw every value from 0 to 255 alike, by the seed alone."""
        shape = prepared.video.frames.shape
        rng = np.random.default_rng(seed)
        return Video(rng.integers(0, 256, shape, dtype=np.uint8), prepared.video.fps)
