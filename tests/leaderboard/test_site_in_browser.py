"""The site as a reader has it: in Chromium, from the disk, by mouse and by keyboard.

Marked `browser`: a plain `pytest` leaves these out, and without Chromium they fail.
"""

from __future__ import annotations

import io
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.builders.board_tree import BoardTree
from tests.builders.numbered_videos import BITS, BLOCK, HEIGHT, WIDTH, NumberedTree
from tests.builders.watched_pages import WatchedPages, wider_than_the_window

from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.formats import to_json
from smmbench_leaderboard.ledger.adding import add_board
from smmbench_leaderboard.ledger.entries import EntryFacts
from smmbench_leaderboard.site.build import site_of_ledger, site_of_results
from smmbench_leaderboard.site.naming import slug
from smmbench_leaderboard.site.serving import address_of, server_of

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="window.boom=1"> \N{RIGHT-TO-LEFT OVERRIDE}evil \N{GRINNING FACE}'
SAMPLES = 100
PAGES = (
    "index.html",
    "reading.html",
    "compare.html",
    "clips.html",
    "pairs.html",
    "toy/methods/one.html",
    "toy/clips/clip-0.html",
)
Open = Callable[..., Any]


@pytest.fixture
def open_page(pages: WatchedPages) -> Open:
    """Open a page of a site, which may ask for files of the site only."""

    def opened(address: str, **options: Any) -> Any:
        site = address.partition("#")[0].rpartition("/site/")[0] + "/site/"
        server = address[: address.find("/", 8)] + "/"
        return pages.open(address, server if "http" in address else site, **options)

    return opened


def numbered_site(folder: Path, frames: int) -> str:
    tree = NumberedTree(folder, frames)
    tree.whole("one", motion=0.9)
    tree.whole("two", motion=0.4)
    tree.method("broken", title=HOSTILE)
    for clip in tree.clips:
        tree.pair("broken", clip, "dog", failure="nan")
        tree.pair("broken", clip, "cat", 0.2, 0.2)
    tree.add_tracks(tree.results / "one" / "toy" / "clip-0" / "dog" / "seed-0")
    site_of_results(tree.results, folder / "site", [str(tree.manifest)])
    return (folder / "site").as_uri() + "/"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    return numbered_site(tmp_path_factory.mktemp("numbered"), 16)


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A board of two blocks and a control, on six clips of two kinds."""
    folder = tmp_path_factory.mktemp("blocks")
    tree = BoardTree(folder, clips=6)
    text = tree.manifest.read_text()
    for place in range(6):
        tags = f'attribution = "made here"\ntags = ["{"left" if place < 2 else "right"}"]\n'
        text = text.replace('attribution = "made here"\n[', tags + "[", 1)
    tree.manifest.write_text(text)
    for place, label in enumerate(("a", "b", "c", "d")):
        tree.whole(label, text=0.2 + 0.1 * (place % 3), motion=0.4 + 0.1 * place)
        card = tree.results / label / "method.json"
        family = "wan" if place < 2 else "cogvideox"
        card.write_text(card.read_text().replace('"family": ""', f'"family": "{family}"'))
    tree.whole("copy", motion=1.0, kind="control")
    site_of_results(tree.results, folder / "site", [str(tree.manifest)])
    return (folder / "site").as_uri() + "/"


def page_of(site: str, dataset: str) -> str:
    """The page of a dataset's board; the first board is at the top."""
    nested = Path(site.removeprefix("file://")) / dataset / "index.html"
    return f"{dataset}/index.html" if nested.is_file() else "index.html"


def until(page: Any, holds: str) -> None:
    """Wait until an expression holds; Playwright's own wait evaluates text, which pages forbid."""
    for _ in range(200):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"It never held: {holds}")


def shown_rows(page: Any) -> list[str]:
    return [
        row.get_attribute("data-label") for row in page.locator("tr.row").all() if row.is_visible()
    ]


def test_sorting_stays_within_blocks(open_page: Open, blocks: str) -> None:
    page = open_page(blocks + "index.html")
    head = page.locator("thead button", has_text="Motion fidelity")
    head.click()
    assert shown_rows(page) in (["b", "a", "d", "c", "copy"], ["d", "c", "b", "a", "copy"])
    assert page.locator("thead th[aria-sort=descending]").count() == 1
    head.press("Enter")
    assert shown_rows(page) in (["a", "b", "c", "d", "copy"], ["c", "d", "a", "b", "copy"])
    reloaded = open_page(page.url)
    assert shown_rows(reloaded) == shown_rows(page)


def test_filters_hide_rows_points_and_empty_blocks(open_page: Open, blocks: str) -> None:
    page = open_page(blocks + "index.html")
    page.select_option("select[name=family]", "wan")
    assert sorted(shown_rows(page)) == ["a", "b"]
    assert page.locator("#count").inner_text() == "2 of 5 rows"
    assert page.locator("tr.block:visible").count() == 1
    assert page.locator("#plot-methods .pt:visible").count() == 2
    page.fill("input[name=find]", "b")
    assert shown_rows(page) == ["b"]
    assert shown_rows(open_page(page.url)) == ["b"]
    page.click("button[type=reset]")
    until(page, "document.querySelector('#count').textContent === '5 rows'")


def test_a_class_of_clips_has_means_of_its_own_and_no_ranks(open_page: Open, blocks: str) -> None:
    page = open_page(blocks + "index.html")
    cell = page.locator("tr[data-label=d] td.score").nth(1)
    whole = cell.locator(".n").inner_text()
    page.select_option("select[name=clips]", "clip:left")
    page.wait_for_selector("#class-notice:not([hidden])")
    # Clips differ by .02: the first two of six lie .04 below the mean of all.
    assert float(cell.locator(".n").inner_text()) == pytest.approx(float(whole) - 0.04, abs=1e-3)
    assert set(page.locator("td.rank").all_inner_texts()) == {"\N{EN DASH}"}
    page.select_option("select[name=clips]", "")
    assert cell.locator(".n").inner_text() == whole


def test_the_plot_is_walked_by_keys(open_page: Open, blocks: str) -> None:
    page = open_page(blocks + "index.html")
    page.locator("#plot-methods .pt[data-label=a]:visible").focus()
    assert page.locator("#tip").inner_text().startswith("a\n")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.dataset.label") == "b"
    assert page.locator("tr.row.on").get_attribute("data-label") == "b"
    page.keyboard.press("Enter")
    page.wait_for_url("**/methods/b.html")


def test_a_plot_is_one_stop_of_the_tab_key(open_page: Open, blocks: str) -> None:
    """Otherwise a reader without a mouse passes every point on the way to the table."""
    page = open_page(blocks + "index.html")
    stops = "#plot-methods .plot.wide .pt[tabindex='0']:visible"
    assert page.locator(stops).count() == 1
    page.locator(stops).focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.plot') === null")
    page.select_option("select[name=family]", "cogvideox")  # hides `a` and `b`
    (left,) = page.locator(stops).evaluate_all("all => all.map(one => one.dataset.label)")
    assert left in ("c", "d")


def test_the_heading_of_a_board_that_fits_stays_in_view(open_page: Open, ledger_site: str) -> None:
    top = "document.querySelector('#board thead th').getBoundingClientRect().top"
    for width, stays in ((1600, True), (480, False)):
        page = open_page(ledger_site + "index.html", viewport={"width": width, "height": 800})
        page.locator("#board tr.row").nth(20).scroll_into_view_if_needed()
        until(page, "window.scrollY > 1000")
        assert (page.evaluate(top) >= 0) == stays
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def pixels(png: bytes) -> np.ndarray:
    """A screenshot as an array of height, width and RGB."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def numbers_on_screen(page: Any) -> list[int]:
    """What each pane shows, read off one picture of the screen."""
    boxes = [canvas.bounding_box() for canvas in page.locator(".pane canvas").all()]
    area = page.locator("#panes").bounding_box()
    picture = pixels(page.screenshot(clip=area)).mean(axis=2)
    found = []
    for box in boxes:
        scale = box["width"] / WIDTH
        assert box["height"] == pytest.approx(HEIGHT * scale, abs=1)
        left, top = box["x"] - area["x"], box["y"] - area["y"]
        y = int(top + BLOCK / 2 * scale)
        bits = [picture[y, int(left + (bit + 0.5) * BLOCK * scale)] for bit in range(BITS)]
        found.append(sum(1 << bit for bit, value in enumerate(bits) if value > 128))
    return found


@pytest.mark.parametrize("frames", [16, 81])
def test_all_panes_show_one_frame_at_every_instant(
    frames: int,
    open_page: Open,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    address = numbered_site(tmp_path, frames)
    page = open_page(
        address + "pairs.html#pair=clip-0/dog/0&rows=one,two",
        viewport={"width": 900, "height": 700},
    )
    until(page, "document.querySelectorAll('.pane canvas').length === 3")
    page.wait_for_load_state("networkidle")
    page.click("#deck-play")
    seen, drift = set(), 0
    for _ in range(SAMPLES):
        panes = numbers_on_screen(page)
        assert len(panes) == 3
        assert max(panes) < frames
        drift = max(drift, max(panes) - min(panes))
        seen.add(panes[0])
    record_property("largest drift in frames", drift)
    print(
        f"{frames} frames: drift of at most {drift} in {SAMPLES} samples, {len(seen)} frames seen"
    )
    assert drift <= 1
    assert len(seen) > frames / 3  # it played


def test_the_viewer_by_keyboard(open_page: Open, site: str) -> None:
    page = open_page(site + "pairs.html#pair=clip-0/dog/0&rows=one,two")
    page.wait_for_load_state("networkidle")
    until(page, "document.querySelectorAll('.pane canvas').length === 3")
    assert numbers_on_screen(page) == [0, 0, 0]
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert numbers_on_screen(page) == [3, 3, 3]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("t")
    assert numbers_on_screen(page) == [2, 2, 2]
    assert page.locator("#deck-tracks").get_attribute("aria-pressed") == "true"
    page.keyboard.press("End")
    assert numbers_on_screen(page) == [15, 15, 15]
    again = open_page(page.url)  # the address leads back to what was seen
    again.wait_for_load_state("networkidle")
    until(again, "document.querySelectorAll('.pane canvas').length === 3")
    assert numbers_on_screen(again) == [15, 15, 15]
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    until(page, "Number(document.querySelector('#deck-at').value) > 3")
    page.keyboard.press(" ")
    stopped = page.locator("#deck-at").input_value()
    page.wait_for_timeout(200)
    assert page.locator("#deck-at").input_value() == stopped


def test_tracks_are_drawn_where_they_were_scored(open_page: Open, site: str) -> None:
    page = open_page(site + "pairs.html#pair=clip-0/dog/0&rows=one&frame=8")
    until(page, "document.querySelectorAll('.pane canvas').length === 2")
    page.wait_for_load_state("networkidle")
    picture = page.locator("[data-row=one] canvas")
    plain = pixels(picture.screenshot())
    page.click("#deck-tracks")
    drawn = pixels(picture.screenshot())
    rows = np.flatnonzero((plain != drawn).any(axis=(1, 2))) * WIDTH / plain.shape[1]
    assert len(rows)
    assert rows.min() > 55 and rows.max() < 72  # the tracks lie at y = 62 to 64


def test_flicker_shows_two_rows_in_turn(open_page: Open, site: str) -> None:
    page = open_page(site + "pairs.html#pair=clip-0/dog/0&rows=one,two")
    until(page, "document.querySelectorAll('#deck-flicker option').length === 4")
    page.select_option("#deck-flicker", "one~two")
    title = page.locator("[data-row=flicker] h3 span").first
    names = set()
    for _ in range(40):
        names.add(title.inner_text())
        page.wait_for_timeout(50)
    assert names == {"one", "two"}


def test_the_viewer_and_the_comparison_name_controls(open_page: Open, tmp_path: Path) -> None:
    tree = NumberedTree(tmp_path, 4)
    tree.whole("one", motion=0.9)
    tree.whole("copy", motion=1.0, kind="control")
    site_of_results(tree.results, tmp_path / "site", [str(tree.manifest)])
    base = (tmp_path / "site").as_uri() + "/"
    page = open_page(base + "pairs.html#pair=clip-0/dog/0&rows=one,copy")
    until(page, "document.querySelectorAll('.pane').length === 3")
    tagged = {row: page.locator(f"[data-row={row}] h3 .tag").count() for row in ("one", "copy")}
    assert tagged == {"one": 0, "copy": 1}
    page = open_page(base + "pairs.html#pair=clip-0/dog/0&rows=one")
    until(page, "document.querySelectorAll('#choose-add option').length === 2")
    assert page.locator("#choose-add option").all_text_contents()[1:] == ["copy (control)"]
    page = open_page(base + "compare.html")
    page.wait_for_selector("#pairs tr")
    assert sorted(page.locator("#choose-a option").all_text_contents()) == ["copy (control)", "one"]


def test_failures_are_shown_with_their_message(open_page: Open, site: str) -> None:
    page = open_page(site + "pairs.html#pair=clip-0/dog/0&rows=broken")
    page.wait_for_selector("[data-row=broken] .none b")
    assert page.locator("[data-row=broken] .none").inner_text().split() == (
        ["Failed:", "nan", "While", "it", "ran", "transfer:", "M"]
    )


def test_numbers_say_where_they_come_from(open_page: Open, site: str) -> None:
    page = open_page(site + "pairs.html#pair=clip-0/cat/0&rows=one")
    page.locator("[data-row=one] summary").click()
    chain = page.locator("[data-row=one] .chain").inner_text()
    assert "pixels sha256" in chain
    assert "version of the metric" in chain
    assert "smmbench why one motion_fidelity clip-0/cat/0 RESULTS" in page.content()


def test_two_rows_are_compared_pair_by_pair(open_page: Open, site: str) -> None:
    page = open_page(site + "compare.html#a=one&b=two&column=motion_fidelity")
    page.wait_for_selector("#pairs tr")
    found = [cell.inner_text() for cell in page.locator("#pairs tr td:last-child").all()]
    assert len(found) == 4
    assert [float(value) for value in found] == pytest.approx([0.5] * 4)
    page.click("#swap")
    until(page, "document.querySelector('#head-a').textContent === 'two'")
    assert page.locator("#pairs tr td:last-child").first.inner_text() == "\N{MINUS SIGN}.500"
    page.locator("#pairs a").first.click()
    page.wait_for_url(lambda address: "pairs.html#" in address and "rows=two,one" in address)


def test_names_of_strangers_are_text(open_page: Open, site: str) -> None:
    for name in ("index.html", "toy/methods/broken.html"):
        page = open_page(site + name)
        assert page.evaluate("window.boom") is None
        text = page.locator("body").inner_text()
        assert '<img src=x onerror="window.boom=1">' in text
        assert "\N{REPLACEMENT CHARACTER}evil \N{GRINNING FACE}" in text
        assert page.locator("img[src='x']").count() == 0


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(name: str, scheme: str, open_page: Open, site: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(site + name, color_scheme=scheme)
    page.wait_for_load_state("networkidle")
    found = Axe().run(page, options={"preload": False}).response["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    where = {one["id"]: [node["html"][:200] for node in one["nodes"][:3]] for one in grave}
    assert not grave, json.dumps(where, indent=1)


@pytest.mark.parametrize("width", [360, 1600])
def test_no_page_is_wider_than_the_screen(width: int, open_page: Open, site: str) -> None:
    for name in PAGES:
        page = open_page(site + name, viewport={"width": width, "height": 800})
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} pixels wide on {width}"


def test_the_scheme_is_the_systems_until_it_is_chosen(open_page: Open, site: str) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = open_page(site + "index.html", color_scheme="light")
    dark = open_page(site + "index.html", color_scheme="dark")
    colours = [light.evaluate(paper), dark.evaluate(paper)]
    assert colours[0] != colours[1]
    dark.click("#theme")  # automatic, light, dark
    assert dark.evaluate(paper) == colours[0]
    dark.reload()
    assert dark.evaluate(paper) == colours[0]


def test_without_scripts_the_board_is_whole_and_prints(open_page: Open, site: str) -> None:
    page = open_page(site + "index.html", java_script_enabled=False)
    assert set(shown_rows(page)) == {"one", "two", "broken"}
    assert page.locator("#filters").is_hidden()
    page.emulate_media(media="print")
    assert page.locator(".top nav").is_hidden()
    assert page.locator("tr.row").first.is_visible()
    assert page.pdf().startswith(b"%PDF-")
    clip = open_page(site + "toy/clips/clip-0.html", java_script_enabled=False)
    assert clip.locator("img.pic").count() >= 3


def test_it_is_served_to_this_machine_alone(open_page: Open, site: str, tmp_path: Path) -> None:
    server = server_of(Path(site.removeprefix("file://")), 0)
    assert server.server_address[0] == "127.0.0.1"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        page = open_page(address_of(server))
        assert page.title() == "toy \N{MIDDLE DOT} smmbench leaderboard"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_published_rows_have_no_videos_and_are_not_asked_for(
    open_page: Open, tmp_path: Path
) -> None:
    """The viewer begins with rows that have some; a missing file would be a console error."""
    tree = NumberedTree(tmp_path, 4)
    tree.whole("published", motion=0.9)
    board = tmp_path / "board.json"
    board.write_text(to_json(make_board(tree.results, str(tree.manifest))))
    ledger = tmp_path / "ledger"
    add_board(ledger, "2026-11-26-one", board, EntryFacts(tier="organisers", by="me"))
    shutil.rmtree(tree.results / "published")
    tree.whole("here", motion=0.5)
    tree.method("few")
    tree.pair("few", tree.clips[0], "dog")
    site_of_results(tree.results, tmp_path / "site", [str(tree.manifest)], ledger=ledger)
    base = (tmp_path / "site").as_uri() + "/"
    page = open_page(base + "pairs.html")
    until(page, "document.querySelectorAll('.pane').length === 3")
    panes = page.locator(".pane").evaluate_all("all => all.map(one => one.dataset.row)")
    assert sorted(panes) == ["few", "here", "source"]
    offered = page.locator("#choose-add option").all_text_contents()
    assert offered == ["choose"]
    label = slug("ledger:published")
    page = open_page(f"{base}pairs.html#board=toy&rows={label},few&pair=clip-1/dog/0")
    until(page, "document.querySelectorAll('.pane').length === 3")
    assert "videos are not on this site" in page.locator(f"[data-row='{label}']").inner_text()
    assert "no result of this clip" in page.locator("[data-row='few']").inner_text()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1600, "light")])
def test_pages_of_a_ledger_fit_and_have_no_fault(
    width: int, scheme: str, open_page: Open, ledger_site: str
) -> None:
    """Ledger, printed values, datasheet, an entry's board, a published row."""
    from axe_playwright_python.sync_playwright import Axe

    for name in (
        "entries.html",
        "printed.html",
        "clips.html",
        "emoji/datasheet.html",
        "emoji-2026-11-26-board/index.html",
        "emoji/methods/smm.html",
    ):
        page = open_page(
            ledger_site + name, viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        found = Axe().run(page, options={"preload": False}).response["violations"]
        assert not [one["id"] for one in found if one["impact"] in ("serious", "critical")], name
        page.close()


def test_no_page_of_a_ledger_scrolls_sideways_on_a_phone(open_page: Open, ledger_site: str) -> None:
    page = open_page(ledger_site + "index.html", viewport={"width": 360, "height": 800})
    files = sorted(Path(ledger_site.removeprefix("file://")).rglob("*.html"))
    assert len(files) > 200
    assert not wider_than_the_window(page, files, "main")


@pytest.mark.parametrize("dataset", ["emoji", "emoji-wan"])
def test_a_laptop_shows_every_column_of_the_board(
    dataset: str, open_page: Open, ledger_site: str
) -> None:
    """1,280 pixels, less the 15 of a scroll bar; where a column is cut, the page says so."""
    page = open_page(
        ledger_site + page_of(ledger_site, dataset), viewport={"width": 1265, "height": 800}
    )
    table = page.locator(".scroll").first
    right = table.bounding_box()["x"] + table.bounding_box()["width"]
    ends = table.locator("thead th:visible").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().right)"
    )
    assert len(ends) > 8 and max(ends) <= right
    assert not page.locator(".hint:visible").count()


def test_a_table_that_goes_on_says_so_until_its_end_is_seen(
    open_page: Open, ledger_site: str
) -> None:
    page = open_page(ledger_site + "index.html", viewport={"width": 480, "height": 800})
    table = page.locator(".scroll").first
    cut = "document.querySelector('.scroll').classList.contains('cut')"
    hint = page.locator(".hint").first
    assert hint.is_visible() and "columns to the right" in hint.inner_text()
    assert page.evaluate(cut)
    table.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    until(page, f"!{cut}")
    page.set_viewport_size({"width": 1600, "height": 800})
    until(page, "document.querySelector('.hint').hidden")


@pytest.mark.parametrize("width", [360, 480, 900])
def test_each_sign_of_the_legend_stays_with_its_words(
    width: int, open_page: Open, blocks: str
) -> None:
    page = open_page(blocks + "index.html", viewport={"width": width, "height": 800})
    entries = page.locator(".legend li:has(.k)").evaluate_all(
        "all => all.map(one => [one.querySelector('.k').getBoundingClientRect(),"
        " ((words) => { const range = document.createRange(); range.selectNode(words);"
        " return range.getBoundingClientRect(); })(one.lastChild)])"
    )
    assert len(entries) >= 3
    for sign, words in entries:
        assert words["top"] <= sign["top"] + sign["height"] / 2 <= words["top"] + words["height"]
        assert sign["left"] < words["left"] < sign["left"] + 40


@pytest.mark.parametrize("width", [360, 480, 1280])
def test_the_plot_fits_its_frame(width: int, open_page: Open, blocks: str) -> None:
    page = open_page(blocks + "index.html", viewport={"width": width, "height": 800})
    frame = page.locator(".frame").bounding_box()
    parts = page.locator(".plot:visible, .plot:visible text").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.right])"
    )
    assert len(parts) > 5
    assert all(left >= frame["x"] for left, _ in parts)
    assert all(right <= frame["x"] + frame["width"] for _, right in parts)
    letters = page.locator(".plot:visible .grid text").first
    assert letters.bounding_box()["height"] >= 9  # pixels: still legible


@pytest.fixture(scope="module")
def ledger_site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The site of the committed ledger."""
    folder = tmp_path_factory.mktemp("ledger") / "site"
    site_of_ledger(Path(__file__).parents[2] / "leaderboard" / "entries", folder)
    return folder.as_uri() + "/"
