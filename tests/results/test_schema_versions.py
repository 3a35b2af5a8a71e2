"""Stored files of every schema version are read; those of this one keep all that they hold.

`fixtures/schema-1` was written by the last code of version 1: a baseline on the embedded model, a
control, a method that fails, and an imported output, each with one pair of `emoji`.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from smmbench.method import BackboneUse, Card
from smmbench.results import (
    SCHEMA_VERSION,
    Environment,
    Imported,
    Mark,
    MethodFile,
    Request,
    RunRecord,
    Score,
    ScoreFile,
    StoredVideo,
    VideoFile,
    find_records,
    identity_of,
    parse,
    read_method,
    read_record,
    read_scores,
    scores_of,
    write_method,
    write_record,
    write_scores,
)
from smmbench.results.scored_tracks import ScoredTracks, read_tracks, write_tracks

VERSION_1 = Path(__file__).parent / "fixtures" / "schema-1"


def raw(path: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(path.read_text("utf-8"))
    return content


def test_the_fixture_is_of_version_1() -> None:
    files = sorted(VERSION_1.rglob("*.json"))
    assert len(files) == 10
    assert {raw(path)["schema_version"] for path in files} == {1}


def test_records_of_version_1_keep_what_they_hold() -> None:
    for folder, record in find_records(VERSION_1):
        was = raw(folder / "record.json")
        assert record.schema_version == SCHEMA_VERSION
        assert record.request.reference == "forward"
        assert identity_of(record) == record.parameters_sha256 == was["parameters_sha256"]
        assert record.cached_seconds == was["kept_seconds"]
        now = record.model_dump(mode="json")
        changed = {"schema_version", "kept_seconds", "request", "environment", "imported"}
        for name in was.keys() - changed:
            assert now[name] == was[name], name
        for name in ("request", "environment"):
            before = was[name]
            assert isinstance(before, dict)
            assert before.items() <= now[name].items()
        # What was not recorded is not made up.
        assert (record.backbone, record.video, record.checkpoints) == (None, None, ())
        assert (record.environment.libraries, record.environment.executor) == ({}, "")


def test_what_version_1_gave_a_method_is_the_source_unless_it_was_made_elsewhere() -> None:
    given = {
        record.request.method: record.reference_sha256 == record.source_sha256
        for _, record in find_records(VERSION_1)
    }
    assert given == {"sdedit": True, "source-copy": True, "fails": True, "elsewhere": False}
    elsewhere = next(r for _, r in find_records(VERSION_1) if r.request.method == "elsewhere")
    assert elsewhere.reference_sha256 == ""
    cards = {label: read_method(VERSION_1 / label) for label in ("sdedit", "elsewhere")}
    contracts = {label: file.card.input_contract for label, file in cards.items() if file}
    assert contracts == {"sdedit": "text", "elsewhere": ""}


def test_scores_of_version_1_are_scores() -> None:
    for folder, record in find_records(VERSION_1):
        if not (folder / "scores.json").exists():
            continue
        was = raw(folder / "scores.json")["scores"]
        assert isinstance(was, list)
        found = scores_of(folder, record)
        assert [(s.metric, s.value, s.key) for s in found.values()] == [
            (s["metric"], s["value"], s["key"]) for s in was
        ]
        file = read_scores(folder)
        assert file is not None
        assert (file.marks, file.tracks) == ((), None)


def test_what_was_read_of_version_1_is_written_as_this_version(tmp_path: Path) -> None:
    shutil.copytree(VERSION_1, tmp_path / "results")
    before = list(find_records(tmp_path / "results"))
    for folder, record in before:
        write_record(folder, record)
        assert raw(folder / "record.json")["schema_version"] == SCHEMA_VERSION
        if scores := read_scores(folder):
            write_scores(folder, scores)
            assert raw(folder / "scores.json")["schema_version"] == SCHEMA_VERSION
            assert read_scores(folder) == scores
    assert list(find_records(tmp_path / "results")) == before


def test_a_record_of_version_1_with_fields_of_version_2_is_refused(tmp_path: Path) -> None:
    path = next(VERSION_1.rglob("record.json"))
    content = raw(path) | {"stage_seconds": "soon"}
    with pytest.raises(ValueError, match="stage_seconds"):
        parse(json.dumps(content).encode(), RunRecord, "record.json")


REQUEST = Request(
    method="m",
    dataset="d",
    dataset_version=1,
    clip="a",
    edit="e",
    seed=3,
    reference="other",
)
RECORD = RunRecord(
    status="done",
    request=REQUEST,
    source_sha256="0" * 64,
    reference_sha256="1" * 64,
    reference_clip="b",
    prompt="a cat",
    entry="p:C",
    parameters={"model": "zeroscope", "steps": 3},
    parameters_sha256="2" * 64,
    checkpoints=("model",),
    weights={"unet": "3" * 64},
    backbone=BackboneUse("wan", "euler", "flow", "4k+1", 1),
    environment=Environment(
        device="cpu",
        python="3.11",
        packages={"smmbench": "1"},
        libraries={"cv2": "5.0.0"},
        executor="ray",
    ),
    cached_seconds=2.0,
    stage_seconds={"inversion": 1.5},
    pixels_sha256="4" * 64,
    video=StoredVideo(frames=2, width=4, height=3, fps=8.0, instants=(0.0, 0.2)),
    notes=("padded to 5 frames",),
    series={"guidance_loss": (0.5, 0.25)},
    imported=Imported(file="a.mp4", sha256="5" * 64, frames="exact", file_frames=2, file_fps=8.0),
)
SCORE = Score(
    metric="x",
    version=1,
    value=0.5,
    key="k",
    origin={},
    per_frame={"similarity": (0.25, None)},
    libraries={"torch": "2"},
)
MARK = Mark(name="overlay", version=1, value=0.9, threshold=0.5, side="above", key="k", origin={})


def test_every_field_of_version_2_is_read_as_it_was_written(tmp_path: Path) -> None:
    tracks = write_tracks(tmp_path, some_tracks(), key="k")
    scores = ScoreFile(
        request=REQUEST,
        pixels_sha256="4" * 64,
        scores=(SCORE,),
        marks=(MARK,),
        tracks=tracks,
        video_file=VideoFile(bytes=3, mtime_ns=4, sha256="7" * 64),
    )
    card = Card("M", family="wan", input_contract="text", authors="A", contact="a@b", seen="c")
    about = MethodFile(label="m", entry="p:C", card=card, deterministic=True)
    write_record(tmp_path, RECORD)
    write_scores(tmp_path, scores)
    write_method(tmp_path, about)
    assert read_record(tmp_path) == RECORD
    assert read_scores(tmp_path) == scores
    assert read_method(tmp_path) == about
    for kind, content in ((RunRecord, RECORD), (ScoreFile, scores), (MethodFile, about)):
        left_out = {
            name
            for name, field in kind.model_fields.items()
            if getattr(content, name) == field.get_default(call_default_factory=True)
        } - {"schema_version"}
        assert left_out <= {"prepare_seconds", "transfer_seconds", "peak_memory_bytes", "batch"} | {
            "failure",
            "parameters",
            "tuning",
        }, "a field that this test does not write"


@pytest.mark.parametrize(
    ("side", "value", "marked"),
    [
        ("above", 0.6, True),
        ("above", 0.5, False),
        ("above", None, False),
        ("below", 0.4, True),
        ("below", 0.5, False),
        ("below", None, False),
    ],
)
def test_a_mark_is_on_one_side_of_its_threshold(
    side: str, value: float | None, marked: bool
) -> None:
    assert MARK.model_copy(update={"side": side, "value": value}).marked is marked


def some_tracks() -> ScoredTracks:
    rng = np.random.default_rng(0)
    points = rng.uniform(-20, 900, (2, 7, 5, 2)).astype(np.float32)
    visible = rng.random((2, 7, 5)) > 0.5
    return ScoredTracks(points[0], visible[0], points[1], visible[1])


def test_tracks_are_read_to_a_sixteenth_of_a_pixel(tmp_path: Path) -> None:
    written = some_tracks()
    read = read_tracks(tmp_path, write_tracks(tmp_path, written, key="k"))
    for name in ("source_points", "output_points"):
        points, back = getattr(written, name), getattr(read, name)
        assert back.dtype == np.float32
        assert np.abs(points - back).max() <= 1 / 32
    np.testing.assert_array_equal(read.source_visible, written.source_visible)
    np.testing.assert_array_equal(read.output_visible, written.output_visible)


def test_tracks_that_were_changed_are_not_those_of_the_score(tmp_path: Path) -> None:
    said = write_tracks(tmp_path, some_tracks(), key="k")
    (tmp_path / "tracks.npz").write_bytes(b"else")
    with pytest.raises(ValueError, match="SHA-256 differs"):
        read_tracks(tmp_path, said)
    (tmp_path / "tracks.npz").unlink()
    with pytest.raises(ValueError, match="does not contain tracks"):
        read_tracks(tmp_path, said)
