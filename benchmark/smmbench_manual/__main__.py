"""`python -m smmbench_manual`: build the manual and check every link of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from smmbench_leaderboard.site.serving import serve as serve_site
from smmbench_manual.assembling import assemble
from smmbench_manual.checking import problems
from smmbench_manual.contents import read_contents

REPOSITORY = "SMMBENCH_REPOSITORY"  # the same as for the long description of a release


def build(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write the manual into.")
    ] = Path("build/manual"),
    serve: Annotated[
        bool, typer.Option("--serve", help="Then show it in a browser, on this machine alone.")
    ] = False,
) -> None:
    """Build the manual into OUTPUT/site, without a network.

    The pages open from the folder too; their search needs a server, such as that of `--serve`.
    Ends with exit code 1 if the generator warns, if a link leads nowhere, or if a page would load
    something from another place.
    """
    if output.exists():
        if not (output / "zensical.toml").is_file() and any(output.iterdir()):
            sys.exit(f"{output} holds something else than a manual: give an empty folder.")
        shutil.rmtree(output)
    pages = assemble(read_contents(), output, repository=os.environ.get(REPOSITORY, ""))
    generator = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    built = subprocess.run(generator, cwd=output, text=True, capture_output=True, check=False)
    said = built.stdout + built.stderr
    if built.returncode or "warning" in said.lower():
        sys.exit(f"The generator did not build the manual without a warning:\n{said}")
    if found := problems(output / "site"):
        sys.exit("\n".join(found))
    print(f"{output / 'site' / 'index.html'}: {len(pages)} pages")
    if serve:
        serve_site(output / "site", 8000)


if __name__ == "__main__":
    typer.run(build)
