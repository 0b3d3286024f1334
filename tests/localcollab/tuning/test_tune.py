"""`tune` on planted members: forms, teams, verdicts; stopped and resumed; what is written."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from localcollab.catalog.reading import read_catalog
from localcollab.errors import BadCatalog, BadOption
from localcollab.teams.choice import TeamChoice
from localcollab.tuning import report
from localcollab.tuning.entries import check_free
from localcollab.tuning.journal import Answer, Journal
from localcollab.tuning.make import split_of
from localcollab.tuning.request import TuneRequest
from localcollab.tuning.result import Measured, measured
from localcollab.tuning.verdict import judge, together
from tuning_fakes import FakeFiles, Knower, draw, questions, tuned

UNSURE_OF_WRONG = {True: 0.95, False: 0.5}
SURE_OF_WRONG = {True: 0.7, False: 0.99}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_planted_team_that_wins_is_found_and_right_on_the_other_half(
    tmp_path: Path, seed: int
) -> None:
    """Each knows what the other does not, and knows when it does: the surest answer is right."""
    one, other = draw(0.45, 2 * seed), draw(0.4, 2 * seed + 1)
    files = FakeFiles({"a": Knower(one), "b": Knower(other)})
    found = tuned(files, tmp_path, range(160), seed=seed)
    assert found.winner is not None
    assert found.verdict is not None
    assert (found.winner.name, found.verdict.decision) == ("surest answer", "team")
    other_half = range(160, 320)
    best = one if found.best.name == "a" else other
    assert sum(one(n) or other(n) for n in other_half) > sum(map(best, other_half))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_planted_team_that_loses_is_not_used(tmp_path: Path, seed: int) -> None:
    """The weak one is sure of everything, so whoever trusts the surest answer trusts the wrong one; a
    team that writes token by token is as bad."""
    strong, weak = draw(0.75, 2 * seed), draw(0.3, 2 * seed + 1)
    files = FakeFiles(
        {"strong": Knower(strong), "weak": Knower(weak, {True: 0.99, False: 0.99})},
        {"equal mixture": Knower(weak)},
    )
    found = tuned(files, tmp_path, range(160), seed=seed)
    assert found.verdict is not None
    assert (found.verdict.decision, found.best.name) == ("member", "strong")
    other_half = range(160, 320)
    assert sum(map(weak, other_half)) < sum(map(strong, other_half))


def test_each_member_is_asked_in_the_form_that_suits_it(tmp_path: Path) -> None:
    files = FakeFiles({"a": Knower(draw(0.8, 1), only_plain=True), "b": Knower(draw(0.5, 2))})
    found = tuned(files, tmp_path, range(40))
    assert [(row.name, row.form) for row in found.members] == [("a", "plain"), ("b", "own")]
    assert {row.form for row in found.singles} == {"own", "plain", "4 examples"}


def test_what_all_get_wrong_bounds_whoever_picks(tmp_path: Path) -> None:
    files = FakeFiles({"a": Knower(lambda n: n % 4 == 0), "b": Knower(lambda n: n % 4 == 1)})
    found = tuned(files, tmp_path, range(100))
    split = split_of(questions(range(100)), 0)
    wrong = sum(n % 4 > 1 for n in split.quote) / len(split.quote)
    assert found.together.beta == pytest.approx(wrong)
    assert found.winner is not None
    assert found.winner.accuracy == pytest.approx(1 - wrong) == found.together.bound


def test_no_question_is_both_shown_chosen_by_and_quoted() -> None:
    split = split_of(questions(range(50)), 3)
    parts = [*split.shots, *split.choose, *split.quote]
    assert (len(split.shots), len(split.choose), len(split.quote)) == (4, 23, 23)
    assert sorted(parts) == list(range(50))


def test_a_team_that_can_be_opened_takes_part_and_the_others_are_named_once(tmp_path: Path) -> None:
    files = FakeFiles(
        {"a": Knower(draw(0.5, 1)), "b": Knower(draw(0.5, 2))},
        {"entropy gate at 0.3": Knower(draw(0.9, 3)), "entropy gate at 0.7": Knower(draw(0.8, 4))},
    )
    notes = list[str]()
    found = tuned(files, tmp_path, range(60), notes=notes)
    assert [row.name for row in found.teams] == [
        "entropy gate at 0.3", "entropy gate at 0.7", "surest answer",
    ]  # fmt: skip
    left_out = [note for note in notes if note.startswith("left out")]
    assert left_out == [
        "left out (entropy gate at 0.5, margin gate at 0.5, equal mixture): no vocabulary is shared"
    ]
    assert [point.threshold for point in found.curve] == [0.3, 0.7]
    assert notes[0].startswith("60 questions (4 shown as examples, 28 to choose by, 28 to quote)")


def test_votes_are_of_samples_that_differ(tmp_path: Path) -> None:
    found = tuned(FakeFiles({"a": Knower(draw(0.6, 1))}), tmp_path, range(30), n_samples=3)
    assert [row.name for row in found.teams] == ["a, 3 answers"]
    lines = (tmp_path / "answers.jsonl").read_text().splitlines()
    samples = {json.loads(line)["key"][2] for line in lines}
    assert samples == {0, 1, 2}


class _Stop(Exception):
    pass


class _StoppingFiles(FakeFiles):
    """Ends the run when the last team is opened."""

    def team(self, contender):  # type: ignore[no-untyped-def]
        raise _Stop


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    members = {"a": Knower(draw(0.5, 1)), "b": Knower(draw(0.6, 2))}
    with pytest.raises(_Stop):
        tuned(_StoppingFiles(members), tmp_path / "stopped", range(30))
    journal = tmp_path / "stopped" / "answers.jsonl"
    n_asked = len(journal.read_text().splitlines())
    with journal.open("a") as file:
        file.write('{"key": ["a", "own"')  # cut off
    notes = list[str]()
    again = tuned(FakeFiles(members), tmp_path / "stopped", range(30), notes=notes)
    assert f"answers are kept ({n_asked} so far)" in notes[0]
    whole = tuned(FakeFiles(members), tmp_path / "whole", range(30))
    assert report.verdict_line(again) == report.verdict_line(whole)
    assert [row.accuracy for row in again.singles] == [row.accuracy for row in whole.singles]
    kept = journal.read_text().splitlines()[:n_asked]
    assert len({tuple(json.loads(line)["key"]) for line in kept}) == n_asked
    files = FakeFiles(members)
    tuned(files, tmp_path / "stopped", range(30))
    assert files.opened == []


def test_two_runs_do_not_write_to_one_journal(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(BadOption, match="another run is writing"):
        Journal(tmp_path)
    first.close()
    Journal(tmp_path).close()


def test_lines_that_are_no_answers_are_asked_again(tmp_path: Path) -> None:
    tmp_path.joinpath("answers.jsonl").write_text(
        '[]\n{"key": [1]}\n\xff\n{"key": ["a", "own", 0, 1], "text": 3, "score": 1, "right": true, '
        '"seconds": 1, "authors": {}}\n',
        encoding="latin-1",
    )
    journal = Journal(tmp_path)
    assert len(journal) == 0
    journal.close()


COMMENTED = """# my models
default = "mine"  # the best

[models.mine]
path = "mine.gguf"   # on this disk

[teams.pair]  # not tuned
method = "deferral"
base = "mine"
experts = ["other"]
gate = "entropy"

[models.other]
path = "other.gguf"
"""


def test_the_winner_is_written_and_the_comments_stay(tmp_path: Path) -> None:
    out = tmp_path / "models.toml"
    out.write_text(COMMENTED)
    files = FakeFiles({"a": Knower(draw(0.5, 1), only_plain=True), "b": Knower(draw(0.5, 2))})
    found = tuned(files, tmp_path / "work", range(40), out=out)
    assert found.written == out
    text = out.read_text()
    assert all(line in text for line in COMMENTED.splitlines())
    catalog = read_catalog(out)
    assert catalog.faults == ()
    team = catalog.teams["tuned"]
    assert team.evidence is not None
    assert (team.evidence.n, team.evidence.member[:6]) == (18, "tuned-")
    settings = catalog.models["tuned-a"].settings
    assert settings.stop == ("\n",)
    assert settings.template is not None
    assert settings.template.is_file()
    # Once more: the entries are replaced, not repeated.
    tuned(files, tmp_path / "work", range(40), out=out)
    assert out.read_text().count("[teams.tuned]") == 1
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_team_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "models.toml"
    out.write_text(COMMENTED)
    with pytest.raises(BadOption, match=r"`name`: .* has a team 'pair' that is not tune's"):
        check_free("pair", out)
    check_free("tuned", out)
    out.write_text("[teams")
    with pytest.raises(BadCatalog, match="cannot be read as TOML"):
        check_free("tuned", out)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.toml", tmp_path / "models.toml"
    real.write_text("# kept\n")
    link.symlink_to(real)
    tuned(FakeFiles({"a": Knower(draw(0.5, 1))}), tmp_path / "w", range(20), n_samples=2, out=link)
    assert link.is_symlink()
    assert "tuned" in tomllib.loads(real.read_text())["teams"]


@pytest.mark.parametrize(
    ("rights", "others", "decision"),
    [
        ([1] * 30 + [0] * 70, [0] * 30 + [0] * 70, "team"),
        ([0] * 100, [1] * 30 + [0] * 70, "member"),
        ([1] * 100, [1] * 100, "member"),  # as good, and a member alone costs less
        ([1, 0] * 50, [0, 1] * 50, "unknown"),
        ([1] * 10, [1] * 10, "unknown"),  # too few to say that nothing is gained
    ],
)
def test_the_verdict_follows_the_pairs_that_differ(
    rights: list[int], others: list[int], decision: str
) -> None:
    verdict = judge([bool(r) for r in rights], {"m": [bool(r) for r in others]})
    assert (verdict.decision, verdict.n_more > 0) == (decision, decision == "unknown")


def test_a_team_has_to_beat_every_member() -> None:
    team, better = [True] * 40 + [False] * 60, [True] * 36 + [False] * 64
    assert judge(team, {"weak": [False] * 100}).decision == "team"
    verdict = judge(team, {"weak": [False] * 100, "better": better})
    assert (verdict.decision, verdict.member) == ("unknown", "better")
    assert (verdict.wins, verdict.losses) == (4, 0)


def test_among_many_equal_teams_and_members_few_are_said_to_be_better() -> None:
    """20 teams and 3 members, all right on half of the questions: the one that was best on 40 questions
    is compared on 100 others. "team" is wrong; "member" is right."""
    rng = np.random.default_rng(0)
    decisions = list[str]()
    for _ in range(400):
        teams = rng.random((20, 140)) < 0.5
        chosen = teams[teams[:, :40].sum(axis=1).argmax(), 40:]
        members = {str(k): rights for k, rights in enumerate(rng.random((3, 100)) < 0.5)}
        decisions.append(
            judge(chosen.tolist(), {k: r.tolist() for k, r in members.items()}).decision
        )
    assert decisions.count("team") <= 20


def test_a_team_that_is_worth_it_is_rarely_refused() -> None:
    """It is right on 0.05 more than each of 3 members: "member" may be said of a twentieth."""
    rng, n, refused = np.random.default_rng(0), 600, 0
    for _ in range(300):
        known = rng.random(n)
        members = {
            str(k): np.where(rng.random(n) < 0.2, rng.random(n) < 0.5, known < 0.5).tolist()
            for k in range(3)
        }
        team = np.where(rng.random(n) < 0.2, rng.random(n) < 0.55, known < 0.55)
        refused += judge(team.tolist(), members, worth=0.05).decision == "member"
    assert refused <= 15


def test_beta_has_an_exact_interval() -> None:
    found = together({"a": [True] + [False] * 9, "b": [False] * 10})
    assert found.beta == 0.9
    assert found.bound == pytest.approx(0.1)
    assert (round(found.low, 4), round(found.high, 4)) == (0.5550, 0.9975)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"data": ()}, "give either `data`"), ({"docs": "notes"}, "give either `data`"),
        ({"n_samples": 0}, "`n_samples` is 0"),
        ({"worth": 0.0}, "`worth` is 0.0"), ({"name": "a/b"}, "cannot be used"),
        ({"measure": "best"}, "`measure` is 'best'"), ({"limit": 0}, "`limit` is 0"),
    ],
)  # fmt: skip
def test_ranges_are_checked_before_anything_is_loaded(
    options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(BadOption, match=complaint):
        TuneRequest(**{"choice": TeamChoice(), "data": (Path("x"),)} | options)  # type: ignore[arg-type]


def test_the_best_member_is_the_best_where_the_team_is_compared(tmp_path: Path) -> None:
    """The weak one was better on the few questions that chose."""
    split = split_of(questions(range(60)), 0)
    lucky = set(split.choose) | set(split.quote[:5])
    files = FakeFiles(
        {"lucky": Knower(lambda n: n in lucky), "better": Knower(draw(0.6, 1))},
        {"equal mixture": Knower(draw(0.6, 1))},
    )
    found = tuned(files, tmp_path, range(60))
    assert found.verdict is not None
    assert (found.best.name, found.verdict.member) == ("better", "better")


def test_of_equally_right_forms_the_one_that_writes_less_is_chosen() -> None:
    def row(*n_tokens: int, right: bool = True, text: str = "so") -> Measured:
        answers = [Answer(text, 1, right, 1, {"base": n}) for n in n_tokens]
        return measured("a", "own", answers)

    long, short, wrong = row(30, 10), row(8, 10), row(0, 0, right=False)
    assert max((long, short, wrong), key=lambda found: found.merit) is short
    assert short.tokens_per_answer == 10  # the end token counts
    silent = row(0, 0, right=False, text=" ")
    assert max((silent, wrong), key=lambda found: found.merit) is wrong
