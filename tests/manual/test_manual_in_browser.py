"""The built manual in Chromium: narrow and wide, dark and light, without an error."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.builders.watched_pages import WatchedPages, wider_than_the_window

from smmbench_leaderboard.site.serving import address_of, server_of

pytestmark = pytest.mark.browser

PAGES = (
    "index.html",
    "start/first-board.html",
    "reference/command-line.html",
    "results/emoji.html",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manual as its command builds it, which fails if anything is warned of."""
    folder = tmp_path_factory.mktemp("built") / "manual"
    subprocess.run([sys.executable, "-m", "smmbench_manual", "-o", str(folder)], check=True)
    return folder / "site"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the manual is served."""
    serving = server_of(site, 0)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield address_of(serving).removesuffix("index.html")
    serving.shutdown()
    serving.server_close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_pages_open_without_a_fault(
    pages: WatchedPages, address: str, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 900}
    page = pages.open(address, address, viewport=size, color_scheme=scheme, reduced_motion="reduce")
    for name in PAGES:
        page.goto(address + name)
        assert page.locator("h1").first.is_visible()
        wider = "document.documentElement.scrollWidth > window.innerWidth"
        assert not page.evaluate(wider), f"{name} is wider than {width} pixels."


def test_no_page_scrolls_sideways_on_a_phone(pages: WatchedPages, address: str, site: Path) -> None:
    page = pages.open(address, address, viewport={"width": 360, "height": 800})
    files = sorted(site.rglob("*/*.html"))
    assert len(files) > 50
    assert not wider_than_the_window(page, files, "article")


def test_code_scrolls_within_its_block(pages: WatchedPages, address: str) -> None:
    reference = address + "reference/command-line.html"
    page = pages.open(reference, address, viewport={"width": 360, "height": 800})
    blocks = page.locator("pre > code").evaluate_all(
        "all => all.map(one => [one.getBoundingClientRect().right, one.scrollWidth - "
        "one.clientWidth, getComputedStyle(one).overflowX])"
    )
    assert all(right <= 360 for right, _, _ in blocks)
    assert {overflow for _, hidden, overflow in blocks if hidden > 0} == {"auto"}


def test_a_search_finds_a_page(pages: WatchedPages, address: str) -> None:
    page = pages.open(address, address, viewport={"width": 1400, "height": 900})
    page.keyboard.press("Control+k")
    page.keyboard.type("chance level", delay=20)
    page.get_by_text("Glossary").last.wait_for(state="visible", timeout=20_000)


def test_the_folder_holds_only_a_manual(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    command = [sys.executable, "-m", "smmbench_manual", "-o", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1 and "holds something else than a manual" in ran.stderr
    assert (tmp_path / "mine.txt").read_text() == "kept"
