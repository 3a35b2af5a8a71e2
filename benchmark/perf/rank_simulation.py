"""How often a board separates equal methods, and which differences it detects, by simulation.

    python benchmark/perf/rank_simulation.py                      # all tables, about an hour
    python benchmark/perf/rank_simulation.py --kinds normal --boards 200    # a quick look

Every board has k methods with equal true means. A board that claims a significant difference is
wrong; at most one in twenty may be. `--floors` compares lower bounds of the scale, and
`--before` the rule that boards used until version 0.1 (see `leader_splits`).

Sources of the numbers:

- `motion`, `text`: clip means of the competitors on the ledger's boards, each method shifted to the
    mean of all, 26 clips drawn with replacement. The methods differ in shape as they do there.
- `..., half without seeds`: half of the methods have only one seed, so they vary more.
- `..., one clip in ten fails`: a method has no video for a tenth of the clips, which count -1.
- `normal`, `skewed`, `unequal` (standard deviations from 1 to 4), `without seeds`, `failing`:
    synthetic, with a component of each clip that all methods share.
- `half failing`: half of the methods fail on a tenth of the clips and are as much better on the
    others, so that the means are equal. No difference is symmetric then, and no test can detect a
    failure that did not happen.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, stdtrit

from smmbench.rank_intervals import SCALE_FLOOR, sign_patterns, step_down_p
from smmbench_leaderboard.ledger.entries import read_board

ENTRIES = Path(__file__).parents[2] / "leaderboard" / "entries" / "emoji"
METHODS, CLIPS = (2, 5, 12, 23), (3, 6, 12, 26)
AXES = {"motion": "motion_fidelity", "text": "text_similarity"}
TABLES = ("before", "split", "tiers", "power")
LEVEL = 0.95
DRAWS = 999  # sign patterns; a board uses 40,000. As exact here, and faster

Boards = Float[np.ndarray, "boards clips k"]
Kind = Callable[[np.random.Generator, int, int, int], Boards]

# Synthetic clip means: standard deviations of a clip's effect on all methods, of its effect on
# one, and of the noise of one seed; 3 seeds, as in the emoji protocol.
SHARED, OWN, NOISE, SEEDS = 0.15, 0.08, 0.12, 3
FAILS, WORST, MEAN = 0.1, -1.0, 0.7


def normal(rng: np.random.Generator, boards: int, clips: int, k: int) -> Boards:
    """Draw normal clip means of methods that all have three seeds."""
    return MEAN + _shared(rng, boards, clips) + _own(rng, (boards, clips, k))


def without_seeds(rng: np.random.Generator, boards: int, clips: int, k: int) -> Boards:
    """Draw clip means where every second method has only one seed."""
    seeds = np.where(np.arange(k) % 2, SEEDS, 1)
    return MEAN + _shared(rng, boards, clips) + _own(rng, (boards, clips, k), seeds)


def unequal(rng: np.random.Generator, boards: int, clips: int, k: int) -> Boards:
    """Draw clip means of methods whose standard deviations range from 1 to 4."""
    own = _own(rng, (boards, clips, k)) * np.linspace(0.5, 2.0, k)
    return MEAN + _shared(rng, boards, clips) + own


def skewed(rng: np.random.Generator, boards: int, clips: int, k: int) -> Boards:
    """Draw clip means that concentrate below 1 with a tail to the left, as in text similarity."""
    shared = rng.exponential(SHARED, (boards, clips, 1))
    return 1 - shared - rng.exponential(OWN, (boards, clips, k))


def failing(rng: np.random.Generator, boards: int, clips: int, k: int) -> Boards:
    """Draw clip means, each of which fails with a probability of one in ten."""
    return _failed(rng, normal(rng, boards, clips, k), np.full(k, FAILS))


def half_failing(rng: np.random.Generator, boards: int, clips: int, k: int) -> Boards:
    """Draw clip means where every second method fails on some clips and is better on the others."""
    chance = np.where(np.arange(k) % 2, FAILS, 0.0)
    means = normal(rng, boards, clips, k) + chance * (MEAN - WORST) / (1 - chance)
    return _failed(rng, means, chance)


def real(axis: str, *, seedless: bool = False, fails: float = 0.0) -> Kind:
    """Draw clips of the ledger's boards, with every method shifted to the mean of all."""

    def draw(rng: np.random.Generator, boards: int, clips: int, k: int) -> Boards:
        pool, single = centred(AXES[axis])
        rows = max(k, 16)  # the newest board alone, if it has enough methods
        chosen = rng.permuted(np.tile(np.arange(rows), (boards, 1)), axis=1)[:, None, :k]
        drawn = rng.integers(0, len(pool), (boards, clips, 1))
        values = pool[drawn, chosen]
        if seedless:
            values = np.where(np.arange(k) % 2, values, single[drawn, chosen])
        return _failed(rng, values, np.full(k, fails)) if fails else values

    return draw


KINDS: dict[str, Kind] = {
    "motion": real("motion"),
    "text": real("text"),
    "motion, half without seeds": real("motion", seedless=True),
    "motion, one clip in ten fails": real("motion", fails=FAILS),
    "text, half without seeds": real("text", seedless=True),
    "text, one clip in ten fails": real("text", fails=FAILS),
    "normal": normal,
    "skewed": skewed,
    "unequal": unequal,
    "without seeds": without_seeds,
    "failing": failing,
    "half failing": half_failing,
}


@cache
def centred(metric: str) -> tuple[Float[np.ndarray, "clips rows"], Float[np.ndarray, "clips rows"]]:
    """Clip means of all competitors in the ledger, over all seeds and for seed 0 alone.

    From boards of the newest protocol, newest first; every column has the mean of the newest.
    """
    boards = [read_board(path) for path in sorted(ENTRIES.glob("2*.board.xz"))[::-1]]
    boards = [one for one in boards if one["protocol"] == boards[0]["protocol"]]
    clips = list(dict.fromkeys(pair["clip"] for pair in boards[0]["rows"][0]["pairs"]))
    every: list[list[float]] = []
    single: list[list[float]] = []
    for row in (row for board in boards for row in board["rows"]):
        if row["card"]["kind"] == "control":
            continue
        for seeds, means in (((0, 1, 2), every), ((0,), single)):
            of_clip: dict[str, list[float]] = {clip: [] for clip in clips}
            for pair in row["pairs"]:
                if pair["seed"] in seeds:
                    of_clip[pair["clip"]].append(pair["values"][metric])
            means.append([float(np.mean(of_clip[clip])) for clip in clips])
    pools = (np.array(every).T, np.array(single).T)
    return pools[0] - pools[0].mean(axis=0), pools[1] - pools[1].mean(axis=0)


def _shared(rng: np.random.Generator, boards: int, clips: int) -> Boards:
    return rng.normal(0, SHARED, (boards, clips, 1))


def _own(rng: np.random.Generator, shape: tuple[int, int, int], seeds: object = SEEDS) -> Boards:
    noise = NOISE / np.sqrt(np.asarray(seeds, dtype=float))
    return rng.normal(0, 1, shape) * np.hypot(OWN, noise)


def _failed(rng: np.random.Generator, values: Boards, chance: Float[np.ndarray, " k"]) -> Boards:
    """Count the clips on which a method fails as the worst value."""
    return np.where(rng.random(values.shape) < chance, WORST, values)


def claims(
    boards: Boards, scale_floor: float = SCALE_FLOOR, seed: int = 0
) -> Iterator[Float[np.ndarray, "k k"]]:
    """For each board, which method is significantly better than which: 1 at [i, j], else 0."""
    clips = boards.shape[1]
    signs, complete = sign_patterns(clips, seed)
    if not complete:
        signs = signs[:DRAWS]
    for totals in boards:
        p = step_down_p(totals, signs, complete, scale_floor)
        sums = totals.sum(axis=0)
        yield (sums[:, None] > sums[None, :]) & (p <= 1 - LEVEL + 1e-9)


def leader_splits(boards: Boards, seed: int = 0) -> int:
    """How many boards had more than one rank under the earlier rule.

    The rule: the first method shares its rank with all whose paired 95 % interval against it (the
    widened percentile bootstrap, Student's t below 6 clips) contains 0; no level is corrected.
    """
    clips = boards.shape[1]
    reach = float(stdtrit(clips - 1, (1 + LEVEL) / 2))
    widened = float(ndtr(-reach * np.sqrt(clips / (clips - 1))))
    draws = np.random.default_rng(seed).multinomial(clips, np.full(clips, 1 / clips), size=DRAWS)
    count = 0
    for totals in boards:
        leader = totals.sum(axis=0).argmax()
        gap = totals[:, [leader]] - np.delete(totals, leader, axis=1)
        if clips < 6:
            error = gap.std(axis=0, ddof=1) / np.sqrt(clips)
            count += bool((gap.mean(axis=0) > reach * error).any())
        else:
            count += bool(((draws @ gap <= 0).mean(axis=0) < widened).any())
    return count


def split_share(kind: Kind, k: int, clips: int, boards: int, scale_floor: float) -> float:
    """Fraction of boards with equal methods that claim a significant difference."""
    made = kind(np.random.default_rng([k, clips]), boards, clips, k)
    return sum(bool(one.any()) for one in claims(made, scale_floor)) / boards


def split_before(kind: Kind, k: int, clips: int, boards: int) -> float:
    """The same fraction under the earlier rule."""
    return leader_splits(kind(np.random.default_rng([k, clips]), boards, clips, k)) / boards


def false_share(kind: Kind, k: int, clips: int, boards: int, step: float) -> float:
    """Fraction of boards with a false claim when the methods form three tiers, `step` apart."""
    made = kind(np.random.default_rng([k, clips, 3]), boards, clips, k)
    tier = np.arange(k) * 3 // k
    truly = tier[:, None] > tier[None, :]
    return sum(bool((one & ~truly).any()) for one in claims(made + step * tier)) / boards


def found_difference(kind: Kind, k: int, clips: int, boards: int, power: float = 0.8) -> float:
    """Smallest difference of the last method from the others that a board detects in 80 % of cases.

    Detected means: a given other method is significantly better than the last one. The largest
    difference that is tried is 1.6; it is also returned if no difference is detected.
    """
    made = kind(np.random.default_rng([k, clips, 8]), boards, clips, k)
    low, high = 0.0, 1.6
    while high - low > 0.01:
        step = (low + high) / 2
        lowered = made - step * (np.arange(k) == k - 1)
        found = sum(bool(one[0, k - 1]) for one in claims(lowered)) / boards
        low, high = (low, step) if found >= power else (step, high)
    return high


def grid(
    kind: Kind, sizes: Sequence[int], many: Sequence[int], of: Callable[[Kind, int, int], float]
) -> Iterator[str]:
    """For each number of clips, the results for all numbers of methods, as text."""
    for clips in many:
        yield " / ".join(_short(of(kind, k, clips)) for k in sizes)


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value < 1 else f"{value:.2f}"


def table(
    title: str,
    kinds: Sequence[str],
    sizes: Sequence[int],
    many: Sequence[int],
    of: Callable[[Kind, int, int], float],
) -> None:
    """Print a Markdown table line by line, as its numbers are computed."""
    print(f"\n{title}; k = {' / '.join(map(str, sizes))}.\n")
    print(f"| | {' | '.join(f'{clips} clips' for clips in many)} |\n|---{'|--:' * len(many)}|")
    for name in kinds:
        print(f"| {name} | {' | '.join(grid(KINDS[name], sizes, many, of))} |", flush=True)


def main() -> None:
    """Print the requested tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--boards", type=int, default=2000, help="boards per cell")
    parser.add_argument("--power-boards", type=int, default=200, help="boards per cell, for power")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--clips", nargs="+", type=int, default=CLIPS)
    parser.add_argument("--methods", nargs="+", type=int, default=METHODS)
    parser.add_argument(
        "--floors", nargs="+", type=float, help="only compare these lower bounds of the scale"
    )
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES)
    args = parser.parse_args()
    begin = time.monotonic()
    kinds, boards = args.kinds, args.boards
    enough = [clips for clips in args.clips if clips >= 6]  # fewer show nothing
    tiers = [k for k in args.methods if k >= 3]
    for floor in args.floors or ():
        table(
            f"Boards that split k equal methods, scale floor {floor:g}, {boards} boards a cell",
            kinds, args.methods, enough,
            partial(split_share, boards=boards, scale_floor=floor),
        )  # fmt: skip
    wanted = () if args.floors else args.tables
    if "before" in wanted:
        table(
            f"Until version 0.1: boards that split k equal methods, {boards} boards a cell",
            kinds, args.methods, args.clips,
            partial(split_before, boards=boards),
        )  # fmt: skip
    if "split" in wanted:
        table(
            f"Now: boards that split k equal methods, {boards} boards a cell",
            kinds, args.methods, args.clips,
            partial(split_share, boards=boards, scale_floor=SCALE_FLOOR),
        )  # fmt: skip
    if "tiers" in wanted:
        table(
            f"Boards with a false claim, methods in three tiers .1 apart, {boards} boards a cell",
            kinds, tiers, enough,
            partial(false_share, boards=boards, step=0.1),
        )  # fmt: skip
    if "power" in wanted:
        table(
            f"Smallest difference found in 80 % of boards, {args.power_boards} boards a cell",
            kinds, args.methods, enough,
            partial(found_difference, boards=args.power_boards),
        )  # fmt: skip
    print(f"\n{time.monotonic() - begin:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
