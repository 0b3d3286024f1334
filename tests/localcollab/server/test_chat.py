"""POST /v1/chat/completions: what OpenAI's clients read, and who wrote it."""

import asyncio
import math
from typing import Any

import pytest

from fakes import END, ScriptedModel
from localcollab.catalog.settings import Settings
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import parse_gate
from localcollab.server.shelf import Room
from server_app import EchoModel, FakeSource, client_of, run


def chat(text: str, source: Any = None, **options: Any) -> Any:
    async def ask() -> Any:
        async with client_of(*([source] if source else [])) as client:
            return await client.chat(text, **options)

    return run(ask())


def test_an_answer_has_openais_form() -> None:
    said = chat("hé").json
    assert said["object"] == "chat.completion"
    assert said["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hé", "refusal": None},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ]
    assert said["usage"] == {
        "prompt_tokens": 11,
        "completion_tokens": 3,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def test_a_stream_says_the_same_as_the_whole() -> None:
    events = chat("naïve 🙂", stream=True, stream_options={"include_usage": True}).events
    deltas = [event["choices"][0]["delta"] for event in events if event["choices"]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas) == "naïve 🙂"
    reasons = [event["choices"][0]["finish_reason"] for event in events if event["choices"]]
    assert reasons == [None] * (len(reasons) - 1) + ["stop"]
    assert events[-1]["choices"] == []
    assert events[-1]["usage"] == chat("naïve 🙂").json["usage"]


def test_a_stream_ends_with_done_and_tells_no_usage_unasked() -> None:
    answered = chat("hi", stream=True)
    assert answered.body.endswith(b"data: [DONE]\n\n")
    assert all(event["choices"] for event in answered.events)


@pytest.mark.parametrize(
    ("options", "text", "reason", "own"),
    [
        ({"max_tokens": 2}, "ab", "length", "max_tokens"),
        ({"max_completion_tokens": 2}, "ab", "length", "max_tokens"),
        ({"stop": "cd"}, "ab", "stop", "stop_string"),
        ({"stop": ["x", "d"]}, "abc", "stop", "stop_string"),
        ({}, "abcdef", "stop", "end"),
    ],
)
def test_the_reason_of_the_end_is_exact(
    options: dict[str, object], text: str, reason: str, own: str
) -> None:
    said = chat("abcdef", **options).json
    assert said["choices"][0]["message"]["content"] == text
    assert said["choices"][0]["finish_reason"] == reason
    assert said["localcollab"]["finish_reason"] == own


def test_a_full_context_ends_with_length() -> None:
    said = chat("x" * 40, FakeSource(lambda: EchoModel(n_ctx=60))).json
    assert said["choices"][0]["finish_reason"] == "length"
    assert said["localcollab"]["finish_reason"] == "context"
    assert said["usage"]["total_tokens"] == 60


def test_a_loop_ends_with_stop_and_says_repetition() -> None:
    said = chat("said " * 200).json
    assert said["choices"][0]["finish_reason"] == "stop"
    assert said["localcollab"]["finish_reason"] == "repetition"
    assert said["choices"][0]["message"]["content"] == "said "
    assert len(said["localcollab"]["tokens"]) == 5
    assert said["usage"]["completion_tokens"] == 5 + said["localcollab"]["n_repeated"]


def test_logprobs_have_bytes_and_alternatives() -> None:
    content = chat("é", logprobs=True, top_logprobs=2).json["choices"][0]["logprobs"]["content"]
    assert [each["bytes"] for each in content] == [[0xC3], [0xA9]]
    assert [each["token"] for each in content] == ["\N{REPLACEMENT CHARACTER}"] * 2
    assert content[0]["logprob"] == pytest.approx(math.log(0.9))
    assert content[0]["top_logprobs"][0]["bytes"] == [0xC3]
    assert [len(each["top_logprobs"]) for each in content] == [2, 2]


def test_a_streams_logprobs_are_those_of_the_whole() -> None:
    options = {"logprobs": True, "top_logprobs": 1}
    whole = chat("hé", **options).json["choices"][0]["logprobs"]["content"]
    events = chat("hé", stream=True, **options).events
    found = [event["choices"][0]["logprobs"] for event in events]
    assert [each for said in found if said for each in said["content"]] == whole


def team_of_two() -> FakeSource:
    """The base writes "ab", is unsure, and the expert writes "cd"."""

    def make() -> DeferralTeam:
        base = ScriptedModel(b"ab", n_prompt=9, p=0.999)
        expert = ScriptedModel(b"abcd", n_prompt=9, name="expert")
        base.script += [END]

        def p_of(n_tokens: int, row: Any = base._row) -> Any:
            # From the third token on it finds everything equally likely.
            return row(n_tokens) if n_tokens < 11 else row(n_tokens) * 0

        base._row = p_of  # type: ignore[method-assign]
        return DeferralTeam("two", base, [expert], parse_gate("entropy", 1, seed=0), threshold=0.6)

    return FakeSource(make, name="two")


def test_the_extension_says_who_wrote_what() -> None:
    said = chat("x", team_of_two()).json
    assert said["choices"][0]["message"]["content"] == "abcd"
    found = said["localcollab"]
    assert found["authors"] == {"base": 2, "expert": 2}
    assert found["spans"] == [
        {"author": "base", "start": 0, "end": 2},
        {"author": "expert", "start": 2, "end": 4},
    ]
    third = found["tokens"][2]
    assert third["author"] == "expert"
    assert third["p_defer"] > 0.5
    assert set(third["others"]) == {"base"}


def test_each_chunk_says_who_wrote_it() -> None:
    events = chat("x", team_of_two(), stream=True).events
    authors = [
        token["author"]
        for event in events
        for token in event.get("localcollab", {}).get("tokens", ())
    ]
    assert authors == ["base", "base", "expert", "expert"]
    assert events[-1]["localcollab"]["authors"] == {"base": 2, "expert": 2}


def test_choices_differ_in_their_seed_only() -> None:
    said = chat("x", n=3, seed=7).json
    assert [choice["index"] for choice in said["choices"]] == [0, 1, 2]
    assert [choice["localcollab"]["seed"] for choice in said["choices"]] == [7, 8, 9]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"temprature": 1}, "temprature"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 9}, "n"),
        ({"logit_bias": {"a": 1}}, None),
        ({"logit_bias": {"999": 1}}, None),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"stop": ["a"] * 33}, "stop"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"stream_options": {"include_all": True}}, "include_all"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, object], param: str | None) -> None:
    async def ask() -> Any:
        async with client_of() as client:
            given = {"messages": [{"role": "user", "content": "x"}], **body}
            return await client.post("/v1/chat/completions", given)

    answered = run(ask())
    assert answered.status == 400
    assert answered.error["type"] == "invalid_request_error"
    if param is not None:
        assert answered.error["param"] == param


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"n": NaN}', b"[" * 10_000])
def test_a_body_that_is_not_json_is_refused(data: bytes) -> None:
    async def ask() -> Any:
        async with client_of() as client:
            return await client.post("/v1/chat/completions", data)

    assert run(ask()).status == 400


def test_what_means_nothing_is_ignored_with_a_warning() -> None:
    answered = chat("x", store=True, metadata={"a": "b"}, seed=None)
    assert answered.status == 200
    assert answered.headers["warning"] == '299 localcollab "ignored: metadata, store"'


def test_parts_of_text_are_one_text() -> None:
    async def ask(parts: list[dict[str, object]]) -> Any:
        async with client_of() as client:
            messages = [{"role": "user", "content": parts}]
            return await client.post("/v1/chat/completions", {"messages": messages})

    text: list[dict[str, object]] = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert run(ask(text)).json["choices"][0]["message"]["content"] == "ab"
    picture: list[dict[str, object]] = [{"type": "image_url", "image_url": {"url": "data:"}}]
    assert run(ask(picture)).error["code"] == "unsupported_content"


def test_a_long_prompt_is_refused_before_anything_is_read() -> None:
    model = EchoModel(n_ctx=64)
    answered = chat("x" * 100, FakeSource(lambda: model))
    assert answered.status == 400
    assert answered.error["code"] == "context_length_exceeded"
    assert not model.reads


def test_a_team_that_is_not_served_is_not_found() -> None:
    answered = chat("x", model="gpt-4o")
    assert answered.status == 404
    assert answered.error["code"] == "model_not_found"


def test_a_teams_own_system_prompt_stands_before_the_messages() -> None:
    settings = Settings(sampling={"temperature": 0}, system="be short")
    source = FakeSource(EchoModel, settings=settings)
    assert (
        chat("x", source).json["usage"]["prompt_tokens"] == len("system: be short\nuser: x\n") + 1
    )


def test_the_texts_of_a_model_cannot_begin_an_event() -> None:
    text = "a\n\ndata: [DONE]\n\nevent: x\r\ndata: {}"
    source = FakeSource(lambda: ScriptedModel(text.encode(), n_prompt=9))
    answered = chat("x", source, stream=True)
    deltas = [event["choices"][0]["delta"].get("content", "") for event in answered.events]
    assert "".join(deltas) == text
    assert answered.body.count(b"[DONE]\n\n") == 1


def test_progress_of_a_long_prompt_is_told_when_asked_for() -> None:
    events = chat("x" * 1500, stream=True, return_progress=True, max_tokens=1).events
    told = [event["prompt_progress"] for event in events if "prompt_progress" in event]
    done = [each["processed"] for each in told]
    assert done == sorted(set(done))
    assert (done[0], done[-1]) == (0, 1024)
    assert {each["cache"] for each in told} == {0}
    assert {each["total"] for each in told} == {1508}


def test_two_clients_get_their_own_answers() -> None:
    async def ask() -> list[str]:
        async with client_of() as client:
            answers = await asyncio.gather(*(client.chat(f"text {n}") for n in range(8)))
        return [answer.json["choices"][0]["message"]["content"] for answer in answers]

    assert run(ask()) == [f"text {n}" for n in range(8)]


def test_streams_that_begin_at_once_are_refused_before_they_begin() -> None:
    async def work() -> list[int]:
        source = FakeSource(EchoModel)
        model: Any = source.team.model
        model.may_read.clear()
        async with client_of(source, room=Room(n_seats=1, n_waiting=1)) as client:
            asked = [asyncio.ensure_future(client.chat("x", stream=True)) for _ in range(5)]
            while sum(each.done() for each in asked) < 3:
                await asyncio.sleep(0.01)
            model.may_read.set()
            return sorted([each.status for each in await asyncio.gather(*asked)])

    assert run(work()) == [200, 200, 429, 429, 429]
