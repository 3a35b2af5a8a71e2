"""Results whose videos have the number of each frame burned in, to be read off a screen."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from tests.builders.board_tree import BoardTree

from smmbench.results import TracksFile
from smmbench.results.files import read_scores, write_scores
from smmbench.results.scored_tracks import ScoredTracks, write_tracks
from smmbench.storage.home import file_sha256
from smmbench.video import Video, write_lossless

WIDTH, HEIGHT, BITS = 160, 96, 8
BLOCK = WIDTH // BITS  # pixels of a bit's square, along the upper edge


def numbered_video(frames: int, fps: float, hue: int) -> Video:
    """A plain video; eight squares along its upper edge are the number of the frame, in binary."""
    images = np.full((frames, HEIGHT, WIDTH, 3), (hue, 120, 255 - hue), dtype=np.uint8)
    for t in range(frames):
        for bit in range(BITS):
            left = bit * BLOCK
            images[t, :BLOCK, left : left + BLOCK] = 255 if t >> bit & 1 else 0
        x = round(t / max(1, frames - 1) * (WIDTH - 24))
        images[t, 50:74, x : x + 24] = 250
    return Video(images, fps)


class NumberedTree(BoardTree):
    """A tree of real videos: two clips, two edits each."""

    def __init__(self, folder: Path, frames: int, fps: float = 24.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, clips=2)
        self.frames, self.fps = frames, fps
        self.hashes: dict[str, str] = {}
        text = (
            'name = "toy"\nversion = 1\ntitle = "Numbered frames"\ndescription = "D"\n'
            f'licence = "CC0-1.0"\n[protocol]\nframes = {frames}\nwidth = {WIDTH}\n'
            f'height = {HEIGHT}\nfps = {fps}\ntext_model = "none"\n'
        )
        for i, name in enumerate(self.clips):
            video = numbered_video(frames, fps, 40 * i)
            path = folder / f"{name}.mkv"
            write_lossless(path, video)
            self.hashes[name] = video.pixels_sha256
            text += (
                f'[[clips]]\nname = "{name}"\nprompt = "clip {i}"\n'
                f'video = {{ path = "{name}.mkv", sha256 = "{file_sha256(path)}" }}\n'
                f'pixels_sha256 = "{video.pixels_sha256}"\nlicence = "CC0-1.0"\n'
                'attribution = "made here"\n'
            )
            for edit in self.edits:
                text += f'[[clips.edits]]\nname = "{edit}"\nprompt = "a {edit} like {name}"\n'
        self.manifest.write_text(text)

    def source_sha256(self, clip: str) -> str:
        return self.hashes[clip]

    def write_video(self, path: Path, label: str) -> None:
        write_lossless(
            path, numbered_video(self.frames, self.fps, zlib.crc32(label.encode()) % 200)
        )

    def add_tracks(self, folder: Path) -> TracksFile:
        """Give a result tracks that follow the moving square, and text similarity by frame."""
        scores = read_scores(folder)
        assert scores is not None
        x = np.linspace(12, WIDTH - 12, self.frames)
        points = np.stack([np.stack([x, np.full_like(x, 62 + k)], axis=1) for k in range(3)])
        seen = np.ones(points.shape[:2], dtype=bool)
        tracks = ScoredTracks(points.astype(np.float32), seen, points.astype(np.float32), seen)
        said = write_tracks(folder, tracks, "0" * 64)
        by_frame = {"text_similarity": tuple(np.linspace(0.2, 0.4, self.frames).tolist())}
        first, *others = scores.scores
        with_frames = first.model_copy(update={"per_frame": by_frame})
        update = {"tracks": said, "scores": (with_frames, *others)}
        write_scores(folder, scores.model_copy(update=update))
        return said
