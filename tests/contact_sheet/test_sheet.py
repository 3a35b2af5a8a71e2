"""The contact sheet: every frame in its place, and a reason for every missing video."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from smmbench.cli.sheet import register
from smmbench.contact_sheet.rows import Choice, chosen_results, pairs_of, sheet_rows, worst_rows
from smmbench.contact_sheet.sheet import (
    GAP,
    GREY,
    LABEL,
    Heading,
    Row,
    contact_sheet,
    evenly_spaced,
    wrap,
)
from smmbench.dataset import Clip, Dataset, Edit, File, Manifest, Protocol
from smmbench.method import Card
from smmbench.results import (
    VIDEO,
    Environment,
    Failure,
    Mark,
    MethodFile,
    Request,
    RunRecord,
    Score,
    ScoreFile,
    read_record,
    result_folder,
    write_method,
    write_record,
    write_scores,
)
from smmbench.storage.home import file_sha256
from smmbench.video import Video, write_lossless

ENVIRONMENT = Environment(device="cpu", python="3", packages={})


def grey_levels(count: int, height: int = 32, width: int = 64) -> Video:
    """Frame `t` is all `10 t`."""
    levels = (10 * np.arange(count, dtype=np.uint8))[:, None, None, None]
    return Video(np.broadcast_to(levels, (count, height, width, 3)).copy(), 8.0)


# --- the drawing ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "columns", "expected"),
    [(9, 3, [0, 4, 8]), (9, 9, list(range(9))), (2, 5, [0, 1]), (9, 1, [4]), (1, 4, [0])],
)
def test_frames_are_evenly_spaced(count: int, columns: int, expected: list[int]) -> None:
    frames = evenly_spaced(grey_levels(count), columns)
    assert [int(frame[0, 0, 0]) // 10 for frame in frames] == expected


def test_frames_stand_in_their_columns_unchanged() -> None:
    frames = evenly_spaced(grey_levels(8), 4)
    sheet = contact_sheet([Row("copy", frames=frames)], 4, tile=64)
    pixels = np.asarray(sheet)
    assert sheet.width == LABEL + 4 * (64 + GAP)
    for column, frame in enumerate(frames):
        left = LABEL + column * (64 + GAP)
        assert np.array_equal(pixels[GAP : GAP + 32, left : left + 64], frame)


def test_row_without_video_is_grey_with_its_reason() -> None:
    quiet = np.asarray(contact_sheet([Row("smm", reason=".")], 4))
    loud = np.asarray(contact_sheet([Row("smm", reason="Failed: out of memory")], 4))
    for pixels in (quiet, loud):
        right = pixels[:, LABEL + GAP :]
        assert (right == GREY).all(axis=-1).mean() > 0.7
    assert (quiet != loud).any()


def test_rows_of_other_aspects_and_long_labels_fit() -> None:
    tall = Row("tall", frames=np.zeros((2, 96, 32, 3), np.uint8))
    wide = Row("wide", frames=np.zeros((4, 20, 96, 3), np.uint8))
    said = Row("long", "a word and another " * 30, np.zeros((4, 20, 96, 3), np.uint8))
    sizes = [contact_sheet([row], 4, tile=32).size for row in (tall, wide, said)]
    assert len({width for width, _ in sizes}) == 1
    assert sizes[0][1] == 96 + 2 * GAP
    assert sizes[2][1] > 200
    together = contact_sheet([Heading("clip"), tall, wide, said], 4, tile=32)
    assert together.height > sum(height for _, height in sizes)


def test_text_is_wrapped_and_nothing_lost() -> None:
    text = "a robot rides through the desert " + "x" * 200
    lines = wrap(text, 150)
    assert len(lines) > 3
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert wrap("", 150) == []


@pytest.mark.parametrize(("rows", "columns"), [([], 4), ([Heading("x")], 0)])
def test_sheet_of_nothing_is_an_error(rows: list[Heading | Row], columns: int) -> None:
    with pytest.raises(ValueError, match="needs rows, columns"):
        contact_sheet(rows, columns)


# --- what it shows --------------------------------------------------------------------------


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """One clip of eight frames with two edits; its file is where the manifest says."""
    video = grey_levels(8)
    write_lossless(tmp_path / "set" / "clip.mkv", video)
    clip = Clip(
        name="clip",
        video=File(path="clip.mkv", sha256=file_sha256(tmp_path / "set" / "clip.mkv")),
        pixels_sha256=video.pixels_sha256,
        prompt="a grey sheet gets lighter",
        licence="CC0-1.0",
        attribution="made in a test",
        edits=(Edit(name="fox", prompt="a fox"), Edit(name="owl", prompt="an owl")),
    )
    protocol = Protocol(frames=8, width=64, height=32, fps=8.0, text_model="none")
    manifest = Manifest(
        name="tiny",
        version=1,
        title="Tiny",
        description="",
        licence="CC0-1.0",
        protocol=protocol,
        clips=(clip,),
    )
    return Dataset(manifest=manifest, root=tmp_path / "set")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """`copy` did both edits, `smm` failed at one and was not run on the other."""
    root = tmp_path / "results"
    _store(root, "copy", "fox", grey_levels(8))
    _store(root, "copy", "owl", grey_levels(8))
    _store(root, "smm", "fox", None)
    return root


def _store(root: Path, method: str, edit: str, video: Video | None, seed: int = 0) -> Path:
    request = Request(
        method=method, dataset="tiny", dataset_version=1, clip="clip", edit=edit, seed=seed
    )
    failure = Failure(kind="nan", message="The latent became NaN.", stage="transfer")
    folder = result_folder(root, request)
    write_record(
        folder,
        RunRecord(
            status="done" if video else "failed",
            request=request,
            source_sha256="0" * 64,
            prompt={"fox": "a fox", "owl": "an owl"}[edit],
            entry="somewhere:Class",
            parameters={},
            parameters_sha256="0" * 64,
            environment=ENVIRONMENT,
            transfer_seconds=1.5,
            pixels_sha256=video.pixels_sha256 if video else "",
            failure=None if video else failure,
        ),
    )
    if video:
        write_lossless(folder / VIDEO, video)
    return folder


def _rows(root: Path, dataset: Dataset | None, choice: Choice | None = None) -> list[Heading | Row]:
    choice = choice or Choice()
    found = chosen_results(root, dataset, choice)
    return list(sheet_rows(found, pairs_of(found), dataset, choice, 4))


def _said(rows: list[Heading | Row]) -> list[str]:
    return [
        row.text if isinstance(row, Heading) else f"{row.title}, {row.text}, {row.reason}"
        for row in rows
    ]


def test_source_comes_first_then_every_method_of_every_edit(
    results: Path, dataset: Dataset
) -> None:
    rows = _rows(results, dataset)
    assert _said(rows) == [
        "tiny / clip",
        "source, a grey sheet gets lighter, ",
        "fox: a fox",
        "copy, seed 0, done in 1.5 s, ",
        "smm, seed 0, Failed (nan, transfer): The latent became NaN.",
        "owl: an owl",
        "copy, seed 0, done in 1.5 s, ",
        "smm, seed 0, No result: not run, or not imported.",
    ]
    shown = [row.frames is not None for row in rows if isinstance(row, Row)]
    assert shown == [True, True, False, True, False]


def _score_as(folder: Path, value: float, marks: tuple[Mark, ...] = ()) -> None:
    record = read_record(folder)
    assert record is not None
    score = Score(
        metric="motion_fidelity", version=2, value=value, details={}, key="0" * 64, origin={}
    )
    file = ScoreFile(
        request=record.request, pixels_sha256=record.pixels_sha256, scores=(score,), marks=marks
    )
    write_scores(folder, file)


def test_the_worst_come_first_with_their_numbers(results: Path, dataset: Dataset) -> None:
    for edit, value in (("fox", 0.5), ("owl", -0.25)):
        folder = next(results.glob(f"copy/*/*/{edit}/seed-0"))
        _score_as(folder, value)
    found = chosen_results(results, dataset, Choice())
    said = _said(list(worst_rows(found, "motion_fidelity", 10, dataset, 4)))
    assert said[0] == "1. tiny / clip / owl" and said[4] == "2. tiny / clip / fox"
    assert "motion_fidelity -0.250" in said[3] and "motion_fidelity 0.500" in said[7]
    assert len(list(worst_rows(found, "motion_fidelity", 1, dataset, 4))) == 4
    with pytest.raises(ValueError, match="has a number of 'text_similarity'"):
        list(worst_rows(found, "text_similarity", 1, dataset, 4))
    with pytest.raises(LookupError, match="Did you mean 'motion_fidelity'"):
        list(worst_rows(found, "motion_fidelty", 1, dataset, 4))


def test_marked_results_come_before_the_worst_but_not_those_of_controls(
    results: Path, dataset: Dataset
) -> None:
    mark = Mark(
        name="moving_structure",
        version=1,
        value=0.01,
        threshold=0.05,
        side="below",
        key="0" * 64,
        origin={},
    )
    for edit, value, marks in (("fox", 0.9, (mark,)), ("owl", -0.25, ())):
        _score_as(next(results.glob(f"copy/*/*/{edit}/seed-0")), value, marks)
    found = chosen_results(results, dataset, Choice())
    said = _said(list(worst_rows(found, "motion_fidelity", 2, dataset, 4)))
    assert said[0] == "1. tiny / clip / fox" and said[4] == "2. tiny / clip / owl"
    assert "marked: moving_structure 0.010" in said[3] and "marked" not in said[7]
    card = Card("Copy", kind="control", licence="Apache-2.0")
    write_method(results / "copy", MethodFile(label="copy", entry="a:Copy", card=card))
    said = _said(list(worst_rows(found, "motion_fidelity", 2, dataset, 4)))
    assert said[0] == "1. tiny / clip / owl"


def test_source_that_cannot_be_had_is_a_row_that_says_so(results: Path) -> None:
    source = _rows(results, None)[1]
    assert isinstance(source, Row)
    assert source.frames is None
    assert "No dataset 'tiny'" in source.reason


def test_video_that_is_gone_or_another_is_a_row_that_says_so(
    results: Path, dataset: Dataset
) -> None:
    folder = _store(results, "copy", "fox", grey_levels(8))
    write_lossless(folder / VIDEO, grey_levels(7))
    assert "does not match its record" in _said(_rows(results, dataset))[3]
    (folder / VIDEO).unlink()
    assert "no such file" in _said(_rows(results, dataset))[3]


def test_choice_keeps_its_order_of_methods(results: Path, dataset: Dataset) -> None:
    _store(results, "copy", "fox", grey_levels(8), seed=1)
    choice = Choice(edits=("fox",), seeds=(1, 0), methods=("smm", "copy"))
    assert [line[:12] for line in _said(_rows(results, dataset, choice))[3:]] == [
        "smm, seed 1,",
        "smm, seed 0,",
        "copy, seed 1",
        "copy, seed 0",
    ]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(clips=("clib",)), r"No clip in the results 'clib'\. Did you mean 'clip'\?"),
        (Choice(edits=("bear",)), "No edit in the results 'bear'; available: fox, owl"),
        (Choice(seeds=(7,)), "No seed in the results '7'; available: 0"),
        (
            Choice(methods=("ssm",)),
            r"No method in the results 'ssm'\. Did you mean 'smm'\? Available: copy, smm",
        ),
        (Choice(edits=("owl",), methods=("smm",)), "all of the given options together"),
    ],
)
def test_choice_of_what_is_not_there(results: Path, choice: Choice, message: str) -> None:
    with pytest.raises(LookupError, match=message):
        chosen_results(results, None, choice)


# --- the command ----------------------------------------------------------------------------


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    register(app)
    return app


def test_command_writes_an_image_and_prints_its_path(
    app: typer.Typer, results: Path, tmp_path: Path
) -> None:
    image = tmp_path / "new" / "sheet.png"
    chosen = ["--method", "copy", "--edit", "fox", "--columns", "3", "--tile", "64"]
    ran = CliRunner().invoke(app, [str(results), *chosen, "--output", str(image)])
    assert ran.exit_code == 1  # the source is of no installed dataset
    assert ran.stdout == f"{image}\n"
    assert "Rows without a video: 1;" in ran.stderr
    with Image.open(image) as sheet:
        assert sheet.width == LABEL + 3 * (64 + GAP)


def test_command_says_what_it_left_out(app: typer.Typer, results: Path, tmp_path: Path) -> None:
    image = tmp_path / "sheet.png"
    arguments = [str(results), "--limit", "1", "--json", "--output", str(image)]
    ran = CliRunner().invoke(app, arguments)
    outcome = {"image": str(image), "pairs": 1, "of_pairs": 2, "empty_rows": 2}
    assert json.loads(ran.stdout) == outcome
    assert "1 of 2 pairs are shown" in ran.stderr


def test_command_wants_a_png(app: typer.Typer, results: Path) -> None:
    ran = CliRunner().invoke(app, [str(results), "--output", "sheet.pdf"])
    assert isinstance(ran.exception, ValueError)
    assert "must end in .png, got 'sheet.pdf'" in str(ran.exception)
