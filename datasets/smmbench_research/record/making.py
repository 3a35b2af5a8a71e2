"""Generate and score the remaining batches of a plan on some GPUs, within a time limit."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Queue

from smmbench.dataset import clip_form, clip_named
from smmbench.metrics import metric_names
from smmbench.metrics.reference_fidelity import ReferenceFidelity
from smmbench.results import VIDEO, RunRecord, read_record, result_folder
from smmbench.storage.atomic import held
from smmbench.tuning.searching import as_settings, plan_search
from smmbench.video import read_video
from smmbench_leaderboard.site.previews import keep_preview, preview_name
from smmbench_research.emoji.laboratory.processes import Places, cards, smmbench
from smmbench_research.record import doing
from smmbench_research.record.identity import commit, row_key, task_key
from smmbench_research.record.plan import SEARCH_SEEDS, Plan, Row, Task, searched_world
from smmbench_research.record.state import Done, State, folders_of, prune
from smmbench_research.record.workers import Worker, WorkerError

PER_SCORER = 9  # videos that one process scores at a time
TRIES = 2  # attempts at a batch whose process died
LOADING = 15.0  # seconds until a process has loaded a method
SCORING = 1.5  # seconds of one core per video: marks, tracks, held-out evaluators


@dataclass(frozen=True)
class Machine:
    """The resources of a run.

    Attributes:
        gpus: Number of GPUs; 0 for the CPU.
        per_gpu: Processes per GPU.
        scorers: Processes that score, on CPU cores.
        seconds: Time limit for everything, in seconds from the start.
    """

    gpus: int
    per_gpu: int
    scorers: int
    seconds: float = float("inf")

    @property
    def device(self) -> str:
        """The device on which videos are generated."""
        return "cuda" if self.gpus else "cpu"


@dataclass
class Outcome:
    """The outcome of a run.

    Attributes:
        made: Number of batches that were completed.
        left: Names of the remaining batches and searches.
        problems: One message per problem.
    """

    made: int = 0
    left: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def is_done(task: Task, plan: Plan, state: State, row: str) -> bool:
    """Whether a batch is done, and was made exactly as it would be made now."""
    done = state.done(task)
    return done is not None and done.key == task_key(task, row)


def trials_of(row: Row, plan: Plan, state: State) -> list[Row]:
    """The trials of a row's search, with the names and settings that `smmbench tune` uses."""
    world = plan.worlds[searched_world(row.world)]
    search = plan_search(
        row.method,
        world.dataset,
        state.search(row.name),
        preset=row.preset,
        fixed=row.changes,
        seeds=SEARCH_SEEDS,
        limit=world.limit,
        device="cpu",
    )
    return [
        Row(
            world=world.name,
            label=f"trial-{number:03}",
            method=row.method,
            seconds=row.seconds,
            tried=1,
            preset=search.question.preset,
            changes=(*row.changes, *as_settings(changes)),
            trial_of=row.name,
        )
        for number, changes in enumerate(search.settings(row.tried))
    ]


def keys_of(rows: Sequence[Row], plan: Plan, state: State) -> dict[str, str]:
    """Keys of rows by name; rows whose search is not done have no key yet."""
    return {
        row.name: row_key(row, plan, state)
        for row in rows
        if not row.search or state.tuned(row).is_file()
    }


class Making:
    """The processes that generate and score, and the work that is left for them.

    Args:
        plan: The plan of the run.
        plan_file: File of the plan.
        state: The run's folder.
        machine: The resources of the run.
        elsewhere: Keys of the batches that are done on another machine.
        together: Number of pairs that are generated at once, by name of the batch; all if it is
            not given.
    """

    def __init__(
        self,
        plan: Plan,
        plan_file: Path,
        state: State,
        machine: Machine,
        elsewhere: frozenset[str] = frozenset(),
        together: Mapping[str, int] | None = None,
    ) -> None:
        self.plan, self.plan_file, self.state, self.machine = plan, plan_file, state, machine
        self.elsewhere, self.together = elsewhere, together or {}
        self.began = time.monotonic()
        self.outcome = Outcome()
        self._lock = threading.Lock()
        self._keys: dict[str, str] = {}
        self._left: list[Task] = []
        self._searches: dict[str, tuple[Row, set[str]]] = {}  # trials that are left, by row
        self._failed: set[str] = set()  # rows whose search failed
        self._tries: dict[str, int] = {}
        self._pace = 1.0  # measured seconds of batches divided by expected ones
        self._unscored = 0  # videos that wait for a scorer
        self._scoring = SCORING  # measured seconds of one core per video
        places = cards(machine.gpus, machine.per_gpu)
        cores = os.cpu_count() or 1
        self._makers = [Worker(card, 1 if machine.gpus else cores) for card in places]
        self._scorers = [Worker("", 1) for _ in range(machine.scorers)]
        self._free: Queue[Worker] = Queue()
        for scorer in self._scorers:
            self._free.put(scorer)

    def run(self, rows: Sequence[Row]) -> Outcome:
        """Complete the remaining batches of some rows; a problem is reported and stops no other.

        Raises:
            ValueError: A finished batch does not match the current code, parameters or pairs.
        """
        with held(self.state.folder):
            self._plan(rows)
            ending = threading.Timer(max(self._rest(), 0.0), self._end)
            if self._rest() < float("inf"):
                ending.daemon = True
                ending.start()
            with (
                ThreadPoolExecutor(len(self._scorers)) as scoring,
                ThreadPoolExecutor(8) as closing,
                ThreadPoolExecutor(len(self._makers)) as making,
            ):
                for row, left in list(self._searches.values()):
                    if not left:  # all trials are scored, and the run ended before the choice
                        closing.submit(self._choose, row)
                loops = [
                    making.submit(self._loop, maker, scoring, closing) for maker in self._makers
                ]
                try:
                    finishing = [one for loop in loops for one in loop.result()]
                    for one in finishing:
                        one.result()
                except BaseException:  # Ctrl-C included: do not wait for the other work
                    self._end()
                    raise
            ending.cancel()
            self._end()
        self.outcome.left += [task.name for task in self._left]
        return self.outcome

    def _plan(self, rows: Sequence[Row]) -> None:
        plan, state = self.plan, self.state
        self._keys = keys_of(rows, plan, state)
        trials = [
            trial
            for row in rows
            if row.search and row.name not in self._keys
            for trial in trials_of(row, plan, state)
        ]
        self._keys |= keys_of(trials, plan, state)
        for task in plan.tasks([*trials, *rows]):
            key = self._keys.get(task.row.name)
            done = state.done(task)
            if key is not None and done is not None:
                if done.key != task_key(task, key):
                    raise ValueError(
                        f"'{state.marker(task)}' marks a batch that was made with other code, "
                        "parameters or pairs. Choose another folder with --folder, or remove "
                        "this one."
                    )
                prune(task, plan, state)  # in case an earlier run was killed before it did so
            elif key is None or task_key(task, key) not in self.elsewhere:
                self._left.append(task)
        for row in rows:
            if row.search and row.name not in self._keys:
                left = {task.name for task in self._left if task.row.trial_of == row.name}
                self._searches[row.name] = (row, left)

    def _loop(
        self, maker: Worker, scoring: ThreadPoolExecutor, closing: ThreadPoolExecutor
    ) -> list[Future[None]]:
        """Generate batch after batch in one process; those of the row that is loaded come first."""
        loaded, finishing = ("", ""), list[Future[None]]()
        while (work := self._next(loaded)) is not None:
            loaded = work.row.name, work.reference
            try:
                made = maker.call(
                    doing.make,
                    work,
                    self.plan_file,
                    self.plan.sha256,
                    self.state.folder,
                    self.machine.device,
                    self.together.get(work.name, work.pairs),
                )
            except WorkerError as error:
                loaded = "", ""
                self._again(work, error)
                continue
            expected = max(work.seconds * self.machine.per_gpu, 0.5)
            with self._lock:
                self._pace += 0.3 * (min(max(made.seconds / expected, 0.1), 10) - self._pace)
            parts = self._score(work, made, scoring)
            finishing.append(closing.submit(self._finish, work, made, parts))
        return finishing

    def _next(self, loaded: tuple[str, str]) -> Task | None:
        """A batch that should finish in time; None if there is no such batch."""
        while True:
            with self._lock:
                ready = [task for task in self._left if task.row.name in self._keys]
                same = [
                    task
                    for task in ready
                    if (task.row.name, task.reference) == loaded
                    or (task.row.trial_of and task.row.trial_of == loaded[0])
                ]
                for task in (*same, *ready):
                    if self._expected(task, task in same) < self._rest():
                        self._left.remove(task)
                        return task
                waiting = any(
                    task.row.name not in self._keys and task.row.name not in self._failed
                    for task in self._left
                )
                if not waiting or self._rest() < LOADING:
                    return None
            time.sleep(0.2)  # wait for a search to finish

    def _expected(self, task: Task, loaded: bool) -> float:
        """Seconds until a batch is scored, if it starts now."""
        making = task.seconds * self.machine.per_gpu * self._pace
        making += 0.0 if loaded else LOADING
        parts = -(-task.pairs // PER_SCORER)
        scoring = self._scoring * PER_SCORER * -(-parts // self.machine.scorers)
        queued = self._scoring * self._unscored / self.machine.scorers  # scored in the meantime
        return max(making, queued) + scoring

    def _rest(self) -> float:
        return self.machine.seconds - (time.monotonic() - self.began)

    def _again(self, task: Task, error: WorkerError) -> None:
        """Requeue a batch whose process died; after two attempts it is left for another run."""
        with self._lock:
            tries = self._tries[task.name] = self._tries.get(task.name, 0) + 1
            if tries < TRIES and self._rest() > 0:
                self._left.insert(0, task)
                return
            self.outcome.left.append(task.name)
            if self._rest() > 0:
                self.outcome.problems.append(f"{task.name}: {_last_line(error)}")
        self._tell(f"{task.name} is left: {_last_line(error)}")

    def _score(
        self, task: Task, made: doing.Made, scoring: ThreadPoolExecutor
    ) -> list[Future[doing.Scored]]:
        world = self.plan.worlds[task.row.world]
        extra = (ReferenceFidelity.name,) if len(task.row.references) > 1 else ()
        metrics = tuple(dict.fromkeys((*metric_names(), *world.metrics, *extra)))
        parts = [
            made.folders[first : first + PER_SCORER]
            for first in range(0, len(made.folders), PER_SCORER)
        ]
        with self._lock:
            self._unscored += len(made.folders)

        def score(part: tuple[Path, ...]) -> doing.Scored:
            scorer = self._free.get()
            try:
                scored = scorer.call(doing.score, part, metrics)
            finally:
                self._free.put(scorer)
                with self._lock:
                    self._unscored -= len(part)
            with self._lock:
                self._scoring += 0.1 * (scored.seconds / len(part) - self._scoring)
            return scored

        return [scoring.submit(score, part) for part in parts]

    def _finish(self, task: Task, made: doing.Made, parts: Sequence[Future[doing.Scored]]) -> None:
        """Once a batch is scored: keep its previews, mark it as done, and remove its videos."""
        try:
            scored = [part.result() for part in as_completed(parts)]
        except WorkerError as error:
            self._again(task, error)
            return
        rows = [row for part in scored for row in part.held_out]
        wrong = [one for part in scored for one in part.unscored]
        keep_previews(task, self.plan, self.state)
        done = Done(
            key=task_key(task, self._keys[task.row.name]),
            made_seconds=round(made.seconds, 3),
            scored_seconds=round(sum(part.seconds for part in scored), 3),
            side_by_side=self.machine.per_gpu,
            device=made.device,
            commit=commit(),
            failed=made.failed,
            unscored=len(wrong),
            held_out=tuple(sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))),
        )
        self.state.write_done(task, done)
        prune(task, self.plan, self.state)
        with self._lock:
            self.outcome.made += 1
            self.outcome.problems += [f"{task.name}: {one}" for one in wrong]
            if made.failed:
                self.outcome.problems.append(f"{task.name}: {made.failed} pairs failed")
        self._tell(f"{task.name}: {task.pairs} pairs generated in {made.seconds:.1f} s")
        if task.row.trial_of:
            self._tried(task)

    def _tried(self, task: Task) -> None:
        """Note that a trial is scored; after the last one, choose the settings."""
        with self._lock:
            row, left = self._searches[task.row.trial_of]
            left.discard(task.name)
            if left:
                return
        self._choose(row)

    def _choose(self, row: Row) -> None:
        """Let `smmbench tune` choose: it finds all trials generated and scored."""
        world, folder = self.plan.worlds[searched_world(row.world)], self.state.search(row.name)
        command = smmbench(
            *("tune", "--method", row.method, "--dataset", world.dataset),
            *("--budget", row.tried, "--device", "cpu", "--output", folder),
            *(part for seed in SEARCH_SEEDS for part in ("--seed", seed)),
            *(("--limit", world.limit) if world.limit else ()),
            *(("--preset", row.preset) if row.preset else ()),
            *(part for change in row.changes for part in ("--set", change)),
        )
        place = Places([""], 1, self.state.logs, end=max(self._rest(), 0.0))
        why = place.run(f"search-{row.world}-{row.label}", command)
        found = next(folder.rglob("tuned.toml"), None)
        with self._lock:
            if why or found is None:
                self._failed.add(row.name)
                self.outcome.problems.append(
                    f"search of {row.name}: {why or 'it wrote no tuned.toml'}"
                )
                return
            target = self.state.tuned(row)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(found.read_bytes())
            self._keys |= keys_of([row], self.plan, self.state)
            key = self._keys[row.name]
            self._left = [
                task
                for task in self._left
                if task.row != row or task_key(task, key) not in self.elsewhere
            ]
        self._tell(f"search of {row.name}: chose among {row.tried} settings")

    def _end(self) -> None:
        for worker in (*self._makers, *self._scorers):
            worker.kill()

    def _tell(self, line: str) -> None:
        print(f"{time.monotonic() - self.began:6.0f} s  {line}", file=sys.stderr, flush=True)


def previews_of(task: Task, plan: Plan, state: State) -> dict[Path, RunRecord]:
    """The paths of the previews of a batch's shown pairs, each with the record of its video."""
    world = plan.worlds[task.row.world]
    if task.reference != "forward" or task.row.trial_of:
        return {}
    found = {}
    for pair, folder in folders_of(task, plan, state):
        record = read_record(folder) if pair in world.shown_pairs else None
        if record is not None and record.status == "done":
            form = clip_form(world.described, clip_named(world.described, pair[0]))
            found[state.folder / preview_name(record.pixels_sha256, form)] = record
    return found


def keep_previews(task: Task, plan: Plan, state: State) -> None:
    """Write the previews of a batch's shown pairs, in the form that the site uses."""
    described = plan.worlds[task.row.world].described
    for record in previews_of(task, plan, state).values():
        form = clip_form(described, clip_named(described, record.request.clip))
        folder = result_folder(state.results, record.request)
        read = partial(read_video, folder / VIDEO)
        keep_preview(state.folder, record.pixels_sha256, form, read)


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
