"""An optional package whose version does not fit: who is blamed, what is needed, what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from tests.builders.distributions import write_distribution

from smmbench.diffusion import library_classes
from smmbench.diffusion.library_classes import explain, library_class
from smmbench.doctor import trying
from smmbench.errors import MachineError, fault_of

UNFIT = "from transformers import NoClassOfThisName\n"

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution for this test alone, before any other of its name."""

    def installed(name: str, number: str, code: str = "") -> Path:
        monkeypatch.syspath_prepend(str(tmp_path))
        return write_distribution(tmp_path, name, number, code)

    yield installed
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def _import_error(module: str, code: str) -> Exception:
    """Return what diffusers raises while it imports a module with this code."""
    try:
        try:
            exec(compile(code, module, "exec"), {"__name__": module})
        except ImportError as error:
            raise RuntimeError("Failed to import diffusers.loaders.peft.") from error
    except RuntimeError as error:
        return error
    raise AssertionError("The code imports.")


def test_the_package_in_whose_code_an_import_fails_is_responsible(install: Install) -> None:
    install("peft", "0.1")
    found = explain("UNet3DConditionModel", _import_error("peft.helpers", UNFIT))
    assert found.reason.startswith("peft 0.1 is installed, with which diffusers ")
    assert "UNet3DConditionModel" in found.reason and "NoClassOfThisName" in found.reason
    assert "peft>=" in found.reason and found.reason.endswith("is needed, or none.")
    assert 'pip install --upgrade "peft>=' in found.advice and "pip uninstall peft" in found.advice


def test_the_package_that_lacks_a_name_is_responsible(install: Install) -> None:
    install("peft", "0.1")
    code = "from peft.no_such_module import name\n"
    found = explain("UNet3DConditionModel", _import_error("diffusers.loaders.peft", code))
    assert found.reason.startswith("peft 0.1 is installed")


def test_a_version_that_fits_is_upgraded_together_with_the_libraries(install: Install) -> None:
    install("peft", "99999")
    found = explain("UNet3DConditionModel", _import_error("peft.helpers", UNFIT))
    assert "pip install --upgrade peft diffusers transformers" in found.advice


def test_a_package_that_is_not_declared_is_not_said_to_be_needed(install: Install) -> None:
    install("toy-attention", "1.0", "import no_such_library_of_the_system\n")
    with pytest.raises(ModuleNotFoundError) as raised:
        __import__("toy_attention")
    found = explain("AutoencoderKL", raised.value)
    assert found.reason.startswith("toy-attention 1.0 is installed")
    assert "does not need it" in found.reason
    assert found.advice == "Run `pip install --upgrade toy-attention`."


def test_without_another_package_the_libraries_are_named() -> None:
    with pytest.raises(MachineError) as raised:
        library_class("NoClassOfThisName")
    said = str(raised.value)
    assert said.startswith(f"diffusers {version('diffusers')} and transformers ")
    assert "pip install --upgrade diffusers transformers" in said
    assert fault_of(raised.value) == "machine"  # no method is blamed


def test_the_doctor_names_the_networks_that_it_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    (works,) = trying.networks()
    assert works.state == "works" and works.needed
    assert "UNet3DConditionModel" in works.found and "WanTransformer3DModel" in works.found

    def fail(name: str) -> None:
        raise RuntimeError(f"Failed to import {name}")

    monkeypatch.setattr(library_classes, "import_class", fail)
    (broken,) = trying.networks()
    assert broken.state == "broken" and broken.needed
    assert "Failed to import UNet3DConditionModel" in broken.found and "pip install" in broken.mend


@pytest.mark.parametrize(("number", "state"), [("0.1", "broken"), ("99999", "works")])
def test_a_version_out_of_bounds_is_broken_though_it_is_installed(
    install: Install, number: str, state: str
) -> None:
    install("peft", number)
    (check,) = (one for one in trying.extras() if one.name == "package peft")
    assert check.state == state and number in check.found and not check.needed
    if state == "broken":
        assert "peft>=" in check.found and "pip uninstall peft" in check.mend


@pytest.mark.parametrize(("method", "code"), [("motion-director", 1), ("sdedit", 0)])
def test_a_dry_run_names_an_absent_package_of_methods_that_need_it(
    smmbench: Callable[..., tuple[int, str, str]],
    square_dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    code: int,
) -> None:
    def absent(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(trying, "version", absent)
    words = ("--dataset", square_dataset, "--results", tmp_path, "--device", "cpu", "--limit", 1)
    small = ("--set", "model=emoji", "--set", "dtype=float32")
    found, _, err = smmbench("run", "--method", method, *words, *small, "--dry-run")
    assert found == code
    said = 'package peft: not here: this method needs it. pip install "smmbench[tuned]"'
    assert (said in err) == (method == "motion-director")


def test_a_package_that_only_another_distribution_s_method_needs() -> None:
    absent = trying.optional_package("no-such-package", needed=True)
    assert (absent.state, absent.needed) == ("not here", True)
    assert absent.mend == "pip install no-such-package"
    assert trying.optional_package("pytest", needed=True).state == "works"


@pytest.mark.slow
def test_an_unfit_peft_is_named_by_doctor_dry_run_and_run(
    square_dataset: Path, tmp_path: Path
) -> None:
    """With diffusers itself, in processes of their own: nothing is imported there yet."""
    write_distribution(tmp_path / "site", "peft", "0.1", UNFIT)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "COLUMNS": "1000"}

    def ran(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "smmbench", *map(str, words)]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    doctor = ran("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(doctor.stdout)["checks"]}
    assert doctor.returncode == 1 and checks["networks"]["state"] == "broken"
    assert checks["networks"]["found"].startswith("peft 0.1 is installed")
    assert checks["package peft"]["state"] == "broken"

    results = tmp_path / "results"
    run = ("run", "--method", "sdedit", "--dataset", square_dataset, "--results", results)
    small = ("--set", "model=emoji", "--set", "dtype=float32", "--device", "cpu", "--limit", 1)
    dry = ran(*run, *small, "--dry-run")
    assert dry.returncode == 1 and "Not ready: package peft" in dry.stderr
    started = ran(*run, *small)
    assert started.returncode == 2 and "peft 0.1 is installed" in started.stderr
    assert not results.exists()  # no pair has failed
