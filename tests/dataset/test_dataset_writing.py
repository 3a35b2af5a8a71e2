"""One's own videos and prompts become a dataset that is sound, or a sentence that says why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smmbench.dataset import ManifestError, check_dataset, load_dataset, source_video
from smmbench.dataset.advice import advice, cut_at
from smmbench.dataset.manifest import Protocol
from smmbench.dataset.prompt_files import read_captions, read_prompts, slug
from smmbench.video import Video, write_lossless
from smmbench.video.normal import frames_at

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
    assert code == 2 and "already exists" in err


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("clip,words\na,b\n", "must have the columns clip and prompt"),
        ("clip,prompt\n", "has no line below its first"),
        ("clip,prompt\nwalk,\n", "line 2: no clip or no prompt"),
        (
            "clip,prompt\nwalk,A cat\nwalk,a cat!\n",
            "line 3: edit 'a-cat' of clip 'walk' occurs twice",
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
    (folder / "walk.mkv").rename(folder / "Walk 2.mkv")
    (folder.parent / "prompts.csv").write_text("clip,prompt\nWalk 2,A bear\n")
    code, _, err = begin(smmbench, folder)
    assert code == 2 and "cannot name a clip" in err and not list(folder.parent.rglob("*.toml"))


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


# --- folders and tables as people have them ---------------------------------------------------


@pytest.mark.parametrize(
    "table",
    [
        "clip;prompt\r\nwalk;a bear\r\n",  # a German spreadsheet
        "clip\tprompt\nwalk\ta bear\n",
        "clip, prompt\nwalk, a bear\n",  # blanks after commas
        " clip , prompt ,,\nwalk,a bear,,\n,,,\n\n",  # empty rows and columns
        "prompt,clip\na bear,walk\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_is_read_as_spreadsheets_write_it(
    tmp_path: Path, table: str, encoding: str
) -> None:
    path = tmp_path / "prompts.csv"
    path.write_bytes(table.encode(encoding))
    assert read_prompts(path)["walk"].edits == {"a-bear": "a bear"}


def test_a_prompt_keeps_the_other_separators(tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    path.write_text("clip;prompt\nwalk;a bear, a fox\n")
    assert read_prompts(path)["walk"].edits == {"a-bear-a-fox": "a bear, a fox"}
    path.write_text("clip,prompt\nwalk,a bear, a fox\n")
    with pytest.raises(ValueError, match=r"line 2: more fields .*put quotes"):
        read_prompts(path)


@pytest.mark.parametrize(
    "content",
    [
        '{"walk": ["a bear"]}',
        '{"walk": "a bear"}',
        '[{"clip": "walk", "prompt": "a bear"}]',
    ],
)
def test_prompts_may_be_json(tmp_path: Path, content: str) -> None:
    path = tmp_path / "prompts.json"
    path.write_text(content)
    assert read_prompts(path)["walk"].edits == {"a-bear": "a bear"}


@pytest.mark.parametrize("content", ["[3]", "3", "{", '[{"clip": "walk", "text": "a bear"}]'])
def test_json_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "prompts.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"prompts\.json'"):
        read_prompts(path)


def test_captions_come_from_names_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "captions.json"
    path.write_text('{"bear-walking_02": "a bear"}')
    prompts = read_prompts_of(tmp_path, "bear-walking_02", "fox")
    assert read_captions("names", prompts)["bear-walking_02"].caption == "bear walking"
    found = read_captions(str(path), prompts)
    assert (found["bear-walking_02"].caption, found["fox"].caption) == ("a bear", "")


def read_prompts_of(folder: Path, *clips: str) -> dict[str, Any]:
    path = folder / "prompts.csv"
    path.write_text("clip,prompt\n" + "".join(f"{clip},a cat\n" for clip in clips))
    return read_prompts(path)


def test_hidden_and_unnamed_videos_are_left_alone(folder: Path, smmbench: CommandLine) -> None:
    """`._walk.mkv` is what macOS leaves on other disks; IMG_1.MOV is no clip of the table."""
    (folder / "._walk.mkv").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X        ")
    (folder / "IMG_1 copy.MOV").write_bytes(b"whatever")
    code, _, err = begin(smmbench, folder)
    assert code == 0, err


def test_links_are_followed_by_new_check_and_run(folder: Path, smmbench: CommandLine) -> None:
    disk = folder.parent / "disk"
    disk.mkdir()
    (folder / "walk.mkv").rename(disk / "blob")
    (folder / "walk.mkv").symlink_to(disk / "blob")
    assert begin(smmbench, folder)[0] == 0
    code, out, _ = smmbench("datasets", "check", folder / "my-set.toml")
    assert code == 0, out
    made = ("run", "--method", "frozen", "--dataset", folder / "my-set.toml", "--limit", 1)
    assert smmbench(*made, "-o", folder.parent / "r")[0] == 0
    (disk / "blob").unlink()
    code, out, _ = smmbench("datasets", "check", folder / "my-set.toml")
    assert code == 1 and "is a link to" in out and "missing" in out


def test_a_folder_of_images_is_a_source(folder: Path, smmbench: CommandLine) -> None:
    """As DAVIS has them; the same pixels as the video, and sound by `datasets check`."""
    from PIL import Image

    (folder / "walk.mkv").unlink()
    (folder / "walk").mkdir()
    for t, frame in enumerate(moving(9).frames):
        Image.fromarray(frame).save(folder / "walk" / f"{t:05}.png")
    (folder / "walk" / ".DS_Store").write_bytes(b"\0")
    assert begin(smmbench, folder)[0] == 0
    dataset = load_dataset(folder / "my-set.toml")
    np.testing.assert_array_equal(
        source_video(dataset, dataset.manifest.clips[0]).frames, moving(9).frames[:8]
    )
    assert not any(check_dataset(dataset))
    (folder / "walk" / "00008.png").unlink()
    assert any("not the file" in fault for faults in check_dataset(dataset) for fault in faults)


@pytest.mark.parametrize("frames", [1, 2])
def test_a_clip_of_one_frame_is_named(folder: Path, smmbench: CommandLine, frames: int) -> None:
    """Two frames at 24 a second are one at 8."""
    write_lossless(folder / "walk.mkv", Video(moving(frames).frames, 24.0))
    code, _, err = begin(smmbench, folder)
    assert code == 2 and "walk.mkv' is too short" in err and "at least 2" in err


# --- advice -----------------------------------------------------------------------------------

PROTOCOL = Protocol(frames=8, width=48, height=32, fps=8.0, text_model="emoji-clip")


def test_a_sound_set_gets_no_advice() -> None:
    videos = {"a": moving(8), "b": moving(8, 40)}
    prompts = {"a": {"x": "a bear"}, "b": {"x": "a fox in the snow"}}
    assert list(advice(videos, prompts, PROTOCOL)) == []


@pytest.mark.parametrize(
    ("videos", "prompts", "said"),
    [
        ({"a": Video(moving(1).frames.repeat(8, 0), 8.0)}, {}, "is static"),
        ({"a": moving(8), "b": moving(8)}, {}, "same pixels"),
        ({"a": moving(8), "b": moving(6)}, {}, "differ in length"),
        ({}, {"a": {"x": "A bear.", "y": "a bear"}}, "are the same"),
        ({}, {"a": {"x": "a bear walking to the left"}}, "names a motion"),
        (
            {"a": Video(np.concatenate([moving(4).frames, 255 - moving(4).frames]), 8.0)},
            {},
            "cut at frame 4",
        ),
    ],
)
def test_what_weakens_a_comparison_is_said(
    videos: dict[str, Video], prompts: dict[str, dict[str, str]], said: str
) -> None:
    (line,) = advice(videos, prompts, PROTOCOL)
    assert said in line


def test_many_faults_of_a_kind_are_one_sentence() -> None:
    videos = {name: moving(8) for name in "abcdef"}
    prompts = {name: {"x": "a man riding a horse"} for name in "abcdef"}
    alike, named = advice(videos, prompts, PROTOCOL)
    assert "'a', 'b', 'c' and 3 more have the same pixels" in alike
    assert "6 prompts name a motion, such as prompt 'x' of clip 'a' ('riding')" in named


@pytest.mark.parametrize(
    ("prompt", "names"),
    [
        ("a horse gallops over ice", True),
        ("a runner on the moon", False),
        ("a robot swimming in a lake", True),
        ("a fox in the snow", False),
        ("a cat moves to the right", True),
        ("a sailing boat", True),
        ("a bear on a rise", True),
        ("a red drift of snow", False),
    ],
)
def test_prompts_that_name_a_motion_are_told_by_their_verbs(prompt: str, names: bool) -> None:
    assert bool(list(advice({}, {"a": {"x": prompt}}, PROTOCOL))) == names


def test_even_motion_is_no_cut() -> None:
    assert cut_at(np.array([30.0, 31, 29, 33])) is None
    assert cut_at(np.array([3.0, 3, 90, 3])) == 3
