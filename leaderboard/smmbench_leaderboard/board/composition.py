"""Composition of a board: which pairs count, and which rows attempted all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from smmbench.dataset import Dataset, clip_form
from smmbench.plugins import no_such
from smmbench.scoring.counting import Key, protocol_pairs
from smmbench_leaderboard.board.published import Published
from smmbench_leaderboard.board.reading import Results
from smmbench_leaderboard.board.rows import card_of
from smmbench_leaderboard.board.types import Scope


@dataclass(frozen=True)
class Composition:
    """The pairs of a board, and the rows that are listed separately.

    Attributes:
        scope: `full` if the pairs are all those of the dataset.
        keys: Pairs that count in every row of the board.
        apart: By label, the pairs that a partial row attempted; it lacks some of `keys`.
    """

    scope: Scope
    keys: tuple[Key, ...]
    apart: Mapping[str, tuple[Key, ...]]


def compose(
    results: Results,
    whole: Sequence[Key],
    scope: Scope | None,
    published: Sequence[Published] = (),
) -> Composition:
    """Choose the pairs of a board.

    A method that was run on a few pairs does not reduce the board to those pairs: the competitors
    that attempted the most pairs define it, and rows that lack some are listed separately. If
    several attempted equally many but different pairs, those that most rows have count.

    Args:
        results: The rows; at least one, counting the published ones.
        whole: All pairs of the dataset, in their order.
        scope: `full`: all pairs count in every row, missing ones as worst. `shared`: the pairs
            that every row attempted. None: as above.
        published: Rows of a ledger, to which the same rules apply.

    Raises:
        ValueError: The rows share no pair.
    """
    if scope == "full":
        return Composition("full", tuple(whole), {})
    attempted = {label: frozenset(found) for label, found in results.found.items()}
    attempted |= {one.row.label: one.attempted & {*whole} for one in published}
    if scope == "shared":
        return Composition("shared", _shared(attempted, whole), {})
    controls = {one.row.label for one in published if one.row.control}
    controls |= {label for label in results.found if card_of(results, label).kind == "control"}
    competing = attempted.keys() - controls
    sets = [attempted[label] for label in sorted(competing or attempted)]
    most = max(map(len, sets))
    chosen = max(
        (one for one in sets if len(one) == most),
        key=lambda one: sum(one <= other for other in attempted.values()),
    )
    keys = tuple(key for key in whole if key in chosen)
    apart = {
        label: tuple(key for key in whole if key in found)
        for label, found in attempted.items()
        if not chosen <= found
    }
    return Composition("full" if len(keys) == len(whole) else "shared", keys, apart)


def chosen_methods(
    results: Results, methods: Collection[str] = (), exclude: Collection[str] = ()
) -> Results:
    """Keep the results of the named methods, or of all but those excluded.

    Raises:
        LookupError: There are no results under such a label; the message lists the labels.
        ValueError: No method is left.
    """
    for label in (*methods, *exclude):
        if label not in results.found:
            raise LookupError(no_such("method in these results", label, sorted(results.found)))
    kept = {label for label in results.found if label in (methods or results.found)} - {*exclude}
    if not kept:
        raise ValueError("No method is left: every one was excluded.")
    return replace(
        results,
        methods={label: method for label, method in results.methods.items() if label in kept},
        found={label: found for label, found in results.found.items() if label in kept},
        left_out={label: count for label, count in results.left_out.items() if label in kept},
        other_references={
            label: counts for label, counts in results.other_references.items() if label in kept
        },
        from_others={
            label: others for label, others in results.from_others.items() if label in kept
        },
    )


def pairs_of_one_length(
    dataset: Dataset, frames: int | None = None
) -> tuple[list[Key], tuple[str, ...]]:
    """Keep the pairs of clips of one length, with a note if the dataset has other lengths.

    What unrelated motion scores depends on the length of the clips, so a mean over clips of several
    lengths has no meaning.

    Args:
        dataset: The dataset, with its clips.
        frames: Number of frames; None for the most common one, the larger of two equally common.

    Raises:
        LookupError: No clip has that many frames.
    """
    keys = protocol_pairs(dataset)
    of_clip = {clip.name: clip_form(dataset, clip).frames for clip in dataset.manifest.clips}
    counts = Counter(of_clip[clip] for clip, _, _ in keys)
    if frames is not None and frames not in counts:
        known = ", ".join(map(str, sorted(counts)))
        raise LookupError(f"No clip of '{dataset.manifest.name}' has {frames} frames, but {known}.")
    chosen = frames or max(counts, key=lambda length: (counts[length], length))
    kept = [key for key in keys if of_clip[key[0]] == chosen]
    others = ", ".join(f"{counts[n]} pairs of {n} frames" for n in sorted(counts) if n != chosen)
    if not others:
        return kept, ()
    note = (
        f"Only the {len(kept)} pairs of clips of {chosen} frames: the chance level depends "
        f"on the length, so other clips are shown separately ({others}; see --clip-length)."
    )
    return kept, (note,)


def of_pairs(results: Results, keys: Collection[Key]) -> Results:
    """Keep the results of the given pairs; methods without any are left out.

    Raises:
        ValueError: No method has a result for any of them.
    """
    wanted = frozenset(keys)
    found = {
        label: kept
        for label, by in results.found.items()
        if (kept := {key: result for key, result in by.items() if key in wanted})
    }
    if not found:
        raise ValueError("No method has a result of clips of this length; see --clip-length.")
    return replace(results, found=found, methods={label: results.methods[label] for label in found})


def _shared(attempted: Mapping[str, frozenset[Key]], whole: Sequence[Key]) -> tuple[Key, ...]:
    shared = tuple(key for key in whole if all(key in found for found in attempted.values()))
    if not shared:
        counts = ", ".join(f"'{label}' {len(found)}" for label, found in sorted(attempted.items()))
        raise ValueError(
            f"No pair was attempted by every method (attempted of {len(whole)}: {counts}). Run "
            "them on the same pairs, omit some with --exclude, or use --scope full, where a "
            "missing pair counts as worst."
        )
    return shared
