"""The commands of the leaderboard, found by the entry point `smmbench.commands`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from smmbench.display import plain, print_document, print_line
from smmbench.display.examples import examples
from smmbench.options import (
    DatasetFilter,
    Device,
    Exclude,
    Executor,
    Json,
    Licence,
    Methods,
    Metrics,
    Output,
    OutputOrDefault,
    Paper,
    Plot,
    RayAddress,
    Results,
    ResultsArgument,
    TextModelOrNone,
    Title,
    TrackerOrProtocols,
    Trackers,
    Workers,
    accepting,
    labels,
)
from smmbench_leaderboard.join import commands as join_commands
from smmbench_leaderboard.ledger import commands as ledger_commands
from smmbench_leaderboard.ledger.location import ledger_folder
from smmbench_leaderboard.site import commands as site_commands
from smmbench_leaderboard.study import commands as study_commands

ReportT = TypeVar("ReportT")

Scope = Annotated[
    Literal["full", "shared"] | None,
    typer.Option(
        "--scope",
        envvar="SMMBENCH_SCOPE",
        help="full: every pair of the dataset; a missing one counts as worst. shared: the pairs "
        "that all methods attempted. Default: the pairs of the methods that attempted the most; "
        "rows that lack some are listed separately.",
    ),
]
Ledger = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="published|PATH",
        help="Also show the rows of a ledger as `ledger:LABEL`: `published` for the ledger that is "
        "part of smmbench, or the folder of another.",
    ),
]
Format = Literal[
    "rich", "markdown", "latex", "csv", "json", "cards", "bibtex", "parquet", "eval-results"
]
ENDINGS: dict[str, Format] = {
    ".md": "markdown",
    ".tex": "latex",
    ".csv": "csv",
    ".json": "json",
    ".bib": "bibtex",
    ".parquet": "parquet",
}


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        "leaderboard",
        cls=accepting({"--frames": "--clip-length"}),
        epilog=examples(
            "smmbench leaderboard results/",
            "smmbench leaderboard results/ --dataset emoji --ledger published --output board.md",
            "smmbench leaderboard results/ --pairs --format csv",
        ),
    )(leaderboard)
    app.command(
        "compare",
        epilog=examples(
            "smmbench compare smm sdedit",
            "smmbench compare smm sdedit --metrics temporal_consistency --json",
        ),
    )(compare)
    app.command(
        "why",
        epilog=examples(
            "smmbench why smm motion_fidelity",
            "smmbench why smm motion_fidelity balloon-right/butterfly-space/0",
        ),
    )(why)
    app.command(
        "selectivity",
        epilog=examples(
            "smmbench selectivity results/",
            "smmbench selectivity results/ --as-scored --output selectivity.md",
        ),
    )(selectivity)
    app.command(
        "tracker-agreement",
        epilog=examples(
            "smmbench tracker-agreement results/ --tracker dis --tracker lucas-kanade",
            "smmbench tracker-agreement results/ --output trackers.md --plot trackers.png",
        ),
    )(tracker_agreement)
    app.command(
        "validate",
        epilog=examples(
            "smmbench validate motion_fidelity --data judgements/motion.csv",
            "smmbench validate motion_fidelity ftd --data motion.csv --allow source-copy --json",
        ),
    )(validate)
    app.command(
        "submit",
        epilog=examples(
            "smmbench submit results/smm",
            "smmbench submit results/smm --allow-partial --authors 'A. Author' "
            "--paper 'A. Author, 2026' --contact me@example.org --seen none",
        ),
    )(submit)
    app.command(
        "verify",
        epilog=examples(
            "smmbench verify submission.zip", "smmbench verify submission.zip --device cuda --json"
        ),
    )(verify)
    join_commands.register(app)
    ledger_commands.register(app)
    site_commands.register(app)
    study_commands.register(app)


def leaderboard(
    results: ResultsArgument = Path("results"),
    dataset: DatasetFilter = None,
    scope: Scope = None,
    metrics: Metrics = None,
    methods: Methods = None,
    exclude: Exclude = None,
    clip_length: Annotated[
        int | None,
        typer.Option(
            "--clip-length",
            min=1,
            help="Only clips with this many frames, if a dataset has clips of several lengths.",
        ),
    ] = None,
    ledger: Ledger = None,
    format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            envvar="SMMBENCH_FORMAT",
            help="Output format. Default: by the extension of --output (.md, .tex, .csv, .json, "
            ".bib, .parquet), otherwise rich. parquet requires --pairs; eval-results exports "
            "one method for a model's page on the Hugging Face hub.",
        ),
    ] = None,
    pairs: Annotated[
        bool,
        typer.Option(
            "--pairs", help="Write one row per pair instead of per method: csv, json or parquet."
        ),
    ] = False,
    hub_dataset: Annotated[
        str,
        typer.Option(
            "--hub-dataset",
            metavar="ORG/NAME",
            help="For --format eval-results: the benchmark on the hub, as ORG/NAME.",
        ),
    ] = "",
    output: OutputOrDefault = None,
    executor: Executor = "local",
    workers: Workers = None,
    ray_address: RayAddress = None,
    json: Json = False,
) -> None:
    """Rank the methods of a results folder.

    Shows means with intervals, ranks, coverage, cost and the Pareto front.

    --metrics adds metrics besides the two axes; they do not rank. The table is printed, or written
    to the file that --output names. Name a dataset if there are results of several.
    """
    from smmbench.cluster.spreading import spreading
    from smmbench.scoring.loop import chosen_metrics
    from smmbench.storage.atomic import write_text
    from smmbench_leaderboard.board.build import make_board
    from smmbench_leaderboard.formats import PAIR_WRITERS, WRITERS, to_bibtex
    from smmbench_leaderboard.formats.eval_results import eval_results
    from smmbench_leaderboard.formats.pairs import write_pairs_parquet

    chosen: Format = "json" if json else format or _by_ending(output)
    _check_pairs(chosen, pairs, output)
    exported = labels(methods)
    if chosen == "eval-results" and (len(exported) != 1 or not hub_dataset):
        raise ValueError(
            "--format eval-results exports one method to one benchmark of the hub: give "
            "--methods LABEL and --hub-dataset ORG/NAME."
        )
    shown = chosen_metrics(metrics) if metrics else ()
    with spreading(executor, workers, ray_address) as spread:
        board = make_board(
            results,
            dataset,
            scope,
            metrics=shown,
            methods=() if chosen == "eval-results" else exported,  # it counts beside the others
            exclude=labels(exclude),
            frames=clip_length,
            ledger=ledger_folder(ledger) if ledger else None,
            spread=spread,
        )
    if chosen == "parquet":
        assert output is not None  # `_check_pairs` refuses it
        write_pairs_parquet(board, output)
    else:
        if pairs:
            text = PAIR_WRITERS[chosen](board)
        elif chosen == "eval-results":
            text = eval_results(board, exported[0], hub_dataset)
        else:
            text = to_bibtex(board) if chosen == "bibtex" else WRITERS[chosen](board)
        if output is None:
            print_document(text, styled=True)
            return
        write_text(output, text)
    print_line(f"Wrote {output}.", err=True)


def _check_pairs(chosen: Format, pairs: bool, output: Path | None) -> None:
    """Reject formats that are not available for one row per pair, or for one per method."""
    if pairs and chosen not in ("csv", "json", "parquet"):
        raise ValueError(f"--pairs supports --format csv, json and parquet, not {chosen}.")
    if chosen == "parquet" and (not pairs or output is None):
        raise ValueError("--format parquet needs --pairs and a file: --output pairs.parquet.")


def _by_ending(output: Path | None) -> Format:
    if output is None:
        return "rich"
    if output.suffix not in ENDINGS:
        raise ValueError(
            f"The format of '{output}' is unknown. Known extensions are {', '.join(ENDINGS)}; for "
            "any other name, give --format."
        )
    return ENDINGS[output.suffix]


def compare(
    a: Annotated[str, typer.Argument(help="Label of a method.")],
    b: Annotated[str, typer.Argument(help="Label of another.")],
    results: Results = Path("results"),
    dataset: DatasetFilter = None,
    scope: Scope = None,
    metrics: Metrics = None,
    ledger: Ledger = None,
    json: Json = False,
) -> None:
    """Compare two methods pair by pair.

    Shows differences with intervals and p-values, and how many edits each method wins.

    --metrics adds metrics besides the two axes.
    """
    from smmbench.scoring.loop import chosen_metrics
    from smmbench_leaderboard.board.comparison import compare as compared
    from smmbench_leaderboard.formats import to_json
    from smmbench_leaderboard.formats.comparing import comparison_text

    shown = chosen_metrics(metrics) if metrics else ()
    folder = ledger_folder(ledger) if ledger else None
    comparison = compared(results, a, b, dataset, scope, metrics=shown, ledger=folder)
    text = to_json(comparison) if json else comparison_text(comparison)
    print_document(text, styled=True)


def selectivity(
    results: ResultsArgument = Path("results"),
    dataset: DatasetFilter = None,
    methods: Methods = None,
    exclude: Exclude = None,
    device: Device = "auto",
    as_scored: Annotated[
        bool,
        typer.Option("--as-scored", help="Use existing scores only; do not score any video."),
    ] = False,
    plot: Plot = None,
    output: OutputOrDefault = None,
    json: Json = False,
) -> None:
    """Show how selectively methods follow a given motion.

    Compares videos of the clips' own motion with videos of the same prompts that were generated
    from another: `smmbench run --method NAME --reference forward --reference reversed`. Videos
    without a score of reference_fidelity are scored first. S is 0 for a method that ignores its
    reference, and 1 for copies of the references.

    The table is printed, or written to --output (.md, .csv or .json). Exit code: 0, or 2 for
    incorrect usage.
    """
    from smmbench_leaderboard.board.selectivity_plot import draw_selectivity
    from smmbench_leaderboard.board.selectivity_report import selectivity_report
    from smmbench_leaderboard.formats import to_json
    from smmbench_leaderboard.formats.selectivity import (
        selectivity_csv,
        selectivity_markdown,
        selectivity_text,
    )

    writers = {".md": selectivity_markdown, ".csv": selectivity_csv, ".json": to_json}
    _require_extension(output, writers)
    if not as_scored:
        _score_references(results, dataset, device)
    report = selectivity_report(results, dataset, labels(methods), labels(exclude))
    _write_report(
        report,
        draw=draw_selectivity,
        plot=plot,
        write=writers[output.suffix] if output else to_json if json else selectivity_text,
        output=output,
    )


def tracker_agreement(
    results: ResultsArgument = Path("results"),
    tracker: Trackers = None,
    tables: Annotated[
        Path | None,
        typer.Option(
            "--tables",
            help="Folder of the tables, one for each tracker. Default: beside RESULTS, with the "
            "same name followed by -trackers.",
        ),
    ] = None,
    dataset: DatasetFilter = None,
    methods: Methods = None,
    exclude: Exclude = None,
    device: Device = "auto",
    plot: Plot = None,
    output: OutputOrDefault = None,
    json: Json = False,
) -> None:
    """Show whether another tracker would rank the methods differently.

    Each tracker given by --tracker scores motion fidelity into its own table; the scores beside the
    videos do not change. Without --tracker, only existing tables are read, including those copied
    from another machine. With +known after a tracker's name, the sources have the dataset's true
    tracks. Scoring resumes where it stopped.

    The report contains the board under each tracker, rank correlations with intervals over clips,
    the videos and clips on which the trackers differ most, and their errors where the dataset has
    true tracks. It is printed, or written to --output (.md or .json). Exit code: 0, or 2 for
    incorrect usage.
    """
    from smmbench_leaderboard.board.agreement import agreement_report
    from smmbench_leaderboard.board.agreement_plot import draw_agreement
    from smmbench_leaderboard.board.tracker_table import read_tables, table_folder
    from smmbench_leaderboard.formats import to_json
    from smmbench_leaderboard.formats.agreement import agreement_markdown, agreement_text

    writers = {".md": agreement_markdown, ".json": to_json}
    _require_extension(output, writers)
    folder = tables or table_folder(results)
    if tracker:
        _score_trackers(results, folder, tracker, dataset, device)
    report = agreement_report(read_tables(folder, dataset), labels(methods), labels(exclude))
    _write_report(
        report,
        draw=draw_agreement,
        plot=plot,
        write=writers[output.suffix] if output else to_json if json else agreement_text,
        output=output,
    )


def _require_extension(output: Path | None, known: Collection[str]) -> None:
    """Refuse an output file whose extension has no writer, before anything is computed."""
    if output is not None and output.suffix not in known:
        raise ValueError(f"The report can be written as {', '.join(known)}; got '{output}'.")


def _write_report(
    report: ReportT,
    *,
    draw: Callable[[ReportT, Path], None],
    plot: Path | None,
    write: Callable[[ReportT], str],
    output: Path | None,
) -> None:
    """Draw a report's plot if a file is named for it, then write the report, or print it.

    Args:
        report: The report.
        draw: Draws it into a file.
        plot: File of the plot, if one is wanted.
        write: Gives the report as text.
        output: File of the text; None prints it.
    """
    from smmbench.storage.atomic import write_text

    if plot is not None:
        draw(report, plot)
        print_line(f"Wrote {plot}.", err=True)
    if output is not None:
        write_text(output, write(report))
        print_line(f"Wrote {output}.", err=True)
    else:
        print_document(write(report), styled=True)


def validate(
    metrics: Annotated[
        list[str],
        typer.Argument(
            metavar="METRIC...",
            help="Names of metrics: see `smmbench metrics list`. Several are shown as a table.",
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            "--data",
            help="What metrics are compared with. A CSV file of judgements (clip, edit, seed and "
            "either first, second, chosen, which is a label or tie, or method, rating). A world "
            "whose true motion is known: emoji or emoji-wan. A folder of SimMotion, or one of "
            "TDVE-DB (with stage2_dataset and TDVE-DB).",
        ),
    ],
    results: Results = Path("results"),
    dataset: DatasetFilter = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="LABEL",
            help="A control that the metric should rank high, such as source-copy for motion; "
            "repeatable.",
        ),
    ] = None,
    dimension: Annotated[
        Literal["quality", "alignment", "structure"] | None,
        typer.Option(
            "--dimension",
            help="Of TDVE-DB: what people rated. If not given: structure for metrics that compare "
            "with the source, and alignment with the prompt for others.",
        ),
    ] = None,
    split: Annotated[
        Literal["test", "train", "all"],
        typer.Option("--split", help="Of TDVE-DB: its authors' test or training split, or all."),
    ] = "test",
    sources: Annotated[
        int | None,
        typer.Option(
            "--sources",
            min=1,
            help="Use fewer sources: of each family of motion (of a world; 2 if not given), of "
            "each category (SimMotion), or prompts (TDVE-DB).",
        ),
    ] = None,
    text_model: TextModelOrNone = None,
    tracker: TrackerOrProtocols = None,
    device: Device = "cpu",
    json: Json = False,
) -> None:
    """Compare metrics with human judgements, or with clips whose true motion is known.

    Shows how often each metric prefers the better video. With judgements, the scores are those of
    the results folder; all other data is scored by this command. Agreement has an interval over
    source clips; 0.5 is chance. A metric is rejected if a control comes close to the best.
    Exit code: 0 all may be used, 1 one is rejected or has no number, 2 incorrect usage.
    """
    from smmbench.environment import choose_device
    from smmbench.graded import Graded
    from smmbench.progress import progress
    from smmbench.scoring.options import Options
    from smmbench_leaderboard.formats import to_json
    from smmbench_leaderboard.formats.validation import validation_table, validation_text
    from smmbench_leaderboard.validation import Wanted
    from smmbench_leaderboard.validation import validate as held_against

    wanted = Wanted(
        data,
        results,
        dataset,
        tuple(allow or ()),
        dimension,
        split,
        sources,
        Options(text_model=text_model, tracker=tracker, device=choose_device(device)),
    )
    with ExitStack() as stack:

        def begin(graded: Graded) -> Callable[[str], None]:
            return stack.enter_context(progress(len(graded.sources), "sources"))

        found = held_against(metrics, wanted, begin)
    if json:
        print_document(f"[{', '.join(to_json(one).strip() for one in found)}]\n", styled=True)
    elif len(found) == 1:
        print_document(validation_text(found[0]), styled=True)
    else:
        print_document(validation_table(found), styled=True)
    raise typer.Exit(1 if any(one.dropped or one.agreement is None for one in found) else 0)


def _score_references(results: Path, dataset: str | None, device: str) -> None:
    """Score what selectivity needs: all results of methods that were given another reference."""
    from smmbench.dataset import load_dataset
    from smmbench.environment import choose_device
    from smmbench.progress import progress
    from smmbench.scoring.loop import ScoreLoop, results_below
    from smmbench.scoring.options import Options
    from smmbench_leaderboard.board.selectivity import METRIC

    only = load_dataset(dataset) if dataset else None
    found = results_below(results, only.manifest.name if only else None, None, lambda *_: None)
    referred = {
        (record.request.method, record.request.dataset)
        for _, record in found
        if record.request.reference != "forward"
    }
    chosen = [one for one in found if (one[1].request.method, one[1].request.dataset) in referred]
    options = Options(metrics=(METRIC,), device=choose_device(device))
    with progress(len(chosen), "videos", loading=True) as report:
        for outcome in ScoreLoop(options, [only] if only else []).run(chosen):
            report(outcome.line(options.metrics), failed=bool(outcome.error))
            if outcome.error:
                print_line(f"'{outcome.folder}' is rejected: {outcome.error}", err=True)


def _score_trackers(
    results: Path, folder: Path, trackers: list[str], dataset: str | None, device: str
) -> None:
    """Score the videos of a results folder under each tracker, into its own table."""
    from smmbench.environment import choose_device
    from smmbench.progress import progress
    from smmbench_leaderboard.board.composition import of_pairs, pairs_of_one_length
    from smmbench_leaderboard.board.reading import read_results
    from smmbench_leaderboard.board.tracker_table import score_table, table_path, videos_of

    found = read_results(results, dataset, check_videos=False)
    keys, notes = pairs_of_one_length(found.dataset)
    for line in (*found.problems, *notes):
        print_line(f"warning: {line}", err=True)
    found = of_pairs(found, keys)
    name = found.dataset.manifest.name
    for spec in dict.fromkeys(trackers):
        with progress(len(videos_of(found)), "videos", loading=True) as report:
            path = table_path(folder, name, spec)
            score_table(found, spec, path, choose_device(device), report)


def why(
    method: Annotated[str, typer.Argument(help="Label of a method.")],
    column: Annotated[
        str,
        typer.Argument(
            help="Column: motion_fidelity, chance_level, wrong_source_score, or any other metric."
        ),
    ],
    pair: Annotated[
        str | None,
        typer.Argument(help="One pair, as CLIP/EDIT/SEED. Default: the whole mean."),
    ] = None,
    results: ResultsArgument = Path("results"),
    dataset: DatasetFilter = None,
    scope: Scope = None,
    device: Device = "auto",
    tracker: TrackerOrProtocols = None,
    text_model: TextModelOrNone = None,
    json: Json = False,
) -> None:
    """Trace a number of a table to its origin.

    Every link of the chain is checked.

    For the mean of a method: its pairs, and which of them count as worst. For one pair: value,
    metric, tracker, model, pixels, how the video was made, and whether scoring it now would keep
    the value. If a score depends on local weights, name the file with --tracker or --text-model.

    Exit code: 0 every link holds, 1 a link is broken, 2 incorrect usage.
    """
    from smmbench.environment import choose_device
    from smmbench_leaderboard.board.reading import key_named
    from smmbench_leaderboard.formats import to_json
    from smmbench_leaderboard.formats.explaining import cell_text, pair_text
    from smmbench_leaderboard.provenance.why import why_cell, why_pair

    if pair is not None and Path(pair).is_dir():  # `smmbench why smm motion_fidelity results`
        results = Path(pair)
        pair = None
    if pair is None:
        cell = why_cell(results, method, column, dataset, scope)
        print_document(to_json(cell) if json else cell_text(cell), styled=True)
        raise typer.Exit(0 if cell.unbroken else 1)
    one = why_pair(
        results,
        method,
        column,
        key_named(pair),
        dataset,
        choose_device(device),
        tracker,
        text_model,
    )
    print_document(to_json(one) if json else pair_text(one), styled=True)
    raise typer.Exit(1 if any(link.holds is False for link in one.links) else 0)


def submit(
    results: Annotated[Path, typer.Argument(help="Folder of one method, such as results/smm.")],
    output: Output = Path("submission.zip"),
    dataset: DatasetFilter = None,
    allow_partial: Annotated[
        bool,
        typer.Option(
            "--allow-partial/--no-allow-partial",
            help="Pack even if pairs are missing; they count as worst.",
        ),
    ] = False,
    authors: Annotated[str, typer.Option("--authors", help="Who wrote the method.")] = "",
    contact: Annotated[
        str, typer.Option("--contact", help="Whom to contact about these results.")
    ] = "",
    seen: Annotated[
        str,
        typer.Option("--seen", help="Which of the clips the method has seen, or 'none'."),
    ] = "",
    licence: Licence = "",
    paper: Paper = "",
    title: Title = "",
    json: Json = False,
) -> None:
    """Pack the results of one method for verification.

    The archive contains videos, records and the card; check it with `smmbench verify`.

    An existing archive of that name is replaced. The options for authors, contact, clips seen,
    licence, paper and title override the method's card.
    """
    from smmbench_leaderboard.formats import to_json
    from smmbench_leaderboard.submission.packing import submit as packed

    facts = {"authors": authors, "contact": contact, "seen": seen}
    facts |= {"licence": licence, "paper": paper, "title": title}
    written = packed(results, output, dataset, allow_partial, facts)
    for warning in written.warnings:
        print_line(f"warning: {plain(warning)}", err=True)
    said = written.submission
    print_line(
        f"{said.method} on {said.dataset}: {said.done} videos, {said.failed} failed, "
        f"{said.missing} missing.",
        err=True,
    )
    text = to_json(said) if json else f"{written.sha256}  {written.path}\n"
    print_document(text, styled=True)


def verify(
    submission: Annotated[Path, typer.Argument(help="An archive that `smmbench submit` made.")],
    dataset: DatasetFilter = None,
    device: Device = "auto",
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance", min=0.0, help="Largest difference at which two scores count as equal."
        ),
    ] = 1e-6,
    max_gib: Annotated[
        float, typer.Option("--max-gib", min=0.0, help="Maximum unpacked size, in GiB.")
    ] = 64.0,
    metrics: Metrics = None,
    json: Json = False,
) -> None:
    """Check a submission and recompute its scores.

    Nothing in the submission is trusted or executed.

    --metrics computes further metrics; the claims of a submission do not determine what is loaded.

    Exit code: 0 verified; 1 rejected, its scores differ, or they cannot be computed here; 2
    incorrect usage.
    """
    from smmbench.environment import choose_device
    from smmbench_leaderboard.formats import to_json
    from smmbench_leaderboard.formats.verifying import report_text
    from smmbench_leaderboard.submission.archive import Limits
    from smmbench_leaderboard.submission.verification import verify as verified

    report = verified(
        submission,
        dataset,
        choose_device(device),
        tolerance,
        Limits(total_bytes=int(max_gib * 2**30)),
        metrics=tuple(name.strip() for name in metrics.split(",")) if metrics else (),
        progress=lambda step: print_line(step, err=True),
    )
    text = to_json(report) if json else report_text(report)
    print_document(text, styled=True)
    raise typer.Exit(0 if report.verdict == "verified" else 1)
