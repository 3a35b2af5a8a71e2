"""Files on disk: paths, atomic writes, clear errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from smmbench.method import Card
from smmbench.results import (
    Environment,
    MethodFile,
    Request,
    RunRecord,
    Score,
    ScoreFile,
    find_records,
    parameters_sha256,
    read_method,
    read_record,
    read_scores,
    recorded_parameters,
    result_folder,
    write_method,
    write_record,
    write_scores,
)


def request(clip: str = "a", seed: int = 0) -> Request:
    return Request(method="m", dataset="d", dataset_version=1, clip=clip, edit="e", seed=seed)


def record(asked: Request, **changes: Any) -> RunRecord:
    parameters = {"steps": 3, "layers": ["up.1", "up.2"]}
    content: dict[str, Any] = {
        "status": "done",
        "request": asked,
        "source_sha256": "0" * 64,
        "prompt": "a cat",
        "entry": "package:Class",
        "parameters": parameters,
        "parameters_sha256": parameters_sha256("package:Class", parameters, {}),
        "environment": Environment(device="cpu", python="3.11", packages={}),
    }
    return RunRecord(**(content | changes))


def score(value: float | None) -> Score:
    return Score(metric="x", version=1, value=value, key="k", origin={})


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    folder = result_folder(tmp_path, request())
    scores = ScoreFile(request=request(), pixels_sha256="1" * 64, scores=(score(0.5), score(None)))
    about = MethodFile(label="m", entry="p:C", card=Card("M"), parameters={"d": {"steps": 3}})

    assert (read_record(folder), read_scores(folder), read_method(tmp_path)) == (None, None, None)
    write_record(folder, record(request()))
    write_scores(folder, scores)
    write_method(tmp_path, about)

    assert read_record(folder) == record(request())
    assert read_scores(folder) == scores
    assert read_method(tmp_path) == about


def test_place_of_a_result(tmp_path: Path) -> None:
    place = tmp_path / "m" / "d" / "a" / "e"
    assert result_folder(tmp_path, request(seed=7)) == place / "seed-7"
    reversed_clip = request(seed=7).model_copy(update={"reference": "reversed"})
    assert result_folder(tmp_path, reversed_clip) == place / "seed-7-reversed"


def test_records_are_found_in_order_and_from_further_down(tmp_path: Path) -> None:
    for clip in ("b", "a"):
        write_record(result_folder(tmp_path, request(clip)), record(request(clip)))
    (tmp_path / "m" / "d" / "c").mkdir()  # a killed run leaves empty folders

    assert [found.request.clip for _, found in find_records(tmp_path)] == ["a", "b"]
    assert [found.request.clip for _, found in find_records(tmp_path / "m" / "d" / "b")] == ["b"]


def test_no_results_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"No results folder .*smmbench run --method NAME"):
        list(find_records(tmp_path / "results"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        "[]",
        "null",
        '{"schema_version": 1, "surprise": 2}',
        '{"schema_version": 2, "surprise": 2}',
        '{"schema_version": true}',
        '{"schema_version": "2"}',
        '{"schema_version": 0}',
        "[" * 100_000,
    ],
)
def test_a_corrupt_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(ValueError, match=r"record\.json' is not a readable RunRecord"):
        read_record(tmp_path)


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    write_record(tmp_path, record(request()))
    path = tmp_path / "record.json"
    later = json.loads(path.read_text()) | {"schema_version": 99}
    path.write_text(json.dumps(later))
    with pytest.raises(ValueError, match="schema version 99"):
        read_record(tmp_path)
    path.write_text(json.dumps(later | {"energy_joules": 3.0}))  # a field not known here
    with pytest.raises(ValueError, match=r"schema version 99.*Upgrade smmbench"):
        read_record(tmp_path)


def test_not_a_number_is_not_a_score() -> None:
    with pytest.raises(ValidationError, match="finite"):
        score(float("nan"))


def test_the_hash_of_parameters() -> None:
    one = parameters_sha256("p:C", {"a": 1, "b": (2, 3)}, {})
    assert one == parameters_sha256("p:C", {"b": [2, 3], "a": 1}, {})
    assert one != parameters_sha256("p:D", {"a": 1, "b": (2, 3)}, {})
    assert one != parameters_sha256("p:C", {"a": 2, "b": (2, 3)}, {})
    assert one != parameters_sha256("p:C", {"a": 1, "b": (2, 3)}, {"unet": "0" * 64})


def test_where_weights_lie_is_no_part_of_the_identity_once_they_are_known() -> None:
    here, there = {"a": 1, "model": "zeroscope"}, {"a": 1, "model": "copy-of-zeroscope"}
    known = {"unet": "0" * 64}
    assert parameters_sha256("p:C", here, known, ["model"]) == parameters_sha256(
        "p:C", there, known, ["model"]
    )
    assert parameters_sha256("p:C", here, known) != parameters_sha256("p:C", there, known)
    assert parameters_sha256("p:C", here, {}, ["model"]) != parameters_sha256(
        "p:C", there, {}, ["model"]
    )


def test_a_local_folder_is_recorded_by_its_name_only(tmp_path: Path) -> None:
    (tmp_path / "zeroscope").mkdir()
    given = {"model": str(tmp_path / "zeroscope"), "output": str(tmp_path), "steps": 3}
    recorded = recorded_parameters(given, ["model"])
    assert recorded == given | {"model": "zeroscope"}
    assert recorded_parameters({"model": "owner/name"}, ["model"]) == {"model": "owner/name"}


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    """A method's videos may lie on another disk."""
    place = result_folder(tmp_path / "elsewhere", request())
    write_record(place, record(request()))
    (tmp_path / "results").mkdir()
    label = request().method
    (tmp_path / "results" / label).symlink_to(tmp_path / "elsewhere" / label)
    (tmp_path / "elsewhere" / label / "loop").symlink_to(tmp_path / "elsewhere")
    (found,) = find_records(tmp_path / "results")
    assert found[1] == record(request())
    assert found[0].is_relative_to(tmp_path / "results" / label)


def test_pairs_are_taken_round_robin_over_clips() -> None:
    from smmbench.results.limiting import round_robin

    items = ["a1", "a2", "a3", "b1", "c1", "c2"]
    taken = [round_robin(items, lambda item: item[0], n) for n in range(1, 7)]
    assert taken == [
        ["a1"],
        ["a1", "b1"],
        ["a1", "b1", "c1"],
        ["a1", "a2", "b1", "c1"],
        ["a1", "a2", "b1", "c1", "c2"],
        items,
    ]
    assert round_robin(items, lambda item: item[0], 100) == items
