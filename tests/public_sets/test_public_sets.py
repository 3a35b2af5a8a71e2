"""Public sets are read in their own layouts; every fixture here is of our own making."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.builders.public_sets import COPIES, davis, five, loveu, mtbench, simmotion, square_masks

from smmbench.cli.datasets import SETS
from smmbench.dataset import Dataset, load_dataset, source_video, true_masks
from smmbench.public_sets import PUBLIC_SETS, take_set
from smmbench.public_sets.ditflow import read_prompts
from smmbench.public_sets.public_set import legal_name

CommandLine = Callable[..., tuple[int, str, str]]

SMALL: dict[str, Any] = {"width": 48, "height": 32, "text_model": "emoji-clip", "grid": 12}
"""The fixtures' own size, and a text model that is here."""


def taken(name: str, root: Path, **changed: Any) -> tuple[Dataset, list[str]]:
    """Take the copy of a set that is made for tests."""
    folder = COPIES[name](root)
    prompts = root / "prompts.js" if name == "ditflow" else None
    path, notes = take_set(PUBLIC_SETS[name], folder, prompts, **{**SMALL, **changed})
    return load_dataset(path), notes


def test_the_command_line_offers_every_set() -> None:
    assert tuple(PUBLIC_SETS) == SETS == tuple(COPIES)


@pytest.mark.parametrize("name", PUBLIC_SETS)
def test_a_copy_becomes_a_set_that_is_sound(
    name: str, tmp_path: Path, smmbench: CommandLine
) -> None:
    dataset, _ = taken(name, tmp_path)
    manifest = dataset.manifest
    code, out, _ = smmbench("datasets", "check", dataset.root / f"{manifest.name}.toml")
    assert code == 0, out
    known = PUBLIC_SETS[name]
    assert manifest.name == f"{known.about.name}-own"  # its size is not the set's
    assert (manifest.protocol.frames, manifest.protocol.fps) == (known.frames, known.fps)
    assert all(clip.licence == known.about.licence and clip.attribution for clip in manifest.clips)
    assert manifest.citation == known.about.citation


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLIC_SETS)
def test_the_name_of_a_set_stands_for_its_own_protocol(name: str, tmp_path: Path) -> None:
    folder = COPIES[name](tmp_path)
    prompts = tmp_path / "prompts.js" if name == "ditflow" else None
    path, _ = take_set(PUBLIC_SETS[name], folder, prompts)
    known, dataset = PUBLIC_SETS[name], load_dataset(path)
    assert path.name == f"{known.about.name}.toml" == f"{dataset.manifest.name}.toml"
    form = dataset.manifest.protocol
    assert (form.width, form.height) == (known.width, known.height)
    with pytest.raises(FileExistsError, match="already exists"):
        take_set(known, folder, prompts)


@pytest.mark.parametrize("name", PUBLIC_SETS)
def test_a_folder_that_is_no_copy_is_told_what_a_copy_holds(name: str, tmp_path: Path) -> None:
    (tmp_path / "images.zip").touch()
    script = tmp_path / "prompts.js"
    script.write_text("const prompts = {'a': {'easy': 'a', 'medium': 'b', 'hard': 'c'}};")
    with pytest.raises(ValueError, match=r"not a copy of .+ A copy holds .+ Unpack images\.zip"):
        take_set(PUBLIC_SETS[name], tmp_path, script if name == "ditflow" else None)


def test_ditflow_takes_the_stated_range_and_masks_of_the_same_frames(tmp_path: Path) -> None:
    dataset, _ = taken("ditflow", tmp_path)
    (clip,) = dataset.manifest.clips
    assert (clip.start, clip.fps, clip.frames) == (2, 16.0, None)
    assert [(edit.name, edit.kind) for edit in clip.edits] == [
        ("caption", None),
        ("subject", "object"),
        ("scene", "both"),
    ]
    assert clip.prompt == "A kite over a field"
    assert clip.edits[1].prompt == 'An eagle\'s shadow over a field, "seen" from afar'
    frames = source_video(dataset, clip).frames
    folder = dataset.root / "JPEGImages" / "480p" / "red-kite"
    for t in (0, 3, 23):
        image = np.asarray(Image.open(folder / f"{2 + 2 * t:05}.jpg"))
        np.testing.assert_array_equal(frames[t], image)
    np.testing.assert_array_equal(true_masks(dataset, clip), square_masks(52)[2:50:2])


def test_a_clip_without_masks_has_none_and_those_of_another_size_are_refused(
    tmp_path: Path,
) -> None:
    folder = davis(tmp_path)
    masks = folder / "Annotations" / "480p" / "red-kite"
    for path in masks.iterdir():
        Image.open(path).resize((24, 16)).save(path)
    path, notes = take_set(PUBLIC_SETS["ditflow"], folder, tmp_path / "prompts.js", **SMALL)
    assert load_dataset(path).manifest.clips[0].masks is None
    assert any("do not have the size" in note for note in notes)
    path.unlink()
    shutil.rmtree(masks)
    path, notes = take_set(PUBLIC_SETS["ditflow"], folder, tmp_path / "prompts.js", **SMALL)
    assert load_dataset(path).manifest.clips[0].masks is None
    assert not any("masks" in note for note in notes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "const prompts = {};",
        "{'a': {'easy': 'b'}}",
        "{'a': b}",
        "{'a': {'easy': 'b', 'medium': 'c', 'hard': 'd', 'frame_range': '[0, 23, 1]'}}",
        "{'a': {'easy': 'b', 'medium': 'c', 'hard': 'd', 'frame_range': 'all'}}",
    ],
)
def test_another_script_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "prompts.js").write_text(text)
    with pytest.raises(ValueError, match=r"prompts\.js'"):
        read_prompts(tmp_path / "prompts.js")


def test_the_script_without_ranges_means_the_first_frames(tmp_path: Path) -> None:
    (tmp_path / "p.js").write_text("x = {'a': {'easy': 'b', 'medium': 'c', 'hard': 'd',},}")
    found = read_prompts(tmp_path / "p.js")["a"]
    assert (found.start, found.step) == (0, 1)


def test_davis_without_a_clip_is_told(tmp_path: Path) -> None:
    folder = davis(tmp_path)
    (folder / "JPEGImages" / "480p" / "red-kite").rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"No clip 'red-kite'.*Test-Dev"):
        take_set(PUBLIC_SETS["ditflow"], folder, tmp_path / "prompts.js")
    with pytest.raises(ValueError, match="needs --prompts"):
        take_set(PUBLIC_SETS["ditflow"], folder)


def test_loveu_has_four_prompts_a_clip_and_legal_names(tmp_path: Path) -> None:
    kite, cat = taken("loveu-tgve", tmp_path)[0].manifest.clips
    assert (kite.name, kite.prompt) == ("red-kite", "A kite, over a field")
    assert [edit.name for edit in cat.edits] == ["style", "object", "background", "multiple"]
    assert [edit.kind for edit in cat.edits] == [None, "object", "scene", "both"]
    assert cat.edits[1].prompt == "A dog runs"


def test_loveu_without_a_clip_is_told(tmp_path: Path) -> None:
    folder = loveu(tmp_path)
    (folder / "youtube_480p" / "480p_videos" / "cat.mp4").unlink()
    with pytest.raises(ValueError, match=r"No clip 'cat'"):
        take_set(PUBLIC_SETS["loveu-tgve"], folder)


def test_mtbench_has_levels_and_masks_at_the_rate_of_the_protocol(tmp_path: Path) -> None:
    dataset, _ = taken("mtbench", tmp_path)
    car, dog = dataset.manifest.clips
    assert (car.tags, dog.tags) == (("easy",), ("hard",))
    assert (dog.prompt, car.prompt) == ("A dog runs.", "")
    assert [edit.prompt for edit in dog.edits] == ["A robot runs.", "A bear runs on ice."]
    assert [edit.name for edit in dog.edits] == ["a-robot-runs", "a-bear-runs-on-ice"]
    assert car.masks is None
    np.testing.assert_array_equal(true_masks(dataset, dog), square_masks(100)[0:98:2])


@pytest.mark.parametrize("lost", ["videos/dog-run.mp4", "eval_prompts.txt"])
def test_mtbench_names_the_clip_that_lacks_a_file(tmp_path: Path, lost: str) -> None:
    clip = mtbench(tmp_path) / "MTBench_hard" / "dog-run"
    (clip / lost).write_text("") if lost.endswith("txt") else (clip / lost).unlink()
    with pytest.raises(ValueError, match="dog-run"):
        take_set(PUBLIC_SETS["mtbench"], clip.parent.parent)


def test_mtbench_side_by_side_or_one_level_is_read_too(tmp_path: Path) -> None:
    folder = mtbench(tmp_path) / "MTBench_hard"
    path, _ = take_set(PUBLIC_SETS["mtbench"], folder, **SMALL)
    (clip,) = load_dataset(path).manifest.clips
    assert (clip.name, clip.tags) == ("dog-run", ("hard",))


def test_five_has_all_edits_of_a_clip_without_brackets(tmp_path: Path) -> None:
    dataset, _ = taken("five", tmp_path)
    (clip,) = dataset.manifest.clips
    assert (clip.name, clip.prompt) == ("0001_kite", "A red kite over a field")
    names = [edit.name for edit in clip.edits]
    assert names == [
        *("rigid", "non-rigid", "colour", "colour-2", "material", "addition", "removal")
    ]
    assert clip.edits[0].prompt == "A green1 kite over a field"
    assert [edit.kind for edit in clip.edits[:4]] == ["object", "object", *["colour"] * 2]
    np.testing.assert_array_equal(true_masks(dataset, clip), square_masks(40))


def test_five_without_a_file_of_prompts_or_frames_is_told(tmp_path: Path) -> None:
    folder = five(tmp_path)
    (folder / "images" / "0001_kite").rename(folder / "images" / "0002_kite")
    with pytest.raises(ValueError, match=r"No clip '0001_kite'"):
        take_set(PUBLIC_SETS["five"], folder)
    (folder / "edit_prompt" / "edit6_FiVE.json").write_text('{"a": 1}')
    with pytest.raises(ValueError, match=r"edit6_FiVE\.json' must be a JSON list"):
        take_set(PUBLIC_SETS["five"], folder)
    (folder / "edit_prompt" / "edit6_FiVE.json").unlink()
    with pytest.raises(ValueError, match=r"has no 'edit_prompt/edit6_FiVE\.json'"):
        take_set(PUBLIC_SETS["five"], folder)


def test_movebench_takes_the_caption_and_no_tracks(tmp_path: Path) -> None:
    (clip,) = taken("movebench", tmp_path)[0].manifest.clips
    assert clip.name == "pexels_3c_product_0"
    assert clip.prompt == clip.edits[0].prompt == "A box, red, slides left"
    assert clip.tags == ("3c_product",)
    assert (clip.tracks, clip.masks) == (None, None)


@pytest.mark.slow
def test_simmotion_is_a_test_of_metrics(tmp_path: Path, smmbench: CommandLine) -> None:
    """Outputs of two methods, of which motion fidelity prefers the one that moves alike."""
    dataset, _ = taken("simmotion", tmp_path)
    real, made = dataset.manifest.clips
    assert [real.name, made.name] == ["real-example_2", "dynamic_object-example_10"]
    assert (real.frames, real.tags, made.tags) == (20, ("real",), ("dynamic-object",))
    manifest, results = dataset.root / "simmotion-own.toml", tmp_path / "results"
    code, out, err = smmbench("import", "--published", "--dataset", manifest, "--results", results)
    assert code == 0, out + err
    metrics = ("--metrics", "motion_fidelity", "--dataset", manifest, "--json")
    code, out, err = smmbench("score", results, *metrics)
    assert code == 0, err
    from smmbench.results import find_records, read_scores

    values: dict[str, list[float]] = {"positive": [], "negative": []}
    for folder, record in find_records(results):
        file = read_scores(folder)
        assert file is not None
        (score,) = (one for one in file.scores if one.metric == "motion_fidelity")
        assert score.value is not None
        values[record.request.method].append(score.value)
    assert min(values["positive"]) > max(values["negative"])


def test_a_triplet_that_is_not_whole_is_named(tmp_path: Path) -> None:
    folder = simmotion(tmp_path)
    (folder / "examples" / "example_2" / "negative.mp4").unlink()
    with pytest.raises(ValueError, match=r"example_2' has no negative\.mp4"):
        take_set(PUBLIC_SETS["simmotion"], folder)


@pytest.mark.parametrize(
    ("name", "legal"),
    [("Pexels_3C_product_0", "pexels_3c_product_0"), ("A clip (2)", "a-clip-2"), ("..", "clip")],
)
def test_names_become_legal(name: str, legal: str) -> None:
    assert legal_name(name) == legal


def test_two_clips_that_become_one_name_are_told(tmp_path: Path) -> None:
    folder = loveu(tmp_path)
    table = folder / "LOVEU-TGVE-2023_Dataset.csv"
    table.write_text(table.read_text("utf-8-sig").replace("cat,", "red-kite,"))
    videos = folder / "youtube_480p" / "480p_videos"
    (videos / "cat.mp4").rename(videos / "red-kite.mp4")
    with pytest.raises(ValueError, match=r"two clips named 'red-kite'"):
        take_set(PUBLIC_SETS["loveu-tgve"], folder)
