from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import ScriptedModel, fixed
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.decoding.sampling import Sampling
from localcollab.decoding.speculation import Draft
from localcollab.errors import BadOption
from localcollab.events import Event, Finished, Token
from localcollab.language_model import LanguageModel
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import random_gate

letters = st.text("ab", max_size=24).map(str.encode)


def answer(events: list[Event]) -> tuple[str, str, list[tuple[int, str]]]:
    last = events[-1]
    assert isinstance(last, Finished)
    return last.text, last.reason, [(e.id, e.author) for e in events if isinstance(e, Token)]


def write(
    model: LanguageModel, draft: Draft | None = None, limits: Limits | None = None, **keys: float
) -> tuple[str, str, list[tuple[int, str]]]:
    speculation = fixed(draft, draft.n_tokens) if draft else None
    sampling = Sampling(**keys)  # type: ignore[arg-type]
    return answer(list(generate(model, [1], sampling, limits, speculation=speculation)))


@given(text=letters, guess=letters, n=st.integers(1, 5), limit=st.none() | st.integers(1, 9))
def test_a_draft_changes_nothing_that_is_written(
    text: bytes, guess: bytes, n: int, limit: int | None
) -> None:
    draft = Draft(ScriptedModel(guess, name="draft"), n)
    limits = Limits(limit)
    assert write(ScriptedModel(text), draft, limits) == write(ScriptedModel(text), None, limits)


@given(seed=st.integers(0, 99), n=st.integers(1, 5))
def test_a_draft_changes_no_sample_either(seed: int, n: int) -> None:
    limits = Limits(30)
    draft = Draft(ScriptedModel(b"ab" * 20, name="draft"), n)
    drafted = write(ScriptedModel(b"ab" * 20, p=0.6), draft, limits, temperature=1.0, seed=seed)
    alone = write(ScriptedModel(b"ab" * 20, p=0.6), None, limits, temperature=1.0, seed=seed)
    assert drafted == alone


@given(rate=st.floats(0, 1), seed=st.integers(0, 99), n=st.integers(1, 5))
def test_a_team_keeps_its_authors(rate: float, seed: int, n: int) -> None:
    def team() -> DeferralTeam:
        expert = ScriptedModel(b"bbaa" * 8, name="expert")
        return DeferralTeam(
            "t", ScriptedModel(b"abab" * 8), [expert], random_gate(rate, 1, seed=seed)
        )

    draft = Draft(ScriptedModel(b"abba" * 8, name="draft"), n)
    assert write(team(), draft, Limits(25)) == write(team(), None, Limits(25))


def test_right_proposals_save_reads() -> None:
    model, draft = ScriptedModel(b"a" * 12), ScriptedModel(b"a" * 12, name="draft")
    write(model, Draft(draft, 3))
    # The first alone, then four at a time: 12 tokens and the end.
    assert model.reads == [(1, 1), (5, 4), (9, 4), (13, 4)]


def test_a_full_context_ends_where_it_ends_without_a_draft() -> None:
    draft = Draft(ScriptedModel(b"a" * 40, name="draft"), 4)
    texts = [write(ScriptedModel(b"a" * 40, n_ctx=10), d) for d in (draft, None)]
    assert texts[0] == texts[1]
    assert texts[0][1] == "context"


def test_a_draft_with_a_shorter_context_stops_proposing() -> None:
    draft = Draft(ScriptedModel(b"a" * 40, name="draft", n_ctx=6), 4)
    assert write(ScriptedModel(b"a" * 40), draft)[0] == "a" * 40


@pytest.mark.parametrize("n", [0, 65])
def test_a_draft_of_no_or_too_many_tokens_is_refused(n: int) -> None:
    with pytest.raises(BadOption, match="1 to 64"):
        Draft(ScriptedModel(b""), n)


@pytest.mark.weights
def test_a_weak_stranger_drafts_for_a_strong_model(stories: Path, weak_stories: Path) -> None:
    from localcollab.llama.context import LlamaModel
    from localcollab.llama.options import Options
    from localcollab.llama.weights import load_weights

    exact = Options(flash_attention="off", kv_type="f32")
    strong, weak = (
        LlamaModel(load_weights(path, exact, extra_buffers=True), exact, name=path.stem)
        for path in (stories, weak_stories)
    )
    prompt = strong.vocabulary.encode("Once upon a time", bos=True)
    alone = answer(list(generate(strong, prompt, limits=Limits(80))))
    n_batches = strong.n_batches
    strong.forget()
    drafted = answer(
        list(generate(strong, prompt, limits=Limits(80), speculation=fixed(Draft(weak), 3)))
    )
    assert drafted == alone
    assert strong.n_batches - n_batches < 0.8 * n_batches
