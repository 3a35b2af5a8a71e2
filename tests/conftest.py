"""Fixtures that several test files share."""

from __future__ import annotations

import gc
import os
import shutil

os.environ["OMP_NUM_THREADS"] = "1"  # read by torch: for tiny tensors, threads only wait
os.environ["HF_HUB_OFFLINE"] = "1"  # read by huggingface_hub when it is imported

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from tests.builders.backbone import write_tiny_backbone
from tests.builders.board_tree import BoardTree
from tests.builders.datasets import (
    square_in_motion,
    write_noise_dataset,
    write_square_dataset,
)
from tests.builders.text_model import write_tiny_clip
from tests.builders.watched_pages import WatchedPages

from smmbench.video import Video

gc.disable()  # until all is imported, which makes millions of objects and no garbage
settings.register_profile("untimed", deadline=None)  # a busy machine is no fault
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """From here on, collect garbage; what was imported stays, and is not looked through again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def no_wait_for_the_disk() -> Iterator[None]:
    """`os.fsync` returns at once, since no test outlives a loss of power; it still needs a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test and what it starts have an empty cache folder and no access to the hub."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("SMMBENCH_HOME", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture
def moving_square() -> Video:
    """A white square that moves 3 pixels a frame to the right over a textured ground."""
    return square_in_motion()


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny random 3D UNet and its parts, in ZeroScope's layout."""
    return write_tiny_backbone(tmp_path_factory.mktemp("tiny-backbone"))


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny random CLIP model in open_clip's layout."""
    return write_tiny_clip(tmp_path_factory.mktemp("models") / "tiny-clip")


@pytest.fixture(scope="session")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifest of the dataset `small-noise`."""
    return write_noise_dataset(tmp_path_factory.mktemp("small-noise"))


@pytest.fixture
def square_dataset(tmp_path: Path, moving_square: Video) -> Path:
    """Manifest of the dataset `squares`."""
    return write_square_dataset(tmp_path / "squares", moving_square)


@pytest.fixture
def board_tree(tmp_path: Path) -> BoardTree:
    """Builder of a dataset `toy` (4 clips, 2 prompts each) and of results with made-up scores."""
    return BoardTree(tmp_path)


@pytest.fixture(scope="session")
def board_trees() -> type[BoardTree]:
    """`BoardTree`, for fixtures that keep one for several tests."""
    return BoardTree


@pytest.fixture
def smmbench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command line as a user does; gives exit code, standard output, standard error."""

    def run(*words: object) -> tuple[int, str, str]:
        from smmbench.cli import main

        monkeypatch.setattr("sys.argv", ["smmbench", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as left:
            code = int(left.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser; its absence is a failure, so that no test passes without running."""
    path = os.environ.get("SMMBENCH_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.fail("There is no Chromium here: `apt-get install chromium`, or SMMBENCH_CHROMIUM.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def pages(chromium: Any) -> Iterator[WatchedPages]:
    """Opens pages; forbidden requests and errors fail the test at its end."""
    watched = WatchedPages(chromium)
    yield watched
    watched.close()
    assert watched.faults == []
