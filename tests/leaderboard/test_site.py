"""The static site: its boards are the board, names stay text, nothing comes from elsewhere."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.builders.board_tree import BoardTree
from tests.builders.numbered_videos import NumberedTree

from smmbench_leaderboard.board.build import make_board
from smmbench_leaderboard.board.columns import OTHERS
from smmbench_leaderboard.board.types import Cell, Selective
from smmbench_leaderboard.formats import to_json
from smmbench_leaderboard.ledger.adding import add_board
from smmbench_leaderboard.ledger.entries import EntryFacts, Notice, add_notice, taken_down
from smmbench_leaderboard.site.build import site_of_results, write_site
from smmbench_leaderboard.site.clip_classes import ClipClass, class_cells
from smmbench_leaderboard.site.cost import DeviceCost, factors_to, on_reference
from smmbench_leaderboard.site.figures import share_text
from smmbench_leaderboard.site.frame import Evidence
from smmbench_leaderboard.site.from_results import datasets_in, read_frame
from smmbench_leaderboard.site.naming import slug
from smmbench_leaderboard.site.pages.board import shown_of
from smmbench_leaderboard.site.pair_columns import PairColumns, columnar
from smmbench_leaderboard.site.rendering import coded
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


def test_a_dataset_without_results_is_named_once_and_not_for_each_method(tree: BoardTree) -> None:
    with pytest.raises(ValueError, match="has no results of 'emoji'") as refused:
        read_frame(tree.results, "emoji", lambda *_: Evidence())
    assert str(refused.value) == f"'{tree.results}' has no results of 'emoji', but of toy."


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
                target, _, part = (attributes.get(name) or "").partition("#")
                if target.startswith("data:,"):
                    continue
                to = path.parent / target if target else path
                assert to.is_file(), f"{path}: {target}"
                if part and "=" not in part:  # else it is the state of a page, not a section
                    ids = {about.get("id") for _, about in Page(to).tags}
                    assert part in ids, f"{path}: {target}#{part}"


def test_a_row_shows_its_selectivity_or_that_it_was_not_measured(
    tree: BoardTree, tmp_path: Path
) -> None:
    one = Selective(
        mean=0.777, interval=(0.71, 0.822), pairs=12, failed=1, clips=5, left_out=("a",)
    )
    frame = read_frame(tree.results, str(tree.manifest), lambda *_: Evidence())
    rows = [
        row.model_copy(update={"selectivity": {"reversed": one} if row.label == "high" else {}})
        for row in frame.board.rows
    ]
    board = frame.board.model_copy(update={"rows": tuple(rows)})
    write_site([replace(frame, board=board)], tmp_path / "site", lambda _: None)
    high = Page(tmp_path / "site/toy/methods/high.html")
    assert "Selectivity (S, reversed) .777 (.710 to .822)" in high.text
    assert "12 pairs on 5 clips, 1 failed; clips left out: a" in high.text
    assert "not measured" not in high.text
    low = Page(tmp_path / "site/toy/methods/low.html")
    assert "Selectivity (S): not measured" in low.text and ".777" not in low.text
    for page in (high, low):
        links = [attributes.get("href") for _, attributes in page.tags]
        assert "../../reading.html#selectivity" in links
    shown = Page(tmp_path / "site/index.html").text
    assert "Selectivity (S), reversed" in shown and ".710 to .822" in shown


def test_the_line_of_the_plot_is_of_methods_alone(tree: BoardTree) -> None:
    """A copy of another clip scores high against it, which says nothing about methods."""
    frame = read_frame(tree.results, str(tree.manifest), lambda *_: Evidence())
    scores = {"high": 0.4, "low": 0.6, "copy": 0.9, "few": 0.1}
    rows = [
        row.model_copy(
            update={"cells": {**row.cells, OTHERS: Cell(mean=scores[row.label], interval=None)}}
        )
        for row in frame.board.rows
    ]
    board = frame.board.model_copy(update={"rows": tuple(rows)})
    shown = shown_of(replace(frame, board=board))
    assert shown.wrong_source == pytest.approx(0.5)
    (_, _, plots), *_ = shown.plots
    axis = plots[0].y
    assert axis.low <= 0.5 <= axis.high
    assert plots[0].wrong_source == pytest.approx(plots[0].canvas.y(0.5, axis))


def test_a_board_without_selectivity_has_no_column_of_it(tree: BoardTree, tmp_path: Path) -> None:
    site = built(tree, tmp_path / "site")
    assert "Selectivity" not in Page(site / "index.html").text
    assert "Selectivity (S): not measured" in Page(site / "toy/methods/high.html").text


def test_every_page_of_a_control_says_that_it_is_none_of_the_methods(
    tree: BoardTree, tmp_path: Path
) -> None:
    site = built(tree, tmp_path / "site")
    says = "This is a control, not a method."
    assert says in Page(site / "toy/methods/copy.html").text
    assert says not in Page(site / "toy/methods/high.html").text
    clip = (site / "toy/clips/clip-0.html").read_text("utf-8")
    tagged = re.findall(r'<tr( class="control")?><th scope="row"><a [^>]*><bdi>([^<]+)', clip)
    assert {name for control, name in tagged if control} == {"copy"}
    assert {name for control, name in tagged} >= {"high", "low"}
    plot = re.findall(r'aria-label="([^":]+): text', (site / "index.html").read_text("utf-8"))
    assert set(plot) >= {"high", "low", "copy (control)"} and "copy" not in plot


def test_all_marked_pairs_are_counted_and_some_shown(tree: BoardTree, tmp_path: Path) -> None:
    tree.method("still")
    for clip in tree.clips:
        for edit in tree.edits:
            tree.pair("still", clip, edit, marked=True)
    text = Page(built(tree, tmp_path / "site") / "toy/methods/still.html").text
    assert "Marked pairs (12)" in text and "The first 8 of 12." in text


def test_few_marked_pairs_are_not_none(tmp_path: Path) -> None:
    """One of 200 is 0.5 %, which must not be read as 0."""
    assert share_text(1 / 200) == "0.5 %"
    assert share_text(0.197) != share_text(0.2)


def test_code_within_a_sentence_is_set_as_code_and_stays_text() -> None:
    assert coded("run `smm <x>` & see") == "run <code>smm &lt;x&gt;</code> &amp; see"
    assert coded("a `lone <b>") == "a `lone &lt;b&gt;"
    assert coded("<i>`</i>`") == "&lt;i&gt;<code>&lt;/i&gt;</code>"


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


def test_an_interval_of_a_class_stays_within_the_range_of_its_metric(tmp_path: Path) -> None:
    """Student's t, which two clips get, knows no range."""
    tree = BoardTree(tmp_path, clips=2)
    tree.method("near")
    for clip, motion in zip(tree.clips, (0.9, 0.99), strict=True):
        for edit in tree.edits:
            tree.pair("near", clip, edit, motion=motion)
    board = make_board(tree.results, str(tree.manifest))
    (row,) = board.rows
    keys = frozenset((pair.clip, pair.edit, pair.seed) for pair in row.pairs)
    cells = class_cells(board, columnar(row), ClipClass("all", "clip", keys, 2))
    mean, low, high = cells["motion_fidelity"]
    assert mean == pytest.approx(0.945) and high == 1.0
    assert low is not None and -1 <= low < 0.9


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
