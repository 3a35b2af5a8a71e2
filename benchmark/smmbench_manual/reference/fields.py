"""Fields of a pydantic model as a table, described by the comments next to them."""

from __future__ import annotations

import ast
import inspect
import io
import textwrap
import tokenize
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from smmbench_manual.reference.markdown import code, table


def comments(model: type[BaseModel]) -> dict[str, str]:
    """What the source says of each field: the comment behind it, or the text below it.

    Comments and texts are read from the class and from those that it is derived from.
    """
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel:
            continue
        source = textwrap.dedent(inspect.getsource(base))
        behind = {
            token.start[0]: token.string.lstrip("# ")
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT
        }
        body = ast.parse(source).body[0]
        assert isinstance(body, ast.ClassDef)
        for line, below in zip(body.body, [*body.body[1:], None], strict=True):
            if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name):
                continue
            lines = range(line.lineno, (line.end_lineno or line.lineno) + 1)
            text = " ".join(behind[number] for number in lines if number in behind)
            if (
                isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
                and isinstance(below.value.value, str)
            ):
                text = f"{text} {inspect.cleandoc(below.value.value)}".strip()
            if text:
                found[line.target.id] = text[0].upper() + text[1:]
    return found


def inner_models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the models that the fields of a model hold, in the order of the fields."""
    for field in model.model_fields.values():
        yield from _models(field.annotation)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def in_words(annotation: Any) -> str:
    """Write a type as a reader of JSON or TOML sees it."""
    if annotation is type(None):
        return "null"
    arguments = get_args(annotation)
    if inspect.isclass(annotation) and not arguments:
        plain = {str: "text", int: "integer", float: "number", bool: "true or false"}
        return plain.get(annotation, annotation.__name__)
    origin = getattr(annotation, "__origin__", None)
    if str(annotation).startswith("typing.Literal"):
        return " or ".join(code(value) for value in arguments)
    if str(annotation).startswith("typing.Annotated"):
        return in_words(arguments[0])
    if origin in (list, tuple):
        inner = [argument for argument in arguments if argument is not Ellipsis]
        return "list of " + " and ".join(in_words(argument) for argument in dict.fromkeys(inner))
    if origin is dict:
        return f"table of {in_words(arguments[1])}"
    if arguments:
        return " or ".join(in_words(argument) for argument in arguments)
    return "any" if annotation is Any else str(annotation)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is not PydanticUndefined:
        return code(repr(field.default)) if not isinstance(field.default, BaseModel) else ""
    return "empty"


def fields(model: type[BaseModel]) -> str:
    """Write the fields of a model: name, type, default, meaning."""
    said = comments(model)
    return table(
        ["field", "type", "default", "meaning"],
        [
            (
                code(name),
                in_words(field.annotation),
                _default(field),
                field.description or said.get(name, ""),
            )
            for name, field in model.model_fields.items()
        ],
    )


def described(model: type[BaseModel], shown: set[type[BaseModel]], level: int = 3) -> str:
    """Write a model and, below it, every model that it holds and that was not shown yet."""
    shown.add(model)
    # A model without a text of its own would give its base's.
    text = inspect.cleandoc(model.__dict__.get("__doc__") or "")
    parts = [f"{'#' * level} {model.__name__}", text, fields(model)]
    for inner in inner_models(model):
        if inner not in shown:
            parts.append(described(inner, shown, level))
    return "\n\n".join(part for part in parts if part)
