"""Find a dataset by its name or by the path of its manifest."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from smmbench.dataset.faults import ManifestError, faults_of
from smmbench.dataset.manifest import Clip, Dataset, Edit, Manifest
from smmbench.plugins import load_offered, no_such, offered
from smmbench.storage.atomic import write_text
from smmbench.storage.home import home
from smmbench.storage.text import read_text

GROUP = "smmbench.datasets"


def load_dataset(name_or_path: str | Path) -> Dataset:
    """Read and check a dataset's manifest; its videos are not opened.

    Args:
        name_or_path: A name (`smmbench datasets list` shows them), or the path of a TOML file.

    Raises:
        LookupError: There is no dataset of that name; the message lists the known ones.
        ManifestError: The manifest is invalid; the message has one line per fault.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text or "\\" in text:
        return _read(Path(text).expanduser())
    dataset = _read(manifest_path(text))
    if dataset.manifest.name != text:
        raise ManifestError(
            str(manifest_path(text)),
            [f"name: is '{dataset.manifest.name}', but the dataset is registered as '{text}'."],
        )
    return dataset


def dataset_names() -> list[str]:
    """Names that `load_dataset` accepts: from installed distributions, and added by the user."""
    return sorted({*offered(GROUP), *_added()})


def manifest_path(name: str) -> Path:
    """Return the path of a named dataset's manifest.

    Raises:
        LookupError: No dataset of that name.
        ImportError: The distribution that registers it does not load.
    """
    if name in offered(GROUP):
        return Path(load_offered(GROUP, name, "dataset")())
    if name in (added := _added()):
        return added[name]
    raise LookupError(
        f"{no_such('dataset', name, dataset_names())} Name one of your own by the path of its "
        "manifest, which ends in .toml, or register it: `smmbench datasets add PATH`."
    )


def add_dataset(path: Path) -> Dataset:
    """Register a user's own manifest under its name.

    The manifest stays where it is, with its files; only its path is stored, so later changes to it
    take effect. Adding it again changes nothing.

    Raises:
        ValueError: The manifest is broken, or another dataset has its name.
    """
    dataset = load_dataset(path)
    name, path = dataset.manifest.name, path.expanduser().resolve()
    if name in offered(GROUP):
        raise ValueError(f"The name '{name}' of '{path}' is taken by an installed dataset.")
    other = _added().get(name)
    if other is not None and other != path and other.exists():
        raise ValueError(
            f"The name '{name}' of '{path}' is taken by '{other}'. Change `name` in one of them, "
            f"or `smmbench datasets remove {name}` to forget the other."
        )
    write_text(_pointer(name), f"{path}\n")
    return dataset


def remove_dataset(name: str) -> None:
    """Remove the registration of an added manifest; the file stays where it is.

    Raises:
        LookupError: No dataset of that name was added.
    """
    if not is_added(name):
        raise LookupError(no_such("added dataset", name, sorted(_added())))
    _pointer(name).unlink()


def is_added(name: str) -> bool:
    """Whether a name belongs to a manifest that the user added."""
    return name in _added()


def pairs(dataset: Dataset) -> Iterator[tuple[Clip, Edit]]:
    """Yield every clip with each of its edits, in the manifest's order."""
    for clip in dataset.manifest.clips:
        for edit in clip.edits:
            yield clip, edit


def clip_named(dataset: Dataset, name: str) -> Clip:
    """Look a clip up by its name.

    Raises:
        LookupError: There is no such clip; the message lists the existing ones.
    """
    clips = {clip.name: clip for clip in dataset.manifest.clips}
    if name not in clips:
        raise LookupError(no_such(f"clip of dataset '{dataset.manifest.name}'", name, clips))
    return clips[name]


def edit_named(clip: Clip, name: str) -> Edit:
    """Look an edit of a clip up by its name.

    Raises:
        LookupError: There is no such edit; the message lists the existing ones.
    """
    edits = {edit.name: edit for edit in clip.edits}
    if name not in edits:
        raise LookupError(no_such(f"edit of clip '{clip.name}'", name, edits))
    return edits[name]


def another_prompt(clip: Clip, edit: str, prompt: str) -> str:
    """That an edit asks for another prompt, to follow `made`; empty if not, or without the edit."""
    for one in clip.edits:
        if one.name == edit and one.prompt != prompt:
            return (
                f"for the prompt '{prompt}', but edit '{edit}' of clip '{clip.name}' asks for "
                f"'{one.prompt}'."
            )
    return ""


def _read(path: Path) -> Dataset:
    if not path.is_file():
        raise ManifestError(str(path), ["no such file; a dataset is a TOML manifest."])
    try:
        content = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(str(path), [f"is not TOML: {error}."]) from error
    except RecursionError as error:
        raise ManifestError(str(path), ["is nested too deeply."]) from error
    except ValueError as error:
        raise ManifestError(str(path), [str(error)]) from error
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        raise ManifestError(str(path), faults_of(error, Manifest)) from error
    return Dataset(manifest=manifest, root=path.resolve().parent)


def _pointer(name: str) -> Path:
    """File that holds the path of an added manifest: one line, so that it works on any system."""
    return home() / "datasets" / f"{name}.path"


def _added() -> dict[str, Path]:
    """Manifests that the user added, by name."""
    return {
        pointer.name.removesuffix(".path"): Path(pointer.read_text(encoding="utf-8").strip())
        for pointer in sorted((home() / "datasets").glob("*.path"))
    }
