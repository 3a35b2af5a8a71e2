"""Public sets are read in their own layouts; every fixture here is of our own making."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smmbench.dataset import load_dataset, source_video
from smmbench.dataset.public_sets import (
    davis_clips,
    loveu_clips,
    read_ditflow_prompts,
    read_loveu_prompts,
)
from smmbench.video import Video, write_lossless

CommandLine = Callable[..., tuple[int, str, str]]
SCRIPT = """// our own words, in their layout
const prompts = {
    'red-kite': {
        'easy': 'A kite over a field',
        'medium': 'An eagle\\'s shadow over a field, "seen" from afar',
        'hard': "A ray in the sea",
    },
};
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.js"
    path.write_text(SCRIPT)
    return path


@pytest.fixture
def davis(tmp_path: Path) -> Path:
    """A copy of DAVIS: folders of numbered frames, of which one clip has prompts."""
    rng = np.random.default_rng(0)
    for clip in ("red-kite", "other"):
        folder = tmp_path / "DAVIS" / "JPEGImages" / "480p" / clip
        folder.mkdir(parents=True)
        ground = rng.integers(0, 90, (32, 48, 3), dtype=np.uint8)
        for t in range(9):
            image = ground.copy()
            image[8:20, 3 * t : 3 * t + 14] = 240
            Image.fromarray(image).save(folder / f"{t:05}.jpg", quality=95)
    return tmp_path / "DAVIS"


def test_the_set_is_sound_and_takes_frames_one_after_the_other(
    davis: Path, script: Path, smmbench: CommandLine
) -> None:
    more = ("--frames", 8, "--size", "48x32", "--text-model", "emoji-clip")
    code, _, err = smmbench("datasets", "import", "ditflow", davis, "--prompts", script, *more)
    assert code == 0, err
    code, out, _ = smmbench("datasets", "check", davis / "ditflow-davis.toml")
    assert code == 0, out
    dataset = load_dataset(davis / "ditflow-davis.toml")
    (clip,) = dataset.manifest.clips
    assert [edit.name for edit in clip.edits] == ["caption", "subject", "scene"]
    assert clip.prompt == "A kite over a field"
    assert clip.edits[1].prompt == 'An eagle\'s shadow over a field, "seen" from afar'
    assert "DAVIS" in clip.licence and "CC BY-SA" in clip.licence
    frames = source_video(dataset, clip).frames
    fourth = Image.open(davis / "JPEGImages" / "480p" / "red-kite" / "00003.jpg")
    np.testing.assert_array_equal(frames[3], np.asarray(fourth))
    assert (
        smmbench("datasets", "import", "ditflow", davis, "--prompts", script, *more)[0] == 2
    )  # is there


@pytest.mark.parametrize("text", ["", "const prompts = {};", "{'a': {'easy': 'b'}}", "{'a': b}"])
def test_another_script_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "prompts.js").write_text(text)
    with pytest.raises(ValueError, match=r"prompts\.js'"):
        read_ditflow_prompts(tmp_path / "prompts.js")


def test_a_copy_without_a_clip_is_told(davis: Path, script: Path, tmp_path: Path) -> None:
    prompts = read_ditflow_prompts(script)
    (davis / "JPEGImages" / "480p" / "red-kite").rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"No clip 'red-kite'"):
        davis_clips(davis, prompts)
    with pytest.raises(ValueError, match=r"no copy of DAVIS"):
        davis_clips(tmp_path, prompts)


LOVEU = """Video name,Our GT caption,Style Change Caption,Object Change Caption,\
Background Change Caption,Multiple Changes Caption,Source
DAVIS Videos:,,,,,,
red-kite,"A kite, over a field",A kite in oil,An eagle,A kite over ice,An eagle over ice,x
,,,,,,
Youtube Videos:,,,,,,
cat,A cat runs,A cat in oil,A dog runs,A cat runs on ice,A dog runs on ice,y
"""


@pytest.fixture
def loveu(davis: Path, tmp_path: Path) -> Path:
    """A copy of the set: frames in one part, a video in another."""
    folder = tmp_path / "loveu"
    (folder / "DAVIS_480p" / "480p_frames").mkdir(parents=True)
    (davis / "JPEGImages" / "480p" / "red-kite").rename(
        folder / "DAVIS_480p" / "480p_frames" / "red-kite"
    )
    frames = np.random.default_rng(0).integers(0, 255, (9, 32, 48, 3), dtype=np.uint8)
    write_lossless(folder / "youtube_480p" / "480p_videos" / "cat.mkv", Video(frames, 8.0))
    (folder / "LOVEU-TGVE-2023_Dataset.csv").write_text(LOVEU, encoding="utf-8-sig")
    return folder


def test_loveu_has_four_prompts_a_clip(loveu: Path, smmbench: CommandLine) -> None:
    more = ("--frames", 8, "--size", "48x32", "--text-model", "emoji-clip")
    code, _, err = smmbench("datasets", "import", "loveu-tgve", loveu, *more)
    assert code == 0, err
    dataset = load_dataset(loveu / "loveu-tgve.toml")
    kite, cat = dataset.manifest.clips
    assert kite.prompt == "A kite, over a field"
    assert [edit.name for edit in cat.edits] == ["style", "object", "background", "multiple"]
    assert cat.edits[1].prompt == "A dog runs"
    assert [len(source_video(dataset, clip).frames) for clip in (kite, cat)] == [8, 8]


def test_a_copy_of_loveu_without_its_table_or_a_clip_is_told(loveu: Path, tmp_path: Path) -> None:
    prompts = read_loveu_prompts(loveu)
    (loveu / "youtube_480p" / "480p_videos" / "cat.mkv").unlink()
    with pytest.raises(ValueError, match=r"No clip 'cat'"):
        loveu_clips(loveu, prompts)
    with pytest.raises(ValueError, match=r"no copy of LOVEU-TGVE"):
        read_loveu_prompts(tmp_path)
