"""A manifest for a folder of videos and a table of prompts: the first version of one's own set."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from smmbench.dataset.advice import advice
from smmbench.dataset.faults import faults_of
from smmbench.dataset.manifest import NAME_PATTERN, Manifest, Protocol
from smmbench.errors import VideoError
from smmbench.plugins import no_such
from smmbench.storage.home import content_sha256
from smmbench.storage.text import read_table, read_text
from smmbench.video import ENDINGS, NormalForm, Video, find_videos, read_normal_form

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
    """Read a table with a row for each target prompt, or a JSON file, by clip.

    A table's columns are `clip` and `prompt`, and if wanted `caption` (what the clip shows) and
    `edit` (the prompt's name; without it one is made of the prompt's words). In JSON it is the
    same: a list of objects with these keys, or an object that maps each clip to a prompt or to a
    list of prompts.

    Raises:
        ValueError: It is no such file; the message says where.
    """
    if path.suffix.lower() == ".json":
        rows = _json_rows(path)
    else:
        rows = [
            (f"line {row.line}", row.values)
            for row in read_table(path, ("clip", "prompt"), ("caption", "edit"))
        ]
    found: dict[str, Asked] = {}
    for place, row in rows:
        clip, prompt = row["clip"], row["prompt"]
        if not clip or not prompt:
            raise ValueError(f"'{path}', {place}: no clip or no prompt.")
        one = found.get(clip, Asked())
        name = row.get("edit", "") or slug(prompt)
        if name in one.edits:
            raise ValueError(
                f"'{path}', {place}: edit '{name}' of clip '{clip}' is there twice; give names "
                "in a column `edit`."
            )
        caption = row.get("caption", "") or one.caption
        if one.caption and caption != one.caption:
            raise ValueError(
                f"'{path}', {place}: clip '{clip}' has two captions, '{one.caption}' and "
                f"'{caption}'."
            )
        found[clip] = Asked(caption, {**one.edits, name: prompt})
    if not found:
        raise ValueError(f"'{path}' has no line below its first.")
    return found


def read_captions(source: str, prompts: dict[str, Asked]) -> dict[str, Asked]:
    """Add what the clips show to prompts that say nothing of it.

    Args:
        source: `names`, for the words of each clip's name (`bear-walking_02` shows "bear
            walking"), or the path of a JSON file that maps clips to captions.
        prompts: As `read_prompts` gives them.

    Raises:
        ValueError: The file is no such JSON.
    """
    if source == "names":
        captions = {clip: " ".join(re.findall("[^\\W\\d_]+", clip)) for clip in prompts}
    else:
        content = _json(Path(source))
        if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
            raise ValueError(f"'{source}' must be a JSON object that maps clips to captions.")
        captions = {clip.strip(): text.strip() for clip, text in content.items()}
    return {
        clip: replace(asked, caption=asked.caption or captions.get(clip, ""))
        for clip, asked in prompts.items()
    }


def _json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"'{path}' is not JSON: {error}.") from error


def _json_rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    """Rows of a JSON file as a table would have them, each with its place."""
    content = _json(path)
    if isinstance(content, dict):
        content = [
            {"clip": clip, "prompt": prompt}
            for clip, prompts in content.items()
            for prompt in (prompts if isinstance(prompts, list) else [prompts])
        ]
    if not isinstance(content, list):
        raise ValueError(f"'{path}' must be a JSON list of objects, or an object by clip.")
    rows = []
    for number, row in enumerate(content, 1):
        texts = isinstance(row, dict) and all(isinstance(value, str) for value in row.values())
        if not texts or not {"clip", "prompt"} <= set(row) <= set(COLUMNS):
            raise ValueError(
                f"'{path}', object {number}: it must have the keys clip and prompt, and may have "
                "caption and edit, each with a text."
            )
        rows.append((f"object {number}", {name: text.strip() for name, text in row.items()}))
    return rows


def new_manifest(
    folder: Path,
    prompts: dict[str, Asked],
    about: About,
    protocol: Protocol,
    files: Mapping[str, Path] | None = None,
) -> tuple[str, list[str]]:
    """Write the manifest's text for the videos of a folder; both hashes are computed.

    Args:
        folder: Where the videos lie, and where the manifest will.
        prompts: By clip: the file's name without its ending.
        about: What is said of all.
        protocol: Form and models.
        files: The video of each clip, below `folder`; None looks for them in it by their names.

    Returns:
        The text, and what was converted on the way to the normal form, a line a clip.

    Raises:
        ValueError: A prompt's clip is not there, a video cannot be read, or the manifest would not
            load: a name is none.
    """
    files = _videos(folder, prompts) if files is None else files
    form = NormalForm(protocol.frames, protocol.width, protocol.height, protocol.fps)
    lines, notes, videos = _head(about, protocol), [], {}
    for clip, asked in prompts.items():
        normal = videos[clip] = _normal(files[clip], form)
        shorter = len(normal.frames) if len(normal.frames) < form.frames else None
        place = files[clip].relative_to(folder).as_posix()
        lines += _clip(clip, files[clip], place, normal, asked, about, shorter)
        notes += [f"{clip}: {', '.join(normal.notes)}"] if normal.notes else []
    text = "\n".join(lines) + "\n"
    try:
        Manifest.model_validate(tomllib.loads(text))
    except ValidationError as error:
        faults = " ".join(faults_of(error, Manifest))
        raise ValueError(f"The manifest would not load: {faults}") from error
    edits = {clip: asked.edits for clip, asked in prompts.items()}
    return text, notes + [f"warning: {one}" for one in advice(videos, edits, protocol)]


def _normal(path: Path, form: NormalForm) -> Video:
    video = read_normal_form(path, form, shorter=True)
    if len(video.frames) < 2:
        raise VideoError(
            f"'{path}' is too short for a clip: at {form.fps:g} frames a second it has "
            f"{len(video.frames)}, and motion needs at least 2. Use a longer video, or a "
            "protocol with a higher --fps."
        )
    return video


def slug(text: str) -> str:
    """A name made of a text's words: `A cat, running!` is `a-cat-running`."""
    words = re.findall("[a-z0-9]+", text.casefold())
    return "-".join(words)[:64].strip("-") or "edit"


def _videos(folder: Path, clips: Collection[str]) -> dict[str, Path]:
    """The video of each clip; other videos of the folder may have any name."""
    found: dict[str, Path] = {}
    for name, path in find_videos(folder):
        if name in clips and name in found:
            raise ValueError(f"'{found[name]}' and '{path}' have one name; rename one.")
        found[name] = path
    if not found:
        raise ValueError(
            f"'{folder}' has no videos ({', '.join(sorted(ENDINGS))}) and no folders of images."
        )
    for clip in clips:
        if clip not in found:
            raise ValueError(f"'{folder}': {no_such('video of clip', clip, sorted(found))}")
        if not re.fullmatch(NAME_PATTERN, clip):
            raise ValueError(
                f"'{found[clip]}' cannot name a clip: use a-z, 0-9, '.', '_' and '-', a letter or "
                "digit first; rename it, here and in the table of prompts."
            )
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
    name: str, path: Path, place: str, normal: Video, asked: Asked, about: About, frames: int | None
) -> Sequence[str]:
    own: Iterable[str] = [f"frames = {frames}  # fewer than the protocol's"] if frames else []
    return [
        "",
        "[[clips]]",
        f"name = {_text(name)}",
        f'video = {{ path = {_text(place)}, sha256 = "{content_sha256(path)}" }}',
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
