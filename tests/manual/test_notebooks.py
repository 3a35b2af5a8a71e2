"""The notebooks run from the first cell to the last, and are kept without outputs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from smmbench_manual.contents import ROOT
from smmbench_manual.notebooks import as_page, cells

NOTEBOOKS = sorted(ROOT.glob("*/docs/notebooks/*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebooks' own assertions say what must come out."""
    monkeypatch.chdir(tmp_path)
    beside = Path(sys.executable).parent  # where the command is
    monkeypatch.setenv("PATH", f"{beside}{os.pathsep}{os.environ['PATH']}")
    names: dict[str, Any] = {}
    for kind, text in cells(path):
        first, _, rest = text.partition("\n")
        if kind == "code" and first.startswith("%%writefile "):
            Path(first.split()[1]).write_text(rest, encoding="utf-8")
        elif kind == "code":
            exec(compile(text, path.name, "exec"), names)
    assert Path("results").is_dir()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_clean(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    for cell in notebook["cells"]:
        assert cell["cell_type"] == "markdown" or (
            cell["outputs"] == [] and cell["execution_count"] is None
        )


def test_a_notebook_becomes_a_page(tmp_path: Path) -> None:
    assert len(NOTEBOOKS) == 2
    made = [
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        {"cell_type": "code", "source": ["x = 1"]},
    ]
    path = tmp_path / "one.ipynb"
    path.write_text(json.dumps({"cells": made, "nbformat": 4}))
    assert as_page(path) == (
        "# Title\ntext\n\n*This page is the notebook `one.ipynb`.*\n\n```python\nx = 1\n```\n"
    )
