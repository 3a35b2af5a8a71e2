"""What programs read of the site: the numbers of the board, a valid feed, cards of links."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

import pytest
from PIL import Image
from tests.builders.board_tree import BoardTree

from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.board.types import Row
from smmbench_leaderboard.formats import to_bibtex, to_json
from smmbench_leaderboard.ledger.adding import add_board
from smmbench_leaderboard.ledger.entries import EntryFacts, Notice, add_notice
from smmbench_leaderboard.site.build import site_of_ledger, site_of_results
from smmbench_leaderboard.site.machine.link_card import SIZE

ATOM = {"a": "http://www.w3.org/2005/Atom"}
HOSTILE = '<img src=x onerror="boom()"> & "quoted"'


@dataclass(frozen=True)
class Made:
    """Results, a ledger of two entries, and the site of both."""

    tree: BoardTree
    ledger: Path
    site: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("programs")
    tree = BoardTree(folder, clips=3)
    tree.whole("high", motion=0.9)
    tree.whole("copy", motion=1.0, kind="control")
    ledger = folder / "ledger"
    for day in (24, 26):
        board = folder / f"{day}.json"
        board.write_text(to_json(make_board(tree.results, str(tree.manifest))))
        add_board(ledger, f"2026-11-{day}-toy", board, EntryFacts(tier="organisers", by="me"))
    tree.method("few")
    tree.pair("few", "clip-0", "dog", failure="nan")
    return Made(tree, ledger, built(tree, folder / "site", ledger=ledger))


def built(tree: BoardTree, folder: Path, **options: Any) -> Path:
    site_of_results(tree.results, folder, [str(tree.manifest)], **options)
    return folder


def read(path: Path) -> Any:
    return json.loads(path.read_text("ascii"))


def test_the_files_hold_the_numbers_of_the_board(made: Made) -> None:
    site = made.site
    board = make_board(made.tree.results, str(made.tree.manifest), ledger=made.ledger)
    content = read(site / "board.json")
    assert [row["label"] for row in content["rows"]] == [row.label for row in board.rows]
    for said, row in zip(content["rows"], board.rows, strict=True):
        of_row = read(site / said["file"])["row"]
        became = {"became": of_row.pop("became")}
        assert Row.model_validate(of_row) == row  # whole, and nothing that a row does not have
        assert {k: v for k, v in of_row.items() if k != "pairs"} | became == {
            k: v for k, v in said.items() if k != "file"
        }
    assert content["protocol"] == board.protocol.model_dump(mode="json")
    pairs = list(csv.DictReader((site / "pairs.csv").read_text().splitlines()))
    assert len(pairs) == sum(len(row.pairs) for row in board.rows)
    whole = [row for row in board.rows if not row.partial]
    for row in whole:
        own = [float(p["motion_fidelity"]) for p in pairs if p["method"] == row.label]
        assert sum(own) / len(own) == pytest.approx(row.cells["motion_fidelity"].mean)
    rows = list(csv.DictReader((site / "board.csv").read_text().splitlines()))
    assert [row["method"] for row in rows] == [row.label for row in board.rows]
    assert (site / "references.bib").read_text() == to_bibtex(board)


def test_a_page_says_where_its_data_is(made: Made) -> None:
    site = made.site
    page = (site / "index.html").read_text()
    for name in ("board.json", "board.csv", "pairs.csv", "references.bib"):
        assert f'href="{name}"' in page and (site / name).is_file()
    assert 'href="high.json"' in (site / "toy/methods/high.html").read_text()


def test_a_small_site_has_boards_and_no_file_of_every_pair(made: Made, tmp_path: Path) -> None:
    site = tmp_path / "site"
    manifest = [str(made.tree.manifest)]
    whole = site_of_ledger(made.ledger, tmp_path / "whole", manifest)
    small = site_of_ledger(made.ledger, site, manifest, small=True)
    assert small.boards == whole.boards[:1]
    assert not list(site.rglob("pairs.csv"))
    assert not list(site.rglob("methods/*.json"))
    assert all("file" not in row for row in read(site / "board.json")["rows"])
    for page in site.rglob("*.html"):
        for link in re.findall(r'href="([^"]+)"', page.read_text()):
            if ":" not in link:  # the icon is in the page itself
                target = page.parent / link.partition("#")[0]
                assert target.exists(), f"{page.relative_to(site)}: {link}"


def test_the_feed_is_valid_atom_and_every_link_leads_to_a_page(made: Made) -> None:
    feed = ElementTree.parse(made.site / "feed.xml").getroot()
    assert feed.tag == "{http://www.w3.org/2005/Atom}feed"
    entries = feed.findall("a:entry", ATOM)
    assert len(entries) == 2
    for element in (feed, *entries):  # what RFC 4287 asks of each, once
        for name in ("id", "title", "updated"):
            (found,) = element.findall(f"a:{name}", ATOM)
            assert found.text
        when = element.findtext("a:updated", "", ATOM)
        assert datetime.fromisoformat(when).tzinfo is not None
    assert feed.findtext("a:author/a:name", "", ATOM)  # entries take the feed's
    identities = [one.findtext("a:id", "", ATOM) for one in (feed, *entries)]
    assert len(set(identities)) == len(identities)
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", one) for one in identities)
    dates = [one.findtext("a:updated", "", ATOM) for one in entries]
    assert dates == sorted(dates, reverse=True) and feed.findtext("a:updated", "", ATOM) == dates[0]
    for link in feed.findall(".//a:link", ATOM):
        assert (made.site / link.attrib["href"]).is_file()
    page = (made.site / "index.html").read_text()
    assert '<link rel="alternate" type="application/atom+xml"' in page


def test_the_feed_keeps_its_identities_and_tells_of_withdrawals(made: Made, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    shutil.copytree(made.ledger, ledger)
    reason, of = f"found {HOSTILE}", "toy/2026-11-26-toy.board.xz"
    notice = Notice(of=of, method="high", reason=reason, by="somebody", media_removed=True)
    add_notice(ledger, "2026-11-28-high", notice)
    built(made.tree, tmp_path / "after", ledger=ledger)
    before, after = (
        ElementTree.parse(site / "feed.xml").getroot() for site in (made.site, tmp_path / "after")
    )
    old, new = ([one.text for one in feed.findall(".//a:id", ATOM)] for feed in (before, after))
    assert new[0] == old[0] and new[2:] == old[1:]
    newest = after.find("a:entry", ATOM)
    assert newest is not None
    assert "withdrawn, its videos taken down" in newest.findtext("a:title", "", ATOM)
    assert HOSTILE in newest.findtext("a:summary", "", ATOM)


def test_an_address_makes_cards_and_feed_absolute(made: Made, tmp_path: Path) -> None:
    tree = made.tree
    site = built(tree, tmp_path / "site", address="https://example.org/board")
    page = (site / "toy/methods/high.html").read_text()
    assert '"og:url" content="https://example.org/board/toy/methods/high.html"' in page
    assert '"og:image" content="https://example.org/board/toy/card.png"' in page
    with pytest.raises(ValueError, match="not the address"):
        built(tree, tmp_path / "other", address="javascript:alert(1)")


def test_link_cards_are_pictures_of_their_board(made: Made) -> None:
    for page in made.site.rglob("*.html"):
        text = page.read_text()
        (image,) = re.findall(r'"og:image" content="([^"]*)"', text)
        target = urljoin(page.as_uri(), image).removeprefix("file://")
        with Image.open(target) as picture:
            assert picture.size == SIZE and picture.format == "PNG"
            assert len(set(picture.convert("L").tobytes())) > 8  # something is drawn
        assert re.search(r'"og:title" content="[^"]+"', text)
        assert re.search(r'"og:description" content="[^"]+"', text)


def test_a_strangers_name_stays_text_in_cards_of_links(tmp_path: Path) -> None:
    tree = BoardTree(tmp_path, clips=3)
    tree.method("evil")
    for clip in tree.clips:
        for edit in tree.edits:
            tree.pair("evil", clip, edit)
    card = tree.results / "evil" / "method.json"
    content = json.loads(card.read_text())
    content["card"]["title"] = HOSTILE
    card.write_text(json.dumps(content))
    page = (built(tree, tmp_path / "site") / "toy/methods/evil.html").read_text()
    (said,) = re.findall(r'"og:description" content="([^"]*)"', page)
    assert "&lt;img src=x onerror=&#34;boom()" in said and "<" not in said


def test_a_board_of_one_axis_has_a_card_too(tmp_path: Path) -> None:
    tree = BoardTree(tmp_path, clips=3)
    for label, motion in (("one", 0.9), ("two", 0.4)):
        tree.method(label)
        for clip in tree.clips:
            for edit in tree.edits:
                tree.pair(label, clip, edit, text=None, motion=motion)
    site = built(tree, tmp_path / "site")
    with Image.open(site / "toy/card.png") as picture:
        colours = picture.convert("RGB").getcolors(1 << 20)
    assert colours is not None
    assert (0x1F, 0x5F, 0xBF) in [colour for _, colour in colours]  # bars


def test_an_entry_leads_to_the_current_board(made: Made) -> None:
    page = (made.site / "toy-2026-11-24-toy/index.html").read_text("utf-8")
    assert '<a href="../index.html">Current board of toy</a>' in page
    assert "Current board" not in (made.site / "index.html").read_text("utf-8")
