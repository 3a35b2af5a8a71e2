"""Inputs that failed in neighbouring projects, by public reports; each keeps the right outcome.

Where a case is tested beside the code that it concerns, its test is named in `ELSEWHERE`; the
others are tested here.
"""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from smmbench.dataset import load_dataset
from smmbench.dataset.prompt_files import read_prompts
from smmbench.diffusion.loading import load_schedule, load_text
from smmbench.diffusion.model_index import read_layout
from smmbench.diffusion.text import ClipText
from smmbench.importing.output_files import read_map

CommandLine = Callable[..., tuple[int, str, str]]
TESTS = Path(__file__).parent

ELSEWHERE = {
    "VP8 with invisible reference pictures": (
        "video/test_video_shown.py",
        "test_invisible_reference_pictures_are_not_missing",
    ),
    "trims of open groups of pictures without encoding": (
        "video/test_video_shown.py",
        "test_trim_of_open_groups_shows_the_pictures_of_the_whole",
    ),
    "long clips of high resolution": (
        "video/test_video_memory.py",
        "test_a_minute_of_4k_and_ten_of_1080p_cost_what_is_used",
    ),
    "a board on a code page of Windows": (
        "test_errors.py",
        "test_any_text_goes_to_any_terminal",
    ),
    "no home folder": ("test_errors.py", "test_a_user_without_a_home_is_told_what_to_set"),
    "videos that are gone after scoring": (
        "scoring/test_score.py",
        "test_a_missing_or_short_video_is_refused_and_others_go_on",
    ),
    "no place to write scores": (
        "test_errors.py",
        "test_a_read_only_disk_ends_scoring_and_refuses_no_video",
    ),
    "hidden files of macOS": (
        "dataset/test_dataset_writing.py",
        "test_hidden_and_unnamed_videos_are_left_alone",
    ),
    "videos that no prompt names": (
        "dataset/test_dataset_writing.py",
        "test_hidden_and_unnamed_videos_are_left_alone",
    ),
    "links to data disks": (
        "dataset/test_dataset_writing.py",
        "test_links_are_followed_by_new_check_and_run",
    ),
    "one bad record among many": (
        "test_errors.py",
        "test_one_broken_record_stops_nobody_else",
    ),
    "variable frame rate": (
        "video/test_video_shown.py",
        "test_variable_rate_takes_the_frame_nearest_to_each_instant",
    ),
    "folders of images as sources": (
        "dataset/test_dataset_writing.py",
        "test_a_folder_of_images_is_a_source",
    ),
    "an output of one frame more": (
        "importing/test_import.py",
        "test_frames_are_taken_by_number_or_in_time",
    ),
    "a clip of one frame": (
        "dataset/test_dataset_writing.py",
        "test_a_clip_of_one_frame_is_named",
    ),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_case_that_is_tested_elsewhere_is_there(case: str) -> None:
    file, name = ELSEWHERE[case]
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_a_tokenizer_that_states_no_length_takes_the_text_encoders(
    tiny_backbone: Path, tmp_path: Path
) -> None:
    """salad #1: else prompts are filled up to 10^30 tokens."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_backbone, folder)
    config = folder / "tokenizer" / "tokenizer_config.json"
    content = json.loads(config.read_text())
    content.pop("model_max_length", None)
    config.write_text(json.dumps(content))
    whole = json.loads((folder / "text_encoder" / "config.json").read_text())
    text = load_text(read_layout(folder), torch.float32, "cpu")
    assert isinstance(text, ClipText)
    assert text.length == whole["max_position_embeddings"] == 16
    assert text.embed(["a red fish"], torch.device("cpu")).shape[:2] == (1, 16)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"_class_name": "EDMEulerScheduler", "sigma_max": 700.0}, "EDMEulerScheduler"),
        ({"_class_name": "ConsistencyDecoderScheduler"}, "ConsistencyDecoderScheduler"),
        ({"_class_name": "DDIMScheduler", "num_train_timesteps": 1000}, "betas"),
        ({}, "is not stated"),
    ],
)
def test_a_scheduler_whose_levels_are_not_stated_is_refused(
    tmp_path: Path, config: dict[str, object], named: str
) -> None:
    """diffusers #12108, SeeSR #51: else the schedule would be invented."""
    folder = tmp_path / "scheduler"
    folder.mkdir()
    (folder / "scheduler_config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=named):
        load_schedule(tmp_path)


def test_a_scheduler_of_flow_matching_is_no_ddim(tmp_path: Path) -> None:
    folder = tmp_path / "scheduler"
    folder.mkdir()
    config = {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}
    (folder / "scheduler_config.json").write_text(json.dumps(config))
    assert load_schedule(tmp_path).predicts == "flow"


SPREADSHEETS = {
    "semicolons and CRLF": "{0};{1};{2}\r\n{3};{4};{5}\r\n",
    "blanks after commas": "{0}, {1}, {2}\n{3}, {4}, {5}\n",
    "trailing rows and columns": "{0},{1},{2},,\n{3},{4},{5},,\n,,,,\n,,,,\n",
    "tabs": "{0}\t{1}\t{2}\n{3}\t{4}\t{5}\n",
    "byte-order mark": "\ufeff{0},{1},{2}\n{3},{4},{5}\n",
    "quotes": '"{0}","{1}","{2}"\n"{3}","{4}","{5}"\n',
}


@pytest.mark.parametrize("form", SPREADSHEETS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_every_table_is_read_as_spreadsheets_write_it(
    form: str, encoding: str, square_dataset: Path, tmp_path: Path
) -> None:
    """steinbock #28, DataBasic #193: prompts, and the table of `import --map`."""
    table = tmp_path / "table.csv"
    text = SPREADSHEETS[form]
    if encoding == "utf-16":
        text = text.lstrip("\ufeff")  # the encoding writes its own
    head = ("clip", "prompt", "edit")
    table.write_text(text.format(*head, "right", "a bear", "bear"), encoding=encoding)
    assert read_prompts(table)["right"].edits == {"bear": "a bear"}
    (tmp_path / "out.mp4").touch()
    table.write_text(
        text.format("clip", "edit", "file", "right", "cat", "out.mp4"), encoding=encoding
    )
    found = read_map(load_dataset(square_dataset), table, tmp_path)
    assert found == {("right", "cat"): tmp_path / "out.mp4"}


def test_a_user_without_a_home_gets_one_sentence(
    monkeypatch: pytest.MonkeyPatch, smmbench: CommandLine
) -> None:
    """outlines PR #1425: a container's user without an entry and without HOME."""
    for name in ("SMMBENCH_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)

    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", staticmethod(none))
    code, out, err = smmbench("datasets", "list")
    assert code == 2 and not out
    assert "SMMBENCH_HOME" in err and len(err.strip().splitlines()) == 1
