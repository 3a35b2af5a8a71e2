"""The manual holds every page, leads nowhere that is not there, and tells all that the code has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

import smmbench
from smmbench.cli.method_description import describe_all
from smmbench.metrics import all_metrics
from smmbench.results.records import RunRecord, Stored
from smmbench_manual.assembling import assemble
from smmbench_manual.checking import problems
from smmbench_manual.contents import ROOT, Contents, Page, Section, read_contents
from smmbench_manual.links import moved
from smmbench_manual.reference.command_line import commands
from smmbench_manual.reference.environment_variables import OTHERS, by_option, in_code
from smmbench_manual.reference.fields import comments, in_words
from smmbench_manual.reference.markdown import cell, code, table


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return assemble(read_contents(), tmp_path_factory.mktemp("manual"))


def test_every_page_of_the_repository_is_in_the_manual() -> None:
    listed = {page.file for page in read_contents().places().values() if page.file}
    pages = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("*/docs/*.md", "*/docs/*/*.ipynb", "benchmark/perf/*.md", "*.md")
        for path in ROOT.glob(pattern)
    }
    assert pages - listed == {"README.md"}  # the home page takes its place


def test_every_command_is_told_with_its_options(manual: Mapping[str, str]) -> None:
    text = manual["reference/command-line.md"]
    for words, command in commands():
        _, _, after = text.partition(f"## `{' '.join(words)}`\n")
        assert after, f"{words} is not in the manual."
        told = after.partition("\n## ")[0]
        for option in command.params:
            if option.param_type_name == "option" and not option.hidden and option.name != "help":
                assert f"`{option.opts[0]}`" in told, (words, option.opts)
                assert option.help, f"{words} {option.opts[0]} has no help text."


def test_every_environment_variable_is_told(manual: Mapping[str, str]) -> None:
    text = manual["reference/environment-variables.md"]
    for name in in_code() | set(by_option()):
        assert f"`{name}`" in text, f"{name} is not in the manual."
    for name in OTHERS:  # and nothing that no code reads
        read = name.startswith("SMMBENCH_") and name not in in_code()
        assert not read or name == "SMMBENCH_REPOSITORY", name


def test_every_name_of_the_public_interface_is_told(manual: Mapping[str, str]) -> None:
    text = manual["reference/python-api.md"]
    for name in smmbench.__all__:
        assert f"## `{name}`" in text
    assert "`source`" in text and "limit: " in text  # arguments, and signatures


def test_every_method_and_metric_has_its_card(manual: Mapping[str, str]) -> None:
    for method in describe_all():
        assert f"\n## {method.name}\n" in manual["methods/method-cards.md"]
    for metric in all_metrics():
        assert f"\n## {metric.name}\n" in manual["reference/metric-cards.md"]


def test_every_field_of_a_record_is_told(manual: Mapping[str, str]) -> None:
    text = manual["reference/file-formats.md"]
    for name in RunRecord.model_fields:
        assert f"| `{name}` |" in text


def test_the_terms_of_the_glossary_are_in_order(manual: Mapping[str, str]) -> None:
    terms = re.findall(r"^\*\*(.+?)\*\* — ", manual["concepts/glossary.md"], re.MULTILINE)
    assert len(terms) >= 30 and terms == sorted(terms)


class _Example(Stored):
    told: int  # what it counts
    below: str = ""
    """Text of another kind."""
    silent: float | None = None


def test_a_field_is_described_by_what_stands_beside_it() -> None:
    assert comments(_Example) == {"told": "What it counts", "below": "Text of another kind."}


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "integer"),
        (float | None, "number or null"),
        (tuple[str, ...], "list of text"),
        (dict[str, tuple[float, ...]], "table of list of number"),
        (RunRecord, "RunRecord"),
    ],
)
def test_types_are_written_as_a_reader_of_json_sees_them(annotation: object, words: str) -> None:
    assert in_words(annotation) == words


def test_what_would_break_a_table_is_written_so_that_it_does_not() -> None:
    assert cell("a|b\nc <d>") == "a\\|b c &lt;d>"
    assert code("x`y") == "``x`y``" and code("") == ""
    assert table(["a"], []) == ""
    assert table(["a", "b"], [(1, 2)]).splitlines()[-1] == "| 1 | 2 |"


PLACES = {"README.md": "index.md", "a/docs/one.md": "guides/one.md", "b/two.md": "start/two.md"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in ("a/docs/one.md", "b/two.md", "a/code.py", "a/docs/picture.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[two](../../b/two.md#part)", "[two](../start/two.md#part)"),
        ("[home](../../README.md)", "[home](../index.md)"),
        ("[there](https://x.y/z.md), [here](#part)", "[there](https://x.y/z.md), [here](#part)"),
        ("![seen](picture.png)", "![seen](../pictures/a-docs-picture.png)"),
        ("[`code.py`](../code.py)", "`a/code.py`"),
        ("[the code](../code.py)", "the code (`a/code.py`)"),
        ("```\n[two](nowhere.md)\n```", "```\n[two](nowhere.md)\n```"),
    ],
)
def test_links_follow_a_page_that_moves(repository: Path, before: str, after: str) -> None:
    assert moved(before, "a/docs/one.md", "guides/one.md", PLACES, repository)[0] == after


def test_files_lead_to_the_repository_where_its_address_is_known(repository: Path) -> None:
    text, _ = moved(
        "[c](../code.py)", "a/docs/one.md", "guides/one.md", PLACES, repository, "https://x/"
    )
    assert text == "[c](https://x/a/code.py)"


def test_a_link_to_nothing_is_refused(repository: Path) -> None:
    with pytest.raises(ValueError, match=r"a/docs/one\.md links to gone\.md, which is not there"):
        moved("[x](gone.md)", "a/docs/one.md", "guides/one.md", PLACES, repository)


def test_two_pages_in_one_place_are_refused() -> None:
    page = Page(title="One", file="a/one.md")
    with pytest.raises(ValueError, match=r"Two pages of the manual are start/one\.md"):
        Contents(home="h.md", section=(Section(title="Start", pages=(page, page)),)).places()
    with pytest.raises(ValueError, match="needs either a file or a generator"):
        Page(title="Neither")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('<a href="other.html#there">x</a><img src="p.png">', ""),
        ('<a href="gone.html">x</a>', "leads to gone.html, which is not there"),
        ('<a href="other.html#gone">x</a>', "a heading that is not there"),
        ('<img src="gone.png">', "leads to gone.png, which is not there"),
        ('<script src="https://cdn.example/x.js"></script>', "from another host"),
        ('<link rel="stylesheet" href="//fonts.example/x.css">', "from another host"),
    ],
)
def test_a_built_page_is_checked(tmp_path: Path, body: str, said: str) -> None:
    (tmp_path / "index.html").write_text(body)
    (tmp_path / "other.html").write_text('<h1 id="there">x</h1>')
    (tmp_path / "p.png").write_bytes(b"x")
    found = problems(tmp_path)
    assert (not found) if not said else (len(found) == 1 and said in found[0]), found
