"""The ledger as an Atom feed (RFC 4287): every entry and every notice, the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree

from smmbench.display import plain
from smmbench.storage.atomic import write_text
from smmbench.storage.home import file_sha256
from smmbench_leaderboard.ledger.chain import in_order
from smmbench_leaderboard.ledger.entries import BOARD, Notice
from smmbench_leaderboard.ledger.policy import date_of
from smmbench_leaderboard.site.frame import SiteBoard

FEED = "feed.xml"
ATOM = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True)
class Item:
    """One entry of the feed.

    Attributes:
        identity: A unique address that never changes.
        title: Short title.
        date: Date of the entry, from its name.
        page: Path of its page in the site.
        says: Description, in sentences.
    """

    identity: str
    title: str
    date: str
    page: str
    says: str


def write_feed(folder: Path, ledger: Path, boards: Iterable[SiteBoard], address: str) -> None:
    """Write the feed of a ledger.

    Args:
        folder: Folder of the site.
        ledger: Folder of the ledger.
        boards: All boards of the site; entries of other datasets are left out.
        address: Where the site will be published, ending with `/`; empty for addresses relative to
            the feed.
    """
    pages = {site.entry: site for site in boards if site.entry}
    items = items_of(ledger, pages)
    if items:
        write_text(folder / FEED, feed_text(items, address))


def items_of(ledger: Path, pages: Mapping[str, SiteBoard]) -> list[Item]:
    """Return entries and notices of a ledger that have a page, the newest first."""
    found = []
    for path in in_order(ledger):
        name = path.relative_to(ledger).as_posix()
        if name.endswith(BOARD):
            about, title, says = name, *_of_board(name, pages)
        else:
            notice = Notice.model_validate_json(path.read_bytes())
            about, title, says = notice.of, *_of_notice(name, notice)
        if about in pages:
            page = f"{pages[about].key}/index.html"
            identity = f"smmbench:{name}:{file_sha256(path)}"
            found.append(Item(_urn(identity), title, _day(name), page, says))
    return found[::-1]


def feed_text(items: list[Item], address: str) -> str:
    """Return the feed as XML; the ledger's first item gives the feed its lasting identity."""
    ElementTree.register_namespace("", ATOM)
    feed = ElementTree.Element(f"{{{ATOM}}}feed")
    _add(feed, "id", _urn(f"feed:{items[-1].identity}"))
    _add(feed, "title", "smmbench: entries of the ledger")
    _add(feed, "updated", max(item.date for item in items))
    _add(_add(feed, "author"), "name", "The smmbench ledger")
    _add(feed, "link", rel="self", type="application/atom+xml", href=f"{address}{FEED}")
    _add(feed, "link", rel="alternate", type="text/html", href=f"{address}entries.html")
    for item in items:
        entry = _add(feed, "entry")
        _add(entry, "id", item.identity)
        _add(entry, "title", item.title)
        _add(entry, "updated", item.date)
        _add(entry, "link", rel="alternate", type="text/html", href=f"{address}{item.page}")
        _add(entry, "summary", item.says)
    ElementTree.indent(feed, " ")
    return ElementTree.tostring(feed, encoding="unicode", xml_declaration=True) + "\n"


def _of_board(name: str, pages: Mapping[str, SiteBoard]) -> tuple[str, str]:
    if name not in pages:
        return "", ""
    board = pages[name].board
    methods = [row.label for row in board.rows if not row.control]
    title = f"{board.dataset}: {_count(len(methods), 'method')} published"
    says = (
        f"{_count(len(methods), 'method')} and "
        f"{_count(len(board.rows) - len(methods), 'control')} on {board.dataset} version "
        f"{board.dataset_version}, {board.pairs} pairs each: {', '.join(methods)}."
    )
    return title, plain(says, 1000)


def _of_notice(name: str, notice: Notice) -> tuple[str, str]:
    entry = notice.of.rsplit("/", 1)[-1].removesuffix(BOARD)
    of = f"{notice.method} of {entry}" if notice.method else entry
    if notice.tier:
        what = f"trust tier {notice.tier}"
    elif notice.replaced_by:
        what = f"corrected by {notice.replaced_by}"
    else:
        what = "withdrawn" + (", its videos taken down" if notice.media_removed else "")
    dataset = name.split("/")[0]
    says = f"{of}: {what}. {notice.reason} (by {notice.by})"
    return plain(f"{dataset}, {of}: {what}", 200), plain(says, 1000)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _day(name: str) -> str:
    return f"{date_of(name.rsplit('/', 1)[-1]).isoformat()}T00:00:00Z"


def _urn(text: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, text)}"


def _add(
    parent: ElementTree.Element, name: str, text: str = "", **attributes: str
) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
    if text:
        element.text = text
    return element
