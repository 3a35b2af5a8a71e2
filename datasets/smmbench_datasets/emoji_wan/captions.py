"""Captions of `emoji-wan`: an object with at most one attribute, a motion, and a scene.

An attribute is a number: 0 is `PLAIN` (one object, its natural colour, normal size), then the
colours, the two sizes, "two of them", and finally one number for each object that may stand next
to the first. An object and an attribute thus determine the noun phrase, and a caption is

    noun phrase [motion words] [scene words]
"""

from __future__ import annotations

from typing import Literal

from smmbench_datasets.emoji.atlas import OBJECTS
from smmbench_datasets.emoji.motions import TRAINED
from smmbench_datasets.emoji.scenes import NOUNS, SCENES

__all__ = [
    "COLOURS",
    "KINDS",
    "LARGE",
    "MOTIONS",
    "OBJECTS",
    "PLAIN",
    "SCENES",
    "SECOND",
    "SMALL",
    "TWO",
    "AttributeKind",
    "attributes_of",
    "caption",
    "kind_of",
    "noun_phrase",
    "words",
]

AttributeKind = Literal["plain", "colour", "size", "number", "second"]
KINDS: tuple[AttributeKind, ...] = ("plain", "colour", "size", "number", "second")
MOTIONS: dict[str, str] = TRAINED
COLOURS: dict[str, tuple[int, int, int]] = {  # RGB, 0 to 255
    "red": (226, 44, 40),
    "yellow": (248, 206, 36),
    "green": (44, 168, 70),
    "blue": (44, 100, 226),
    "purple": (152, 66, 196),
}
PLAIN = 0
SMALL = 1 + len(COLOURS)
LARGE = SMALL + 1
TWO = LARGE + 1
SECOND = TWO + 1  # plus the index of the second object
ATTRIBUTES = SECOND + len(OBJECTS)

_PLURALS = {
    "sheep": "sheep",
    "fish": "fish",
    "bus": "buses",
    "octopus": "octopuses",
    "butterfly": "butterflies",
}
_NAMES = tuple(OBJECTS)


def kind_of(attribute: int) -> AttributeKind:
    """The kind of an attribute.

    Raises:
        ValueError: The number is not an attribute.
    """
    if not 0 <= attribute < ATTRIBUTES:
        raise ValueError(f"No attribute {attribute}; attributes are 0 to {ATTRIBUTES - 1}.")
    if attribute == PLAIN:
        return "plain"
    if attribute < SMALL:
        return "colour"
    if attribute < TWO:
        return "size"
    return "number" if attribute == TWO else "second"


def attributes_of(kind: AttributeKind) -> tuple[int, ...]:
    """All attributes of a kind."""
    return tuple(a for a in range(ATTRIBUTES) if kind_of(a) == kind)


def noun_phrase(object: int, attribute: int = PLAIN) -> str:
    """Object and attribute in words, such as "a red dog" or "a dog and a cat"."""
    name = _NAMES[object]
    match kind_of(attribute):
        case "plain":
            return _article(name)
        case "colour":
            return _article(f"{tuple(COLOURS)[attribute - 1]} {name}")
        case "size":
            return _article(f"{'small' if attribute == SMALL else 'large'} {name}")
        case "number":
            return f"two {_plural(name)}"
        case "second":
            return f"{_article(name)} and {_article(_NAMES[attribute - SECOND])}"


def caption(
    object: int | None, scene: int | None, motion: int | None = None, attribute: int = PLAIN
) -> str:
    """What a clip shows, in words; parts may be left out, and leaving out all gives ''.

    A motion or an attribute is named only with an object.
    """
    scenes = tuple(SCENES)
    if object is None:
        return "" if scene is None else NOUNS[scenes[scene]]
    parts = [noun_phrase(object, attribute)]
    if motion is not None:
        parts.append(tuple(MOTIONS.values())[motion])
    if scene is not None:
        parts.append(SCENES[scenes[scene]])
    return " ".join(parts)


def words() -> list[str]:
    """Every word that a caption can contain, in a fixed order."""
    texts = [
        "a an the two and small large",
        *COLOURS,
        *OBJECTS,
        *(_plural(name) for name in OBJECTS),
        *MOTIONS.values(),
        *SCENES.values(),
        *NOUNS.values(),
    ]
    return list(dict.fromkeys(word for text in texts for word in text.split()))


def _article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def _plural(name: str) -> str:
    return _PLURALS.get(name, name + "s")
