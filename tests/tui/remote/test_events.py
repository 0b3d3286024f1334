"""Chunks of localcollab's and of others' servers, as events."""

import math
from typing import Any

import pytest

from localcollab.events import Progress, Token, Unfamiliar
from localcollab_tui.remote.connection import ServerFailed
from localcollab_tui.remote.events import Heard
from scripted_server import delta


def heard(*chunks: object) -> tuple[list[object], Heard]:
    answer = Heard("model")
    return [event for chunk in chunks for event in answer.add(chunk)], answer


def test_a_token_has_its_author_and_its_doubts() -> None:
    told = {"id": 7, "text": "Hi", "author": "expert", "probability": 0.25, "p_defer": 0.75,
            "unsure": True, "others": {}}  # fmt: skip
    events, answer = heard(
        {"choices": [{"delta": {}}], "prompt_progress": {"total": 9, "processed": 4}},
        delta("Hi", localcollab={"tokens": [told]}),
        delta("", "stop", localcollab={
            "finish_reason": "stop_string", "unfamiliar": [{"expert": "expert", "name": "X"}]}),
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1},
         "timings": {"prompt_ms": 500, "predicted_ms": 250.0}},
    )  # fmt: skip
    token = Token(7, "Hi", "expert", 0.25, 0.75, True)
    assert events == [Progress(4, 9), token, Unfamiliar("expert", "X")]
    end = answer.finished()
    assert (end.reason, end.text, end.tokens, end.n_prompt, end.authors) == (
        "stop_string", "Hi", (7,), 9, {"expert": 1}
    )  # fmt: skip
    assert (end.seconds_prefill, end.seconds_decode) == (0.5, 0.25)


def test_a_loop_keeps_its_first_copy() -> None:
    tokens = [{"id": n, "text": "ab"[n % 2], "author": "a", "probability": 1} for n in range(4)]
    _, answer = heard(
        delta("abab", localcollab={"tokens": tokens}),
        delta("", "stop", localcollab={"finish_reason": "repetition", "n_repeated": 2}),
    )
    end = answer.finished()
    assert (end.reason, end.text, end.tokens, end.n_repeated) == ("repetition", "ab", (0, 1), 2)


def test_logprobs_give_the_probabilities_of_other_servers() -> None:
    logprobs = {"content": [{"token": "a", "logprob": -0.0}, {"token": "b", "logprob": -50.0}]}
    chunk: Any = delta("ab")
    chunk["choices"][0]["logprobs"] = logprobs
    events, answer = heard(chunk)
    assert events == [Token(0, "a", "model", 1.0), Token(0, "b", "model", math.exp(-50))]
    assert answer.has_probabilities


def test_parts_of_a_character_are_told_as_the_text() -> None:
    chunk: Any = delta("é")
    chunk["choices"][0]["logprobs"] = {"content": [
        {"token": "\ufffd", "logprob": 0}, {"token": "\ufffd", "logprob": -1}]}  # fmt: skip
    assert heard(chunk)[0] == [Token(0, "é", "model", 1.0)]


def test_without_probabilities_it_is_known() -> None:
    events, answer = heard(delta("Hi", "length"))
    assert events == [Token(0, "Hi", "model", 1.0)]
    assert (answer.has_probabilities, answer.finished().reason) == (False, "max_tokens")


def test_reasoning_of_its_own_field_stands_in_think() -> None:
    thought = {"choices": [{"delta": {"reasoning_content": "hm"}}]}
    _, answer = heard(thought, thought, delta("Hi", "stop"))
    assert answer.finished().text == "<think>\nhmhm\n</think>\n\nHi"


def test_a_whole_answer_is_one_chunk() -> None:
    said = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    _, answer = heard(said)
    assert answer.finished().text == "Hi"


def token(**changed: object) -> dict[str, object]:
    told = {"id": 1, "text": "x", "author": "a", "probability": 0.5, **changed}
    return delta("x", localcollab={"tokens": [told]})


@pytest.mark.parametrize(
    "chunk",
    [None, [], 3, {"choices": 3}, {"choices": [3]}, {"choices": [{"delta": []}, 3]}, delta(3),  # type: ignore[arg-type]
     {"usage": [1]}, {"prompt_progress": {"total": "many"}}, {"localcollab": 3},
     {"timings": {"prompt_ms": -1, "predicted_ms": 1}},
     token(id=None), token(text="y"), token(text=None), token(author=3), token(probability=2),
     token(probability=float("nan")), token(p_defer="much")],
)  # fmt: skip
def test_what_is_no_chunk_is_an_error(chunk: object) -> None:
    with pytest.raises(ServerFailed, match="no part of an answer"):
        heard(chunk)
