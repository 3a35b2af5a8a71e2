"""Write what to cite for a board as BibTeX: methods, metrics, dataset and this software."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from smmbench.display import latex
from smmbench.metrics import metric
from smmbench_leaderboard.board.types import Board
from smmbench_leaderboard.literature.references import Work, works_named, works_of_tracker

ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})")
ADDRESS = re.compile(r"https?://[^\s,;)]+")
Entry = tuple[str, str, Mapping[str, str]]  # kind, key that is not yet escaped, and fields
NAME = re.compile(r"(?<![\\\w])\w*[A-Za-z0-9][A-Z]\w*")
"""A word with a capital inside, such as SDEdit, which BibTeX styles would lower in titles."""
YEAR = re.compile(r"\b(?:19|20)\d\d\b")


def to_bibtex(board: Board) -> str:
    """Write an entry for every work that rows, metrics and trackers cite, the dataset and smmbench.

    Cards and metrics give short references, such as `Yatim et al., CVPR 2024, <address>`. Known
    works in them (`references`) are cited in full, each once, below a comment that states what
    cites them. A reference without any known work is kept verbatim in `note`; year, arXiv number
    and address are taken from it if present, and no title or author is invented.
    """
    works: dict[str, Work] = {}
    uses: dict[str, list[str]] = {}

    def cite(what: str, named: Iterable[Work]) -> None:
        for work in named:
            works[work.key] = work
            uses.setdefault(work.key, []).append(what)

    cited = []
    for row in board.rows:
        if known := works_named(row.card.paper):
            cite(row.label, known)
        elif row.card.paper:
            cited.append(_cited(row.label, row.card.title, row.card.paper))
    for name in dict.fromkeys(column.metric for column in board.columns if column.scored):
        about = metric(name)
        title, key = f"{about.title}, version {about.version} in smmbench", f"metric-{name}"
        if known := works_named(about.source):
            cite(f"metric {name}", known)
            cited.append(("misc", key, {"title": title, "note": about.source}))
        else:
            cited.append(_cited(key, title, about.source))
    for tracker in dict.fromkeys(_trackers(board)):
        cite(f"tracker {tracker}", works_of_tracker(tracker))
    tools = {"text model": board.protocol.text_model, "tracker": board.protocol.tracker}
    used = ", ".join(f"{what} {name}" for what, name in tools.items())
    dataset = f"Dataset {board.dataset}, version {board.dataset_version}"
    note = f"Manifest SHA-256 {board.manifest_sha256}; {used}"
    cited.append(("misc", f"dataset-{board.dataset}", {"title": dataset, "note": note}))
    title = "smmbench: the public benchmark of text-driven video motion transfer"
    facts = {"title": title, "version": board.smmbench, "organization": "The smmbench authors"}
    cited.append(("software", "smmbench", facts))
    in_full = [(work.kind, work.key, work.facts) for work in works.values()]
    texts = _entries([*in_full, *cited])
    comments = [*(_comment(uses[work]) for work in works), *("" for _ in cited)]
    return "\n".join(map("".join, zip(comments, texts, strict=True)))


def _trackers(board: Board) -> Iterator[str]:
    """Return the trackers of the scores, according to the columns."""
    for column in board.columns:
        used = column.conditions.get("tracker")
        if isinstance(used, dict) and "tracker" in used:
            yield str(used["tracker"])


def _comment(uses: Iterable[str]) -> str:
    """Format a comment above an entry; between entries, BibTeX reads only what follows an @."""
    return f"% {re.sub(r'[^A-Za-z0-9 .,:_-]+', '-', ', '.join(uses))}\n"


def _cited(key: str, title: str, source: str) -> Entry:
    """Make an entry from a title and a short reference."""
    facts: dict[str, str] = {"title": title, "note": source}
    if authors := re.match(r"(?:a variant of )?([A-Z][\w-]+) et al\.", source):
        facts["author"] = f"{authors[1]} and others"
    if years := YEAR.findall(ADDRESS.sub("", source)):
        facts["year"] = years[0]
    if number := ARXIV.search(source):
        facts |= {"eprint": number[1], "archiveprefix": "arXiv"}
    if address := ADDRESS.search(source):
        facts["url"] = address[0]
    return "misc", key, facts


def _entries(cited: Iterable[Entry]) -> Iterator[str]:
    """Format each entry; keys must differ in more than case, which BibTeX ignores."""
    taken = Counter[str]()
    for kind, name, facts in cited:
        key = _key(name)
        taken[key.casefold()] += 1
        number = taken[key.casefold()]
        lines = [f"  {name} = {{{fact}}}," for name, fact in _filled(facts.items())]
        first = f"@{kind}{{{key}{f':{number}' if number > 1 else ''},"
        yield "\n".join([first, *lines, "}\n"])


def _filled(facts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, fact in facts:
        if fact:
            plain = name in ("url", "eprint")
            text = re.sub(r"[{}\\]", "", fact) if plain else _escaped(fact)
            yield name, NAME.sub(r"{\g<0>}", text) if name == "title" else text


def _escaped(text: str) -> str:
    """Escape text for LaTeX; BibTeX counts all braces, including escaped ones."""
    escaped = latex(text, longest=2000)
    return escaped.replace(r"\{", r"\textbraceleft{}").replace(r"\}", r"\textbraceright{}")


def _key(text: str) -> str:
    """Return a citation key of letters, digits, dots and hyphens only."""
    return re.sub(r"[^A-Za-z0-9.:-]+", "-", text).strip("-") or "entry"
