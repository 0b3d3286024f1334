import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import END, ScriptedModel
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption, ContextFull
from localcollab.events import Event, Finished, Progress, Token
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import always


def finished(events: list[Event]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


def ask(text: bytes, limits: Limits | None = None, **keys: float) -> list[Event]:
    model = ScriptedModel(text, **keys)  # type: ignore[arg-type]
    return list(generate(model, [1], limits=limits))


def streamed(events: list[Event]) -> str:
    return "".join(e.text for e in events if isinstance(e, Token))


def test_the_end_token_ends_the_answer_and_is_no_part_of_it() -> None:
    done = finished(ask(b"yes"))
    assert (done.reason, done.text, done.tokens) == ("end", "yes", tuple(b"yes"))


def test_a_character_split_over_tokens_is_streamed_whole() -> None:
    texts = [e.text for e in ask("né🙂".encode()) if isinstance(e, Token)]
    assert texts == ["n", "", "é", "", "", "", "🙂"]


def test_an_unfinished_character_at_the_end_is_shown_as_a_replacement() -> None:
    assert finished(ask("a🙂".encode()[:-1])).text == "a\N{REPLACEMENT CHARACTER}"


def test_max_tokens_is_said() -> None:
    done = finished(ask(b"abcdef", Limits(max_tokens=3)))
    assert (done.reason, done.text) == ("max_tokens", "abc")


def test_a_full_context_is_said() -> None:
    done = finished(ask(b"abcdef", n_ctx=4))
    assert (done.reason, done.text) == ("context", "abc")


def test_a_prompt_that_fills_the_context_is_refused() -> None:
    with pytest.raises(ContextFull, match="4 tokens"):
        list(generate(ScriptedModel(b"", n_ctx=4), [1, 1, 1, 1]))


@given(
    text=st.text("ab<>", max_size=12),
    stops=st.lists(st.text("ab<>", min_size=1, max_size=3), max_size=2),
)
def test_what_is_streamed_ends_before_the_first_stop_string(text: str, stops: list[str]) -> None:
    events = ask(text.encode(), Limits(stop=tuple(stops)))
    # Brute force: the shortest prefix that contains a stop string, cut where that string begins.
    prefixes = (text[:n] for n in range(len(text) + 1))
    hit = next((p for p in prefixes if any(s in p for s in stops)), None)
    wanted = text if hit is None else hit[: min(hit.index(s) for s in stops if s in hit)]
    assert (streamed(events), finished(events).text) == (wanted, wanted)
    assert finished(events).reason == ("end" if hit is None else "stop_string")


def test_an_event_stops_a_generation_with_what_was_written() -> None:
    stop = threading.Event()
    events = []
    for event in generate(ScriptedModel(b"abcdef"), [1], stop_event=stop):
        events.append(event)
        if isinstance(event, Token) and event.text == "c":
            stop.set()
    assert (finished(events).reason, finished(events).text) == ("stopped", "abc")


def test_a_long_prompt_reports_its_progress() -> None:
    model = ScriptedModel(b"a", n_prompt=1200, n_ctx=2000)
    events = [e for e in generate(model, [1] * 1200) if isinstance(e, Progress)]
    assert events == [Progress(done, 1200) for done in (0, 64, 512, 1024)]


@pytest.mark.parametrize(("p_base", "p_expert", "unsure"), [(0.1, 0.9, False), (0.3, 0.4, True)])
def test_a_token_is_unsure_when_nobody_who_was_read_is_confident(
    p_base: float, p_expert: float, unsure: bool
) -> None:
    base = ScriptedModel(b"a", p=p_base)
    team = DeferralTeam("t", base, [ScriptedModel(b"a", name="e", p=p_expert)], always(1))
    token = next(e for e in generate(team, [1]) if isinstance(e, Token))
    assert (token.author, token.unsure, round(token.probability, 3)) == ("e", unsure, p_expert)


def test_equal_seeds_give_equal_texts_and_others_do_not() -> None:
    model = ScriptedModel(b"a" * 60, p=0.05)
    texts = [
        finished(list(generate(model, [1], Sampling(temperature=1, seed=s), Limits(40)))).tokens
        for s in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_a_hopeless_token_has_probability_zero_without_a_warning() -> None:
    from localcollab.decoding.written_token import probability

    logits = np.array([-np.inf, 0.0, -2000.0], np.float32)
    assert [probability(logits, t) for t in range(3)] == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("limits", [{"max_tokens": 0}, {"stop": ("",)}])
def test_limits_that_make_no_sense_are_refused(limits: dict[str, object]) -> None:
    with pytest.raises(BadOption):
        Limits(**limits)  # type: ignore[arg-type]


def test_the_script_of_the_fake_ends() -> None:
    assert int(ScriptedModel(b"").read([1]).logits[0].argmax()) == END
