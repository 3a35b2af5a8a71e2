"""Outputs made elsewhere become results: the right pair, the same pixels, nothing hidden."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smmbench.dataset import Dataset, clip_named, load_dataset, source_video
from smmbench.dataset.fetching import fetch_dataset
from smmbench.importing.frame_rule import fit_frames
from smmbench.importing.importer import Outcome, Taking, import_outputs
from smmbench.importing.output_files import Batch, find_outputs, published_outputs, read_map
from smmbench.method import Card
from smmbench.results import (
    PREVIEW,
    VIDEO,
    MethodFile,
    find_records,
    method_folder,
    read_method,
    read_record,
    write_method,
)
from smmbench.storage.home import file_sha256
from smmbench.video import NormalForm, Video, VideoError, read_video, write_lossless

ALL = [("right", "cat"), ("right", "dog"), ("left", "cat")]


@pytest.fixture
def dataset(square_dataset: Path) -> Dataset:
    return load_dataset(square_dataset)


@pytest.fixture
def outputs(dataset: Dataset, tmp_path: Path) -> Path:
    """A folder of outputs of all three pairs, named in both manners."""
    folder = tmp_path / "outputs"
    source = source_video(dataset, clip_named(dataset, "left"))
    write_lossless(folder / "right" / "cat.mkv", source)
    write_lossless(folder / "right__dog.mkv", Video(source.frames[::-1].copy(), source.fps))
    write_lossless(folder / "left" / "cat.mkv", Video(255 - source.frames, source.fps))
    (folder / "README.txt").write_text("not a video")
    (folder / ".DS_Store").write_text("hidden")
    return folder


def batch(dataset: Dataset, folder: Path) -> Batch:
    card = Card("Elsewhere", kind="imported", paper="A paper")
    return Batch("elsewhere", card, find_outputs(dataset, folder))


def run(root: Path, dataset: Dataset, files: Batch, seed: int | None = None) -> list[Outcome]:
    return list(import_outputs(root, dataset, files, seed=seed))


def test_an_import_keeps_the_pixels_and_says_where_they_are_from(
    dataset: Dataset, outputs: Path, tmp_path: Path
) -> None:
    root = tmp_path / "results"
    found = run(root, dataset, batch(dataset, outputs))
    assert [(one.pair, one.state) for one in found] == [(pair, "imported") for pair in ALL]
    folder = root / "elsewhere" / "squares" / "right" / "cat" / "seed-0"
    record = read_record(folder)
    assert record is not None
    assert record.status == "done"
    assert record.entry == "imported"
    assert record.prompt == "a cat runs"
    assert record.source_sha256 == clip_named(dataset, "right").pixels_sha256
    assert record.imported is not None
    assert record.imported.file == "cat.mkv"
    assert record.imported.sha256 == file_sha256(outputs / "right" / "cat.mkv")
    given = read_video(outputs / "right" / "cat.mkv").pixels_sha256
    assert read_video(folder / VIDEO).pixels_sha256 == record.pixels_sha256 == given
    assert (folder / PREVIEW).is_file()
    card = read_method(method_folder(root, "elsewhere"))
    assert card is not None
    assert (card.card.title, card.card.paper, card.entry) == ("Elsewhere", "A paper", "")


def test_all_imports_of_a_method_count_as_one_run(
    dataset: Dataset, outputs: Path, tmp_path: Path
) -> None:
    run(tmp_path, dataset, batch(dataset, outputs))
    records = [record for _, record in find_records(tmp_path / "elsewhere")]
    assert len(records) == 3
    assert len({record.parameters_sha256 for record in records}) == 1


def test_importing_again_does_only_what_changed(
    dataset: Dataset, outputs: Path, tmp_path: Path
) -> None:
    root = tmp_path / "results"
    run(root, dataset, batch(dataset, outputs))
    changed = read_video(outputs / "left" / "cat.mkv")
    write_lossless(outputs / "left" / "cat.mkv", Video(changed.frames // 2, changed.fps))
    found = run(root, dataset, batch(dataset, outputs))
    assert [one.state for one in found] == ["here", "here", "imported"]
    record = read_record(root / "elsewhere" / "squares" / "right" / "dog" / "seed-0")
    assert record is not None
    (root / "elsewhere" / "squares" / "right" / "dog" / "seed-0" / VIDEO).unlink()
    again = run(root, dataset, batch(dataset, outputs))
    assert [one.state for one in again] == ["here", "imported", "here"]
    assert record == read_record(root / "elsewhere" / "squares" / "right" / "dog" / "seed-0")


def test_a_video_cut_off_is_a_failed_record_and_the_rest_goes_on(
    dataset: Dataset, outputs: Path, tmp_path: Path
) -> None:
    broken = outputs / "right" / "cat.mkv"
    run(tmp_path, dataset, batch(dataset, outputs))
    broken.write_bytes(broken.read_bytes()[:2000])
    found = run(tmp_path, dataset, batch(dataset, outputs))
    assert [one.state for one in found] == ["failed", "here", "here"]
    folder = tmp_path / "elsewhere" / "squares" / "right" / "cat" / "seed-0"
    record = read_record(folder)
    assert record is not None
    assert record.failure is not None
    assert record.failure.kind == "decode"
    assert record.failure.message.startswith("'cat.mkv' is ")
    assert not (folder / VIDEO).exists()  # the earlier output is not this one's


def test_a_missing_pair_is_told(dataset: Dataset, outputs: Path, tmp_path: Path) -> None:
    (outputs / "right__dog.mkv").unlink()
    found = run(tmp_path, dataset, batch(dataset, outputs))
    assert [one.state for one in found] == ["imported", "missing", "imported"]


def test_size_and_rate_are_brought_to_the_normal_form_and_noted(
    dataset: Dataset, outputs: Path, tmp_path: Path
) -> None:
    big = np.repeat(np.repeat(np.zeros((8, 64, 96, 3), np.uint8), 2, axis=1), 2, axis=2)
    write_lossless(outputs / "right" / "cat.mkv", Video(big, fps=24.0))
    found = run(tmp_path, dataset, batch(dataset, outputs))
    assert found[0].state == "imported"
    folder = tmp_path / "elsewhere" / "squares" / "right" / "cat" / "seed-0"
    assert read_video(folder / VIDEO).frames.shape == (8, 64, 96, 3)
    record = read_record(folder)
    assert record is not None
    assert record.imported is not None
    assert record.imported.notes == (
        "24 frames a second taken as 8, frame for frame",
        "192x128 resized to 96x64",
    )


def test_too_few_frames_fail(dataset: Dataset, outputs: Path, tmp_path: Path) -> None:
    short = read_video(outputs / "right" / "cat.mkv")
    write_lossless(outputs / "right" / "cat.mkv", Video(short.frames[:5], short.fps))
    found = run(tmp_path, dataset, batch(dataset, outputs))
    assert found[0].state == "failed"
    assert "too few" in found[0].message


def test_a_folder_of_images_is_an_output(dataset: Dataset, outputs: Path, tmp_path: Path) -> None:
    frames = read_video(outputs / "right__dog.mkv").frames
    (outputs / "right__dog.mkv").unlink()
    (outputs / "right" / "dog").mkdir()
    for t, frame in enumerate(frames):
        Image.fromarray(frame).save(outputs / "right" / "dog" / f"{t:03}.png")
    found = run(tmp_path, dataset, batch(dataset, outputs))
    assert [one.state for one in found] == ["imported"] * 3
    stored = tmp_path / "elsewhere" / "squares" / "right" / "dog" / "seed-0" / VIDEO
    assert np.array_equal(read_video(stored).frames, frames)


def test_what_belongs_to_no_pair_is_an_error(dataset: Dataset, outputs: Path) -> None:
    (outputs / "right" / "cats.mp4").touch()
    with pytest.raises(ValueError, match=r"output of no pair .* Did you mean 'right/cat'\?"):
        find_outputs(dataset, outputs)


def test_two_files_of_a_pair_are_an_error(dataset: Dataset, outputs: Path) -> None:
    (outputs / "right__cat.webm").touch()
    with pytest.raises(ValueError, match="are both the output of 'right/cat'; keep one"):
        find_outputs(dataset, outputs)


def test_a_table_names_the_files(dataset: Dataset, outputs: Path) -> None:
    table = outputs / "map.csv"
    table.write_text("clip,edit,file\nright,cat,right__dog.mkv\n", encoding="utf-8-sig")
    path = outputs / "right__dog.mkv"
    assert read_map(dataset, table, outputs) == {("right", "cat"): path}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("clip,file\nright,a.mkv\n", "lacks the column edit"),
        ("clip,edit,file\nright,cat,none.mkv\n", "line 2: no file"),
        ("clip,edit,file\nright,cow,right__dog.mkv\n", "line 2: No edit of clip 'right' 'cow'"),
        ("clip,edit,file\nright,cat,\n", "line 2: no file for 'right/cat'"),
        ("clip,edit,file\n" + "right,cat,right__dog.mkv\n" * 2, "line 3: .* occurs twice"),
    ],
)
def test_a_wrong_table_is_told_by_its_line(
    dataset: Dataset, outputs: Path, text: str, told: str
) -> None:
    table = outputs / "map.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=told):
        read_map(dataset, table, outputs)


def test_results_that_were_run_here_are_not_overwritten(
    dataset: Dataset, outputs: Path, tmp_path: Path
) -> None:
    ran = MethodFile(label="elsewhere", entry="package:Class", card=Card("Ran"))
    write_method(method_folder(tmp_path, "elsewhere"), ran)
    with pytest.raises(ValueError, match="holds results of package:Class, run here"):
        run(tmp_path, dataset, batch(dataset, outputs))


def test_a_label_or_seed_out_of_place_is_refused(
    dataset: Dataset, outputs: Path, tmp_path: Path
) -> None:
    files = batch(dataset, outputs)
    with pytest.raises(ValueError, match="cannot be a method's label"):
        run(tmp_path, dataset, Batch("../up", files.card, files.files))
    with pytest.raises(ValueError, match="No seed 7 in the dataset's protocol; available: 0"):
        run(tmp_path, dataset, files, seed=7)
    assert list(tmp_path.glob("elsewhere")) == []


def test_a_dry_run_changes_nothing(dataset: Dataset, outputs: Path, tmp_path: Path) -> None:
    root = tmp_path / "results"
    found = list(import_outputs(root, dataset, batch(dataset, outputs), dry_run=True, limit=2))
    assert [one.state for one in found] == ["planned", "planned"]
    assert not root.exists()


def test_published_outputs_are_imported_by_method(
    square_dataset: Path, outputs: Path, tmp_path: Path
) -> None:
    text = square_dataset.read_text(encoding="utf-8")
    for method, clip in (("first", "right"), ("second", "right"), ("second", "left")):
        path = f"{clip}/cat.mkv"
        text += (
            f'[[outputs]]\nmethod = "{method}"\nclip = "{clip}"\nedit = "cat"\n'
            f'video = {{ path = "{path}", url = "https://a.b/{path}", '
            f'sha256 = "{file_sha256(outputs / path)}" }}\n'
        )
    for method in ("first", "second"):
        text += f'[[methods]]\nname = "{method}"\ntitle = "{method.title()}"\npaper = "P"\n'
    square_dataset.write_text(text, encoding="utf-8")
    dataset = load_dataset(square_dataset)
    with pytest.raises(ValueError, match="Run `smmbench datasets fetch squares`"):
        published_outputs(dataset)
    assert {one.state for one in fetch_dataset(dataset, outputs)} == {"fetched"}
    first, second = published_outputs(dataset)
    assert (first.label, first.card.title, first.card.paper) == ("first", "First", "P")
    states = [one.state for one in run(tmp_path, dataset, first)]
    assert states == ["imported", "missing", "missing"]
    assert [one.state for one in run(tmp_path, dataset, second)].count("imported") == 2


def test_a_dataset_without_published_outputs_says_so(dataset: Dataset) -> None:
    with pytest.raises(ValueError, match="names no published outputs"):
        published_outputs(dataset)


def test_the_command_line_imports_and_tells_what_is_missing(
    square_dataset: Path,
    outputs: Path,
    tmp_path: Path,
    smmbench: Callable[..., tuple[int, str, str]],
) -> None:
    root = tmp_path / "results"
    words = ("import", outputs, "--dataset", square_dataset, "--output", root)
    assert smmbench(*words)[0] == 2  # whose?
    code, out, _ = smmbench(*words, "--method", "elsewhere", "--dry-run", "--limit", 1)
    assert code == 0 and out.endswith("(exact)\nelsewhere: 1 planned.\n")  # which file, and how
    assert not root.exists()
    code, out, _ = smmbench(*words, "--method", "elsewhere", "--kind", "baseline")
    assert (code, out) == (0, "elsewhere: 3 imported.\n")
    card = read_method(method_folder(root, "elsewhere"))
    assert card is not None
    assert card.card.kind == "baseline"
    (outputs / "right__dog.mkv").unlink()
    code, out, _ = smmbench(*words, "--method", "elsewhere")
    assert code == 1
    assert out == "elsewhere: right/dog: missing\nelsewhere: 2 here, 1 missing.\n"
    rows = json.loads(smmbench(*words, "--method", "elsewhere", "--json")[1])
    assert [row["state"] for row in rows] == ["here", "missing", "here"]
    code, _, err = smmbench("import", "--published", "--dataset", square_dataset)
    assert code == 2
    assert "names no published outputs" in err


@pytest.mark.parametrize(
    ("count", "rate", "taking", "rule", "numbers"),
    [
        (17, 10.0, Taking(), "exact", range(16)),  # a model that makes 4 k + 1 frames
        (16, 24.0, Taking(), "exact", range(16)),
        (32, 16.0, Taking(), "resample", range(0, 32, 2)),
        (32, 16.0, Taking("exact"), "exact", range(16)),
        (32, 8.0, Taking(fps=16.0), "resample", range(0, 32, 2)),
        (17, 8.0, Taking("resample", 8.0), "resample", range(16)),
    ],
)
def test_frames_are_taken_by_number_or_in_time(
    tmp_path: Path, count: int, rate: float, taking: Taking, rule: str, numbers: range
) -> None:
    frames = np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(16, 1).repeat(16, 2)
    write_lossless(tmp_path / "a.mkv", Video(frames.repeat(3, 3), rate))
    form = NormalForm(16, 16, 16, 8.0)
    _, video, found = taking.take(tmp_path / "a.mkv", form)
    assert found == rule
    assert [int(frame[0, 0, 0]) for frame in video.frames] == list(numbers)


def test_too_few_frames_are_not_taken_frame_for_frame() -> None:
    video = Video(np.zeros((15, 4, 4, 3), np.uint8), 8.0)
    with pytest.raises(VideoError, match=r"15 frames, but 16 are needed .* --frame-rule resample"):
        fit_frames(video, NormalForm(16, 4, 4, 8.0), "exact")


def test_another_way_of_taking_frames_is_another_import(
    dataset: Dataset, outputs: Path, tmp_path: Path
) -> None:
    found = batch(dataset, outputs)
    run(tmp_path, dataset, found)
    again = list(import_outputs(tmp_path, dataset, found, taking=Taking("resample")))
    assert {one.state for one in again} == {"imported"}
    assert {one.state for one in run(tmp_path, dataset, found)} == {"here"}


def test_a_dry_run_says_which_file_and_how(dataset: Dataset, outputs: Path, tmp_path: Path) -> None:
    found = batch(dataset, outputs)
    first = next(import_outputs(tmp_path, dataset, found, dry_run=True))
    assert str(found.files["right", "cat"]) in first.message and "exact" in first.message


def test_a_broken_disk_ends_the_import_and_fails_no_file(
    dataset: Dataset, outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> str:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr("smmbench.importing.importer.content_sha256", broken)
    with pytest.raises(OSError, match="Input/output"):
        run(tmp_path, dataset, batch(dataset, outputs))
    assert not list(tmp_path.rglob("record.json"))
