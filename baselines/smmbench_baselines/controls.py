"""Controls: methods that cheat or fail in a known way, so that their scores are known.

They anchor the board: a copy of the source moves perfectly and ignores the prompt, and noise does
neither. A metric that scores them otherwise is wrong, whatever it says about the methods.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smmbench.method import Card, Method, Source
from smmbench.video import Video


@dataclass(frozen=True)
class NoParameters:
    """A control has no parameters."""


class Control(Method[NoParameters, Source]):
    """A method without preparation."""

    Parameters = NoParameters

    def prepare(self, source: Source) -> Source:
        """Keep the source as it is."""
        return source


class SourceCopy(Control):
    """Return the source: all of the motion, and nothing of the prompt."""

    deterministic = True
    card = Card(
        "Source copy",
        kind="control",
        licence="Apache-2.0",
        notes="The source itself: the highest possible motion fidelity; the prompt is ignored.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Return the source, regardless of the prompt."""
        return prepared.video


class NearCopy(Control):
    """Return the source with one pixel changed by one level, so that it is not an exact copy."""

    deterministic = True
    card = Card(
        "Source with one pixel changed",
        kind="control",
        licence="Apache-2.0",
        notes="One value of the first frame differs by 1, so that a search for equal pixels does "
        "not recognise the source.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Change the first value of the first frame."""
        frames = prepared.video.frames.copy()
        frames[0, 0, 0, 0] ^= 1
        return Video(frames, prepared.video.fps)


class RecolouredCopy(Control):
    """Return the source with rotated colour channels: another appearance, the same clip."""

    deterministic = True
    card = Card(
        "Source in other colours",
        kind="control",
        licence="Apache-2.0",
        notes="Red, green and blue are exchanged: every pixel differs, but nothing is transferred.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Rotate the order of the channels by one."""
        return Video(np.roll(prepared.video.frames, 1, axis=-1), prepared.video.fps)


class TurnedCopy(Control):
    """Return the source rotated by 180 degrees and reversed: every direction is preserved."""

    deterministic = True
    card = Card(
        "Source rotated and reversed",
        kind="control",
        licence="Apache-2.0",
        notes="Rows, columns and time are reversed, so that rightward motion stays rightward: no "
        "pixel and no frame is in its original position, but nothing is transferred.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Reverse three axes."""
        return Video(prepared.video.frames[::-1, ::-1, ::-1].copy(), prepared.video.fps)


class DelayedCopy(Control):
    """Return the source two frames late: steady motion looks the same."""

    deterministic = True
    card = Card(
        "Source two frames late",
        kind="control",
        licence="Apache-2.0",
        notes="The first frame is held for two more frames; steady motion keeps its directions, "
        "but nothing is transferred.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Delay each frame by two frames; a single frame is unchanged."""
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
        notes="The source's first frame, repeated: nothing moves.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Repeat the first frame for the length of the source."""
        frames = prepared.video.frames
        return Video(np.repeat(frames[:1], len(frames), axis=0), prepared.video.fps)


class Reversed(Control):
    """Reverse the source in time: the same positions, every direction reversed."""

    deterministic = True
    card = Card(
        "Source reversed in time",
        kind="control",
        licence="Apache-2.0",
        notes="The source in reverse. Clips that are symmetric in time do not distinguish it.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Return the frames from last to first."""
        return Video(prepared.video.frames[::-1].copy(), prepared.video.fps)


class Shuffled(Control):
    """Put the source's frames in a random order: the same pictures, no motion to follow."""

    card = Card(
        "Source with its frames shuffled",
        kind="control",
        licence="Apache-2.0",
        notes="The source's frames in a random order given by the seed, never the original order.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Return the frames in an order given by the seed; a single frame is unchanged."""
        frames = prepared.video.frames
        rng = np.random.default_rng(seed)
        order = np.arange(len(frames))
        while len(frames) > 1 and np.array_equal(order, np.arange(len(frames))):
            order = rng.permutation(len(frames))
        return Video(frames[order], prepared.video.fps)


class OtherClip(Control):
    """Return another clip of the dataset: real motion of the wrong clip."""

    deterministic = True
    card = Card(
        "Another clip of the dataset",
        kind="control",
        licence="Apache-2.0",
        notes="The dataset's next clip (wrapping around): natural motion that is unrelated to "
        "the source.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Return the other clip, always the same for a source."""
        return prepared.other()


class Noise(Control):
    """Return noise: neither the motion nor the prompt."""

    card = Card(
        "Noise",
        kind="control",
        licence="Apache-2.0",
        notes="Independent uniform noise in every pixel, channel and frame.",
    )

    def transfer(self, prepared: Source, prompt: str, seed: int) -> Video:
        """Draw every value uniformly from 0 to 255, from the seed."""
        shape = prepared.video.frames.shape
        rng = np.random.default_rng(seed)
        return Video(rng.integers(0, 256, shape, dtype=np.uint8), prepared.video.fps)
