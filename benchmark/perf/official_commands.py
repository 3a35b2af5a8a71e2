"""Try the recipes of official code on their real command lines, without weights or GPUs.

    python benchmark/perf/official_commands.py --clones DIR [--recipe NAME]

`DIR/<owner>+<name>` (or `DIR/<owner>+<name>/repo`) is a clone of each repository, complete or bare.
For each recipe the commit is checked out, every file that it names is looked up, its configurations
are written over the repository's own, and its commands are run by an interpreter that has the
script's own parser and code but replaces torch, diffusers and similar packages by placeholders. The
interpreter stops where the script has read its arguments and configuration and calls its first
function. Nothing after that is tried.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import inspect
import os
import runpy
import stat
import subprocess
import sys
import tempfile
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

REAL = {"yaml", "numpy", "PIL", "click"}  # packages that the tried scripts may really import
# Files that earlier commands would have written, in the run's folders.
EARLIER = {
    "official-tokenflow": ("repo/data/source/00000.png",),
    "official-motion-director": (
        "trained/cached_latents/cached_0.pt",
        "trained/checkpoint-150/temporal/lora/lora.pt",
    ),
}
THROUGH = {"run", "main(args)"}  # functions that only read further arguments


class _Nothing(type):
    """A metaclass whose classes return a placeholder for any attribute."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing(name)


def _nothing(name: str) -> Any:
    """A separate class for each name, since a class cannot inherit twice from the same one."""
    return _Nothing(name, (Nothing,), {})


class Nothing(metaclass=_Nothing):
    """Placeholder for a class, function, decorator or context manager of a missing package."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *given: Any, **__: Any) -> Any:
        """Return the argument if it is a single function to decorate; else a placeholder."""
        return given[0] if len(given) == 1 and callable(given[0]) else Nothing()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _Config(dict[str, Any]):
    """The part of an OmegaConf table that reading needs."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error

    __setattr__ = dict.__setitem__


def _config(content: Any) -> Any:
    if isinstance(content, dict):
        return _Config({key: _config(value) for key, value in content.items()})
    return [_config(one) for one in content] if isinstance(content, list) else content


class _OmegaConf:
    @staticmethod
    def load(path: str) -> Any:
        import yaml

        return _config(yaml.safe_load(Path(path).read_text("utf-8")))

    @staticmethod
    def merge(*parts: dict[str, Any]) -> Any:
        return _config({key: value for part in parts for key, value in part.items()})

    @staticmethod
    def save(*_: Any) -> None:
        pass


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Provides a placeholder module for packages that are not Python's or the repository's."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        top = name.partition(".")[0]
        own = Path(top).is_dir() or Path(f"{top}.py").is_file()
        if own or top in sys.stdlib_module_names or top in REAL:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> Any:
        module = types.ModuleType(spec.name)
        module.__getattr__ = self._attribute  # type: ignore[method-assign]
        module.__all__ = []  # type: ignore[attr-defined]
        if spec.name == "omegaconf":
            module.OmegaConf = _OmegaConf  # type: ignore[attr-defined]
        return module

    def exec_module(self, module: Any) -> None:
        pass

    @staticmethod
    def _attribute(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing(name)


def interpret(script: str, arguments: Sequence[str]) -> None:
    """Run a script with its arguments up to the first function that it calls."""
    repository = str(Path.cwd().resolve())
    source = Path(script).read_text("utf-8")
    told = "argparse" not in source and "click" not in source
    parse = argparse.ArgumentParser.parse_args

    def parse_args(self: Any, *given: Any, **named: Any) -> Any:
        nonlocal told
        values = parse(self, *given, **named)
        told = True
        print("parsed:", vars(values), flush=True)
        if not any(isinstance(part, ast.FunctionDef) for part in ast.walk(ast.parse(source))):
            _stop("the first line after its parser")
        return values

    def watch(frame: types.FrameType, event: str, _: Any) -> None:
        nonlocal told
        code = frame.f_code
        function = code.co_flags & inspect.CO_OPTIMIZED and code.co_name[0] != "<"
        if event != "call" or not function or not Path(code.co_filename).is_file():
            return
        if not str(Path(code.co_filename).resolve()).startswith(repository):
            return
        told = told or (code.co_name == "run" and "click" in source)
        name = "main(args)" if code.co_varnames[:1] == ("args",) else code.co_name
        if told and name not in THROUGH:
            _stop(f"{code.co_name}() of {Path(code.co_filename).name}")

    argparse.ArgumentParser.parse_args = parse_args  # type: ignore[method-assign]
    sys.meta_path.insert(0, _Finder())
    sys.path[0] = repository
    sys.argv = [script, *arguments]
    sys.setprofile(watch)
    runpy.run_path(script, run_name="__main__")
    sys.setprofile(None)
    print("ended without calling anything")
    os._exit(7)


def _stop(where: str) -> None:
    print(f"reached: {where}", flush=True)
    os._exit(0)


def tried(name: str, clones: Path, folder: Path) -> Iterator[str]:
    """Try one recipe; yield a line for each thing that was tried."""
    from smmbench.errors import CommandError
    from smmbench.external.call.command import run_commands
    from smmbench.external.call.files import write_files
    from smmbench.external.call.log import Log
    from smmbench.external.call.variables import variables
    from smmbench.external.install.checkout import SetupError, check_out
    from smmbench.external.recipe.finding import recipe_path
    from smmbench.external.recipe.placeholders import in_text
    from smmbench.external.recipe.schema import CLIP_NAMES, PAIR_NAMES, load_recipe

    recipe = load_recipe(recipe_path(name))
    owner, project = recipe.code.repository.rstrip("/").split("/")[-2:]
    clone = clones / f"{owner}+{project}"
    clone = clone / "repo" if (clone / "repo").is_dir() else clone
    repo = folder / "repo"
    try:
        check_out(str(clone), recipe.code.commit, repo)
        yield f"commit {recipe.code.commit} checked out"
    except SetupError:
        absent = _export(clone, recipe.code.commit, repo)
        yield f"commit {recipe.code.commit} found, except {absent} files that the clone lacks"
    texts = [path.read_text("utf-8", "replace") for path in repo.rglob("*") if _is_text(path)]
    for listed in recipe.environment.requirements:
        yield f"{listed}: {'found' if (repo / listed).is_file() else 'MISSING'}"
    for left in recipe.code.leave:
        yield f"left out {left}: {'found' if (repo / left).exists() else 'MISSING'}"
    for one in recipe.weights:
        named = one.place or one.hub
        stem = named.rpartition("-")[0] + "-" + "{"  # a name that the code composes
        seen = any(one in text for text in texts for one in (named, Path(named).name, stem))
        yield f"weights {one.name}: {named} {'named' if seen else 'NOT NAMED'} in its files"
    values: dict[str, Any] = {key: one.default for key, one in recipe.parameters.items()}
    values |= {key: str(folder / key) for key in (*CLIP_NAMES, *PAIR_NAMES)}
    values |= {"repo": str(repo), "prompt": "a dog", "source_prompt": "a cat", "seed": 3}
    values |= {"prepared": str(folder), "work": str(folder), "python": str(_interpreter(folder))}
    values |= {"count": 24, "width": 576, "height": 320, "fps": 8.0}
    values["source"] = str(folder / recipe.input.name)
    values |= {f"weights:{one.name}": str(folder / one.name) for one in recipe.weights}
    values |= {f"kept:{key}": str(folder / key) for key in recipe.prepare.kept}
    Path(values["output"]).mkdir()
    for left_behind in EARLIER.get(name, ()):
        (folder / left_behind).parent.mkdir(parents=True, exist_ok=True)
        (folder / left_behind).touch()
    for word, step in (("prepare", recipe.prepare), ("transfer", recipe.transfer)):
        for file in step.files:
            if file.base:
                found = repo / file.base
                yield f"{file.base}: {_unknown(found, file.content) or 'every key is known there'}"
        write_files(step.files, values, [folder], repo)
        for command in step.commands:
            words = [in_text(one, values) for one in command]
            log = Log()
            seen_variables = variables("cpu", Path(values["python"]), folder, {})
            try:
                run_commands([words], folder=repo, environment=seen_variables, seconds=60, log=log)
                lines = log.content().decode("utf-8", "replace").splitlines()
                yield f"{word}: {words[1]} {next(o for o in lines if o.startswith('reached'))}"
            except CommandError as error:
                yield f"{word}: {words[1]} FAILED: {error}"


def _export(clone: Path, commit: str, folder: Path) -> int:
    """Write the files of a commit that a clone has; return the number of missing files."""

    def git(*words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["git", "-C", str(clone), *words], capture_output=True)

    absent = 0
    listed = git("ls-tree", "-r", "-z", commit)
    listed.check_returncode()
    for line in listed.stdout.decode().split("\0")[:-1]:
        about, name = line.split("\t")
        content = git("cat-file", "blob", about.split()[2])
        absent += content.returncode != 0
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if content.returncode == 0:
            (folder / name).write_bytes(content.stdout)
    return absent


def _is_text(path: Path) -> bool:
    return path.suffix in {".py", ".yaml", ".yml", ".md", ".ipynb"} and path.is_file()


def _unknown(path: Path, content: Any) -> str:
    """Keys of a configuration that the repository's own does not have."""
    import yaml

    known = yaml.safe_load(path.read_text("utf-8"))
    return ", ".join(f"NEW KEY {key}" for key in _keys(content) - _keys(known))


def _keys(content: Any, before: str = "") -> set[str]:
    if not isinstance(content, dict):
        return set()
    here = {f"{before}{key}" for key in content}
    return here.union(*(_keys(value, f"{before}{key}.") for key, value in content.items()))


def _interpreter(folder: Path) -> Path:
    path = folder / "python"
    own = Path(__file__).resolve()
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{own}" --as-interpreter "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def main() -> None:
    """Try all recipes, or one; the exit code is 1 if anything failed."""
    if sys.argv[1:2] == ["--as-interpreter"]:
        interpret(sys.argv[2], sys.argv[3:])
    from smmbench.external.recipe.finding import recipe_names

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--clones", type=Path, required=True, help="Folder of the clones.")
    parser.add_argument("--recipe", action="append", help="Try only this recipe; repeatable.")
    asked = parser.parse_args()
    failed = False
    for name in asked.recipe or recipe_names():
        print(name)
        with tempfile.TemporaryDirectory() as folder:
            for line in tried(name, asked.clones, Path(folder)):
                failed |= "FAILED" in line or "MISSING" in line
                print(f"  {line.replace(folder, '')}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
