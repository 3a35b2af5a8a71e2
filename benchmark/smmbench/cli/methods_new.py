"""`smmbench methods new`: create a method from a template."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from smmbench.display import print_line


class Template(StrEnum):
    """The template to start from."""

    frames = "frames"
    diffusion = "diffusion"


def new(
    path: Annotated[Path, typer.Argument(help="File to write: my_method.py holds MyMethod.")],
    template: Annotated[
        Template,
        typer.Option(
            "--template", help="frames: on pixels; diffusion: guidance on the 3D-UNet family."
        ),
    ] = Template.frames,
) -> None:
    """Write a complete, runnable method to start from.

    An existing file is never overwritten (exit code 2).
    """
    from smmbench.templates import write_template

    name = write_template(path, template.value)
    print_line(f"Wrote {path}. Next: smmbench methods check {path}:{name}", err=True)
