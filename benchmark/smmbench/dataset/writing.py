"""A manifest for a folder of videos and a table of prompts: the first version of one's own set."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from smmbench.dataset.faults import faults_of
from smmbench.dataset.manifest import NAME_PATTERN, Manifest, Protocol
from smmbench.plugins import no_such
from smmbench.storage.home import file_sha256
from smmbench.video import ENDINGS, NormalForm, Video, VideoError, normal_form, read_video

COLUMNS = ("clip", "prompt", "caption", "edit")


@dataclass(frozen=True)
class Asked:
    """What a table of prompts says of one clip.

    Attributes:
        caption: What the clip shows; empty if nobody said.
        edits: Target prompts by their names, in the table's order.
    """

    caption: str = ""
    edits: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class About:
    """What is said of a set and of all of its clips."""

    name: str
    title: str
    licence: str
    attribution: str


def read_prompts(path: Path) -> dict[str, Asked]:
    """Read a CSV file with a line for each target prompt, by clip.

    Its columns are `clip` and `prompt`, and if wanted `caption` (what the clip shows) and `edit`
    (the prompt's name; without it one is made of the prompt's words).

    Raises:
        ValueError: It is no such table; the message says which line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"'{path}' is not UTF-8 text (byte {error.start}).") from error
    with io.StringIO(text, newline="") as file:
        rows = csv.DictReader(file)
        names = rows.fieldnames or []
        if not {"clip", "prompt"} <= set(names) <= set(COLUMNS):
            raise ValueError(
                f"'{path}' must have the columns clip and prompt, and may have caption and edit; "
                f"its first line is {', '.join(names) or 'empty'}."
            )
        found: dict[str, Asked] = {}
        for row in rows:
            if None in row:
                raise ValueError(
                    f"'{path}', line {rows.line_num}: more fields than the first line has; put "
                    'quotes (") around what has a comma in it.'
                )
            clip, prompt = ((row[name] or "").strip() for name in ("clip", "prompt"))
            if not clip or not prompt:
                raise ValueError(f"'{path}', line {rows.line_num}: no clip or no prompt.")
            one = found.get(clip, Asked())
            name = (row.get("edit") or "").strip() or slug(prompt)
            if name in one.edits:
                raise ValueError(
                    f"'{path}', line {rows.line_num}: edit '{name}' of clip '{clip}' is there "
                    "twice; give names in a column `edit`."
                )
            caption = (row.get("caption") or "").strip() or one.caption
            if one.caption and caption != one.caption:
                raise ValueError(
                    f"'{path}', line {rows.line_num}: clip '{clip}' has two captions, "
                    f"'{one.caption}' and '{caption}'."
                )
            found[clip] = Asked(caption, {**one.edits, name: prompt})
    if not found:
        raise ValueError(f"'{path}' has no line below its first.")
    return found


def new_manifest(
    folder: Path, prompts: dict[str, Asked], about: About, protocol: Protocol
) -> tuple[str, list[str]]:
    """Write the manifest's text for the videos of a folder; both hashes are computed.

    Args:
        folder: Where the videos lie, and where the manifest will.
        prompts: By clip: the file's name without its ending.
        about: What is said of all.
        protocol: Form and models.

    Returns:
        The text, and what was converted on the way to the normal form, a line a clip.

    Raises:
        ValueError: A prompt's clip is not there, a video cannot be read, or the manifest would not
            load: a name is none.
    """
    files = _videos(folder)
    for clip in prompts:
        if clip not in files:
            raise ValueError(f"'{folder}': {no_such('video of clip', clip, sorted(files))}")
    form = NormalForm(protocol.frames, protocol.width, protocol.height, protocol.fps)
    lines, notes = _head(about, protocol), []
    for clip, asked in prompts.items():
        try:
            video = read_video(files[clip])
            frames = min(frames_at(video, form.fps), form.frames)
            shorter = frames if frames < form.frames else None
            normal = normal_form(video, replace(form, frames=frames))
        except VideoError as error:
            raise ValueError(str(error)) from error
        lines += _clip(clip, files[clip], normal, asked, about, shorter)
        notes += [f"{clip}: {', '.join(normal.notes)}"] if normal.notes else []
    text = "\n".join(lines) + "\n"
    try:
        Manifest.model_validate(tomllib.loads(text))
    except ValidationError as error:
        faults = " ".join(faults_of(error, Manifest))
        raise ValueError(f"The manifest would not load: {faults}") from error
    return text, notes


def slug(text: str) -> str:
    """A name made of a text's words: `A cat, running!` is `a-cat-running`."""
    words = re.findall("[a-z0-9]+", text.casefold())
    return "-".join(words)[:64].strip("-") or "edit"


def frames_at(video: Video, fps: float) -> int:
    """How many frames a video has at another rate: those whose time is within it."""
    return math.floor((len(video.frames) - 1) * fps / video.fps + 1e-6) + 1


def _videos(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in ENDINGS and path.is_file():
            if path.stem in found:
                raise ValueError(f"'{found[path.stem]}' and '{path}' have one name; rename one.")
            if not re.fullmatch(NAME_PATTERN, path.stem):
                raise ValueError(
                    f"'{path}' cannot name a clip: use a-z, 0-9, '.', '_' and '-', a letter or "
                    "digit first."
                )
            found[path.stem] = path
    if not found:
        raise ValueError(f"'{folder}' has no videos ({', '.join(sorted(ENDINGS))}).")
    return found


def _head(about: About, protocol: Protocol) -> list[str]:
    said = protocol.model_dump(mode="json")
    return [
        f"name = {_text(about.name)}",
        "version = 1  # raise it with every change of clips, prompts or protocol",
        f"title = {_text(about.title)}",
        'description = ""',
        f"licence = {_text(about.licence)}",
        "",
        "[protocol]",
        *(f"{name} = {json.dumps(value)}" for name, value in said.items()),
    ]


def _clip(
    name: str, path: Path, normal: Video, asked: Asked, about: About, frames: int | None
) -> Sequence[str]:
    own: Iterable[str] = [f"frames = {frames}  # fewer than the protocol's"] if frames else []
    return [
        "",
        "[[clips]]",
        f"name = {_text(name)}",
        f'video = {{ path = {_text(path.name)}, sha256 = "{file_sha256(path)}" }}',
        f'pixels_sha256 = "{normal.pixels_sha256}"  # in the normal form',
        *own,
        f"prompt = {_text(asked.caption)}",
        f"licence = {_text(about.licence)}",
        f"attribution = {_text(about.attribution)}",
        *(
            line
            for edit, prompt in asked.edits.items()
            for line in ("[[clips.edits]]", f"name = {_text(edit)}", f"prompt = {_text(prompt)}")
        ),
    ]


def _text(text: str) -> str:
    """A TOML string; JSON writes the same."""
    return json.dumps(text, ensure_ascii=False)
