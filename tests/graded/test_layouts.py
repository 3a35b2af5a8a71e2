"""Folders of SimMotion and TDVE-DB: what is read, and what is refused and how."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.builders.graded import SIDE, write_synthetic, write_tdve_db, write_triplet

from smmbench.graded import find_graded
from smmbench.graded.natural import FRAMES, LONGER, protocol_for
from smmbench.graded.tdve_db import read_tdve_db
from smmbench.video import Video, write_lossless


def test_triplets_by_category_and_by_number(tmp_path: Path) -> None:
    folder = write_synthetic(tmp_path, {"view": 11, "static_object": 1})
    found = find_graded(str(folder))
    assert (found.name, found.kind, len(found.sources)) == ("simmotion-synthetic", "triplets", 12)
    names = [source.name for source in found.sources]
    assert names[0] == "static_object-example_0" and names[-1] == "view-example_10"
    assert [order.kind for source in found.sources[:2] for order in source.orders] == [
        "static_object",
        "view",
    ]
    assert "12 of the 250" in found.notes[0]
    assert len(find_graded(str(folder), limit=2).sources) == 3


def test_real_triplets_and_the_form_they_are_compared_in(tmp_path: Path) -> None:
    write_triplet(tmp_path / "examples" / "example_3")
    found = find_graded(str(tmp_path))
    (source,) = found.sources
    assert found.name == "simmotion-real" and source.name == "real-example_3"
    assert source.load is not None
    video = source.load()
    assert video.frames.shape == (FRAMES, SIDE, SIDE, 3)  # square, of twelve frames
    assert source.videos["negative"].load().frames.shape == video.frames.shape


def test_a_large_source_keeps_its_aspect(tmp_path: Path) -> None:
    path = tmp_path / "wide.mkv"
    write_lossless(path, Video(np.zeros((2, 360, 1280, 3), dtype=np.uint8), fps=8.0))
    form = protocol_for(path)
    assert (form.width, form.height) == (LONGER, 144)


def test_a_triplet_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    write_triplet(tmp_path / "view" / "example_0")
    (tmp_path / "view" / "example_0" / "negative.mp4").unlink()
    with pytest.raises(ValueError, match=r"lacks negative\.mp4.*hf download Shuberman/SimMotion-S"):
        find_graded(str(tmp_path))


def test_two_layouts_in_one_folder_are_refused(tmp_path: Path) -> None:
    write_triplet(tmp_path / "view" / "example_0")
    write_triplet(tmp_path / "examples" / "example_0")
    with pytest.raises(ValueError, match="two sets"):
        find_graded(str(tmp_path))


def test_a_folder_without_a_triplet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    with pytest.raises(ValueError, match="no triplet"):
        find_graded(str(tmp_path))


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_another_folder_says_what_is_possible(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"CSV.*emoji, emoji-wan.*SimMotion.*TDVE-DB"):
        find_graded(str(tmp_path / name))


def test_ratings_prompts_and_sources_of_tdve_db(tmp_path: Path) -> None:
    folder = write_tdve_db(tmp_path)
    found = find_graded(str(folder), "alignment", "all")
    assert [source.name for source in found.sources] == ["color-1000", "oil-painting-1001"]
    source = found.sources[0]
    assert {name: video.rating for name, video in source.videos.items()} == {
        "good": 90.0,
        "bad": 30.5,
        "none": 12.25,
    }
    assert source.videos["good"].prompt == "A red square." and source.load is not None
    assert {(one.better, one.worse) for one in source.orders} == {
        ("good", "bad"),
        ("good", "none"),
        ("bad", "none"),
    }
    assert [one.name for one in read_tdve_db(folder, "structure", "test").sources] == ["color-1000"]


def test_without_sources_ratings_still_count(tmp_path: Path) -> None:
    found = read_tdve_db(write_tdve_db(tmp_path, sources=False), "quality")
    assert found.sources[0].load is None and "missing" in found.notes[1]


def test_two_folders_of_sources_are_refused(tmp_path: Path) -> None:
    folder = write_tdve_db(tmp_path)
    other = folder / "TDVE-DB" / "color" / "original"
    shutil.copytree(folder / "TDVE-DB" / "color" / "source_video", other)
    with pytest.raises(ValueError, match="which is the source"):
        read_tdve_db(folder, "quality")


def test_a_file_of_ratings_that_is_missing_says_where_it_is_from(tmp_path: Path) -> None:
    folder = write_tdve_db(tmp_path)
    (folder / "stage2_dataset" / "feel_test.json").unlink()
    with pytest.raises(ValueError, match=r"feel_test\.json.*github\.com/JuntongWang"):
        read_tdve_db(folder, "structure")


def test_a_rated_video_that_is_missing_is_refused(tmp_path: Path) -> None:
    folder = write_tdve_db(tmp_path)
    (folder / "TDVE-DB" / "color" / "edit_video" / "good" / "1000.mp4").unlink()
    with pytest.raises(ValueError, match=r"good/1000\.mp4' is missing.*hf download Moyao001"):
        read_tdve_db(folder, "structure")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"messages": [{"role": "assistant", "content": "fair"}]}, "rating in brackets"),
        ({"messages": 3}, "rating in brackets"),
        (
            {"messages": [{"role": "assistant", "content": "x(1.0)"}], "videos": "a.mp4"},
            "edit_video",
        ),
        ({"messages": [{"role": "assistant", "content": "x(1.0)"}], "videos": 4}, "edit_video"),
    ],
)
def test_an_entry_of_another_form_is_named(tmp_path: Path, entry: object, says: str) -> None:
    folder = write_tdve_db(tmp_path)
    path = folder / "stage2_dataset" / "feel_test.json"
    path.write_text(json.dumps([*json.loads(path.read_text()), entry]))
    with pytest.raises(ValueError, match=f"entry 4.*{says}"):
        read_tdve_db(folder, "structure")


@pytest.mark.parametrize("text", ["{", '{"a": 1}', "[3]"])
def test_a_file_that_is_no_list_of_entries_is_named(tmp_path: Path, text: str) -> None:
    folder = write_tdve_db(tmp_path)
    (folder / "stage2_dataset" / "feel_test.json").write_text(text)
    with pytest.raises(ValueError, match="feel_test"):
        read_tdve_db(folder, "structure")
