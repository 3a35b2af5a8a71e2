"""The emoji world: one sprite moving over a scene, with its caption and its ground truth."""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from jaxtyping import Float, Int
from torch import Tensor

from smmbench_datasets.emoji.atlas import OBJECTS, load_atlas
from smmbench_datasets.emoji.motions import MOTIONS, TRAINED
from smmbench_datasets.emoji.sampling import (
    FPS,
    FRAMES,
    HEIGHT,
    SPLITS,
    WIDTH,
    Clips,
    Split,
    draw_clips,
    split_of,
)
from smmbench_datasets.emoji.scenes import NOUNS, SCENES, paint_backgrounds

__all__ = [
    "FPS",
    "FRAMES",
    "HEIGHT",
    "SPLITS",
    "WIDTH",
    "Clips",
    "Split",
    "World",
    "split_of",
]


class World:
    """Samples and renders clips.

    Args:
        device: Device for rendering. Sampling is always on the CPU.

    Attributes:
        atlas: The sprites as they are stored.
        sprites: The same in the form that is drawn, on smaller tiles: RGB times alpha, then alpha.
    """

    objects = tuple(OBJECTS)
    scenes = tuple(SCENES)
    motions = tuple(MOTIONS)

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.atlas = load_atlas(self.device)
        # Sprites are shown at 26 to 74 pixels: halve the tiles once, so that bilinear sampling
        # reads about one texel per pixel and nothing flickers.
        self.sprites = nnf.interpolate(self.atlas, scale_factor=0.5, mode="area")

    def sample(self, n: int, generator: torch.Generator, split: Split = "train") -> Clips:
        """Draw clips whose combination of object, scene and motion belongs to `split`."""
        draws = 40 * n + 400  # a split has only a tenth of the combinations
        kinds = (len(OBJECTS), len(SCENES), len(TRAINED))
        o, s, m = (torch.randint(k, (draws,), generator=generator) for k in kinds)
        kept = (split_of(o, s, m) == SPLITS.index(split)).nonzero()[:n, 0]
        return self.compose(o[kept], s[kept], m[kept], generator)

    def compose(
        self, object: Tensor, scene: Tensor, motion: Tensor, generator: torch.Generator
    ) -> Clips:
        """Draw clips with the given objects, scenes and motions (indices into the names)."""
        return draw_clips(object, scene, motion, generator)

    def render(self, clips: Clips) -> Float[Tensor, "clips time 3 height width"]:
        """All frames, 0 to 1."""
        which, frame = _all_frames(clips)
        picture, _ = self._draw(clips, which, frame)
        return picture.view(len(clips), FRAMES, 3, HEIGHT, WIDTH)

    def render_frames(
        self, clips: Clips, t: Int[Tensor, " clips"]
    ) -> tuple[Float[Tensor, "clips 3 height width"], Float[Tensor, "clips 1 height width"]]:
        """Frame `t` of each clip, 0 to 1, and the alpha of its object."""
        return self._draw(clips, torch.arange(len(clips)), t.cpu())

    def masks(self, clips: Clips) -> Float[Tensor, "clips time height width"]:
        """Alpha of the object in every frame, 0 to 1; a companion does not count."""
        which, frame = _all_frames(clips)
        alpha = self._object(clips, which, frame)[:, 3]
        return alpha.view(len(clips), FRAMES, HEIGHT, WIDTH)

    def centres(self, clips: Clips) -> Float[Tensor, "clips time 2"]:
        """Centre (x, y) of the object's tile in every frame, in pixels."""
        return clips.path

    def caption(self, object: int | None, scene: int | None, motion: int | None = None) -> str:
        """What a clip shows, in words; parts may be left out, and leaving out all gives ''.

        A motion is named only with an object.
        """
        words = []
        if object is not None:
            name = self.objects[object]
            words.append(("an " if name[0] in "aeiou" else "a ") + name)
            if motion is not None:
                words.append(MOTIONS[self.motions[motion]])
        if scene is not None:
            name = self.scenes[scene]
            words.append(SCENES[name] if object is not None else NOUNS[name])
        return " ".join(words)

    def captions(self, clips: Clips, generator: torch.Generator, motion: float = 0.5) -> list[str]:
        """Object and scene of each clip, and with probability `motion` its motion too."""
        named = torch.rand(len(clips), generator=generator) < motion
        return [
            self.caption(o, s, m if told else None)
            for o, s, m, told in zip(
                clips.object.tolist(),
                clips.scene.tolist(),
                clips.motion.tolist(),
                named.tolist(),
                strict=True,
            )
        ]

    def _draw(self, clips: Clips, which: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
        """Picture and alpha of the object, for frame `frame[i]` of clip `which[i]`."""
        picture = self._background(clips, which, frame)
        if (clips.companion >= 0).any():
            companion = self._sprite(
                clips.companion[which].clamp(min=0),
                clips.companion_path[which, frame],
                clips.size[which, frame],
            )
            there = (clips.companion[which] >= 0).to(self.device)[:, None, None, None]
            picture = _over(companion * there, picture)
        sprite = self._object(clips, which, frame)
        return _over(sprite, picture), sprite[:, 3:]

    def _background(self, clips: Clips, which: Tensor, frame: Tensor) -> Tensor:
        """Evaluated once per clip if the camera stands still."""
        columns = torch.arange(WIDTH, dtype=torch.float32)
        if clips.pan.any():
            some = clips.take(which).background.to(self.device)
            x = columns + clips.pan[which, frame][:, None]
            return paint_backgrounds(some, x[:, None].to(self.device), HEIGHT)
        x = columns.expand(len(clips), 1, WIDTH).to(self.device)
        return paint_backgrounds(clips.background.to(self.device), x, HEIGHT)[which.to(self.device)]

    def _object(self, clips: Clips, which: Tensor, frame: Tensor) -> Tensor:
        return self._sprite(clips.object[which], clips.path[which, frame], clips.size[which, frame])

    def _sprite(self, object: Tensor, centre: Tensor, size: Tensor) -> Tensor:
        """Sprites at their positions, RGB times alpha and alpha, on an empty picture."""
        centre, size = centre.to(self.device), size.to(self.device)
        x = 2 * (torch.arange(WIDTH, device=self.device) - centre[:, :1]) / size[:, None]
        y = 2 * (torch.arange(HEIGHT, device=self.device) - centre[:, 1:]) / size[:, None]
        grid = torch.stack(
            [x[:, None].expand(-1, HEIGHT, -1), y[..., None].expand(-1, -1, WIDTH)], -1
        )
        return nnf.grid_sample(
            self.sprites[object.to(self.device)], grid, padding_mode="zeros", align_corners=False
        )


def _all_frames(clips: Clips) -> tuple[Int[Tensor, " frames"], Int[Tensor, " frames"]]:
    """Clip and time of every frame, clip by clip."""
    n = len(clips)
    return torch.arange(n).repeat_interleave(FRAMES), torch.arange(FRAMES).repeat(n)


def _over(sprite: Tensor, picture: Tensor) -> Tensor:
    """Composite a sprite (RGB times alpha, and alpha) over a picture."""
    return sprite[:, :3] + (1 - sprite[:, 3:]) * picture
