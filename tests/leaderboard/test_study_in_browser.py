"""The page of a study as a rater has it: in Chromium, from the disk and served, by keyboard."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.builders.numbered_videos import BITS, BLOCK, HEIGHT, WIDTH, NumberedTree
from tests.builders.watched_pages import WatchedPages

from smmbench_leaderboard.site.serving import address_of, server_of
from smmbench_leaderboard.study.answers import read_answers
from smmbench_leaderboard.study.building import Options, new_study
from smmbench_leaderboard.study.plan import PUBLIC, read_plan

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
SHOTS = os.environ.get("SMMBENCH_SHOTS")  # a folder for screenshots, to look at


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    tree = NumberedTree(folder, 8)
    for label in ("one", "two"):
        tree.whole(label)
    options = Options(trials=2, raters=3, title="Motion & <b>words</b>")
    new_study(tree.results, folder / "study", str(tree.manifest), options, salt="s")
    return folder / "study"


@pytest.fixture
def open_page(pages: WatchedPages, study: Path) -> Open:
    """Open the page of the study, which may ask for files of its own folder only."""

    def opened(address: str = "", **options: Any) -> Any:
        address = address or (study / PUBLIC / "index.html").as_uri() + "#form=1"
        return pages.open(address, address.partition("index.html")[0], height=1000, **options)

    return opened


def until(page: Any, holds: str) -> None:
    for _ in range(200):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"It never held: {holds}")


def begin(page: Any) -> None:
    page.locator("#agree").check()
    page.locator("#start").click()
    until(page, "!document.querySelector('#trial').hidden")


def watch(page: Any) -> None:
    page.locator("#again").click()
    until(page, "document.querySelector('#video').ended")


def shot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def answer(page: Any) -> None:
    """All questions of a choice, by keyboard alone."""
    watch(page)
    for fieldset in page.locator("fieldset").all():
        fieldset.locator("input").first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
    page.locator("#go").focus()
    page.keyboard.press("Enter")


def test_nothing_begins_without_consent_and_a_form(open_page: Open) -> None:
    page = open_page()
    page.locator("#start").click()
    assert page.locator("#intro-says").inner_text() == "Please tick the box if you agree."
    page.locator("#agree").check()
    for number in ("", "0", "4"):
        page.locator("#form").fill(number)
        page.locator("#start").click()
        assert page.locator("#intro-says").inner_text() == "Please give the number of your form."
    assert page.locator("h1").first.inner_text() == "Motion & <b>words</b>"  # text, no markup


def test_a_choice_is_watched_and_answered_whole(open_page: Open) -> None:
    page = open_page()
    begin(page)
    page.evaluate("document.querySelector('#video').pause()")
    for question in ("motion", "text"):
        page.locator(f"input[name={question}][value=b]").check()
    if not page.evaluate("document.querySelector('#video').ended"):
        page.locator("#go").click()
        assert "watch the video" in page.locator("#trial-says").inner_text()
    watch(page)
    shot(page, "study-trial")
    page.locator("#go").click()
    until(page, "document.querySelector('#trial-title').textContent === 'Choice 2 of 6'")
    watch(page)
    page.locator("#go").click()
    assert page.locator("#trial-says").inner_text().startswith("Please answer: Which video")


def test_all_choices_by_keyboard_and_the_file_is_taken(
    open_page: Open, study: Path, tmp_path: Path
) -> None:
    page = open_page()
    begin(page)
    for place in range(6):
        until(
            page,
            f"document.querySelector('#trial-title').textContent.startsWith('Choice {place + 1} ')",
        )
        if place == 3:  # nothing is lost by a reload
            page.reload()
            begin(page)
        answer(page)
    until(page, "!document.querySelector('#end').hidden")
    shot(page, "study-end")
    with page.expect_download() as caught:
        page.locator("#download").click()
    path = tmp_path / caught.value.suggested_filename
    caught.value.save_as(path)
    plan = read_plan(study)
    read = read_answers([path], plan)
    assert read.refused == ()
    (file,) = read.files
    assert len(file.answers) == 12 and {one.choice for one in file.answers} == {"tie"}
    assert set(json.loads(path.read_text())) == {
        *("schema_version", "study", "form", "rater", "consent", "answers")
    }
    page.locator("#forget").click()
    assert page.evaluate("localStorage.length") == 0


def numbers(page: Any, frames: int) -> list[int]:
    """The number that the source, A and B show, read off one picture of the screen."""
    box = page.locator("#video").bounding_box()
    picture = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=box))).convert("L"))
    gap, line = round(0.03 * WIDTH), round(0.09 * WIDTH)
    whole = (2 * WIDTH + 3 * gap, 2 * (line + HEIGHT) + 3 * gap)
    scale = min(box["width"] / whole[0], box["height"] / whole[1])
    left, top = (box["width"] - whole[0] * scale) / 2, (box["height"] - whole[1] * scale) / 2
    below = 2 * gap + 2 * line + HEIGHT
    found = []
    places = ((gap + line, (whole[0] - WIDTH) // 2), (below, gap), (below, 2 * gap + WIDTH))
    for y, x in places:
        row = picture[int(top + (y + BLOCK / 2) * scale)]
        bits = [row[int(left + (x + (bit + 0.5) * BLOCK) * scale)] > 128 for bit in range(BITS)]
        found.append(sum(1 << bit for bit, value in enumerate(bits) if value))
    assert max(found) < frames
    return found


def test_source_a_and_b_show_one_frame_at_every_instant(open_page: Open, study: Path) -> None:
    page = open_page()
    begin(page)
    plan = read_plan(study)
    place = next(i for i, trial in enumerate(plan.forms[0].trials) if not trial.check)
    for _ in range(place):
        answer(page)
    page.locator("#speed").select_option("0.25")
    page.locator("#again").click()
    seen = set()
    for _ in range(30):
        if page.evaluate("document.querySelector('#video').ended"):
            page.locator("#again").click()
        shown = numbers(page, 8)
        assert len(set(shown)) == 1
        seen.add(shown[0])
    assert len(seen) > 2  # it played


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(scheme: str, open_page: Open) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(color_scheme=scheme, reduced_motion="reduce")

    def check() -> None:
        found = Axe().run(page, options={"preload": False}).response["violations"]
        grave = [one for one in found if one["impact"] in ("serious", "critical")]
        where = {one["id"]: [node["html"][:200] for node in one["nodes"][:3]] for one in grave}
        assert not grave, json.dumps(where, indent=1)

    check()
    begin(page)
    check()
    for _ in range(6):
        answer(page)
    until(page, "!document.querySelector('#end').hidden")
    check()


@pytest.mark.parametrize("width", [360, 1600])
def test_the_page_fits_the_screen(width: int, open_page: Open) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= width
    shot(page, f"study-intro-{width}")
    begin(page)
    watch(page)
    assert page.evaluate(wide) <= width
    assert page.locator("#video").bounding_box()["width"] > 0.85 * min(width, 1100) * 0.9
    shot(page, f"study-trial-{width}")


def test_it_is_served_too(open_page: Open, study: Path) -> None:
    server = server_of(study / PUBLIC, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        page = open_page(address_of(server) + "#form=2")
        begin(page)
        watch(page)
        assert page.locator("#trial-title").inner_text() == "Choice 1 of 6"
    finally:
        server.shutdown()
        server.server_close()
