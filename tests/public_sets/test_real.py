"""The protocol for real video: what it fixes, and every stage of it on random weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.builders.backbone import write_tiny_backbone
from tests.builders.public_sets import davis_50
from tests.builders.transformers import build_tiny_wan

from smmbench.dataset import load_dataset
from smmbench.diffusion.weights_folder import REVISIONS
from smmbench.public_sets import real_protocol, take_real
from smmbench.public_sets.real_table import real_table

CommandLine = Callable[..., tuple[int, str, str]]
PAGE = Path(__file__).parents[2] / "datasets" / "docs" / "smmbench-real.md"


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of DAVIS in which the datasets of a rehearsal lie."""
    root = tmp_path_factory.mktemp("real")
    folder = davis_50(root)
    take_real(folder, root / "prompts-50.js", rehearsal=True)
    return folder


def test_clips_are_fifty_and_the_tuning_ones_are_every_fifth_by_name() -> None:
    clips = real_protocol().clips
    names = sorted({*clips.tuning, *clips.board})
    assert len(names) == 50
    assert clips.tuning == tuple(names[::5])
    assert set(clips.board) == set(names) - set(clips.tuning)


def test_blocks_name_the_revisions_that_methods_take() -> None:
    for block in real_protocol().blocks.values():
        assert block.revision == REVISIONS[block.model]
    assert real_protocol().blocks["wan"].frames % 4 == 1


def test_other_prompts_are_refused(tmp_path: Path) -> None:
    (tmp_path / "prompts.js").write_text("const prompts = {};")
    with pytest.raises(ValueError, match=r"not the file of smmbench-real.*671f7c8e"):
        take_real(tmp_path, tmp_path / "prompts.js")


def test_a_rehearsal_has_the_splits_and_says_that_it_is_one(rehearsal: Path) -> None:
    clips = real_protocol().clips
    for block in real_protocol().blocks:
        board = load_dataset(rehearsal / f"smmbench-real-{block}-rehearsal.toml").manifest
        tuning = load_dataset(rehearsal / f"smmbench-real-{block}-val-rehearsal.toml").manifest
        assert tuple(clip.name for clip in board.clips) == clips.board
        assert tuple(clip.name for clip in tuning.clips) == clips.tuning
        assert (board.purpose, tuning.purpose) == ("board", "validation")
        assert "its numbers are meaningless" in board.description
        assert [bool(clip.masks) for clip in tuning.clips] == [True] + 9 * [False]
    form = real_protocol().form("wan")
    assert (form.frames, form.width, form.height) == (21, 832, 480)


def test_the_protocol_of_a_set_cannot_be_changed(
    rehearsal: Path, tmp_path: Path, smmbench: CommandLine
) -> None:
    words = ("datasets", "import", "smmbench-real", rehearsal)
    prompts = ("--prompts", rehearsal.parent / "prompts-50.js")
    for wrong in (("--frames", 8), ("--size", "64x32"), ("--tracker", "dis"), ("--hub",)):
        code, _, err = smmbench(*words, *prompts, *wrong)
        assert code == 2 and "fixes its protocol" in err
    assert smmbench(*words)[0] == 2
    code, _, err = smmbench(*words, *prompts, "--rehearsal")
    assert code == 2 and "already exists" in err


def test_a_dry_run_says_what_a_machine_lacks(
    rehearsal: Path, tmp_path: Path, smmbench: CommandLine
) -> None:
    manifest = rehearsal / "smmbench-real-wan-rehearsal.toml"
    words = ("run", "--method", "text-only", "--dataset", manifest, "--limit", 1, "--dry-run")
    code, _, err = smmbench(*words, "--set", "model=Wan-AI/Wan2.1-T2V-1.3B-Diffusers")
    assert code == 1
    assert "Not ready: model Wan-AI/Wan2.1-T2V-1.3B-Diffusers." in err
    assert REVISIONS["Wan-AI/Wan2.1-T2V-1.3B-Diffusers"] in err
    model = build_tiny_wan(tmp_path / "wan")
    chosen = ("--set", f"model={model}")
    code, _, err = smmbench(*words, *chosen)
    assert code == 0 and "Ready: the run can start here." in err
    next((model / "transformer").glob("*-00002-*.safetensors")).unlink()
    code, out, err = smmbench(*words, *chosen, "--json")
    (check,) = (one for one in json.loads(out)["checks"] if one["name"].startswith("model"))
    assert code == 1 and check["state"] == "broken" and "00002" in check["found"]


def test_a_dry_run_knows_the_block_of_the_real_sets(
    rehearsal: Path, tmp_path: Path, smmbench: CommandLine
) -> None:
    """A set that is called as the real one is held to its backbone, and to a GPU."""
    text = (rehearsal / "smmbench-real-zeroscope-rehearsal.toml").read_text()
    manifest = rehearsal / "like-the-real-one.toml"
    name = "smmbench-real-zeroscope"
    manifest.write_text(text.replace(f'name = "{name}-rehearsal"', f'name = "{name}"'))
    words = ("run", "--method", "smm", "--preset", "paper", "--dataset", manifest, "--device")
    code, _, err = smmbench(*words, "cpu", "--dry-run", "--set", "model=emoji")
    assert code == 1
    assert "Not ready: GPU, block." in err
    assert "cost: works: about 2.0 hours of an H100" in err


def test_a_missing_clip_is_named_by_a_dry_run(
    rehearsal: Path, tmp_path: Path, smmbench: CommandLine
) -> None:
    manifest = rehearsal / "smmbench-real-wan-rehearsal.toml"
    folder = rehearsal / "JPEGImages" / "480p" / "train"
    folder.rename(tmp_path / "train")
    try:
        code, _, err = smmbench("run", "--method", "frozen", "--dataset", manifest, "--dry-run")
    finally:
        (tmp_path / "train").rename(folder)
    assert code == 1
    assert "1 of 40 missing" in err and "train" in err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The prompt has")  # their tokenizers read a dozen letters
@pytest.mark.parametrize(
    ("block", "settings"),
    [
        ("wan", ("steps=2", "inversion_steps=2", "iterations=1")),
        ("zeroscope", ("steps=2", "inversion_steps=2", "iterations=1")),
    ],
)
def test_every_stage_works_on_random_weights(
    block: str, settings: tuple[str, ...], rehearsal: Path, tmp_path: Path, smmbench: CommandLine
) -> None:
    """Dry run, tuning, run, score, board, submission and its verification, end to end."""
    build = build_tiny_wan if block == "wan" else write_tiny_backbone
    model = build(tmp_path / block)
    manifest = rehearsal / f"smmbench-real-{block}-rehearsal.toml"
    tuning = rehearsal / f"smmbench-real-{block}-val-rehearsal.toml"
    results = tmp_path / "results"
    chosen = [word for one in (f"model={model}", *settings) for word in ("--set", one)]
    run = ("run", "--dataset", manifest, "--device", "cpu", "--results", results, "--limit", 2)

    def succeeds(*words: object) -> str:
        code, out, err = smmbench(*words)
        assert code == 0, f"{words}\n{out}\n{err}"
        return out

    succeeds("datasets", "check", manifest)
    succeeds(*run, "--method", "smm", *chosen, "--dry-run")
    tuned = tmp_path / "tuned"
    succeeds(
        *("tune", "--method", "smm", "--dataset", tuning, "--budget", 2, "--limit", 1),
        *("--device", "cpu", "-o", tuned, *chosen),
    )
    succeeds(*run, "--method", "smm", *chosen)
    succeeds(*run, "--method", "source-copy")
    succeeds("score", results, "--dataset", manifest)
    board = json.loads(succeeds("leaderboard", results, "--dataset", manifest, "--json"))
    assert {row["label"] for row in board["rows"]} == {"smm", "source-copy"}
    archive = tmp_path / "smm.zip"
    about = ("--authors", "A. Name", "--contact", "a@example.org", "--seen", "none")
    succeeds(
        "submit", results / "smm", "--dataset", manifest, "--allow-partial", "-o", archive, *about
    )
    out = succeeds("verify", archive, "--dataset", manifest, "--json")
    assert json.loads(out)["verdict"] == "verified"


def test_the_page_has_the_table_of_the_protocol_and_an_empty_board() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert real_table() in page
    assert "No method has been run" in page
