"""`smmbench site`: build the leaderboard as a static site, and serve it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smmbench.display import print_line
from smmbench.display.examples import examples
from smmbench.options import Metrics, Output, Port, ResultsArgument


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(
        "site",
        epilog=examples(
            "smmbench site results/ --serve",
            "smmbench site results/ --output board/ --ledger published --address https://example.org/board/",
        ),
    )(site)


def site(
    results: ResultsArgument = Path("results"),
    output: Output = Path("site"),
    ledger: Annotated[
        str | None,
        typer.Option(
            "--ledger",
            envvar="SMMBENCH_LEDGER",
            help="Also show the published rows of this ledger, or only these without a results "
            "folder: its folder, or 'published' for the ledger that is part of smmbench.",
        ),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset",
            help="Name of a dataset, or path of its TOML file; repeatable, in the order of the "
            "boards. Default: all datasets of the results.",
        ),
    ] = None,
    metrics: Metrics = None,
    address: Annotated[
        str,
        typer.Option(
            "--address",
            envvar="SMMBENCH_ADDRESS",
            help="Address where the site will be published, such as https://example.org/board/, "
            "for link cards and the feed of the ledger.",
        ),
    ] = "",
    small: Annotated[
        bool,
        typer.Option(
            "--small",
            help="Without pages of earlier entries and without files of every pair, which the "
            "ledger has: a few MB for a project's pages. Only with --ledger alone.",
        ),
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve it on the loopback interface of this machine.")
    ] = False,
    port: Port = 8000,
) -> None:
    """Build the leaderboard as a static site.

    The site has boards, methods, clips, and a viewer of pairs. It opens from disk (index.html) and
    from any static host, and loads nothing from other hosts. --metrics adds metrics besides the two
    axes; existing previews in the folder are kept.
    """
    from smmbench_leaderboard.ledger.location import ledger_folder
    from smmbench_leaderboard.site.build import site_of_ledger, site_of_results

    def tell(line: str) -> None:
        print_line(line, err=True)

    entries = None if ledger is None else ledger_folder(ledger)
    if entries is not None and not results.is_dir():
        tell(f"There is no results folder '{results}': only published rows are shown.")
        built = site_of_ledger(entries, output, dataset or [], tell, address, small)
    elif small:
        raise ValueError(
            "--small is for a site of a ledger alone: name the ledger by --ledger, and no results."
        )
    else:
        shown = [name.strip() for name in metrics.split(",")] if metrics else []
        built = site_of_results(results, output, dataset or [], shown, entries, tell, address)
    print_line(f"Wrote {built.folder / 'index.html'}: {built.rows} rows.")
    if serve:
        from smmbench_leaderboard.site.serving import serve as serve_site

        serve_site(output, port)
