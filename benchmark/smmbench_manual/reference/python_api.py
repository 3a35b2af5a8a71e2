"""The public interface of the package, from its signatures and docstrings."""

from __future__ import annotations

import importlib
from typing import Any

import griffe

import smmbench
from smmbench_manual.reference.markdown import code, page, table

_TITLES = {"parameters": "argument", "attributes": "attribute", "raises": "raised", "returns": ""}


def _docstring(described: griffe.Object, level: int) -> str:
    if described.docstring is None:
        return ""
    parts = []
    for section in described.docstring.parse("google", returns_named_value=False):
        kind = section.kind.value
        if kind == "text":
            parts.append(section.value)
        elif kind in ("parameters", "attributes"):
            rows = [(code(item.name), item.description) for item in section.value]
            parts.append(table([_TITLES[kind], "meaning"], rows))
        elif kind == "raises":
            rows = [(code(item.annotation), item.description) for item in section.value]
            parts.append(table(["raises", "when"], rows))
        elif kind in ("returns", "yields"):
            given = " ".join(item.description for item in section.value)
            parts.append(f"{kind.capitalize()}: {given}")
        elif kind == "examples":
            parts += [f"```python\n{text}\n```" for _, text in section.value]
        else:
            parts.append(str(getattr(section.value, "description", section.value)))
    return "\n\n".join(part for part in parts if part)


def _signature(name: str, described: griffe.Function) -> str:
    parameters = []
    kinds = griffe.ParameterKind
    for parameter in described.parameters:
        if parameter.name in ("self", "cls"):
            continue
        stars = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(parameter.kind, "")
        text = stars + parameter.name
        text += f": {parameter.annotation}" if parameter.annotation else ""
        shown = parameter.default is not None and not stars
        parameters.append(text + (f" = {parameter.default}" if shown else ""))
    returned = f" -> {described.returns}" if described.returns else ""
    line = f"{name}({', '.join(parameters)}){returned}"
    if len(line) > 88:
        inner = "".join(f"    {parameter},\n" for parameter in parameters)
        line = f"{name}(\n{inner}){returned}"
    return f"```python\n{line}\n```"


def _entry(name: str, module: griffe.Module) -> str:
    value: Any = getattr(smmbench, name)
    if isinstance(value, str):
        return f"## `{name}`\n\nVersion of the package, {code(value)} here."
    place = importlib.import_module(value.__module__)
    inside = value.__module__.removeprefix("smmbench").lstrip(".")
    described: Any = module[f"{inside}.{value.__qualname__}" if inside else value.__qualname__]
    parts = [f"## `{name}`", f"From `{place.__name__}`."]
    if described.is_function:
        return "\n\n".join([*parts, _signature(name, described), _docstring(described, 3)])
    parts.append(_docstring(described, 3))
    for member in described.members.values():
        public = not member.name.startswith("_") and member.is_function and member.docstring
        if public:
            parts += [
                f"### `{name}.{member.name}`",
                _signature(member.name, member)
                if "property" not in member.labels
                else "A property.",
                _docstring(member, 4),
            ]
    return "\n\n".join(part for part in parts if part)


def python_api() -> str:
    """Write the page of the public interface."""
    package = griffe.load("smmbench", submodules=True)
    assert isinstance(package, griffe.Module)
    return page(
        "Python API",
        smmbench.__doc__ or "",
        *(_entry(name, package) for name in smmbench.__all__),
    )
