"""Rankers without weights: what each says, against closed forms."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from fakes import ScriptedModel
from localcollab.blend.mixinstruct import Given, Record, read_records
from localcollab.blend.rankers import by_confidence, final_answer, longest, random_choice, vote
from localcollab.blend.ranking import Contest, contest_of, rank_contest
from localcollab.blend.scoring import judge, likelihood, mean_logprob
from localcollab.errors import BadData, BadOption, ContextFull
from localcollab.language_model import rows_at_once
from localcollab.teams.opened import OpenTeam


def alone(model: ScriptedModel) -> OpenTeam:
    return OpenTeam(model.name, model, {"base": model}, {}, None)


def test_longest_is_the_log_of_the_ratio_of_lengths() -> None:
    contest = contest_of("q", ["abc", "", "a" * 15])
    logits = rank_contest(contest, longest()).logits
    assert np.allclose(logits[2], [np.log(16 / 4), np.log(16), 0])


def test_random_choice_depends_on_texts_and_seed_alone() -> None:
    one, other = contest_of("q", ["a", "b", "c"]), contest_of("q", ["c", "a", "b"])
    first = rank_contest(one, random_choice(3))
    again = rank_contest(other, random_choice(3))
    texts = [[r.contest.candidates[place] for place in r.order] for r in (first, again)]
    assert texts[0] == texts[1]
    bests = {rank_contest(one, random_choice(seed)).best for seed in range(30)}
    assert bests == {0, 1, 2}


def test_the_surest_author_is_preferred() -> None:
    contest = contest_of("q", ["x", "y", "x"], confidences=[-2.0, -1.0, -0.5])
    assert rank_contest(contest, by_confidence()).order == (0, 1)
    with pytest.raises(BadOption, match="use it in a blend"):
        rank_contest(contest_of("q", ["x", "y"]), by_confidence())


def test_votes_count_repeated_answers_and_equal_endings() -> None:
    contest = contest_of("q", ["It is 4.", "It is 5", "So: 4", "It is 4."])
    logits = rank_contest(contest, vote()).logits
    assert np.allclose(logits[0], [0, np.log(3), 0])


@pytest.mark.parametrize(
    ("text", "final"),
    [
        (r"so \boxed{42} it is", "42"),
        ("1 + 1 = 2\n#### 1,000", "1000"),
        ("We add 3 and 4.\nThe answer is  Seven.", "seven"),
        ("First 3.\nThen there are 12 apples.", "12"),
        ("A headache is  common.", "a headache is common"),
        ("", ""),
    ],
)
def test_the_final_answer_of_a_text(text: str, final: str) -> None:
    assert final_answer(text) == final


@pytest.mark.parametrize("n_answer", [0, 1, 63, 64, 65, 130])
def test_a_mean_logprob_counts_every_token_and_the_end(n_answer: int) -> None:
    script = [65 + n % 20 for n in range(n_answer)]
    model = ScriptedModel(script, n_prompt=3, p=0.9)
    assert np.isclose(mean_logprob(model, [1, 2, 3], script), np.log(0.9))
    unlikely = [*script, 7]
    wrong = np.log(0.1 / 256)
    # One wrong token; behind it the script says END at once.
    expected = (n_answer * np.log(0.9) + wrong + np.log(0.9)) / (n_answer + 2)
    assert np.isclose(mean_logprob(model, [1, 2, 3], unlikely), expected)
    assert max(last for _, last in model.reads) <= rows_at_once(257)


def test_a_token_that_a_model_lacks_is_bad_and_still_a_number() -> None:
    class Lacking(ScriptedModel):
        def _row(self, n_tokens: int) -> np.ndarray:
            row = super()._row(n_tokens)
            row[ord("x")] = -np.inf
            return row

    model = Lacking([ord("a")], n_prompt=1, p=1 - 1e-9)
    found = mean_logprob(model, [1], [ord("x")])
    assert np.isclose(found, -100 / 2, atol=1e-3)


def test_authors_have_no_say_about_their_own_answers() -> None:
    def says(text: str, name: str) -> OpenTeam:
        return alone(ScriptedModel(list(text.encode()), n_prompt=1, name=name))

    teams = {"m": says("aa", "m"), "n": says("bb", "n"), "o": says("aa", "o")}
    prefers = np.float32(2 / 3 * (np.log(0.9) - np.log(0.1 / 256)))
    by_nobody = contest_of("q", ["aa", "bb"])
    by_authors = contest_of("q", ["aa", "bb"], ["m", "n"])
    by_all = contest_of("q", ["aa", "bb"], ["m", "n"])
    assert np.isclose(first_pair(by_nobody, teams), prefers / 3)
    assert np.isclose(first_pair(by_authors, teams), prefers)
    assert np.isclose(first_pair(by_all, {n: teams[n] for n in "mn"}), 0)


def first_pair(contest: Contest, teams: Mapping[str, OpenTeam]) -> float:
    return float(rank_contest(contest, likelihood(teams.__getitem__, list(teams))).logits[0, 1])


class Letters(ScriptedModel):
    """Says A after a prompt of even length."""

    def _row(self, n_tokens: int) -> np.ndarray:
        row = np.full(257, -20.0)
        row[ord("A")], row[ord("B")] = (1, -2) if n_tokens % 2 == 0 else (-2, 1)
        return row


def test_a_judge_gives_the_logprob_of_a_against_b() -> None:
    team = alone(Letters([], n_ctx=2048))
    even = contest_of("q", ["x", "y"])
    raw = judge({"m": team}.__getitem__, "m")(even, [(0, 1), (1, 0)])
    assert np.allclose(np.abs(raw), 3)
    assert raw[0] == raw[1]
    assert rank_contest(even, judge({"m": team}.__getitem__, "m")).order == (0, 1)


def test_what_a_model_ranker_cannot_read_is_said_with_its_size() -> None:
    contest = contest_of("q", ["short", "x" * 100_000])
    teams = {"m": alone(Letters([], n_ctx=600))}
    for ranker in (judge(teams.__getitem__, "m"), likelihood(teams.__getitem__, ["m"])):
        with pytest.raises(ContextFull, match=r"100\d\d\d characters"):
            rank_contest(contest, ranker)


def test_candidates_of_100_kb_and_none_are_ranked_by_length_and_votes() -> None:
    contest = contest_of("q", ["", "x" * 100_000, "x" * 100_000])
    assert rank_contest(contest, longest()).ranks == (2, 1, 1)
    assert rank_contest(contest, vote()).ranks == (2, 1, 1)


LINE = {"id": 7, "instruction": "Add.", "input": "1 and 2", "output": "3", "dataset": "sums",
        "candidates": [{"model": "m", "text": "3", "scores": {"bleu": 1}},
                       {"model": "n", "text": "", "decoding_method": "greedy"}]}  # fmt: skip
RECORD = Record("7", "Add.", (Given("3", "m", {"bleu": 1.0}), Given("", "n")), "1 and 2", "3")


@pytest.mark.parametrize("name", ["data.jsonl", "data.jsonl.gz"])
def test_records_are_read_plain_and_gzipped(name: str, tmp_path: Path) -> None:
    data = (json.dumps(LINE) + "\n\n").encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert list(read_records(tmp_path / name)) == [RECORD]
    assert RECORD.prompt == "Add.\n1 and 2"
    assert RECORD.contest.authors == (frozenset("m"), frozenset("n"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"candidates": "no"}, "its 'candidates' is str, not list"),
        ({"instruction": None}, "its 'instruction' is NoneType, not str"),
        ({"candidates": ["x"]}, "candidate 1 is not an object"),
        ({"candidates": [{"model": "m"}]}, "candidate 1: it lacks 'text'"),
        ({"candidates": [{"text": "", "scores": {"q": "high"}}]}, "score q 'high'"),
        ({"candidates": [{"text": "", "scores": {"q": float("nan")}}]}, "score q nan"),
        ({"candidates": [{"text": "", "scores": {"q": 10**400}}]}, "too large"),
    ],
)
def test_a_broken_record_is_named_with_its_line(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(LINE) + "\n" + json.dumps(LINE | change) + "\n")
    with pytest.raises(BadData, match=f"data.jsonl: line 2 is not a record .*{message}"):
        list(read_records(path))


@pytest.mark.parametrize(
    "data",
    [b"[1]", b"{", b"\xff\xfe", b"[" * 100_000],
    ids=["a list", "an end", "no UTF-8", "nested deeply"],
)
def test_what_is_no_json_object_is_named_with_its_line(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(data)
    with pytest.raises(BadData, match=r"data\.jsonl: "):
        list(read_records(path))


def test_a_damaged_archive_is_no_data(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(LINE).encode() * 1000)[:-40])
    with pytest.raises(BadData, match="cannot be read"):
        list(read_records(path))


def test_a_record_without_candidates_has_no_contest() -> None:
    with pytest.raises(BadOption, match="no candidate to rank"):
        _ = Record("1", "q", ()).contest
