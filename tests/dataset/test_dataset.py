"""Manifests say what is wrong with them; files are what the manifest says, or an error."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from smmbench import plugins
from smmbench.dataset import (
    ManifestError,
    Protocol,
    add_dataset,
    check_dataset,
    clip_form,
    clip_named,
    clip_path,
    dataset_names,
    edit_named,
    load_dataset,
    pairs,
    protocol_sha256,
    source_video,
    true_masks,
    true_tracks,
)
from smmbench.dataset.summary import summary
from smmbench.scoring.motion_check import motion_check
from smmbench.scoring.prompt_check import prompt_check
from smmbench.storage.home import file_sha256, home
from smmbench.video import Video, write_lossless

CommandLine = Callable[..., tuple[int, str, str]]


def edited(manifest: Path, *changes: tuple[str, str]) -> Path:
    """Write the manifest again with each first text replaced by the second, once."""
    text = manifest.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    manifest.write_text(text, encoding="utf-8")
    return manifest


def faults(manifest: Path) -> str:
    with pytest.raises(ManifestError) as error:
        load_dataset(manifest)
    return str(error.value)


def test_a_dataset_gives_its_pairs_and_its_clips(
    square_dataset: Path, moving_square: Video
) -> None:
    dataset = load_dataset(square_dataset)
    names = [(clip.name, edit.name) for clip, edit in pairs(dataset)]
    assert names == [("right", "cat"), ("right", "dog"), ("left", "cat")]
    video = source_video(dataset, clip_named(dataset, "right"))
    assert video.pixels_sha256 == moving_square.pixels_sha256
    assert edit_named(clip_named(dataset, "left"), "cat").prompt == "a cat runs"


def test_an_unknown_name_is_told_with_a_near_one(square_dataset: Path) -> None:
    dataset = load_dataset(square_dataset)
    with pytest.raises(
        LookupError, match=r"No clip .* 'rihgt'\. Did you mean 'right'\? Available: right"
    ):
        clip_named(dataset, "rihgt")
    with pytest.raises(LookupError, match=r"No edit of clip 'right' 'cow'"):
        edit_named(clip_named(dataset, "right"), "cow")
    with pytest.raises(LookupError, match=r"No dataset 'dmt-pag'.*Did you mean 'dmt-page'"):
        load_dataset("dmt-pag")


def test_every_fault_has_its_place_and_what_came(square_dataset: Path) -> None:
    said = faults(
        edited(
            square_dataset,
            ('prompt = "a dog runs"', 'promt = "a dog runs"'),
            ('name = "left"', 'name = "Left"'),
            ("frames = 8", "frames = 1"),
        )
    )
    assert "clips[0].edits[1].promt: unknown key. Did you mean 'prompt'?" in said
    assert "clips[0].edits[1].prompt: missing." in said
    assert re.search(r"clips\[1\].name: a name is of a-z.*; got 'Left'\.", said)
    assert re.search(r"protocol.frames: .*greater than 1; got 1\.", said)
    assert all(line.startswith(f"{square_dataset}: ") for line in said.splitlines())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('name = "left"', 'name = "right"'), "clip 'right' occurs twice"),
        (('name = "dog"', 'name = "cat"'), "clips[0]: edit 'cat' occurs twice"),
        (('"right.mkv"', '"../right.mkv"'), "inside the dataset's folder"),
        (('"right.mkv"', '"/right.mkv"'), "an absolute path"),
        (('"right.mkv"', '"C:right.mkv"'), "an absolute path"),
        (('"right.mkv"', "'a\\right.mkv'"), "write '/' between folders"),
        (('"right.mkv"', '"LEFT.mkv"'), "'LEFT.mkv' and 'left.mkv' differ only in case"),
        (('"right.mkv"', '"left.mkv"'), "occurs twice with different sha256"),
        (("a dog runs", "a dog\\u0007 runs"), "character 5 (U+0007) is a control character"),
        (("a dog runs", "a dog\\u202e runs"), "character 5 (U+202E) is a control character"),
        (("a dog runs", "a dog runs "), "begins or ends with a blank"),
        (("a dog runs", ""), "clips[0].edits[1].prompt"),
        (('"right.mkv"', '"right.mkv", url = "http://a.b/c"'), "must be an https:// address"),
        (('name = "right"', 'name = "right"\nframes = 9'), "fewer frames than the protocol's 8"),
        (('licence = "CC0-1.0"\n[', "licence = 'CC0\n["), "is not TOML: "),
    ],
)
def test_a_bad_manifest_is_refused(
    square_dataset: Path, change: tuple[str, str], told: str
) -> None:
    assert told in faults(edited(square_dataset, change))


def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path) -> None:
    assert "no such file" in faults(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'title = "\xe9"')
    assert "is not UTF-8 text (byte 9)" in faults(tmp_path / "latin.toml")


def test_outputs_must_be_of_a_method_and_an_edit(square_dataset: Path) -> None:
    output = (
        f'[[outputs]]\nmethod = "m"\nclip = "left"\nedit = "cat"\n'
        f'video = {{ path = "o.mp4", sha256 = "{"0" * 64}", url = "https://a.b/o.mp4" }}\n'
    )
    text = square_dataset.read_text(encoding="utf-8")
    square_dataset.write_text(text + output, encoding="utf-8")
    assert "'m', which is not in `methods`" in faults(square_dataset)
    method = '[[methods]]\nname = "m"\ntitle = "M"\n'
    square_dataset.write_text(text + method + output.replace("cat", "cow"), encoding="utf-8")
    assert "'left/cow', which is no edit" in faults(square_dataset)
    square_dataset.write_text(text + method + output + output, encoding="utf-8")
    assert "output 'm/left/cat' occurs twice" in faults(square_dataset)


def test_a_missing_or_changed_file_says_what_to_do(square_dataset: Path) -> None:
    dataset = load_dataset(square_dataset)
    right, left = dataset.manifest.clips
    path = clip_path(dataset, right)
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(ValueError, match=r"is not the file of dataset 'squares'.*ships with"):
        clip_path(dataset, right)
    (square_dataset.parent / "left.mkv").unlink()
    with pytest.raises(ValueError, match=r"left.mkv' is missing"):
        clip_path(dataset, left)
    public = left.video.model_copy(update={"url": "https://a.b/left.mkv"})
    with pytest.raises(ValueError, match=r"Run `smmbench datasets fetch squares`"):
        clip_path(dataset, left.model_copy(update={"video": public}))


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_shipped_file_may_be_a_link_and_a_fetched_one_not(
    square_dataset: Path, tmp_path: Path
) -> None:
    """Clips lie on data disks and in caches of hubs; what is fetched is written here alone."""
    dataset = load_dataset(square_dataset)
    clip = dataset.manifest.clips[0]
    inside = square_dataset.parent / "right.mkv"
    inside.rename(tmp_path / "elsewhere.mkv")
    inside.symlink_to(tmp_path / "elsewhere.mkv")
    assert clip_path(dataset, clip) == inside
    public = clip.video.model_copy(update={"url": "https://a.b/right.mkv"})
    fetched = home() / "datasets" / "squares" / public.path
    fetched.parent.mkdir(parents=True)
    fetched.symlink_to(tmp_path / "elsewhere.mkv")
    with pytest.raises(ValueError, match=r"a link that leads out of"):
        clip_path(dataset, clip.model_copy(update={"video": public}))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_a_pipe_is_no_file_of_a_set(square_dataset: Path) -> None:
    dataset = load_dataset(square_dataset)
    (square_dataset.parent / "right.mkv").unlink()
    os.mkfifo(square_dataset.parent / "right.mkv")
    with pytest.raises(ValueError, match=r"a device or a pipe"):
        clip_path(dataset, dataset.manifest.clips[0])


def test_other_pixels_than_the_manifests_are_an_error(square_dataset: Path) -> None:
    dataset = load_dataset(square_dataset)
    clip = dataset.manifest.clips[0].model_copy(update={"pixels_sha256": "1" * 64})
    with pytest.raises(
        ValueError, match=r"decodes to other pixels .* although its file is the right"
    ):
        source_video(dataset, clip)


def test_writing_into_a_source_does_not_change_the_next(square_dataset: Path) -> None:
    dataset = load_dataset(square_dataset)
    clip = dataset.manifest.clips[0]
    source_video(dataset, clip).frames[:] = 0
    assert source_video(dataset, clip).pixels_sha256 == clip.pixels_sha256


def test_a_shorter_clip_keeps_its_own_number_of_frames(square_dataset: Path) -> None:
    dataset = load_dataset(edited(square_dataset, ("frames = 8", "frames = 9")))
    clip = dataset.manifest.clips[0]
    with pytest.raises(ValueError, match=r"too few"):
        source_video(dataset, clip)
    shorter = clip.model_copy(update={"frames": 8})
    assert clip_form(dataset, shorter).frames == 8
    assert source_video(dataset, shorter).frames.shape == (8, 64, 96, 3)


def with_truth(manifest: Path, tracks: np.ndarray, visible: np.ndarray, masks: np.ndarray) -> Path:
    folder = manifest.parent
    np.savez(folder / "tracks.npz", tracks=tracks, visible=visible)
    np.savez(folder / "masks.npz", masks=masks)
    lines = [
        f'{what} = {{ path = "{what}.npz", sha256 = "{file_sha256(folder / f"{what}.npz")}" }}'
        for what in ("tracks", "masks")
    ]
    return edited(manifest, ('name = "right"', 'name = "right"\n' + "\n".join(lines)))


def test_true_tracks_and_masks_are_read(square_dataset: Path) -> None:
    points = np.arange(3 * 8 * 2, dtype=np.float32).reshape(3, 8, 2)
    masks = np.zeros((8, 64, 96), dtype=bool)
    dataset = load_dataset(with_truth(square_dataset, points, np.ones((3, 8), dtype=bool), masks))
    right, left = dataset.manifest.clips
    assert np.array_equal(true_tracks(dataset, right).points, points)
    assert np.array_equal(true_masks(dataset, right), masks)
    with pytest.raises(ValueError, match=r"Clip 'left' of 'squares' has no true masks"):
        true_masks(dataset, left)


def test_truth_of_another_shape_or_with_objects_is_refused(square_dataset: Path) -> None:
    points = np.zeros((3, 7, 2), dtype=np.float32)
    masks = np.array([None])  # would be a pickle
    dataset = load_dataset(with_truth(square_dataset, points, np.ones((3, 7), dtype=bool), masks))
    clip = dataset.manifest.clips[0]
    with pytest.raises(ValueError, match=r"must have 8 frames, got 7"):
        true_tracks(dataset, clip)
    with pytest.raises(ValueError, match=r"does not hold the true masks.*'masks' is object"):
        true_masks(dataset, clip)
    assert len([fault for found in check_dataset(dataset) for fault in found]) == 2


def test_the_protocol_hash_sees_every_field() -> None:
    protocol = Protocol(frames=8, width=96, height=64, fps=8, text_model="m")
    assert protocol_sha256(protocol) == protocol_sha256(protocol.model_copy())
    changes = {"grid": 31, "still_threshold": 0.4, "seeds": (0, 1), "fps": 9.0, "tracker": "t"}
    hashes = {protocol_sha256(protocol.model_copy(update={k: v})) for k, v in changes.items()}
    assert len({protocol_sha256(protocol), *hashes}) == len(changes) + 1


def test_a_right_dataset_has_no_faults_and_something_moves(square_dataset: Path) -> None:
    dataset = load_dataset(square_dataset)
    found = list(check_dataset(dataset, motion_check(dataset.manifest.protocol)))
    assert found == [[], []]


def test_checking_tells_every_fault(square_dataset: Path, moving_square: Video) -> None:
    still = Video(np.repeat(moving_square.frames[:1], 8, axis=0), fps=8.0)
    write_lossless(square_dataset.parent / "left.mkv", still)
    text = square_dataset.read_text(encoding="utf-8")
    old = re.findall(r'left.mkv", sha256 = "(\w+)"|pixels_sha256 = "(\w+)"', text)
    dataset = load_dataset(
        edited(
            square_dataset,
            (old[2][0], file_sha256(square_dataset.parent / "left.mkv")),
            (old[1][1], still.pixels_sha256),
            ("a dog runs", "A cat runs"),
            ('attribution = "nobody"', 'attribution = ""'),
        )
    )
    right, left = check_dataset(dataset, motion_check(dataset.manifest.protocol))
    assert right == [
        "Clip 'right': no attribution is given.",
        "Clip 'right': two edits have the prompt 'a cat runs'.",
    ]
    assert len(left) == 1
    assert left[0].startswith("Clip 'left': nothing moves: the longest step")


def test_a_clip_that_scoring_would_refuse_is_told(
    square_dataset: Path, moving_square: Video
) -> None:
    # It moves in the first of 7 steps only; a track moves if 40 % of its steps do.
    frames = moving_square.frames.copy()
    frames[2:] = frames[1]
    fault = motion_check(load_dataset(square_dataset).manifest.protocol)
    assert fault(moving_square) == ""
    assert "nothing moves for long enough: no track has 40%" in fault(Video(frames, 8.0))


def test_an_added_dataset_is_known_by_its_name(square_dataset: Path) -> None:
    assert "squares" not in dataset_names()
    add_dataset(square_dataset)
    add_dataset(square_dataset)
    assert "squares" in dataset_names()
    assert load_dataset("squares") == load_dataset(square_dataset)
    assert summary(load_dataset("squares"))["files_here"] == 2


def test_adding_refuses_a_name_that_is_taken(square_dataset: Path, tmp_path: Path) -> None:
    add_dataset(square_dataset)
    other = tmp_path / "other.toml"
    other.write_text(square_dataset.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"'squares' of .* is taken by .*squares.toml"):
        add_dataset(other)
    with pytest.raises(ValueError, match=r"taken by an installed dataset"):
        add_dataset(edited(other, ('"squares"', '"emoji"')))
    square_dataset.unlink()
    with pytest.raises(ManifestError, match=r"no such file"):
        load_dataset("squares")
    assert (home() / "datasets" / "squares.path").is_file()


def test_an_added_dataset_can_be_forgotten(square_dataset: Path, smmbench: CommandLine) -> None:
    add_dataset(square_dataset)
    square_dataset.rename(square_dataset.with_suffix(".moved"))
    code, _, err = smmbench("datasets", "list")
    assert code == 1 and "smmbench datasets remove squares" in err
    assert smmbench("datasets", "remove", "squares")[0] == 0
    assert smmbench("datasets", "list")[0] == 0
    assert square_dataset.with_suffix(".moved").is_file()
    code, _, err = smmbench("datasets", "remove", "emoji")
    assert code == 2 and "No added dataset 'emoji'" in err


def test_a_dataset_offered_under_another_name_is_refused(
    square_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smmbench.dataset.loading.offered", lambda group: {"circles": object()})
    monkeypatch.setattr("smmbench.dataset.loading.load_offered", lambda *of: lambda: square_dataset)
    with pytest.raises(
        ManifestError, match=r"is 'squares', but the dataset is registered as 'circ"
    ):
        load_dataset("circles")


@pytest.mark.parametrize("name", sorted({*plugins.offered("smmbench.datasets")}))
def test_every_offered_dataset_is_well_formed(name: str) -> None:
    manifest = load_dataset(name).manifest
    assert manifest.licence
    assert all(clip.licence and clip.attribution for clip in manifest.clips)


def test_the_page_of_the_paper_has_what_it_shows() -> None:
    page, five = load_dataset("dmt-page").manifest, load_dataset("dmt-page-five").manifest
    assert len(page.clips) == 12
    assert len(page.outputs) == 24
    assert {clip.name: clip.frames for clip in page.clips if clip.frames} == {
        "dog_jump": 16,
        "elephant": 14,
    }
    methods = {"smm-published", "tokenflow", "gen-1", "tune-a-video", "control-a-video"}
    assert {method.name for method in five.methods} == methods
    assert len(five.outputs) == 3 * len(methods)


def test_the_command_line_adds_lists_and_shows(
    square_dataset: Path, smmbench: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smmbench.dataset.loading.offered", lambda group: {})
    assert smmbench("datasets", "add", square_dataset)[0] == 0
    code, out, err = smmbench("datasets", "list")
    assert (code, err) == (0, "")
    assert "squares" in out and "Moving squares" in out
    (row,) = json.loads(smmbench("datasets", "list", "--json")[1])
    assert (row["clips"], row["prompts"], row["files_here"]) == (2, 3, 2)
    code, out, _ = smmbench("datasets", "show", "squares")
    assert code == 0
    for word in ("a dog runs", "CC0-1.0", "nobody", "lucas-kanade"):
        assert word in out
    shown = json.loads(smmbench("datasets", "show", "squares", "--json")[1])
    assert shown["protocol"]["frames"] == 8
    assert [edit["name"] for edit in shown["clips"][0]["edits"]] == ["cat", "dog"]


def test_a_dataset_that_does_not_load_is_named_and_the_others_listed(
    square_dataset: Path, smmbench: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_dataset(square_dataset)
    monkeypatch.setattr("smmbench.dataset.loading.offered", lambda group: {"broken": object()})
    code, out, err = smmbench("datasets", "list")
    assert code == 1
    assert "squares" in out
    assert "The dataset 'broken' does not load" in err


def test_the_command_line_checks(square_dataset: Path, smmbench: CommandLine) -> None:
    code, out, _ = smmbench("datasets", "check", square_dataset)
    assert (code, out) == (0, f"{square_dataset}: no faults.\n")
    (square_dataset.parent / "left.mkv").unlink()
    code, out, _ = smmbench("datasets", "check", square_dataset)
    assert code == 1
    assert out.startswith("Clip 'left': '") and "is missing" in out
    edited(square_dataset, ("prompt =", "promt ="))
    code, out, _ = smmbench("datasets", "check", square_dataset, "--json")
    assert code == 1
    assert any("promt: unknown key" in fault for fault in json.loads(out)["faults"])


def test_a_wrong_name_is_one_line_and_exit_code_2(smmbench: CommandLine) -> None:
    code, out, err = smmbench("datasets", "show", "dmt-pages")
    assert (code, out) == (2, "")
    assert err.startswith("smmbench: No dataset 'dmt-pages'") and err.count("\n") == 1


def test_a_set_that_is_not_fetched_is_told_in_a_line(smmbench: CommandLine) -> None:
    code, out, err = smmbench("datasets", "check", "dmt-page")
    assert (code, out) == (2, "")
    assert "is not fetched" in err and "smmbench datasets fetch dmt-page" in err


def test_prompts_that_the_text_model_cannot_tell_apart_are_a_fault(square_dataset: Path) -> None:
    """What follows the tokens that a model reads is not seen."""
    dataset = load_dataset(square_dataset)
    long = " ".join(["cat"] * 400)
    clip = dataset.manifest.clips[0]
    edits = tuple(
        clip.edits[0].model_copy(update={"name": name, "prompt": f"{long} {name}"})
        for name in ("first", "second")
    )
    manifest = dataset.manifest.model_copy(
        update={"clips": (clip.model_copy(update={"edits": edits}),)}
    )
    changed = dataset.model_copy(update={"manifest": manifest})
    protocol = manifest.protocol.model_copy(update={"text_model": "emoji-clip"})
    assert list(check_dataset(changed)) == [[]]  # their texts differ
    ((fault,),) = check_dataset(changed, prompt_key=prompt_check(protocol))
    assert "'first' and 'second' are equal as far as the text model reads" in fault
