"""Datasets in Croissant, held to its validator, and their datasheets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlcroissant
import pytest
from tests.builders.board_tree import BoardTree
from typer.testing import CliRunner

from smmbench.cli import app
from smmbench.dataset import Dataset, files_of, load_dataset
from smmbench.dataset.croissant import croissant
from smmbench.dataset.datasheet import QUESTIONS, Datasheet, datasheet_markdown, datasheet_of

# rdflib, which the validator reads with, warns of its own classes.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")

OURS = ("emoji", "emoji-val", "emoji-wan", "emoji-wan-val", "dmt-page", "dmt-page-five")
RAI = (  # of https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html
    "dataCollection",
    "dataCollectionRawData",
    "dataPreprocessingProtocol",
    "dataAnnotationProtocol",
    "dataUseCases",
    "dataBiases",
    "dataLimitations",
    "dataSocialImpact",
    "personalSensitiveInformation",
    "dataReleaseMaintenancePlan",
)


def validated(content: dict[str, Any]) -> mlcroissant.Dataset:
    """The description as the validator reads it; it raises if anything is wrong."""
    read = mlcroissant.Dataset(jsonld=content)
    issues = read.metadata.ctx.issues
    assert not issues.errors
    return read


@pytest.mark.parametrize("name", OURS)
def test_the_validator_finds_no_fault_and_reads_every_prompt(name: str) -> None:
    dataset = load_dataset(name)
    sheet = datasheet_of(dataset)
    assert sheet is not None
    content = croissant(dataset, sheet)
    read = validated(content)
    assert not read.metadata.ctx.issues.warnings
    assert all(content[f"rai:{field}"] for field in RAI)
    assert read.metadata.data_biases == [sheet.biases]
    assert read.metadata.data_release_maintenance_plan == sheet.maintenance
    manifest = dataset.manifest
    edits = [
        (row["edits/clip"], row["edits/edit"], row["edits/prompt"]) for row in read.records("edits")
    ]
    assert edits == [(c.name, e.name, e.prompt) for c in manifest.clips for e in c.edits]
    clips = [(row["clips/name"], row["clips/pixels_sha256"]) for row in read.records("clips")]
    assert clips == [(clip.name, clip.pixels_sha256) for clip in manifest.clips]
    hashes = {one["@id"]: one["sha256"] for one in content["distribution"]}
    assert hashes == {file.path: file.sha256 for file in files_of(manifest)}


def toy(folder: Path) -> Dataset:
    return load_dataset(str(BoardTree(folder, clips=2).manifest))


def test_without_a_datasheet_nothing_is_made_up(tmp_path: Path) -> None:
    dataset = toy(tmp_path)
    content = croissant(dataset)
    validated(content)
    assert not [key for key in content if key.startswith("rai:")]
    assert "datePublished" not in content and "creator" not in content


def test_folders_of_images_are_sets_of_files(tmp_path: Path) -> None:
    tree = BoardTree(tmp_path, clips=1)
    tree.manifest.write_text(tree.manifest.read_text().replace("clip-0.mkv", "frames/clip-0"))
    content = croissant(load_dataset(str(tree.manifest)))
    (one,) = content["distribution"]
    assert one["@type"] == "cr:FileSet" and one["includes"] == "frames/clip-0/*"
    validated(content)


def test_a_broken_description_is_refused_by_the_validator(tmp_path: Path) -> None:
    """Else the tests above could not fail."""
    content = croissant(toy(tmp_path))
    content["recordSet"][1]["field"][0]["source"] = {"fileObject": {"@id": "nowhere"}}
    with pytest.raises(mlcroissant.ValidationError):
        validated(content)


def test_a_datasheet_answers_every_question_and_lies_beside_its_manifest(tmp_path: Path) -> None:
    assert set(QUESTIONS) <= set(Datasheet.model_fields)
    dataset = toy(tmp_path)
    assert datasheet_of(dataset) is None
    sheet = datasheet_of(load_dataset("emoji"))
    assert sheet is not None
    text = datasheet_markdown(load_dataset("emoji"), sheet)
    assert all(f"## {question}\n" in text for question in QUESTIONS.values())
    (tmp_path / "datasheet.toml").write_text('motivation = "only this"\n')
    with pytest.raises(ValueError, match="is not a valid datasheet"):
        datasheet_of(dataset)
    (tmp_path / "toy.datasheet.toml").write_text("of this dataset alone, and not TOML")
    with pytest.raises(ValueError, match=r"toy\.datasheet\.toml"):
        datasheet_of(dataset)


def test_the_command_writes_both(tmp_path: Path) -> None:
    run = CliRunner()
    path = tmp_path / "croissant.json"
    done = run.invoke(app, ["datasets", "describe", "emoji-val", "--output", str(path)])
    assert done.exit_code == 0, done.output
    assert mlcroissant.Dataset(jsonld=str(path)).metadata.name == "emoji-val"
    done = run.invoke(app, ["datasets", "describe", "emoji", "--form", "datasheet"])
    assert done.exit_code == 0 and "# Datasheet of emoji" in done.stdout
    toy(tmp_path)
    done = run.invoke(
        app, ["datasets", "describe", str(tmp_path / "toy.toml"), "--form", "datasheet"]
    )
    assert done.exit_code != 0
