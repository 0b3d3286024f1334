"""A blend's conversation on scripted members: candidates, ranking, fusion, and what is said of them."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blend_fakes import Speaker, team
from localcollab.blend.candidates import best_of_n, plan_samples
from localcollab.blend.events import (
    Answered,
    Answering,
    BlendEvent,
    CandidateToken,
    Chosen,
    Ranked,
)
from localcollab.blend.format import lines
from localcollab.blend.fuser import fuse, fusion_request, rank_and_fuse
from localcollab.blend.rankers import longest, open_ranker, vote
from localcollab.blend.ranking import compare, rank
from localcollab.blend.residence import Needs, Residence
from localcollab.blend.session import BlendSession, Recipe
from localcollab.catalog.ranker_names import RankerSpec, parse_ranker
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption, ContextFull
from localcollab.events import Finished, Token
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import Member, TeamPlan


def blend(
    members: Mapping[str, str], fuser: str | None = None, n_ctx: int = 4096, **chosen: object
) -> tuple[BlendSession, dict[str, OpenTeam]]:
    teams = {name: team(says, name) for name, says in members.items()}
    if fuser is not None:
        teams["fuser"] = team(fuser, "fuser", n_ctx)
    recipe = Recipe(tuple(members), RankerSpec("longest"), fuser="fuser" if fuser else None)
    recipe = replace(recipe, **chosen)  # type: ignore[arg-type]
    return BlendSession(recipe, teams.__getitem__), teams


def text_of(events: Sequence[BlendEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def test_a_doubted_candidate_loses_to_all_that_are_not() -> None:
    session, _ = blend({"m": "no", "n": "much longer", "o": "longest of all"})
    whys = {"longest of all": "says 60"}
    events = list(session.ask("q?", doubt=whys.get))
    (ranked,) = (event for event in events if isinstance(event, Ranked))
    assert (ranked.ranks, ranked.doubts) == ((2, 1, 3), (None, None, "says 60"))
    assert text_of(events) == "much longer"
    assert "candidate 3 says 60: it loses to those that do not" in list(lines(ranked))


@pytest.mark.parametrize("whys", [{}, {"no": "is odd", "longer": "is odd"}])
def test_where_all_or_none_are_doubted_the_ranker_decides(whys: dict[str, str]) -> None:
    session, _ = blend({"m": "no", "n": "longer"})
    assert text_of(list(session.ask("q?", doubt=whys.get))) == "longer"


def test_a_fuser_does_not_read_what_is_doubted() -> None:
    session, _ = blend({"m": "no", "n": "longer"}, "fused")
    events = list(session.ask("q?", doubt={"longer": "is odd"}.get))
    (chosen,) = (event for event in events if isinstance(event, Chosen))
    assert (chosen.candidate, chosen.why) == (1, "all others are doubted")
    assert text_of(events) == "no"


def test_candidates_are_streamed_and_the_best_is_the_reply() -> None:
    session, _ = blend({"m": "no", "n": "longer", "o": "no"})
    events = list(session.ask("q?"))
    kinds = list(dict.fromkeys(type(event) for event in events))
    assert kinds == [Answering, CandidateToken, Answered, Ranked, Chosen, Token, Finished]
    answered = [(e.candidate, e.model, e.text) for e in events if isinstance(e, Answered)]
    assert answered == [(1, "m", "no"), (2, "n", "longer"), (3, "o", "no")]
    (ranked,) = (e for e in events if isinstance(e, Ranked))
    gain = float(np.log(np.float32(7)) - np.log(np.float32(3)))
    assert ranked.ranks == (2, 1, 2)
    assert np.allclose(
        np.array(ranked.logits, float), [[0, -gain, 0], [gain, 0, gain], [0, -gain, 0]]
    )
    assert [e for e in events if isinstance(e, Chosen)] == [Chosen(2)]
    assert text_of(events) == "longer"
    last = events[-1]
    assert isinstance(last, Finished)
    assert (last.text, last.authors) == ("longer", {"n": 6})


def test_the_next_question_is_asked_behind_the_reply() -> None:
    session, teams = blend({"m": "ab", "n": "xyz"})
    for question in ("1?", "2?"):
        list(session.ask(question))
    for opened in teams.values():
        model = opened.model
        assert isinstance(model, Speaker)
        assert model.prompts == ["1?", "1?xyz2?"]


def test_a_fuser_reads_the_best_candidates_in_their_order() -> None:
    session, teams = blend({"m": "a", "n": "bbb", "o": "cc"}, fuser="fused", top_k=2)
    events = list(session.ask("q?"))
    assert Chosen(None, "fuser") in events
    assert text_of(events) == "fused"
    assert {e.author for e in events if isinstance(e, Token)} == {"fuser"}
    model = teams["fuser"].model
    assert isinstance(model, Speaker)
    assert model.prompts == [fusion_request("q?", ["bbb", "cc"])]
    assert session.turns[-1].answer == "fused"


THREE = ("a" * 100, "b" * 90, "c" * 80)
N_OF_THREE = len(fusion_request("q?", THREE)) + 100


@pytest.mark.parametrize(
    ("members", "fuser", "chosen", "expected"),
    [
        ({"m": "same", "n": "same"}, "fused", {}, Chosen(1, None, "all candidates are the same")),
        (
            {"m": "aa", "n": "b"}, "x", {"verified": True},
            Chosen(1, None, "longest finds the fused answer worse"),
        ),
        ({"m": "aa", "n": "b"}, "xx", {"verified": True}, Chosen(None, "fuser")),
        (
            {"m": "aa", "n": "b"}, "fused", {"n_ctx": 200},
            Chosen(1, None, "the context of fuser is too short for two candidates"),
        ),
        (
            dict(zip("mno", THREE, strict=True)), "fused", {"n_ctx": N_OF_THREE},
            Chosen(None, "fuser", "room for 2 of 3 candidates"),
        ),
    ],
)  # fmt: skip
def test_what_is_not_fused_or_from_fewer_candidates_is_said(
    members: dict[str, str], fuser: str, chosen: dict[str, object], expected: Chosen
) -> None:
    n_ctx = chosen.pop("n_ctx", 4096)
    assert isinstance(n_ctx, int)
    session, _ = blend(members, fuser, n_ctx, **chosen)
    events = list(session.ask("q?"))
    assert [e for e in events if isinstance(e, Chosen)] == [expected]
    first = next(iter(members.values()))
    assert text_of(events) == (first if expected.candidate else fuser)


def test_samples_begin_as_asked_and_go_on_warmer_with_other_seeds() -> None:
    plan = plan_samples(["m", "n"], 3, Sampling(seed=5), 0.7)
    assert [(a.model, a.sampling.temperature, a.sampling.seed) for a in plan] == [
        ("m", 0, 5), ("m", 0.7, 6), ("m", 0.7, 7), ("n", 0, 5), ("n", 0.7, 6), ("n", 0.7, 7),
    ]  # fmt: skip
    hot = plan_samples(["m"], 2, Sampling(temperature=1.5), 0.7)
    assert [asked.sampling.temperature for asked in hot] == [1.5, 1.5]


def test_a_stopped_candidate_is_the_reply_and_nobody_else_is_asked() -> None:
    session, _ = blend({"m": "abc", "n": "xyz"})
    stop = threading.Event()
    events = []
    for event in session.ask("q?", stop_event=stop):
        events.append(event)
        if isinstance(event, CandidateToken):
            stop.set()
    answered = [e for e in events if isinstance(e, Answered)]
    last = events[-1]
    assert isinstance(last, Finished)
    assert (len(answered), last.reason, last.text) == (1, "stopped", answered[0].text)
    assert not any(isinstance(e, Ranked) for e in events)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"n_samples": 0}, "n_samples is 0"),
        ({"top_k": 1}, "`top_k` is 1"),
        ({"fuser": "f", "aggregation": "bubble"}, "bubble finds one best candidate"),
        ({"members": ()}, "no member"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused(chosen: dict[str, object], message: str) -> None:
    with pytest.raises(BadOption, match=message):
        replace(Recipe(("m",), RankerSpec("vote")), **chosen)  # type: ignore[arg-type]


def test_functions_compare_rank_and_fuse() -> None:
    assert compare("q", "aaa", "a", longest()) == -compare("q", "a", "aaa", longest()) > 0
    assert compare("q", "a", "a", longest()) == 0
    assert rank("q", ["a", "ccc", "bb"], longest()).ranks == (3, 1, 2)
    assert best_of_n(team("ok", "m"), "q", 3, vote()).text == "ok"
    fuser = team("fused", "f")
    assert rank_and_fuse(fuser, "q", ["a", "bb", "a"], longest()) == "fused"
    model = fuser.model
    assert isinstance(model, Speaker)
    assert model.prompts[-1] == fusion_request("q", ["bb", "a"])
    assert rank_and_fuse(fuser, "q", ["a", "a"], longest()) == "a"


def test_fusing_what_does_not_fit_and_less_than_two_is_refused() -> None:
    with pytest.raises(ContextFull, match="too short to fuse two"):
        fuse(team("x", "f", n_ctx=300), "q", ["a" * 100_000, "b"])
    with pytest.raises(BadOption, match="1 candidate to fuse"):
        fuse(team("x", "f"), "q", ["a"])
    with pytest.raises(BadOption, match="`n` is 0"):
        best_of_n(team("x", "f"), "q", 0, vote())


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("longest", RankerSpec("longest")),
        ("likelihood", RankerSpec("likelihood")),
        (" likelihood(a, b) ", RankerSpec("likelihood", ("a", "b"))),
        ("judge(qwen2.5-7b)", RankerSpec("judge", ("qwen2.5-7b",))),
    ],
)
def test_a_ranker_is_written_as_it_is_read(text: str, spec: RankerSpec) -> None:
    assert parse_ranker(text) == spec
    assert str(spec) == text.strip()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("best", "`ranker` is 'best', which is not known: choose one of longest, "),
        ("judge", r"has 0 names: write judge\(MODEL\)"),
        ("judge(a, b)", "has 2 names"),
        ("vote(a)", "has 1 names: write vote"),
        ("longest)", "which is not known"),
    ],
)
def test_a_ranker_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadOption, match=message):
        parse_ranker(text)


def test_a_likelihood_without_a_model_is_refused() -> None:
    with pytest.raises(BadOption, match="likelihood has no model to ask"):
        open_ranker(RankerSpec("likelihood"), lambda name: team("x", name))


MIB = 2**20


def residence(
    sizes: Mapping[str, int], budget: int
) -> tuple[Residence, list[str], Callable[[], None]]:
    plans = {name: TeamPlan(name, (Member("base", Path(name)),)) for name in sizes}
    opened = list[str]()

    def opening(plan: TeamPlan, *_: object) -> OpenTeam:
        opened.append(plan.name)
        return team("x", plan.name)

    needs = Needs(10 * MIB, {name: size * MIB for name, size in sizes.items()})
    found = Residence(plans, budget=budget * MIB, needs=needs, opening=opening)
    return found, opened, found.close


def test_what_fits_together_stays_and_is_opened_once() -> None:
    found, opened, close = residence({"a": 40, "b": 40}, 90)
    assert [found.open(name).name for name in "abab"] == ["a", "b", "a", "b"]
    assert (opened, found.held) == (["a", "b"], ("a", "b"))
    close()
    assert found.held == ()


def test_the_one_unused_for_longest_makes_room() -> None:
    found, opened, _ = residence({"a": 40, "b": 40, "c": 40}, 100)
    for name in "abac":
        found.open(name)
    assert (opened, found.held) == (["a", "b", "c"], ("a", "c"))


def test_one_that_does_not_fit_alone_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(BadOption, match="b alone needs 110 MiB, and the budget is 90"):
        residence({"a": 40, "b": 100}, 90)
