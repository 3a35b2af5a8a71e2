"""A recipe as a method, with the same interface as any other."""

from __future__ import annotations

import dataclasses
import glob
import shutil
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from smmbench.errors import CommandError
from smmbench.external.call.command import run_commands
from smmbench.external.call.files import write_files, write_source
from smmbench.external.call.fitting import fit_output, fit_source
from smmbench.external.call.log import Log
from smmbench.external.call.reading import find_one, read_output
from smmbench.external.call.variables import variables
from smmbench.external.call.working_folder import own_folder, remove_old
from smmbench.external.install.setup import folder_of, ready
from smmbench.external.install.weights import find_weights, weights_sha256
from smmbench.external.recipe.placeholders import in_text
from smmbench.external.recipe.schema import Recipe
from smmbench.external.recipe.tables import Step
from smmbench.method import Method, Source
from smmbench.video import Video


@dataclasses.dataclass(frozen=True, eq=False)
class LoggedVideo(Video):
    """A video, and the output of the commands that generated it."""

    log: bytes = b""


@dataclasses.dataclass(frozen=True)
class PreparedClip:
    """A clip that was written for the code.

    Attributes:
        source: The clip in the dataset.
        laid_out: The clip in the form that the code accepts.
        values: Values of the placeholders that all its prompts share.
        folder: The clip's own folder, which is removed when this object is no longer used.
        log: Output of the preparation.
    """

    source: Video
    laid_out: Video
    values: Mapping[str, Any]
    folder: Path
    log: bytes


class External(Method[Any, PreparedClip]):
    """Official code, called as its recipe describes."""

    Parameters: ClassVar[type]
    recipe: ClassVar[Recipe]
    name: ClassVar[str]
    path: ClassVar[Path]

    def __init__(self, parameters: Any, device: str) -> None:
        super().__init__(parameters, device)
        self._stamp = ready(self.name, self.recipe, self._reference())
        self._weights = find_weights(self.recipe.weights)
        self._hashes = weights_sha256(self.recipe.weights, self._weights)
        remove_old()

    def weights(self) -> dict[str, str]:
        """SHA-256 of the weights, of the checkout, and of the list of installed packages."""
        return {
            **self._hashes,
            "repository": self._stamp.tree,
            "environment": self._stamp.freeze,
        }

    def prepare(self, source: Source) -> PreparedClip:
        """Write the clip and run the steps that all its prompts share."""
        wanted, step = self.recipe.input, self.recipe.prepare
        folder = own_folder()
        try:
            laid_out = fit_source(source.video, wanted)
            path = write_source(laid_out, wanted, folder / "input")
            count, height, width = laid_out.frames.shape[:3]
            values = {
                **dataclasses.asdict(self.parameters),
                **{f"weights:{name}": str(path) for name, path in self._weights.items()},
                "python": self._stamp.python,
                "source": str(path),
                "source_prompt": source.prompt,
                "prepared": str(folder),
                "count": count,
                "width": width,
                "height": height,
                "fps": wanted.fps or laid_out.fps,
            }
            log = self._run(step, values, folder) if step.commands or step.files else b""
            places = _escaped({**values, "repo": folder / "repo"})
            kept = {
                f"kept:{name}": str(_found(in_text(pattern, places), f"its '{name}'", log))
                for name, pattern in step.kept.items()
            }
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        prepared = PreparedClip(source.video, laid_out, values | kept, folder, log)
        weakref.finalize(prepared, shutil.rmtree, folder, ignore_errors=True)
        return prepared

    def transfer(self, prepared: PreparedClip, prompt: str, seed: int) -> Video:
        """Run the commands for one prompt and seed, and read their output."""
        work = own_folder()
        log = prepared.log
        try:
            output = work / "output"
            output.mkdir()
            values = {
                **prepared.values,
                "prompt": prompt,
                "seed": seed,
                "work": str(work),
                "output": str(output),
            }
            log += self._run(self.recipe.transfer, values, work)
            places = _escaped({**values, "repo": work / "repo"})
            path = _found(in_text(self.recipe.output.path, places), "the output", log)
            made = read_output(path, self.recipe.output, prepared.laid_out)
            fitted = fit_output(made, prepared.source, self.recipe.input.ends)
            return LoggedVideo(fitted.frames, fitted.fps, fitted.notes, log=log)
        except CommandError as error:
            error.log = log + error.log.removeprefix(log)
            raise
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _run(self, step: Step, values: Mapping[str, Any], folder: Path) -> bytes:
        """Run a step in its own copy of the repository; return what it printed."""
        repo = folder / "repo"
        own = {**values, "repo": str(repo)}
        self._copy_repository(repo)
        write_files(step.files, own, [folder], repo)
        temporary = folder / "tmp"
        temporary.mkdir()
        commands = [[in_text(word, own) for word in command] for command in step.commands]
        environment = self.recipe.environment
        log = Log()
        try:
            run_commands(
                commands,
                folder=repo,
                environment=variables(
                    self.device,
                    Path(self._stamp.python),
                    temporary,
                    environment.variables,
                    environment.passed,
                ),
                seconds=step.seconds,
                log=log,
            )
        except CommandError as error:
            said = str(error).replace(f"{folder}/", "")  # results must not contain local folders
            raise CommandError(said, error.kind, error.log) from None
        return log.content()

    def _copy_repository(self, repo: Path) -> None:
        """Copy the checkout for a call, with the weights in their places."""
        checkout = folder_of(self.name, self.recipe) / "checkout"
        left = {checkout / name for name in self.recipe.code.leave}

        def ignored(folder: str, names: list[str]) -> set[str]:
            return {name for name in names if Path(folder) / name in left}

        shutil.copytree(checkout, repo, symlinks=True, ignore=ignored)
        for one in self.recipe.weights:
            if one.place:
                place = repo / one.place
                place.parent.mkdir(parents=True, exist_ok=True)
                if place.is_dir() and not place.is_symlink():
                    shutil.rmtree(place)
                place.unlink(missing_ok=True)
                place.symlink_to(self._weights[one.name].resolve())

    @classmethod
    def _reference(cls) -> str:
        """The method's name as the user gives it."""
        from smmbench.external.recipe.finding import recipe_names

        return cls.name if cls.name in recipe_names() else str(cls.path)


def _found(pattern: str, what: str, log: bytes) -> Path:
    """The single path that matches; an error contains the log of the commands."""
    try:
        return find_one(pattern, what)
    except CommandError as error:
        error.log = log
        raise


def _escaped(values: Mapping[str, Any]) -> dict[str, str]:
    """Values in which special characters of patterns are escaped."""
    return {name: glob.escape(str(value)) for name, value in values.items()}
