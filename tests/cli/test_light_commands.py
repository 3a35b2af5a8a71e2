"""Commands that only look load no network library: each is a process of its own, as a user's is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.test_cli import COMMANDS

from smmbench.cli import kept_descriptions
from smmbench.cli.kept_descriptions import described_methods
from smmbench.cli.method_description import MethodDescription, describe_all

HEAVY = ("torch", "torchvision", "diffusers", "transformers", "open_clip", "cv2", "pandas")


def _loaded(*words: object) -> set[str]:
    """Which of the heavy modules a command loads."""
    script = (
        "import sys\nfrom smmbench.cli import main\n"
        f"sys.argv = ['smmbench', *{[str(word) for word in words]!r}]\n"
        "try: main()\nexcept SystemExit as left: assert not left.code, left.code\n"
        f"print('loaded:', *(name for name in {HEAVY} if name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.splitlines()[-1].split()[1:])


@pytest.mark.slow
def test_the_second_list_of_methods_loads_nothing_heavy() -> None:
    described_methods()
    assert _loaded("methods", "list") == set()


@pytest.mark.slow
@pytest.mark.parametrize("words", ["metrics list", "trackers list", "datasets list", "ledger list"])
def test_lists_load_no_network_library(words: str) -> None:
    assert not _loaded(*words.split()) - {"cv2"}


@pytest.mark.slow
def test_a_dry_run_loads_pytorch_for_a_method_s_own_network_alone(
    square_dataset: Path, tmp_path: Path
) -> None:
    words = ("--dataset", square_dataset, "--results", tmp_path, "--dry-run", "--limit", 1)
    assert _loaded("run", "--method", "source-copy", *words) == set()
    small = ("--set", "model=emoji", "--set", "dtype=float32")
    assert _loaded("run", "--method", "smm", *small, *words) <= {"torch"}


@pytest.mark.slow
def test_a_dry_score_loads_no_network_library(
    smmbench: Callable[..., tuple[int, str, str]], square_dataset: Path, tmp_path: Path
) -> None:
    words = ("--method", "frozen", "--dataset", square_dataset, "--results", tmp_path)
    assert smmbench("run", *words, "--device", "cpu", "--limit", 1)[0] == 0
    assert not _loaded("score", tmp_path, "--dataset", square_dataset, "--dry-run") - {"cv2"}


def test_no_help_loads_anything_heavy() -> None:
    """All in one process: what one of them loads is there at the end."""
    script = (
        "import sys\nfrom smmbench.cli import main\n"
        f"for words in {list(COMMANDS)!r}:\n"
        "    sys.argv = ['smmbench', *words.split(), '--help']\n"
        "    try: main()\n    except SystemExit: pass\n"
        f"print('loaded:', *(name for name in {(*HEAVY, 'numpy', 'av')} if name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "loaded:"


# Kept descriptions ----------------------------------------------------------------------------


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Counts how often methods are described afresh."""
    calls: list[bool] = []

    def counted() -> list[MethodDescription]:
        calls.append(True)
        return describe_all()

    monkeypatch.setattr(kept_descriptions, "describe_all", counted)
    return calls


def test_what_is_kept_says_the_same(fresh: list[bool], own_home: Path) -> None:
    first, second = described_methods(), described_methods()
    assert len(fresh) == 1
    assert [(one.name, one.card, one.presets.keys()) for one in first] == [
        (one.name, one.card, one.presets.keys()) for one in second
    ]
    assert (own_home / "descriptions.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["file", "gone", "origin", "broken", "other"])
def test_what_is_kept_counts_only_while_nothing_has_changed(
    fresh: list[bool], own_home: Path, what: str
) -> None:
    described_methods()
    file = own_home / "descriptions.json"
    kept = json.loads(file.read_text())
    assert any(path.endswith("smmbench/smm.py") for path in kept["files"])
    assert any(path.endswith(".toml") for path in kept["files"])
    if what == "file":
        kept["files"][next(iter(kept["files"]))][0] += 1
    elif what == "gone":
        kept["files"][str(own_home / "no-such-file.py")] = [0, 0]
    elif what == "origin":
        kept["origin"].append("another method")
    elif what == "other":
        kept["methods"] = [{"nothing": "known"}]
    file.write_text("{" if what == "broken" else json.dumps(kept))
    assert len(described_methods()) == len(describe_all())
    assert len(fresh) == 2


def test_nothing_is_kept_while_a_method_does_not_load(
    monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    broken = [MethodDescription("toy", "toys", error="does not load")]
    monkeypatch.setattr(kept_descriptions, "describe_all", lambda: broken)
    assert described_methods() == broken
    assert not (own_home / "descriptions.json").exists()


def test_a_home_that_cannot_be_written_keeps_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("SMMBENCH_HOME", str(tmp_path / "a-file" / "home"))
    assert described_methods()
