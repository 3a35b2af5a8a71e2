"""Copies of public sets in their layouts; every word, frame and mask is of our own making."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from smmbench.video import Video, write_preview

HEIGHT, WIDTH = 32, 48
DITFLOW_SCRIPT = """// our own words, in the layout of the page
const prompts = {
    'red-kite': {
        'easy': 'A kite over a field',
        'medium': 'An eagle\\'s shadow over a field, "seen" from afar',
        'hard': "A ray in the sea",
        'frame_range': '[2, 50, 2]'
    },
};
"""
LOVEU_TABLE = """Video name,Our GT caption,Style Change Caption,Object Change Caption,\
Background Change Caption,Multiple Changes Caption,Source
DAVIS Videos:,,,,,,
Red-Kite,"A kite, over a field",A kite in oil,An eagle,A kite over ice,An eagle over ice,x
,,,,,,
Youtube Videos:,,,,,,
cat,A cat runs,A cat in oil,A dog runs,A cat runs on ice,A dog runs on ice,y
"""


def square_frames(count: int, step: int = 1) -> np.ndarray:
    """Frames of a white square that moves `step` pixels a frame over a dark texture."""
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 90, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    frames = np.repeat(ground[None], count, axis=0)
    for t in range(count):
        left = (step * t) % (WIDTH - 14)
        frames[t, 8:20, left : left + 14] = 240
    return frames


def square_masks(count: int, step: int = 1) -> np.ndarray:
    """Where the square of `square_frames` is."""
    masks = np.zeros((count, HEIGHT, WIDTH), dtype=bool)
    for t in range(count):
        left = (step * t) % (WIDTH - 14)
        masks[t, 8:20, left : left + 14] = True
    return masks


def write_images(folder: Path, images: np.ndarray, first: int = 0, ending: str = "jpg") -> None:
    """Write frames or values as `00000.jpg`, `00001.jpg`, ..."""
    folder.mkdir(parents=True)
    for number, image in enumerate(images, first):
        Image.fromarray(image).save(folder / f"{number:05}.{ending}", quality=95)


def write_palette_masks(folder: Path, masks: np.ndarray) -> None:
    """Write masks as DAVIS has them: palette images in which two objects have an index each."""
    folder.mkdir(parents=True)
    for number, mask in enumerate(masks):
        values = mask.astype(np.uint8)
        values[:14] *= 2  # the upper half is another object
        image = Image.fromarray(values, "P")
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
        image.save(folder / f"{number:05}.png")


def davis(root: Path) -> Path:
    """DAVIS: folders of 52 numbered frames, of which one clip has prompts and masks."""
    folder = root / "DAVIS"
    for clip in ("red-kite", "other"):
        write_images(folder / "JPEGImages" / "480p" / clip, square_frames(52))
    write_palette_masks(folder / "Annotations" / "480p" / "red-kite", square_masks(52))
    (root / "prompts.js").write_text(DITFLOW_SCRIPT, encoding="utf-8")
    return folder


def loveu(root: Path) -> Path:
    """LOVEU-TGVE: frames in one part, a video in another."""
    folder = root / "loveu"
    write_images(folder / "DAVIS_480p" / "480p_frames" / "Red-Kite", square_frames(26))
    video = folder / "youtube_480p" / "480p_videos" / "cat.mp4"
    write_preview(video, Video(square_frames(26), 8.0))
    (folder / "LOVEU-TGVE-2023_Dataset.csv").write_text(LOVEU_TABLE, encoding="utf-8-sig")
    return folder


def mtbench(root: Path) -> Path:
    """MTBench: a folder a clip, by level; a mask for each frame of a video of 16 a second."""
    folder = root / "MTBench"
    clip = folder / "MTBench_hard" / "dog-run"
    write_preview(clip / "videos" / "dog-run.mp4", Video(square_frames(100), 16.0))
    write_images(clip / "masks" / "dog-run", square_masks(100).astype(np.uint8) * 255, ending="png")
    (clip / "eval_prompts.txt").write_text("A robot runs.  \nA bear runs on ice.\n\n")
    (clip / "prompts.txt").write_text("A dog runs.\n")
    (clip / "videos.txt").write_text("videos/dog-run.mp4\n")
    other = folder / "MTBench_easy" / "car"
    write_preview(other / "videos" / "car.mp4", Video(square_frames(49), 8.0))
    (other / "eval_prompts.txt").write_text("A bus drives.\n")
    return folder


def five(root: Path) -> Path:
    """FiVE: six files of prompts; frames and masks from number 1 on, as JPEG."""
    folder = root / "five"
    (folder / "edit_prompt").mkdir(parents=True)
    for number in range(1, 7):
        row = {
            "editing_type_id": number,
            "video_name": "0001_kite",
            "save_dir": f"kite_{number}",
            "source_prompt": "A [red] kite over a field",
            "target_prompt": f"A [green{number}] kite  over a field",
        }
        more = [{**row, "target_prompt": "A [blue] kite over a field"}] if number == 3 else []
        text = json.dumps([row, *more])
        (folder / "edit_prompt" / f"edit{number}_FiVE.json").write_text(text)
    write_images(folder / "images" / "0001_kite", square_frames(42), first=1)
    masks = np.repeat(square_masks(42)[..., None], 3, axis=-1).astype(np.uint8) * 255
    write_images(folder / "bmasks" / "0001_kite", masks, first=1)
    return folder


def movebench(root: Path) -> Path:
    """MoveBench: a list of captions, and videos of 81 frames at 16 a second."""
    folder = root / "MoveBench"
    clip = "Pexels_3C_product_0"
    write_preview(folder / "en" / "video" / f"{clip}.mp4", Video(square_frames(81), 16.0))
    (folder / "en" / "single_track.txt").write_text(f"# list\n{clip}.mp4,A box, red, slides left\n")
    tracks = folder / "en" / "track" / "single" / f"{clip}_tracks.npy"
    tracks.parent.mkdir(parents=True)
    np.save(tracks, np.zeros((1, 81, 1, 2), np.float32))
    return folder


def simmotion(root: Path) -> Path:
    """SimMotion: a real and a synthetic triplet, whose negatives move faster and are shorter."""
    folder = root / "simmotion"
    for triplet in (folder / "examples" / "example_2", folder / "dynamic_object" / "example_10"):
        for role, step, count in (("ref", 1, 30), ("positive", 1, 30), ("negative", 3, 20)):
            frames = square_frames(count, step)
            look = frames if role == "ref" else 255 - frames // 2
            write_preview(triplet / f"{role}.mp4", Video(look, 8.0))
    return folder


COPIES: dict[str, Callable[[Path], Path]] = {
    "ditflow": davis,
    "five": five,
    "loveu-tgve": loveu,
    "movebench": movebench,
    "mtbench": mtbench,
    "simmotion": simmotion,
}
"""A copy of each set that is read, by the name that the command line takes."""


def davis_50(root: Path) -> Path:
    """DAVIS with the 50 clips of `smmbench-real`, 24 small frames each, and a script for them."""
    from smmbench.public_sets.real import real_protocol

    clips = real_protocol().clips
    folder = root / "DAVIS-50"
    frames = square_frames(24)
    script = {}
    for name in (*clips.tuning, *clips.board):
        write_images(folder / "JPEGImages" / "480p" / name, frames)
        level = {"easy": f"a {name}", "medium": f"a red {name}", "hard": f"a red {name} on ice"}
        script[name] = {**level, "frame_range": "[0, 24, 1]"}
    write_palette_masks(folder / "Annotations" / "480p" / "bear", square_masks(24))
    (root / "prompts-50.js").write_text(f"const prompts = {json.dumps(script)};")
    return folder
