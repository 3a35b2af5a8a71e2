"""The doctor: what works, what is missing, and that checking changes and fetches nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, PackageNotFoundError
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants

from smmbench import doctor, plugins
from smmbench.doctor import Check, machine, parts, trying, weights
from smmbench.doctor.check import guarded
from smmbench.storage.home import file_sha256
from smmbench.tracking import cotracker


@pytest.fixture
def carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of models as a distribution carries them: `emoji` is in `backbone/`."""
    folder = tmp_path / "models"
    for name in ("backbone", "judge"):
        (folder / name).mkdir(parents=True)
        (folder / name / "model.safetensors").write_text(name)
    lines = [
        f"{file_sha256(path)}  {path.relative_to(folder).as_posix()}"
        for path in sorted(folder.rglob("*.safetensors"))
    ]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    _offer(monkeypatch, lambda: folder / "backbone")
    return folder


def _offer(monkeypatch: pytest.MonkeyPatch, function: Callable[[], Path]) -> None:
    point = EntryPoint("emoji", "toy:emoji", weights.GROUP)
    monkeypatch.setattr(weights, "offered", lambda group: {"emoji": point})
    monkeypatch.setattr(weights, "load_offered", lambda group, name, what: function)


def _by_name(checks: Iterator[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_carried_weights_are_the_published_ones(carried: Path) -> None:
    found = _by_name(weights.carried())
    assert {name: check.state for name, check in found.items()} == {
        "model emoji": "works",
        "weights judge": "works",
    }
    assert "1 hashes verified" in found["model emoji"].found
    assert found["model emoji"].needed and not found["weights judge"].needed


def test_a_changed_byte_breaks_only_its_model(carried: Path) -> None:
    (carried / "backbone" / "model.safetensors").write_text("Backbone")
    found = _by_name(weights.carried())
    assert found["model emoji"].state == "broken"
    assert "backbone/model.safetensors" in found["model emoji"].found
    assert found["weights judge"].state == "works"


def test_a_missing_file_is_no_published_one(carried: Path) -> None:
    (carried / "judge" / "model.safetensors").unlink()
    assert _by_name(weights.carried())["weights judge"].state == "broken"


def test_without_a_list_of_hashes_nothing_is_claimed(carried: Path) -> None:
    (carried / "SHA256SUMS").unlink()
    assert "no SHA256SUMS" in _by_name(weights.carried())["model emoji"].found


def test_a_model_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(monkeypatch, lambda: tmp_path / "nowhere")
    check = _by_name(weights.carried())["model emoji"]
    assert check.state == "broken" and check.mend and check.needed


def test_a_model_whose_function_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Path:
        raise RuntimeError("no such drive")

    _offer(monkeypatch, fail)
    check = _by_name(weights.carried())["model emoji"]
    assert check.state == "broken" and "no such drive" in check.found


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of a hub that must not be asked."""

    class Refusing:
        endpoint = "https://hub.invalid"

        def model_info(self, *_: Any, **__: Any) -> None:
            raise AssertionError("The hub was asked.")

    monkeypatch.setattr(huggingface_hub, "HfApi", Refusing)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("SMMBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return tmp_path / "hub"


def test_the_hub_is_asked_only_online(hub_cache: Path) -> None:
    assert _by_name(weights.hub(online=False))["hub"].found == "not checked"
    asked = _by_name(weights.hub(online=True))["hub"]
    assert asked.state == "broken" and "HF_HUB_OFFLINE=1" in asked.mend


def test_offline_is_said_and_kept(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    check = _by_name(weights.hub(online=True))["hub"]
    assert check.state == "not here" and "HF_HUB_OFFLINE" in check.found


def test_hub_models_are_found_in_the_cache_by_their_fixed_revision(hub_cache: Path) -> None:
    from smmbench.diffusion.weights_folder import REVISIONS

    model, revision = next(iter(REVISIONS.items()))
    name = f"model {model}"
    snapshots = hub_cache / f"models--{model.replace('/', '--')}" / "snapshots"
    (snapshots / "main" / "unet").mkdir(parents=True)
    (snapshots / "main" / "unet" / "model.safetensors").touch()
    assert _by_name(weights.hub(online=False))[name].state == "not here"  # another revision
    (snapshots / revision).mkdir()
    assert _by_name(weights.hub(online=False))[name].state == "not here"  # no weights in it
    (snapshots / revision / "model.safetensors").touch()
    check = _by_name(weights.hub(online=False))[name]
    assert check.state == "works" and revision in check.found


def test_text_models_that_protocols_name(hub_cache: Path) -> None:
    name = "text model ViT-B-32:openai"
    check = _by_name(weights.text_models())[name]
    assert check.state == "not here" and "dmt-page" in check.found and "emoji-clip" in check.mend
    snapshot = hub_cache / "models--timm--vit_base_patch32_clip_224.openai" / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    (snapshot / "open_clip_model.safetensors").touch()
    assert _by_name(weights.text_models())[name].state == "works"


def test_cotracker_is_installed_at_the_pinned_commit(
    hub_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.setattr(parts, "find_spec", lambda name: None)
    check = _by_name(parts.trackers())["tracker cotracker"]
    assert check.state == "not here" and not check.needed
    assert cotracker.COMMIT in check.mend and "--tracker cotracker3:" in check.mend

    checkpoint = tmp_path / "torch" / "checkpoints" / "scaled_offline.pth"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    check = _by_name(parts.trackers())["tracker cotracker"]
    assert check.state == "not here" and cotracker.COMMIT in check.mend

    monkeypatch.setattr(parts, "find_spec", lambda name: object())
    check = _by_name(parts.trackers())["tracker cotracker"]
    assert check.state == "works" and f"--tracker cotracker3:{checkpoint}" in check.found


def test_a_method_that_does_not_load_is_named_and_the_rest_is_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find(name: str) -> None:
        if name == "frozen":
            raise ImportError("The method 'frozen' does not load.")

    monkeypatch.setattr("smmbench.resolving.find_method", find)
    found = _by_name(parts.methods())
    assert found["method frozen"].state == "broken" and not found["method frozen"].needed
    assert found["methods"].state == "works"
    assert "smm" in found["methods"].found and "frozen" not in found["methods"].found


def test_a_command_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("toy", "no_such_module_of_smmbench:register", parts.COMMANDS)

    def load(group: str, name: str, what: str) -> None:
        raise ImportError(f"The {what} '{name}' does not load.")

    monkeypatch.setattr(parts, "offered", lambda group: {"toy": point})
    monkeypatch.setattr(parts, "load_offered", load)
    assert _by_name(parts.commands())["command toy"].state == "broken"


def test_a_dataset_of_which_files_are_missing(
    hub_cache: Path, small_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from smmbench.dataset import add_dataset

    add_dataset(small_dataset)
    found = _by_name(parts.datasets())
    assert found["dataset small-noise"].state == "works"
    assert found["dataset dmt-page"].state == "not here"
    assert found["dataset dmt-page"].mend == "smmbench datasets fetch dmt-page"


def test_required_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["numpy>=1", "no-such-package>=1", "rich>=99999", "ray>=1; extra == 'ray'"]
    monkeypatch.setattr(plugins, "requires", lambda name: lines)
    found = _by_name(machine.packages())
    assert set(found) == {"package no-such-package", "package rich", "packages"}
    assert found["package no-such-package"].mend == 'pip install "no-such-package>=1"'
    assert "99999" in found["package rich"].found
    assert found["packages"].found.startswith("numpy ")


def test_a_package_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(module: str) -> None:
        raise OSError("libGL.so.1: no such file")

    monkeypatch.setattr(plugins, "requires", lambda name: ["opencv-python-headless>=4"])
    monkeypatch.setattr(machine, "import_module", fail)
    check = _by_name(machine.packages())["package opencv-python-headless"]
    assert check.state == "broken" and "libGL" in check.found


def test_a_gpu_is_named_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    class About:
        name = "NVIDIA Toy"
        total_memory = 24 * 2**30

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: About)
    check = _by_name(machine.devices())["GPU cuda:0"]
    assert check.state == "works" and check.found.startswith("NVIDIA Toy, 24 GiB, CUDA")


def test_no_gpu_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    check = _by_name(machine.devices())["GPU"]
    assert check.state == "not here" and not check.needed


def test_a_cache_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SMMBENCH_HOME", str(tmp_path / "file" / "home"))
    check = _by_name(machine.disk())["cache folder"]
    assert check.state == "broken" and "SMMBENCH_HOME" in check.mend and check.needed


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        free = 2**20

    monkeypatch.setenv("SMMBENCH_HOME", str(tmp_path))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Full)
    assert {check.state for check in machine.disk()} == {"broken"}


def test_both_codecs_are_here() -> None:
    assert {check.state for check in machine.codecs()} == {"works"}


def test_a_check_that_raises_is_a_finding_and_the_others_go_on() -> None:
    def fail() -> Iterator[Check]:
        yield Check("first", "works", "")
        raise RuntimeError("half a library")

    first, second = guarded("second", fail, needed=True)
    assert first.state == "works"
    assert second.state == "broken" and "half a library" in second.found and second.needed


def test_only_what_is_needed_decides() -> None:
    works, absent = Check("a", "works", "", needed=True), Check("b", "not here", "")
    assert doctor.embedded_world_runs([works, absent])
    assert not doctor.embedded_world_runs([works, Check("c", "broken", "", needed=True)])


@pytest.mark.parametrize(("state", "code"), [("works", 0), ("broken", 1)])
def test_exit_code_and_json(
    smmbench: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    state: Any,
    code: int,
) -> None:
    checks = [Check("disk", state, "[red]/place", "Free it.", needed=True)]
    monkeypatch.setattr(doctor, "examine", lambda online: iter(checks))
    found, out, err = smmbench("doctor", "--json")
    assert found == code and ("cannot run here: disk" in err) == bool(code)
    assert json.loads(out) == {
        "embedded_world_runs": not code,
        "checks": [
            {
                "name": "disk",
                "state": state,
                "found": "[red]/place",
                "mend": "Free it.",
                "needed": True,
            }
        ],
    }
    found, out, _ = smmbench("doctor")
    assert found == code and "[red]/place" in out and "disk: Free it." in out


def test_what_is_here_now_is_looked_at_without_a_fault_of_the_doctor(hub_cache: Path) -> None:
    """Each group of checks gives findings; none ends by an error of its own."""
    names = [check.name for check in doctor.examine()]
    groups = {"packages", "devices", "codecs", "disk", "bundled models", "datasets", "hub"}
    assert len(names) == len(set(names)) and not (groups - {"packages", "hub"}) & set(names)


def state_of(checks: list[Check], name: str) -> Check:
    (found,) = (check for check in checks if check.name == name)
    return found


def test_a_video_and_the_text_encoder_are_tried_and_not_only_imported() -> None:
    tried = [*trying.video(), *trying.text_encoder()]
    assert [check.state for check in tried] == ["works", "works"]
    assert all(check.needed for check in tried)


def test_a_video_that_does_not_come_back_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise AttributeError("module 'av' has no attribute 'open'")

    monkeypatch.setattr("smmbench.video.write_lossless", broken)
    (check,) = trying.video()
    assert check.state == "broken" and "has no attribute" in check.found and "av<19" in check.mend


def test_a_text_encoder_that_does_not_load_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("The weights do not fit")

    monkeypatch.setattr("smmbench.diffusion.loading.load_text", broken)
    (check,) = trying.text_encoder()
    assert check.state == "broken" and "do not fit" in check.found and "transformers" in check.mend


def test_packages_of_extras_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(package: str) -> str:
        if package == "ray":
            raise PackageNotFoundError(package)
        return "1.2"

    monkeypatch.setattr(trying, "version", version)
    checks = list(trying.extras())
    assert state_of(checks, "package peft").state == "works"
    ray = state_of(checks, "package ray")
    assert ray.state == "not here" and ray.mend == 'pip install "smmbench[ray]"' and not ray.needed
