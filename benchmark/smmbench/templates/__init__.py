"""Templates of `smmbench methods new`; each is a complete method."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Literal

from smmbench.storage.atomic import write_text

Kind = Literal["frames", "diffusion"]
NAME = "MyMethod"


def write_template(path: Path, kind: Kind) -> str:
    """Write a new method from a template; its class is named after the file.

    Args:
        path: Path of the new file; `my_method.py` contains `MyMethod`.
        kind: `frames`: on pixels, 30 lines; `diffusion`: guidance on the 3D-UNet family.

    Returns:
        The class's name.

    Raises:
        ValueError: The name is not a valid Python module name.
        FileExistsError: The file already exists.
    """
    if path.suffix != ".py" or not path.stem.isidentifier() or keyword.iskeyword(path.stem):
        raise ValueError(
            f"A method's file is named like a Python module, my_method.py; got '{path.name}'."
        )
    if path.exists():
        raise FileExistsError(f"The file '{path}' already exists; it was not changed.")
    name = "".join(word[:1].upper() + word[1:] for word in re.split("_+", path.stem))
    text = (Path(__file__).parent / f"{kind}.py").read_text(encoding="utf-8")
    write_text(path, text.replace(NAME, name))
    return name
