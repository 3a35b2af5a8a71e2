"""Assemble the source of the manual: pages, pictures, and the configuration of the generator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from smmbench_manual.contents import ROOT, Contents
from smmbench_manual.links import moved
from smmbench_manual.notebooks import as_page
from smmbench_manual.reference import GENERATORS

CONFIGURATION = """\
[project]
site_name = "smmbench"
site_description = "Manual of the benchmark of text-driven video motion transfer"
site_url = ""
docs_dir = "docs"
site_dir = "site"
use_directory_urls = false
nav = {navigation}
extra_css = ["manual.css"]

[project.theme]
language = "en"
font = false
features = [
  "content.code.copy", "navigation.footer", "navigation.sections", "navigation.top",
  "search.highlight", "toc.follow",
]

[[project.theme.palette]]
media = "(prefers-color-scheme)"
toggle.icon = "lucide/sun-moon"
toggle.name = "Switch to light mode"

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"
toggle.icon = "lucide/sun"
toggle.name = "Switch to dark mode"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
toggle.icon = "lucide/moon"
toggle.name = "Switch to system preference"

[project.markdown_extensions]
admonition = {{}}
attr_list = {{}}
tables = {{}}
toc.permalink = true
pymdownx.highlight.pygments_lang_class = true
pymdownx.inlinehilite = {{}}
pymdownx.superfences = {{}}
"""

STYLE = """\
.md-typeset table:not([class]) { font-size: .68rem; }
.md-typeset table:not([class]) th { min-width: 3rem; }
.md-typeset table:not([class]) code { word-break: normal; overflow-wrap: normal; }
.md-typeset table:not([class]) td:first-child code { white-space: nowrap; }
"""


def assemble(
    contents: Contents, into: Path, root: Path = ROOT, repository: str = ""
) -> dict[str, str]:
    """Write `docs/` and `zensical.toml` into a folder.

    Args:
        contents: Table of contents.
        into: The folder; its `docs/` is written over.
        root: Root of the repository.
        repository: Address of the repository's files; empty if there is none.

    Returns:
        Markdown of each page by its path in the manual.

    Raises:
        ValueError: A page links to what is not there.
    """
    places = contents.places()
    of_files = {page.file: place for place, page in places.items() if page.file}
    of_files["README.md"] = "index.md"  # the home page says what the README says
    written: dict[str, str] = {}
    for place, page in places.items():
        if page.generated:
            text = GENERATORS[page.generated]()
            pictures: Mapping[str, Path] = {}
        else:
            file = root / page.file
            text = as_page(file) if file.suffix == ".ipynb" else file.read_text(encoding="utf-8")
            text, pictures = moved(text, page.file, place, of_files, root, repository)
        _write(into / "docs" / place, text)
        written[place] = text
        for name, picture in pictures.items():
            target = into / "docs" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(picture.read_bytes())
    _write(into / "docs" / "manual.css", STYLE)
    _write(into / "zensical.toml", CONFIGURATION.format(navigation=_navigation(contents)))
    return written


def _navigation(contents: Contents) -> str:
    sections = ['  { "Home" = "index.md" },']
    for section in contents.section:
        pages = ", ".join(
            f"{{ {json.dumps(page.title)} = {json.dumps(f'{section.folder}/{page.stem}.md')} }}"
            for page in section.pages
        )
        sections.append(f"  {{ {json.dumps(section.title)} = [{pages}] }},")
    return "\n".join(["[", *sections, "]"])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
