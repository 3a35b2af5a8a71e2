"""The tutorial is true: its commands run, and its code is that of the templates."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "benchmark" / "docs" / "adding-a-method.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_code_of_the_tutorial_is_in_a_template() -> None:
    templates = (ROOT / "benchmark" / "smmbench" / "templates").glob("*.py")
    text = "".join(path.read_text(encoding="utf-8") for path in templates)
    assert blocks("python") and all(block in text for block in blocks("python"))


@pytest.mark.slow
def test_the_commands_of_the_tutorial_run(tmp_path: Path) -> None:
    command = (
        f'smmbench() {{ "{sys.executable}" -c "from smmbench.__main__ import main; main()" "$@"; }}'
    )
    script = "\n".join(["set -e", command, *blocks("bash")])
    environment = os.environ | {"SMMBENCH_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "tint.py:Tint passes every check" in ran.stdout
    assert "pull.py:Pull passes every check" in ran.stdout
    for path in ("results/tint/method.json", "results/tint-tuned/method.json"):
        assert (tmp_path / path).is_file()
    assert '"tuning": {\n    "emoji": {' in (tmp_path / path).read_text()
