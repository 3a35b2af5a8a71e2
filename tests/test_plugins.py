"""Messages about names that do not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from smmbench.plugins import no_such
from smmbench.resolving import resolve

NAMES = ["inversion-swap", "sdedit", "smm", "smm-mask"]


@pytest.mark.parametrize(("name", "meant"), [("smn", "smm"), ("SMM", "smm"), ("SDEdit", "sdedit")])
def test_the_closest_name_stands_before_the_list_of_all(name: str, meant: str) -> None:
    said = no_such("method", name, NAMES)
    assert said.startswith(f"No method '{name}'. Did you mean '{meant}'? Available: ")
    assert said.endswith(", ".join(NAMES) + ".")


def test_the_beginning_of_a_long_name_suggests_it() -> None:
    known = ["text_similarity", "motion_fidelity", "motion_fidelity_dmt"]
    assert "Did you mean 'motion_fidelity'?" in no_such("column", "motion", known)
    assert "Did you mean" not in no_such("column", "mo", known)  # two letters begin many names


def test_a_name_without_its_prefix_suggests_the_whole_name() -> None:
    known = ["ledger:sdedit", "ledger:smm", "ledger:smm-mask"]
    assert "Did you mean 'ledger:smm'?" in no_such("method", "smm", known)
    assert "Did you mean" not in no_such("method", "", known)


@pytest.mark.parametrize("known", [NAMES, []])
def test_nothing_is_suggested_for_a_name_that_is_like_no_other(known: list[str]) -> None:
    said = no_such("method", "quux", known)
    assert said == f"No method 'quux'; available: {', '.join(known) or 'none'}."


def test_a_class_that_a_file_lacks_is_answered_with_those_that_it_has(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from pathlib import Path\n\n\nclass Mine:\n    pass\n")
    with pytest.raises(ValueError, match=r"No class 'Mien'\. Did you mean 'Mine'\? Av"):
        resolve(f"{path}:Mien")
    with pytest.raises(ValueError, match=r"No class 'Other'; available: Mine\."):  # not the import
        resolve(f"{path}:Other")
