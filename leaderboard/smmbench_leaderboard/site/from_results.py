"""Board of a results folder, read one method at a time to limit memory.

The board equals that of `smmbench leaderboard`; only the order of the work differs. The first pass
over the folder collects which pairs each method attempted and the conditions of the scores; the
second computes the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import cast

from smmbench.dataset import Dataset, load_dataset
from smmbench.results import MethodFile, find_records
from smmbench.results.files import METHOD
from smmbench.scoring.counting import Key, protocol_pairs
from smmbench_leaderboard.board.build import assembled, rows_of_published
from smmbench_leaderboard.board.columns import columns_of
from smmbench_leaderboard.board.composition import compose, of_pairs, pairs_of_one_length
from smmbench_leaderboard.board.joining import columns_beside, published_notes
from smmbench_leaderboard.board.notes import notes_of
from smmbench_leaderboard.board.published import PublishedRows, read_published
from smmbench_leaderboard.board.ranking import ranked
from smmbench_leaderboard.board.reading import OtherDatasetError, Result, Results, read_results
from smmbench_leaderboard.board.rows import partial_row, row_of
from smmbench_leaderboard.board.types import Bootstrap, Column, Row, Scope
from smmbench_leaderboard.site.frame import Evidence, SiteBoard
from smmbench_leaderboard.site.pair_columns import columnar, shared_keys

Visit = Callable[[Results, Row], Evidence]
"""Called with the results of one method and its row, to write what the site shows of them."""


def datasets_in(root: Path) -> list[str]:
    """Return the names of the datasets of a results folder."""
    found: dict[str, None] = {}
    for folder in method_folders(root):
        for place in sorted(folder.iterdir()) if (folder / METHOD).exists() else [folder]:
            if place.is_dir():
                for _, record in find_records(place, lambda *_: None):
                    found[record.request.dataset] = None
                    break
    return sorted(found)


def method_folders(root: Path) -> list[Path]:
    """Return the method folders of a results folder, or the folder itself if it is one."""
    if not root.is_dir():
        raise ValueError(
            f"No results folder '{root}'. Make one with `smmbench run --method NAME` "
            "or name another."
        )
    if (root / METHOD).exists():
        return [root]
    return sorted(folder for folder in root.iterdir() if folder.is_dir())


def read_frame(
    root: Path,
    dataset: str,
    visit: Visit,
    scope: Scope | None = None,
    metrics: Sequence[str] = (),
    ledger: Path | None = None,
    check_videos: bool = True,
) -> SiteBoard:
    """Read a results folder into a board of the site.

    Args:
        root: The results folder.
        dataset: Name or manifest path.
        visit: Called once for each row, while its results are in memory.
        scope: As for `make_board`.
        metrics: Names of metrics to show besides the two axes.
        ledger: Folder of a ledger whose published rows are shown next to the results.
        check_videos: As for `read_results`.

    Raises:
        ValueError: There are no results or no scores, or scores were computed under different
            conditions.
    """
    found = _survey(root, load_dataset(dataset), dataset, metrics, check_videos)
    whole, lengths = pairs_of_one_length(found.dataset)
    published = (
        PublishedRows() if ledger is None else read_published(ledger, found.dataset, found.columns)
    )
    composed = compose(of_pairs(found.attempts(), whole), whole, scope, published.rows)
    columns = columns_beside(found.columns, published, metrics)
    if not any(column.scored for column in columns):
        raise ValueError("Nothing is scored yet. Run `smmbench score` on this folder first.")
    found.first.clear()  # no longer needed for checking conditions
    bootstrap = Bootstrap()
    rows: list[Row] = []
    notes: dict[str, None] = dict.fromkeys((*lengths, *found.problems))
    evidence: dict[str, Evidence] = {}
    for results in _each(root, dataset, found.places, check_videos):
        results = of_pairs(results, whole)
        for label in sorted(results.found):
            own = _only(results, label)
            if label in composed.apart:
                row = partial_row(label, own, composed.apart[label], len(whole), columns, bootstrap)
            else:
                row = row_of(label, own, composed.keys, columns, bootstrap)
            notes |= dict.fromkeys(notes_of(own, [row], columns, composed.keys, composed.scope))
            evidence[label] = visit(own, row)
            rows.append(columnar(row))
            del own, row  # only one method is in memory at a time
        del results
    rows.extend(
        map(columnar, rows_of_published(published, composed, len(whole), columns, bootstrap))
    )
    notes |= dict.fromkeys(published_notes(rows, published))
    whole_rows = sorted((row for row in rows if not row.partial), key=lambda row: row.label)
    rows = [*ranked(whole_rows, columns, bootstrap), *(row for row in rows if row.partial)]
    return SiteBoard(
        board=assembled(
            found.dataset, composed, len(whole), bootstrap, columns, rows, tuple(notes)
        ),
        dataset=found.dataset,
        evidence=evidence,
    )


@dataclass
class _Survey:
    """What the first pass keeps: one scored result per pair, to compare the others with."""

    dataset: Dataset
    places: list[Path] = field(default_factory=list)
    methods: dict[str, MethodFile | None] = field(default_factory=dict)
    keys: dict[str, tuple[Key, ...]] = field(default_factory=dict)  # what each label attempted
    columns: tuple[Column, ...] = ()
    first: dict[Key, Result] = field(default_factory=dict)
    anchors: dict[str, Result] = field(default_factory=dict)  # one scored result by metric
    problems: dict[str, None] = field(default_factory=dict)

    @cached_property
    def asked(self) -> list[Key]:
        """Return every pair of the dataset as one object, which all rows share."""
        return protocol_pairs(self.dataset)

    def attempts(self) -> Results:
        """Collect which pairs each method attempted, without keeping the results."""
        return Results(
            dataset=self.dataset,
            methods=self.methods,
            found={
                label: cast("dict[Key, Result]", dict.fromkeys(keys))
                for label, keys in self.keys.items()
            },
            left_out={},
        )

    def add(self, place: Path, results: Results, metrics: Sequence[str]) -> None:
        """Add the methods of one folder."""
        self.places.append(place)
        self.problems |= dict.fromkeys(results.problems)
        for label, found in results.found.items():
            if label in self.keys:
                raise ValueError(
                    f"'{label}' has results in '{place}' and in another folder next to it. Move "
                    "one elsewhere, or give it another label."
                )
            known = [*self.anchors.values(), *(self.first[k] for k in found if k in self.first)]
            columns = columns_of([*known, *found.values()], ())
            asked = [name for name in metrics if any(name in one.scores for one in found.values())]
            if asked:
                columns = columns_of([*known, *found.values()], asked)
            self.columns = _joined(self.columns, columns)
            for key, result in found.items():
                if key not in self.first or not self.first[key].scores:
                    self.first[key] = _conditions_alone(result)
                for name, score in result.scores.items():
                    if score.value is not None:
                        self.anchors.setdefault(name, result)
            self.methods[label] = results.methods[label]
            self.keys[label] = shared_keys(tuple(key for key in self.asked if key in found))


def _conditions_alone(result: Result) -> Result:
    """Reduce a result to the conditions of its scores, with which others are compared."""
    scores = {
        name: score.model_copy(update={"per_frame": {}, "libraries": {}})
        for name, score in result.scores.items()
    }
    return Result(result.folder, result.record, scores)


def _survey(
    root: Path, dataset: Dataset, name: str, metrics: Sequence[str], check_videos: bool
) -> _Survey:
    survey = _Survey(dataset)
    refused: list[ValueError] = []
    for place in method_folders(root):
        try:
            results = read_results(place, name, check_videos=check_videos)
        except ValueError as error:
            if any(True for _ in find_records(place, lambda *_: None)):
                refused.append(error)
            continue
        survey.add(place, results, metrics)
        del results  # free memory before the next is read
    problems = [str(one) for one in refused if not isinstance(one, OtherDatasetError)]
    if not survey.keys and problems:
        raise ValueError(" ".join(problems))
    if not survey.keys:
        others = f", but of {', '.join(datasets_in(root))}" if refused else ""
        raise ValueError(f"'{root}' has no results of '{name}'{others}.")
    survey.problems |= dict.fromkeys(problems)
    return survey


def _each(
    root: Path, dataset: str, places: Sequence[Path], check_videos: bool
) -> Iterator[Results]:
    return (read_results(place, dataset, check_videos=check_videos) for place in places)


def _only(results: Results, label: str) -> Results:
    return replace(
        results,
        methods={label: results.methods[label]},
        found={label: results.found[label]},
        left_out={one: count for one, count in results.left_out.items() if one == label},
        other_references={
            one: counts for one, counts in results.other_references.items() if one == label
        },
    )


def _joined(one: Sequence[Column], other: Sequence[Column]) -> tuple[Column, ...]:
    """Merge columns in the order of the registry's metrics, preferring scored ones."""
    from smmbench.metrics.registry import all_metrics

    metrics = [known.name for known in all_metrics()]
    found: dict[str, Column] = {}
    for column in (*one, *other):
        if column.name not in found or not found[column.name].scored:
            found[column.name] = column
    return tuple(sorted(found.values(), key=lambda column: metrics.index(column.metric)))
