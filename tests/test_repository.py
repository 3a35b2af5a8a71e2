"""What the repository says of itself is true: commands, code in its pages, links, arrows."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import typer

import smmbench
from smmbench import cli

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(ROOT.glob("benchmark/docs/*.md")),
    *sorted(ROOT.glob("datasets/docs/*.md")),
    *sorted(ROOT.glob("leaderboard/docs/*.md")),
    ROOT / "benchmark" / "perf" / "README.md",
    ROOT / "leaderboard" / "entries" / "README.md",
    ROOT / "leaderboard" / "submissions" / "README.md",
]
ROOTS = {
    "benchmark": "smmbench",
    "baselines": "smmbench_baselines",
    "datasets": "smmbench_datasets",
    "leaderboard": "smmbench_leaderboard",
}

UNSHIPPED = {"benchmark": {"smmbench_manual"}, "datasets": {"smmbench_research"}}


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _blocks(page: Path, language: str) -> list[str]:
    pattern = rf"^( *)```{language}\n(.*?)^\1```"
    found = re.findall(pattern, page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [text for _, text in found]


def _command_lines() -> list[Any]:
    """Every line of the pages that begins with smmbench, or has it after `&&`."""
    lines = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        block = "\n".join([*_blocks(page, "bash"), *re.findall(r"^    (.+)$", text, re.MULTILINE)])
        block += "\n" + "\n".join(re.findall(r"`(smmbench [^`]+)`", text))
        block = re.sub(r"\\\n\s*", " ", block)  # a command that goes on in the next line
        for line in re.split(r"\n|&&", block):
            words = shlex.split(line, comments=True)
            if words[:1] == ["smmbench"]:
                lines.append(pytest.param(words[1:], id=f"{_name(page)}: {line.strip()}"))
    return lines


@pytest.fixture(scope="module")
def root_command() -> Any:
    return typer.main.get_command(cli.app)


@pytest.mark.parametrize("words", _command_lines())
def test_commands_of_the_pages_exist_with_their_options(
    words: list[str], root_command: Any
) -> None:
    words = words[: words.index(">")] if ">" in words else words
    command = root_command
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        name = words.pop(0)
        if "|" in name:  # `datasets list|show`
            assert set(name.split("|")) <= set(command.commands)
            return
        assert name in command.commands, f"There is no `{name}`."
        command = command.commands[name]
    known = {opt for option in command.params for opt in (*option.opts, *option.secondary_opts)}
    asked = {word.split("=")[0] for word in words if word.startswith("-")}
    assert asked <= known | {"--help", "--version"}


def test_the_readme_has_the_two_commands() -> None:
    commands = _blocks(ROOT / "README.md", "bash")
    main = (
        "pip install -e . && "
        "smmbench run --method smm --dataset emoji-wan --preset emoji-wan-fast --limit 2 && "
        "smmbench score results/\n"
    )
    test = 'pip install -e ".[test]" && pytest\n'
    assert commands[:2] == [main, test]
    assert f"'{test.strip()}'" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_script_of_the_pages_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (script,) = _blocks(ROOT / "benchmark" / "docs" / "python-script.md", "python")
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "python-script.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    shown = script.splitlines()[-1].partition("  # ")[2]
    assert printed[-1] == shown == "-0.12, by chance 0.51"  # the numbers are those of the comment
    assert sum("source-copy" in line for line in printed) >= 3 + 1  # of pairs, and of the board


@pytest.mark.slow
@pytest.mark.parametrize("words", [{}, {"inversion_prompt": False, "prompt_prefix": "a dog, "}])
def test_the_40_lines_of_the_pages_are_the_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: dict[str, Any]
) -> None:
    """In few steps, on a small and short clip, with restarts as in the paper; then its words."""
    from smmbench import dataset
    from smmbench.method import Source
    from smmbench.smm import SMM
    from smmbench.video import Video, read_video

    (script,) = _blocks(ROOT / "benchmark" / "docs" / "smm-in-40-lines.md", "python")
    lines = [line for line in script.splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith(("from ", "import "))]
    assert len(own) <= 40
    few = {"steps": 3, "inversion_steps": 3, "iterations": 1, "restart": True, **words}
    monkeypatch.setitem(SMM.presets, "emoji", SMM.presets["emoji"] | few)
    whole = dataset.source_video

    def small(*named: Any) -> Video:
        video = whole(*named)
        return Video(video.frames[:4, ::2, ::2].copy(), video.fps)

    monkeypatch.setattr(dataset, "source_video", small)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(script, "smm-in-40-lines.md", "exec"), names)
    method = SMM(names["p"], "cpu", names["model"])
    source = Source("clip", names["source"], names["clip"].prompt, other=lambda: names["source"])
    video = method.transfer(method.prepare(source), names["target"], seed=0)
    assert read_video(tmp_path / "butterfly.mkv").pixels_sha256 == video.pixels_sha256


def test_the_method_of_the_pages_is_whole(tmp_path: Path, small_dataset: Path) -> None:
    from smmbench.running.executors import named_executor
    from smmbench.running.loop import plan_run, run

    (code,) = _blocks(ROOT / "benchmark" / "docs" / "methods.md", "python")
    (tmp_path / "mirror.py").write_text(code, encoding="utf-8")
    assert len(code[code.index("@dataclass") :].splitlines()) <= 20  # as the README promises
    plan = plan_run(
        f"{tmp_path / 'mirror.py'}:Mirror",
        str(small_dataset),
        tmp_path / "results",
        settings=["noise=5"],
        limit=2,
        device="cpu",
    )
    summary = run(plan, named_executor("local", None))
    assert (summary.made, summary.failed) == (2, 0)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}."


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_to_sections_lead_to_one(page: Path) -> None:
    for target, section in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text("utf-8")):
        other = page.parent / target if target else page
        if not target.startswith("https://") and other.suffix == ".md":
            assert section in _sections(other), f"{page.name} links to {target}#{section}."


def _sections(page: Path) -> set[str]:
    """Anchors of a page's headings, as hosts of Markdown derive them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in plain}


def test_every_picture_is_shown_by_a_page() -> None:
    """Pictures of old boards do not pile up: one that no page shows is removed with its page."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    pictures = [path for kind in ("png", "jpg") for path in ROOT.glob(f"*/docs/**/*.{kind}")]
    assert len(pictures) >= 20
    assert [_name(path) for path in pictures if path.name not in text] == []


def test_what_contributing_names_is_there() -> None:
    """The page once sent people to a line of a file that had moved."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(
        r"(?<![\w/.])(?:benchmark|baselines|datasets|leaderboard|tests)/[\w./-]+", text
    )
    named = [path for path in paths if path == path.lower()]  # DATE-LABEL is for the reader to fill
    assert len(named) >= 5
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_source_root_holds_one_package_and_is_none() -> None:
    """`datasets/__init__.py` would shadow Hugging Face's `datasets`."""
    for folder, package in ROOTS.items():
        assert not (ROOT / folder / "__init__.py").exists()
        held = {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")}
        assert held == {package} | UNSHIPPED.get(folder, set())


def test_research_is_not_shipped() -> None:
    """No shipped module imports what is not shipped, and the wheel leaves it out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(shipped) == sorted(f"{folder}/{package}" for folder, package in ROOTS.items())
    for folder, package in ROOTS.items():
        for path in (ROOT / folder / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for unshipped in ("smmbench_research", "smmbench_manual"):
                assert not re.search(rf"(import|from) {unshipped}", text), _name(path)


@pytest.mark.parametrize("package", ["benchmark", "baselines", "datasets"])
def test_arrows_point_one_way(package: str) -> None:
    """Each package imports only itself and the benchmark package."""
    others = set(ROOTS.values()) - {"smmbench", ROOTS[package]}
    for path in (ROOT / package / ROOTS[package]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            wrong = {name.split(".")[0] for name in names} & others
            assert not wrong, f"{_name(path)} imports {', '.join(wrong)}."


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert project["version"] == smmbench.__version__
    assert f"\nversion: {smmbench.__version__}\n" in citation


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text


def test_the_long_description_has_no_link_that_leads_nowhere() -> None:
    path = ROOT / "hatch_build.py"
    spec = spec_from_file_location("hatch_build", path)
    assert spec is not None and spec.loader is not None
    hook = module_from_spec(spec)
    spec.loader.exec_module(hook)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for text in (hook.for_an_index(readme), hook.for_an_index(readme, "https://a.b/c")):
        links = re.findall(r"\]\(([^()\s]+)\)", text)
        assert all(link.startswith(("https://", "#")) for link in links), links
    example = "See [the page](docs/a.md#part), [there](https://x.y) and ![a picture](b.png)."
    assert hook.for_an_index(example) == (
        "See the page (`docs/a.md` in the source distribution), [there](https://x.y) and "
        "(a picture: `b.png` in the source distribution)."
    )
    assert "[the page](https://a.b/c/docs/a.md#part)" in hook.for_an_index(example, "https://a.b/c")


def test_the_licence_expression_covers_code_and_data() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0 AND OFL-1.1"
    notice = (ROOT / "datasets" / "smmbench_datasets" / "emoji" / "NOTICE").read_text("utf-8")
    assert "SIL Open Font License, Version 1.1" in notice
    assert "datasets/smmbench_datasets/emoji/NOTICE" in project["license-files"]
