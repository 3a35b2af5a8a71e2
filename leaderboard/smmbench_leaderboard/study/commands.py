"""`smmbench study`: create a human study, serve it, and analyse the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smmbench.display import print_document, print_line
from smmbench.display.commands import Commands
from smmbench.display.examples import examples
from smmbench.options import (
    DatasetFilter,
    Json,
    Limit,
    Methods,
    Output,
    OutputOrDefault,
    Port,
    ResultsArgument,
    Title,
    labels,
)

Folder = Annotated[Path, typer.Argument(help="Folder that `smmbench study new` made.")]
EXAMPLES = {
    "new": [
        "smmbench study new results/ --methods smm,sdedit --output smm-or-sdedit/",
        "smmbench study new results/ --question overall --raters 12 --output overall/",
    ],
    "serve": ["smmbench study serve study/", "smmbench study serve study/ --port 0"],
    "analyse": [
        "smmbench study analyse answers/ --study study/",
        "smmbench study analyse answers/ --study study/ --judgements judgements/ --json",
    ],
}


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    study = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        help="Run a human study: blind choices between two methods.",
        epilog=examples("smmbench study new results/", "smmbench study serve study/"),
    )
    for command in (new, serve, analyse):
        name = command.__name__
        study.command(name, epilog=examples(*EXAMPLES[name]))(command)
    app.add_typer(study, name="study")


def new(
    results: ResultsArgument = Path("results"),
    output: Output = Path("study"),
    dataset: DatasetFilter = None,
    methods: Methods = None,
    question: Annotated[
        list[str] | None,
        typer.Option(
            "--question",
            metavar="motion|text|overall",
            help="Question to ask for each choice; repeatable. Default: motion and text.",
        ),
    ] = None,
    limit: Limit = None,
    trials: Annotated[
        int,
        typer.Option(
            "--trials", min=1, help="Comparisons per rater, not counting attention checks."
        ),
    ] = 30,
    raters: Annotated[
        int | None,
        typer.Option(
            "--raters",
            min=1,
            help="Number of forms. Default: as many as the planned sample size needs.",
        ),
    ] = None,
    share: Annotated[
        float,
        typer.Option(
            "--share",
            min=0.51,
            max=0.99,
            help="Share of wins between two methods to detect with a power of 80 %.",
        ),
    ] = 0.65,
    draw: Annotated[
        int, typer.Option("--draw", help="Seed of the order, the sides and the attention checks.")
    ] = 0,
    title: Title = "",
    consent: Annotated[
        Path | None,
        typer.Option(
            "--consent", help="File with the consent text for raters, instead of the default."
        ),
    ] = None,
) -> None:
    """Create a study: a private plan, and a folder to publish that names no method.

    Raters open public/index.html#form=N, each with a different number.
    """
    from smmbench.storage.text import read_text
    from smmbench_leaderboard.study.building import Options, new_study
    from smmbench_leaderboard.study.plan import PLAN, PUBLIC, questions_named

    plan = new_study(
        results,
        output,
        dataset,
        Options(
            methods=labels(methods) or (),
            questions=questions_named(question or ["motion", "text"]),
            limit=limit,
            trials=trials,
            raters=raters,
            share=share,
            seed=draw,
            title=title or "Which video is better?",
            consent=read_text(consent) if consent else "",
        ),
        tell=lambda line: print_line(line, err=True),
    )
    planned = plan.planned
    for line in plan.left_out[:5]:
        print_line(f"excluded because a video is missing: {line}", err=True)
    print_line(
        f"To find a share of {planned.share:g} with {100 * planned.power:g} % chance, each two of "
        f"{len(plan.methods)} methods need {planned.judgements} judgements (design effect "
        f"{planned.effect:.2f}); {len(plan.forms)} forms of {len(plan.forms[0].trials)} choices."
    )
    print_line(f"Publish {output / PUBLIC}; keep {output / PLAN} private, because it is the key.")


def serve(
    folder: Folder = Path("study"),
    port: Port = 8000,
) -> None:
    """Serve the page of a study on the loopback interface of this machine."""
    from smmbench_leaderboard.site.serving import serve as serve_site
    from smmbench_leaderboard.study.plan import PUBLIC, read_plan

    read_plan(folder)
    serve_site(folder / PUBLIC, port, "#form=1")


def analyse(
    answers: Annotated[list[Path], typer.Argument(help="Answer files, or folders of them.")],
    study: Annotated[
        Path, typer.Option("--study", help="Folder that `smmbench study new` made.")
    ] = Path("study"),
    judgements: Annotated[
        Path | None,
        typer.Option(
            "--judgements",
            help="Folder for the counted choices, one CSV file per question, for "
            "`smmbench validate --data`.",
        ),
    ] = None,
    output: OutputOrDefault = None,
    json: Json = False,
) -> None:
    """Analyse answer files: strengths with intervals, agreement, and excluded raters.

    Exit code: 0 all files are counted, 1 a file is rejected and the others are counted.
    """
    from smmbench.storage.atomic import write_text
    from smmbench_leaderboard.study.analysing import analyse as analysed
    from smmbench_leaderboard.study.answers import read_answers
    from smmbench_leaderboard.study.exporting import write_judgements
    from smmbench_leaderboard.study.plan import read_plan
    from smmbench_leaderboard.study.report import analysis_text

    plan = read_plan(study)
    paths = [
        path for one in answers for path in (sorted(one.glob("*.json")) if one.is_dir() else [one])
    ]
    if not paths:
        raise ValueError("No answer files (*.json) there.")
    read = read_answers(paths, plan)
    found = analysed(plan, read)
    if judgements is not None:
        for path in write_judgements(judgements, plan, read):
            print_line(f"Wrote {path}.", err=True)
    text = found.model_dump_json(indent=1) + "\n" if json else analysis_text(found)
    if output is None:
        print_document(text)
    else:
        write_text(output, text)
        print_line(f"Wrote {output}.", err=True)
    raise typer.Exit(1 if found.refused else 0)
