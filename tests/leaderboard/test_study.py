"""The human study: blind, balanced, and strengths that come back with honest intervals."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom
from tests.builders.numbered_videos import BITS, BLOCK, HEIGHT, WIDTH, NumberedTree, numbered_video
from tests.builders.raters import answer_file, outcome_shares, simulated_choices

from smmbench.video import read_video, write_preview
from smmbench_leaderboard.study.agreement import krippendorff_alpha
from smmbench_leaderboard.study.analysing import analyse, both_ways
from smmbench_leaderboard.study.answers import read_answers
from smmbench_leaderboard.study.bradley_terry import Choices, fit, win_share
from smmbench_leaderboard.study.building import Options, new_study
from smmbench_leaderboard.study.design import cells_of, deal
from smmbench_leaderboard.study.merging import card, merged, still
from smmbench_leaderboard.study.plan import PLAN, PUBLIC, Plan, read_plan
from smmbench_leaderboard.study.report import analysis_text
from smmbench_leaderboard.study.sample_size import design_effect, judgements_needed

# Sample size ---------------------------------------------------------------------------------


def test_the_planned_number_has_the_power_that_it_is_planned_for() -> None:
    n = judgements_needed(0.65)
    assert n == 85  # (1.96 / 2 + .8416 sqrt(.65 .35))^2 / .15^2 = 84.8
    critical = n / 2 + 1.96 * np.sqrt(n) / 2  # of the test of one share that is planned for
    assert binom.sf(critical, n, 0.65) == pytest.approx(0.8, abs=0.04)
    assert judgements_needed(0.65, comparisons=3) > n
    assert judgements_needed(0.6) > n > judgements_needed(0.7)
    assert judgements_needed(0.65, power=0.9) > n


@pytest.mark.parametrize("words", [(0.5,), (1.0,), (0.6, 0), (0.6, 1, 0.0), (0.6, 1, 0.05, 1.0)])
def test_a_sample_size_of_nothing_is_refused(words: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError):
        judgements_needed(*words)


def test_the_design_effect_is_kishs() -> None:
    assert design_effect(1, 0.5) == 1
    assert design_effect(11, 0.1) == pytest.approx(2)
    assert design_effect(30, 0) == 1


# Agreement -----------------------------------------------------------------------------------


def test_alpha_of_the_example_in_the_literature() -> None:
    """Three coders, 15 units, missing values: nominal alpha .691, as it is often printed."""
    coders = ("*****34121133*3", "1*213343*******", "**21344*21133*4")
    units = [[v for v in column if v != "*"] for column in zip(*coders, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.691, abs=5e-4)


def test_alpha_in_closed_forms() -> None:
    assert krippendorff_alpha([(0, 0), (1, 1), (2, 2, 2)]) == 1
    for n in (1, 2, 10):
        assert krippendorff_alpha([(0, 1)] * n) == pytest.approx(-1 + 1 / n)
    assert krippendorff_alpha([(1, 1), (1, 1)]) is None  # nothing varies
    assert krippendorff_alpha([(1,), (2,)]) is None  # nobody can agree
    rng = np.random.default_rng(0)
    random = krippendorff_alpha(rng.integers(3, size=(4000, 2)).tolist())
    assert random == pytest.approx(0, abs=0.03)


def test_agreement_does_not_depend_on_whose_name_is_first() -> None:
    units = [[0, 0, 0, 1], [0, 0, 2], [0, 0, 0]]  # a list from the best method to the worst
    turned = [units[0], [2 - value for value in units[1]], units[2]]
    assert krippendorff_alpha(both_ways(units)) == krippendorff_alpha(both_ways(turned))
    assert (krippendorff_alpha(both_ways(units)) or 0) > 0.2 > (krippendorff_alpha(units) or 0)


# Strengths -----------------------------------------------------------------------------------


def two_methods(wins: int, ties: int, losses: int) -> Choices:
    outcome = np.repeat([0, 1, 2], [wins, ties, losses])
    n = len(outcome)
    names = [f"r{i % 7}" for i in range(n)]
    clips = [f"c{i % 5}" for i in range(n)]
    return Choices(np.zeros(n, int), np.ones(n, int), outcome, names, clips)


@pytest.mark.parametrize(("wins", "ties", "losses"), [(60, 0, 20), (60, 30, 20), (25, 10, 25)])
def test_two_methods_in_closed_form(wins: int, ties: int, losses: int) -> None:
    found = fit(two_methods(wins, ties, losses), 2)
    assert found.difference(0, 1)[0] == pytest.approx(np.log(wins / losses), abs=0.01)
    assert win_share(found, 0, 1) == pytest.approx(wins / (wins + losses), abs=0.005)
    assert found.theta.sum() == pytest.approx(0, abs=1e-9)
    if ties:
        assert found.tie == pytest.approx(np.log(ties / np.sqrt(wins * losses)), abs=0.01)
    else:
        assert found.tie is None


def test_strengths_do_not_depend_on_the_order_of_names_and_sides() -> None:
    rng = np.random.default_rng(1)
    choices = simulated_choices([0.5, 0, -0.5], 0.4, 8, 6, 20, 0.2, rng)
    plain = fit(choices, 3)
    turned = Choices(
        choices.second, choices.first, 2 - choices.outcome, choices.rater, choices.clip
    )
    assert fit(turned, 3).theta == pytest.approx(plain.theta, abs=1e-5)
    named = np.array([2, 0, 1])
    renamed = Choices(
        named[choices.first], named[choices.second], choices.outcome, choices.rater, choices.clip
    )
    assert fit(renamed, 3).theta[named] == pytest.approx(plain.theta, abs=1e-5)


def test_what_has_no_strength_is_said() -> None:
    none = np.zeros(0, int)
    with pytest.raises(ValueError, match="no choices"):
        fit(Choices(none, none, none, [], []), 2)
    with pytest.raises(ValueError, match="no common scale"):
        fit(two_methods(5, 1, 5), 3)


def test_a_method_that_wins_all_keeps_a_finite_strength() -> None:
    found = fit(two_methods(40, 0, 0), 2)
    assert 3 < found.difference(0, 1)[0] < 20


def test_one_rater_gives_no_interval() -> None:
    choices = two_methods(20, 5, 10)
    alone = Choices(choices.first, choices.second, choices.outcome, ["r"] * 35, choices.clip)
    assert fit(alone, 2).interval(0) is None


def test_choices_that_go_together_widen_the_interval() -> None:
    """Each rater's answers given ten times say no more about the methods."""
    choices = two_methods(40, 10, 20)
    once = fit(choices, 2).difference(0, 1)[1]
    again = Choices(
        np.tile(choices.first, 10),
        np.tile(choices.second, 10),
        np.tile(choices.outcome, 10),
        list(choices.rater) * 10,
        list(choices.clip) * 10,
    )
    ten = fit(again, 2).difference(0, 1)[1]
    assert once is not None and ten is not None
    assert ten[1] - ten[0] == pytest.approx(once[1] - once[0], rel=0.05)


@pytest.mark.slow
def test_intervals_hold_known_strengths_of_simulated_raters() -> None:
    """95 % of 24 raters and 24 clips, whose choices go together by rater and by clip."""
    theta, runs = np.array([0.6, 0.2, -0.2, -0.6]), 150
    rng = np.random.default_rng(2)
    held, estimates = [], []
    for _ in range(runs):
        found = fit(simulated_choices(theta.tolist(), 0.4, 24, 24, 24, 0.2, rng), 4)
        estimates.append(found.theta)
        for one, other in ((0, 1), (0, 3), (1, 2)):
            interval = found.difference(one, other)[1]
            assert interval is not None
            held.append(interval[0] <= theta[one] - theta[other] <= interval[1])
    assert np.mean(estimates, axis=0) == pytest.approx(theta, abs=0.05)
    print(f"coverage {np.mean(held):.3f} of {len(held)}")
    assert 0.92 <= np.mean(held) <= 0.99


# Design --------------------------------------------------------------------------------------


def test_forms_are_balanced_blind_and_without_repeats() -> None:
    items = {f"i{n}": frozenset({"x", "y", "z"}) for n in range(5)} | {"i5": frozenset({"x"})}
    cells, lacking = cells_of(["x", "y", "z"], items)
    assert (len(cells), len(lacking)) == (15, 3)
    forms = deal(cells, 21, 10, ["card", "card", "still"], seed=0)
    assert forms == deal(cells, 21, 10, ["card", "card", "still"], seed=0)
    assert forms != deal(cells, 21, 10, ["card", "card", "still"], seed=1)
    times, sides, checks = Counter[Any](), Counter[Any](), Counter[str]()
    for form in forms:
        shown = [one.cell for one in form if one.cell]
        assert len(form) == 13 and len(set(shown)) == len(shown) == 10
        for one in form:
            if one.cell:
                times[one.cell] += 1
                sides[one.cell] += 1 if one.a == one.cell.one else -1
                assert {one.a, one.b} == {one.cell.one, one.cell.other}
            else:
                checks[one.a] += 1
    assert set(times.values()) == {14}  # 210 choices of 15 cells
    assert set(map(abs, sides.values())) == {0}  # an even number each
    assert 12 <= checks["right"] <= 51  # of 63: neither side gives it away
    with pytest.raises(ValueError, match="there are 15"):
        deal(cells, 1, 16, [], seed=0)


# Merged videos -------------------------------------------------------------------------------


def number_at(frame: np.ndarray, top: int, left: int) -> int:
    y = top + BLOCK // 2
    bits = [frame[y, left + round((bit + 0.5) * BLOCK)].mean() > 128 for bit in range(BITS)]
    return sum(1 << bit for bit, value in enumerate(bits) if value)


@pytest.mark.parametrize("frames", [16, 81])
def test_all_of_a_merged_video_is_at_one_frame(frames: int, tmp_path: Path) -> None:
    """Read back from the file that a browser plays."""
    source, a, b = (numbered_video(frames, 24.0, hue) for hue in (0, 90, 180))
    whole = merged(source, a, b)
    write_preview(tmp_path / "merged.mp4", whole)
    played = read_video(tmp_path / "merged.mp4").frames
    assert len(played) == frames
    gap, line = round(0.03 * WIDTH), round(0.09 * WIDTH)
    width = whole.frames.shape[2]
    for t, frame in enumerate(played):
        below = gap + 2 * line + HEIGHT + gap
        places = [(gap + line, (width - WIDTH) // 2), (below, gap), (below, 2 * gap + WIDTH)]
        assert [number_at(frame, *place) for place in places] == [t, t, t]


def test_videos_of_other_forms_are_not_merged() -> None:
    with pytest.raises(ValueError, match="cannot be merged"):
        merged(*(numbered_video(n, 24.0, 0) for n in (16, 16, 15)))


def test_checks_have_an_answer_that_is_seen() -> None:
    video = numbered_video(8, 24.0, 0)
    assert (still(video).frames == video.frames[0]).all()
    one, other = card(video, "Choose this side."), card(video, "Do not choose this side.")
    assert one.frames.shape == video.frames.shape
    assert (one.frames != other.frames).any() and one.frames.std() > 5


# A whole study -------------------------------------------------------------------------------

THETA = {"alpha-secret": 1.0, "beta-secret": 0.0, "gamma-secret": -1.0}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    tree = NumberedTree(folder, 8)
    for label in THETA:
        tree.whole(label)
    options = Options(trials=8, raters=30, seed=3)
    new_study(tree.results, folder / "study", str(tree.manifest), options, salt="s")
    return folder / "study"


@pytest.fixture
def plan(study: Path) -> Plan:
    return read_plan(study)


def test_the_public_folder_names_no_method(study: Path, plan: Plan) -> None:
    files = [path for path in (study / PUBLIC).rglob("*") if path.is_file()]
    assert len(files) > 40
    for path in files:
        content = path.read_bytes()
        for label in (*THETA, "right", "wrong", "still"):
            if path.suffix == ".js" and path.parent.name == "data":
                assert label.encode() not in content
        assert b"secret" not in content and b"secret" not in str(path).encode()
    media = {trial.media for form in plan.forms for trial in form.trials}
    assert {f"media/{path.name}" for path in (study / PUBLIC / "media").iterdir()} == media
    assert not (study / PUBLIC / PLAN).exists()


def test_a_plan_states_its_size_and_rule_before_any_answer(plan: Plan) -> None:
    assert plan.planned.judgements > judgements_needed(0.65, 3)
    assert (plan.rule.checks, plan.rule.answered) == (0.8, 0.5)
    checks = [trial.check for trial in plan.forms[0].trials if trial.check]
    assert sorted(checks) == ["card", "card", "card", "still"]


def write(folder: Path, content: dict[str, Any], name: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / (name or f"{content['rater']}.json")
    path.write_text(json.dumps(content))
    return path


def test_simulated_raters_recover_the_order_and_careless_ones_are_left_out(
    plan: Plan, tmp_path: Path
) -> None:
    rng = np.random.default_rng(4)
    paths = [write(tmp_path, answer_file(plan, form, THETA, rng)) for form in plan.forms]
    reversed_theta = {label: -value for label, value in THETA.items()}
    careless = [
        write(tmp_path, answer_file(plan, form, reversed_theta, rng, attentive=False))
        for form in plan.forms
    ]
    lazy = answer_file(plan, plan.forms[0], THETA, rng)
    lazy["answers"] = lazy["answers"][:5]
    few = write(tmp_path, lazy)
    found = analyse(plan, read_answers([*paths, *careless, few], plan))
    assert (found.raters, len(found.excluded), found.refused) == (30, 31, ())
    reasons = {one.why for one in found.excluded}
    assert reasons == {"answered 0 of 8 checks correctly", "answered 5 of 24 questions"}
    for result in found.questions:
        assert [one.label for one in result.methods] == list(THETA)
        assert result.choices == 30 * 8
        assert result.left == pytest.approx(0.5, abs=0.1)
        assert result.alpha is not None and 0.1 < result.alpha < 0.4
        for one in result.methods:
            assert one.strength == pytest.approx(THETA[one.label], abs=0.5)
        first = result.pairs[0]
        assert (first.one, first.other) == ("alpha-secret", "gamma-secret")
        assert first.interval is not None
        low, high = first.interval
        assert low < 2 < high and high - low > 4  # two clips say little, however many raters
    text = analysis_text(found)
    assert "30 raters, 31 excluded" in text
    assert "alpha-secret over gamma-secret" in text


def test_the_rule_is_the_plans(plan: Plan, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    content = answer_file(plan, plan.forms[0], THETA, rng)
    checks = {trial.id: trial for trial in plan.forms[0].trials if trial.check}
    wrong = 0
    for answer in content["answers"]:  # one of eight wrong is .875, two are .75
        if answer["trial"] in checks and wrong < 2:
            answer["choice"] = "tie"
            wrong += 1
            found = analyse(plan, read_answers([write(tmp_path, content)], plan))
            assert found.raters == (1 if wrong == 1 else 0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"study": "0" * 16}, "it is of the study 0000000000000000"),
        ({"form": 99}, "the study has no form 99, only 1 to 30"),
        ({"form": "1"}, "form: Input should be a valid integer"),
        ({"consent": False}, "consent: Input should be True"),
        ({"rater": "Jane Doe"}, "rater: String should match pattern"),
        ({"email": "jane@example.org"}, "email: Extra inputs are not permitted"),
        ({"schema_version": 2}, "schema_version: Input should be 1"),
        ({"answers": [{}]}, "answers.0.trial: Field required"),
    ],
)
def test_hostile_answer_files_are_refused(
    change: dict[str, Any], says: str, plan: Plan, tmp_path: Path
) -> None:
    good = answer_file(plan, plan.forms[0], THETA, np.random.default_rng(6))
    read = read_answers([write(tmp_path, good), write(tmp_path, good | change, "bad.json")], plan)
    assert len(read.files) == 1
    assert says in read.refused[0] and "'bad.json' is refused" in read.refused[0]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("trial", "0" * 16, "form 1 has no trial 0000000000000000"),
        ("question", "overall", "this study does not ask for 'overall'"),
        ("choice", "alpha-secret", "answers.0.choice: Input should be 'a', 'b' or 'tie'"),
        ("milliseconds", -1, "greater than or equal to 0"),
        ("milliseconds", 10**12, "less than or equal to"),
        ("trial", "again", "it answers something twice"),
    ],
)
def test_hostile_answers_are_refused(
    field: str, value: object, says: str, plan: Plan, tmp_path: Path
) -> None:
    content = answer_file(plan, plan.forms[0], THETA, np.random.default_rng(7))
    if value == "again":
        content["answers"][1] = dict(content["answers"][0])
    else:
        content["answers"][0][field] = value
    read = read_answers([write(tmp_path, content)], plan)
    assert read.files == () and says in read.refused[0]


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"\xff", b"{" * 5000, b'{"a": NaN}', b'{"form": 1, "form": 2}', b" " * (3 << 20)],
)
def test_what_is_no_answer_file_is_refused(data: bytes, plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    assert len(read_answers([path, tmp_path / "missing.json"], plan).refused) == 2


def test_a_rater_counts_once(plan: Plan, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    good = answer_file(plan, plan.forms[0], THETA, rng)
    same = [write(tmp_path, good, "a.json"), write(tmp_path, good, "b.json")]
    read = read_answers(same, plan)
    assert (len(read.files), read.repeated, read.refused) == (1, 1, ())
    other = answer_file(plan, plan.forms[1], THETA, rng) | {"rater": good["rater"]}
    read = read_answers([*same, write(tmp_path, other, "c.json")], plan)
    assert read.files == () and "are from one rater and differ" in read.refused[0]


def test_shares_of_outcomes_add_up() -> None:
    shares = outcome_shares([1.0, 0.0], 0.4, 0, 1)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] / shares[2] == pytest.approx(np.e)


def test_the_commands(
    smmbench: Callable[..., tuple[int, str, str]], study: Path, plan: Plan, tmp_path: Path
) -> None:
    rng = np.random.default_rng(9)
    for form in plan.forms:
        write(tmp_path / "answers", answer_file(plan, form, THETA, rng))
    code, out, _ = smmbench("study", "analyse", tmp_path / "answers", "--study", study)
    assert code == 0 and "Which video follows the motion of the source more closely?" in out
    code, out, _ = smmbench("study", "analyse", tmp_path / "answers", "--study", study, "--json")
    assert [one["label"] for one in json.loads(out)["questions"][0]["methods"]] == list(THETA)
    folder = tmp_path / "judgements"
    words = ("study", "analyse", tmp_path / "answers", "--study", study, "--judgements", folder)
    assert smmbench(*words)[0] == 0
    assert {path.name for path in folder.iterdir()} == {"motion.csv", "text.csv"}
    manifest, results = study.parent / "toy.toml", study.parent / "results"
    held = ("validate", "motion_fidelity", "--data", folder / "motion.csv", "--results", results)
    code, out, _ = smmbench(*held, "--dataset", manifest, "--json")
    assert code == 0 and json.loads(out)[0]["agreement"] == 0.5  # all methods have equal scores
    lines = (folder / "motion.csv").read_text().splitlines()
    won = [line.endswith("alpha-secret") for line in lines if "alpha-secret,gamma-secret" in line]
    assert len(lines) == 1 + 30 * 8 and np.mean(won) > 0.6
    (tmp_path / "answers" / "bad.json").write_text("{}")
    assert smmbench("study", "analyse", tmp_path / "answers", "--study", study)[0] == 1
    code, _, said = smmbench("study", "analyse", tmp_path / "answers", "--study", tmp_path)
    assert code == 2 and "has no plan.json" in said
    words = ("study", "new", results, "--dataset", manifest, "-o", study)
    code, _, said = smmbench(*words)
    assert code == 2 and "already contains a study" in said
    other = ("study", "new", results, "--dataset", manifest, "-o", tmp_path / "s")
    code, _, said = smmbench(*other, "--question", "beauty")
    assert code == 2 and "there are motion, text, overall" in said
    code, out, _ = smmbench(
        *other, "--methods", "alpha-secret,beta-secret", "--limit", "2", "--raters", "2",
        "--question", "text",
    )  # fmt: skip
    assert code == 0 and "2 forms of 5 choices" in out
    assert read_plan(tmp_path / "s").questions == ("text",)
