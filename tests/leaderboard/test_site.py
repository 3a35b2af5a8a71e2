"""The static site: its boards are the board, names stay text, nothing comes from elsewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.builders.board_tree import BoardTree
from tests.builders.numbered_videos import NumberedTree

from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.formats import to_json
from smmbench_leaderboard.ledger.adding import add_board
from smmbench_leaderboard.ledger.entries import EntryFacts, Notice, add_notice, taken_down
from smmbench_leaderboard.site.build import site_of_results
from smmbench_leaderboard.site.cost import DeviceCost, factors_to, on_reference
from smmbench_leaderboard.site.frame import Evidence
from smmbench_leaderboard.site.from_results import datasets_in, read_frame
from smmbench_leaderboard.site.naming import slug
from smmbench_leaderboard.site.pair_columns import PairColumns, columnar
from smmbench_leaderboard.site.scripts import write_data

HOSTILE = '<img src=x onerror="boom()"> \N{RIGHT-TO-LEFT OVERRIDE}evil \N{GRINNING FACE}'


def built(tree: BoardTree, folder: Path) -> Path:
    site_of_results(tree.results, folder, [str(tree.manifest)])
    return folder


class Page(HTMLParser):
    """Tags with their attributes, and the text, of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def tree(tmp_path: Path) -> BoardTree:
    tree = BoardTree(tmp_path, clips=6)
    tree.whole("high", motion=0.9)
    tree.whole("low", motion=0.3)
    tree.whole("copy", motion=1.0, kind="control")
    tree.method("few")
    tree.pair("few", "clip-0", "dog")
    tree.pair("few", "clip-1", "dog", failure="nan")
    return tree


def test_the_frame_is_the_board_read_method_by_method(tree: BoardTree) -> None:
    frame = read_frame(tree.results, str(tree.manifest), lambda *_: Evidence())
    board = make_board(tree.results, str(tree.manifest))
    assert frame.board.model_dump(exclude={"rows", "notes"}) == board.model_dump(
        exclude={"rows", "notes"}
    )
    assert set(frame.board.notes) == set(board.notes)
    assert [row.label for row in frame.board.rows] == [row.label for row in board.rows]
    for ours, theirs in zip(frame.board.rows, board.rows, strict=True):
        assert isinstance(ours.pairs, PairColumns)
        assert tuple(ours.pairs) == theirs.pairs
        assert ours.model_dump(exclude={"pairs"}) == theirs.model_dump(exclude={"pairs"})


def test_scores_that_do_not_mix_are_refused_also_between_methods(tree: BoardTree) -> None:
    tree.method("other")
    for clip in tree.clips:
        tree.pair("other", clip, "dog", origin={"weights": "of another tracker"})
    with pytest.raises(ValueError, match="do not mix"):
        read_frame(tree.results, str(tree.manifest), lambda *_: Evidence())


def test_a_label_in_two_folders_is_refused(tree: BoardTree, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    again = BoardTree(tmp_path / "again", clips=6)
    again.whole("high")
    (again.results / "high").rename(tree.results / "high-again")
    with pytest.raises(ValueError, match="'high' has results in"):
        read_frame(tree.results, str(tree.manifest), lambda *_: Evidence())


def test_results_of_another_dataset_are_no_fault_of_this_one(
    tree: BoardTree, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = BoardTree(tmp_path / "other", clips=6)
    other.manifest.write_text(other.manifest.read_text().replace('"toy"', '"another"'))
    other.whole("elsewhere")
    for path in other.results.rglob("*.json"):
        path.write_text(
            path.read_text()
            .replace('"dataset":"toy"', '"dataset":"another"')
            .replace('"dataset": "toy"', '"dataset": "another"')
        )
    (other.results / "elsewhere").rename(tree.results / "elsewhere")
    frame = read_frame(tree.results, str(tree.manifest), lambda *_: Evidence())
    assert not [note for note in frame.board.notes if "elsewhere" in note]
    assert datasets_in(tree.results) == ["another", "toy"]


def test_pairs_by_column_are_the_pairs(tree: BoardTree) -> None:
    board = make_board(tree.results, str(tree.manifest))
    for row in board.rows:
        stored = columnar(row)
        assert tuple(stored.pairs) == row.pairs
        assert stored.marked_share == row.marked_share
        assert list(stored.pairs[1:2]) == list(row.pairs[1:2])


def test_pages_name_every_row_and_every_link_leads_somewhere(
    tree: BoardTree, tmp_path: Path
) -> None:
    site = built(tree, tmp_path / "site")
    assert all(label in Page(site / "index.html").text for label in ("high", "low", "copy", "few"))
    pages = list(site.rglob("*.html"))
    assert len(pages) > 5
    for path in pages:
        for _, attributes in Page(path).tags:
            for name in ("href", "src"):
                target = (attributes.get(name) or "").partition("#")[0]
                if target and not target.startswith("data:,"):
                    assert (path.parent / target).is_file(), f"{path}: {target}"


def test_no_page_has_inline_code_styles_or_addresses_of_others(
    tree: BoardTree, tmp_path: Path
) -> None:
    for path in built(tree, tmp_path / "site").rglob("*.html"):
        for tag, attributes in Page(path).tags:
            assert tag not in ("style", "iframe", "object", "base")
            data = attributes.get("type") == "application/json"
            assert tag != "script" or attributes.get("src") or data
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            for name in ("src", "href"):
                assert "//" not in (attributes.get(name) or "")


def test_blocks_are_never_ranked_or_sorted_together(tmp_path: Path) -> None:
    tree = BoardTree(tmp_path, clips=6)
    for label, family in (("a", "wan"), ("b", "wan"), ("c", "cogvideox"), ("d", "cogvideox")):
        tree.whole(label)
        card = tree.results / label / "method.json"
        card.write_text(card.read_text().replace('"family": ""', f'"family": "{family}"'))
    text = (built(tree, tmp_path / "site") / "index.html").read_text("utf-8")
    bodies = text.split("<tbody>")[1:]
    rows = [re.findall(r'data-label="(\w)" data-kind', body) for body in bodies]
    assert sorted(map(sorted, rows)) == [["a", "b"], ["c", "d"]]


def test_names_of_strangers_are_text(tmp_path: Path) -> None:
    tree = BoardTree(tmp_path, clips=6)
    tree.whole("plain")
    tree.whole("evil")
    card = tree.results / "evil" / "method.json"
    content = json.loads(card.read_text())
    content["card"] |= {"title": HOSTILE, "notes": "</dd><script>boom()</script>"}
    card.write_text(json.dumps(content))
    site = built(tree, tmp_path / "site")
    for path in site.rglob("*.html"):
        page = Page(path)
        assert not [tag for tag, attributes in page.tags if "onerror" in attributes]
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in page.text
        scripts = [attributes for tag, attributes in page.tags if tag == "script"]
        assert all("assets/" in str(one.get("src")) or "type" in one for one in scripts)
    method = Page(site / "toy" / "methods" / "evil.html")
    assert (
        '<img src=x onerror="boom()"> \N{REPLACEMENT CHARACTER}evil \N{GRINNING FACE}'
        in method.text
    )
    assert "</dd><script>boom()</script>" in method.text


def test_data_of_strangers_cannot_end_its_script(tmp_path: Path) -> None:
    write_data(tmp_path / "data.js", "name", {"a": "</script><script>\N{LINE SEPARATOR}"})
    text = (tmp_path / "data.js").read_text("ascii")
    assert "<" not in text
    inside = re.fullmatch(r'smmbench\.put\("name", (.*)\);\n', text)
    assert inside is not None
    assert json.loads(inside[1]) == {"a": "</script><script>\N{LINE SEPARATOR}"}


@pytest.mark.parametrize(
    "names",
    [
        ("SMM", "smm"),
        ("a/b", "a-b"),
        ("..", "."),
        ("é", "è"),
        ("con", "con-"),
        ("x" * 80, "x" * 81),
    ],
)
def test_two_names_never_share_a_file(names: tuple[str, str]) -> None:
    one, other = map(slug, names)
    assert one.lower() != other.lower()
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name) for name in (one, other))
    assert slug("smm-mask_2.1") == "smm-mask_2.1"


def test_costs_are_normalised_only_where_a_row_ran_on_both_cards() -> None:
    both = (DeviceCost("cuda: A", 2.0, 3), DeviceCost("cuda: B", 8.0, 3))
    only_b, only_c = (DeviceCost("cuda: B", 4.0, 3),), (DeviceCost("cuda: C", 4.0, 3),)
    factors = factors_to("cuda: A", [both, only_b, only_c])
    assert on_reference(both, "cuda: A", factors) == 2.0
    assert on_reference(only_b, "cuda: A", factors) == pytest.approx(1.0)
    assert on_reference(only_c, "cuda: A", factors) is None


def test_a_video_that_was_taken_down_has_no_preview(tmp_path: Path) -> None:
    """Also where a preview of it was made before."""
    tree = NumberedTree(tmp_path, 4)
    tree.whole("one", motion=0.9)
    tree.whole("two", motion=0.4)
    site, manifest = tmp_path / "site", str(tree.manifest)
    site_of_results(tree.results, site, [manifest])
    before = {path.name for path in (site / "media").iterdir()}
    board = tmp_path / "board.json"
    board.write_text(to_json(make_board(tree.results, manifest, methods=("one",))))
    ledger = tmp_path / "ledger"
    add_board(ledger, "2026-11-26-one", board, EntryFacts(tier="organisers", by="me"))
    (entry,) = ledger.glob("*/*.board.xz")
    of = entry.relative_to(ledger).as_posix()
    notice = Notice(of=of, reason="asked for", by="its subject", media_removed=True)
    add_notice(ledger, "2026-11-27-one", notice)
    hashes = taken_down(ledger)
    assert hashes
    site_of_results(tree.results, site, [manifest], ledger=ledger)
    after = {path.name for path in (site / "media").iterdir()}
    assert len(before - after) == len(hashes) and after < before
    assert "media/" not in (site / "toy/methods/one.html").read_text()
    assert "media/" in (site / "toy/methods/two.html").read_text()
