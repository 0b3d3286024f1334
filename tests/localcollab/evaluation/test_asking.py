"""Questions asked: choices by likelihood against sums by hand, plain texts, confidence."""

import math

import numpy as np
import pytest

from fakes import END, N_VOCAB, ScriptedModel
from localcollab.evaluation.asking import ask_alone, ask_team, prompt_of
from localcollab.evaluation.evaluate import evaluate_team
from localcollab.evaluation.expected import Choice
from localcollab.evaluation.forms import read_record
from localcollab.evaluation.likelihood import choose, likelihood_of
from localcollab.evaluation.scores import score
from localcollab.teams.opened import OpenTeam


def team_of(**models: ScriptedModel) -> OpenTeam:
    first = next(iter(models.values()))
    return OpenTeam("team", first, dict(models), {}, None)


def test_a_likelihood_is_the_sum_over_its_tokens() -> None:
    script = list(b"abc" * 50)
    model = ScriptedModel(script, n_prompt=2)
    found = likelihood_of(model, [1, 2], script)
    assert found.total == pytest.approx(150 * math.log(0.9), rel=1e-5)
    assert (found.is_greedy, found.n_tokens) == (True, 150)
    other = likelihood_of(model, [1, 2], [*script[:-1], END])
    assert other.total == pytest.approx(
        149 * math.log(0.9) + math.log(0.1 / (N_VOCAB - 1)), rel=1e-5
    )
    assert not other.is_greedy


def test_a_choice_is_the_likeliest_per_byte() -> None:
    model = ScriptedModel(list(b"\nlong answer"), n_prompt=1)
    # A prompt that ends with a blank is not given another one.
    prompt = [*b"?\n"]
    choice = Choice((("A", "x"), ("B", "long answer")), "B")
    label, confidence = choose(model, prompt, choice)
    wrong = math.log(0.1 / (N_VOCAB - 1))
    shares = np.array([wrong, math.log(0.9)])
    assert label == "B"
    assert confidence == pytest.approx(float(shares[1] - np.log(np.exp(shares).sum())), rel=1e-4)


def test_a_letter_is_scored_behind_the_choices() -> None:
    question = read_record(
        {"prompt": "?", "choices": ["x", "y"], "answer": "B", "measure": "letter"}
    )
    team = team_of(base=ScriptedModel(list(b" B"), n_prompt=len(question.asked)))
    (outcome,) = ask_team(team, [question], lambda: None)
    assert (outcome.text, outcome.right, outcome.authors) == ("B", True, {"base": 1})


def test_a_plain_text_is_continued_and_ends_at_its_stop() -> None:
    question = read_record({"prompt": "1+1=", "completion": "2", "stop": ["\n"]})
    model = ScriptedModel([*b"2\nmore"], n_prompt=4)
    assert prompt_of(team_of(base=model), question) == list(b"1+1=")
    (outcome,) = ask_team(team_of(base=model), [question], lambda: None)
    assert (outcome.text, outcome.right) == ("2", True)
    assert outcome.confidence == pytest.approx(math.log(0.9), rel=1e-5)


def test_measures_have_means_with_intervals() -> None:
    questions = [
        read_record({"prompt": "?", "answers": ["a b"], "measure": "f1"}),
        read_record({"prompt": "?", "answers": ["a b c d"], "measure": "f1"}),
    ]
    prompts = [(q, [63]) for q in questions]
    found = score(ask_alone(ScriptedModel([*b"a b"], n_prompt=1), prompts, lambda: None))
    # "a" is an article: F1 is 1 and 2 * 1 / (1 + 3).
    assert found.accuracy == 0.5
    assert found.measures["f1"].value == pytest.approx(0.75)
    assert found.measures["f1"].low == pytest.approx(0.5)


def test_every_form_is_asked_of_the_team_and_of_each_member() -> None:
    questions = [
        read_record({"prompt": "?", "answers": ["yes"]}),
        read_record({"prompt": "??", "completion": "no"}),
        read_record({"prompt": "?", "choices": ["yes", "no"], "answer": 0}),
    ]
    members = {name: ScriptedModel([*b"yes"], name=name) for name in ("base", "expert")}
    found = evaluate_team(team_of(**members), questions, lambda text: None)
    assert [len(found.team), *(len(m) for m in found.members.values())] == [3, 3, 3]
    assert found.record()["team"]["measures"].keys() == {"contains", "exact", "likelihood"}
