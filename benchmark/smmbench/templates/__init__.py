"""Files that `smmbench methods new` begins a method with; each is a whole method itself."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Literal

from smmbench.storage.atomic import write_text

Kind = Literal["frames", "diffusion"]
NAME = "MyMethod"


def write_template(path: Path, kind: Kind) -> str:
    """Write a method's first file; its class is called like the file.

    Args:
        path: Where; `my_method.py` holds `MyMethod`.
        kind: `frames`: on pixels, 30 lines; `diffusion`: guidance on the 3D-UNet family.

    Returns:
        The class's name.

    Raises:
        ValueError: The name is not one of a Python module.
        FileExistsError: There is a file already.
    """
    if path.suffix != ".py" or not path.stem.isidentifier() or keyword.iskeyword(path.stem):
        raise ValueError(
            f"A method's file is called like a Python module, my_method.py; got '{path.name}'."
        )
    if path.exists():
        raise FileExistsError(f"There is a file '{path}' already; it is left as it is.")
    name = "".join(word[:1].upper() + word[1:] for word in re.split("_+", path.stem))
    text = (Path(__file__).parent / f"{kind}.py").read_text(encoding="utf-8")
    write_text(path, text.replace(NAME, name))
    return name
