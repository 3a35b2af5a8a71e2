"""One's own videos and prompts become a dataset that is sound, or a sentence that says why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from smmbench.dataset import ManifestError, check_dataset, load_dataset, source_video
from smmbench.dataset.writing import frames_at, read_prompts, slug
from smmbench.video import Video, write_lossless

CommandLine = Callable[..., tuple[int, str, str]]
TABLE = """clip,prompt,caption
walk,A bear walks in the snow,a man walks
walk,A robot walks,
jump,A frog jumps,
"""
ABOUT = ("--licence", "CC BY 4.0", "--attribution", 'made "here"', "--text-model", "emoji-clip")


def moving(frames: int, height: int = 32, width: int = 48) -> Video:
    rng = np.random.default_rng(frames)
    ground = rng.integers(0, 99, (1, height, width, 3), dtype=np.uint8)
    content = np.repeat(ground, frames, axis=0)
    for t in range(frames):
        content[t, 8:20, 2 + 3 * t : 14 + 3 * t] = 240
    return Video(content, 8.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_lossless(tmp_path / "mine" / "walk.mkv", moving(9))  # one frame more than is wanted
    write_lossless(tmp_path / "mine" / "jump.mkv", moving(6))  # fewer
    (tmp_path / "mine" / "notes.txt").write_text("no video")
    (tmp_path / "prompts.csv").write_text(TABLE, encoding="utf-8")
    return tmp_path / "mine"


def begin(smmbench: CommandLine, folder: Path, *more: object) -> tuple[int, str, str]:
    table = folder.parent / "prompts.csv"
    words = ("datasets", "new", folder, "--prompts", table, "--name", "my-set", *ABOUT)
    return smmbench(*words, "--frames", 8, "--size", "48x32", *more)


def test_a_folder_of_videos_becomes_a_dataset_that_is_sound(
    folder: Path, smmbench: CommandLine
) -> None:
    code, _, err = begin(smmbench, folder)
    assert code == 0 and "Wrote" in err and "walk: " in err  # what was cut is told
    dataset = load_dataset(folder / "my-set.toml")
    walk, jump = dataset.manifest.clips
    assert (walk.prompt, walk.attribution, walk.frames) == ("a man walks", 'made "here"', None)
    assert [edit.name for edit in walk.edits] == ["a-bear-walks-in-the-snow", "a-robot-walks"]
    assert jump.frames == 6
    assert dataset.manifest.protocol.tracker == "dis"
    np.testing.assert_array_equal(source_video(dataset, walk).frames, moving(9).frames[:8])
    assert [fault for faults in check_dataset(dataset) for fault in faults] == []
    assert smmbench("datasets", "check", folder / "my-set.toml")[0] == 0
    assert smmbench("run", "--method", "reversed", "--dataset", folder / "my-set.toml",
                    "--output", folder / "results", "--limit", 1)[0] == 0  # fmt: skip
    code, _, err = begin(smmbench, folder)
    assert code == 2 and "is left as it is" in err


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("clip,words\na,b\n", "must have the columns clip and prompt"),
        ("clip,prompt\n", "has no line below its first"),
        ("clip,prompt\nwalk,\n", "line 2: no clip or no prompt"),
        (
            "clip,prompt\nwalk,A cat\nwalk,a cat!\n",
            "line 3: edit 'a-cat' of clip 'walk' is there twice",
        ),
        ("clip,prompt\nwalk,A bear, running\n", "line 2: more fields than the first line has"),
        (TABLE + "walk,A cow,a dog walks\n", "line 5: clip 'walk' has two captions"),
        ("clip,prompt,edit\nwalk,A bear,Bear One\n", r"would not load: clips\[0\].edits\[0\].name"),
        ("clip,prompt\nwlak,A cat\n", "No video of clip 'wlak'.*Did you mean 'walk'"),
    ],
)
def test_a_table_that_is_none_is_told(
    folder: Path, smmbench: CommandLine, table: str, said: str
) -> None:
    (folder.parent / "prompts.csv").write_text(table)
    code, _, err = begin(smmbench, folder)
    assert code == 2
    assert re.search(said, err), err
    assert not (folder / "my-set.toml").exists()


def test_wrong_sizes_and_names_are_told(folder: Path, smmbench: CommandLine) -> None:
    for more, said in (
        (("--size", "big"), "WIDTHxHEIGHT"),
        (("--size", "0x32"), "WIDTHxHEIGHT"),
        (("--fps", 0), "--fps above 0"),
        (("--name", "../out"), "--name is of a-z"),
    ):
        code, _, err = begin(smmbench, folder, *more)
        assert code == 2 and said in err and not list(folder.parent.rglob("*.toml"))
    (folder / "Walk 2.mkv").write_bytes(b"")
    code, _, err = begin(smmbench, folder)
    assert code == 2 and "cannot name a clip" in err


def test_names_are_made_of_words() -> None:
    assert slug("A cat, running!") == "a-cat-running"
    assert slug("...") == "edit" and len(slug("long " * 50)) <= 64


@pytest.mark.parametrize(
    ("frames", "rate", "found"), [(60, 30.0, 16), (20, 4.0, 39), (24, 8.0, 24), (1, 8.0, 1)]
)
def test_frames_are_counted_at_the_rate_of_the_protocol(
    frames: int, rate: float, found: int
) -> None:
    video = Video(np.zeros((frames, 2, 2, 3), np.uint8), rate)
    assert frames_at(video, 8.0) == found


def test_a_short_clip_of_another_rate_keeps_its_time(folder: Path, smmbench: CommandLine) -> None:
    fast = Video(moving(9).frames, 16.0)  # five frames at 8 a second
    write_lossless(folder / "walk.mkv", fast)
    assert begin(smmbench, folder)[0] == 0
    dataset = load_dataset(folder / "my-set.toml")
    walk = dataset.manifest.clips[0]
    assert walk.frames == 5
    np.testing.assert_array_equal(source_video(dataset, walk).frames, fast.frames[::2])


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("\ufeff" + TABLE, encoding="utf-8")
    assert list(read_prompts(tmp_path / "p.csv")) == ["walk", "jump"]


def test_a_hash_that_is_not_filled_in_is_told_alone(folder: Path, smmbench: CommandLine) -> None:
    begin(smmbench, folder)
    path = folder / "my-set.toml"
    pixels = load_dataset(path).manifest.clips[0].pixels_sha256
    path.write_text(path.read_text().replace(pixels, "0" * 64))
    dataset = load_dataset(path)
    with pytest.raises(
        ValueError, match=rf"^pixels_sha256 of clip 'walk' is not .*it is {pixels}\.$"
    ):
        source_video(dataset, dataset.manifest.clips[0])


def test_clips_that_are_all_faulty_are_not_too_few_besides(tmp_path: Path) -> None:
    path = tmp_path / "my-set.toml"
    path.write_text('name = "a"\n[[clips]]\nname = "b"\n')
    with pytest.raises(ManifestError) as raised:
        load_dataset(path)
    assert any("clips[0].video: missing" in fault for fault in raised.value.faults)
    assert not any("at least 1" in fault for fault in raised.value.faults)
