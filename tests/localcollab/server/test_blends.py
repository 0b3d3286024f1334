"""A blend behind the chat APIs: whole answers, ranked; whatever needs tokens is refused by name."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chat_app import FakeTemplate, TalkingModel
from localcollab.api.sources import BlendSource
from localcollab.blend.residence import Needs, Residence
from localcollab.blend.session import Recipe
from localcollab.catalog.ranker_names import parse_ranker
from localcollab.history import open_history
from localcollab.llama.options import Options
from localcollab.progress import OnProgress
from localcollab.server.journal import Journal
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan
from server_app import Client, client_of, run

SAYS = {"short": "Yes.", "long": "Yes, it is so."}


class Blend(BlendSource):
    """Of members that always say the same; the longest is the best."""

    name = "blend"

    def __init__(self, says: Mapping[str, str] = SAYS, *, fuser: str | None = None) -> None:
        self.questions: list[str] = []
        texts = {**says, **({"fuser": fuser} if fuser else {})}

        def member(plan: TeamPlan, options: Options, on_progress: OnProgress | None) -> OpenTeam:
            def answer(question: str) -> str:
                self.questions.append(question)
                return texts[plan.name]

            model = TalkingModel(answer, name="base")
            return OpenTeam(plan.name, model, {"base": model}, {}, FakeTemplate())

        plans = {name: TeamPlan(name, ()) for name in texts}
        residence = Residence(plans, needs=Needs(0, {}), opening=member)
        recipe = Recipe(tuple(says), parse_ranker("longest"), fuser="fuser" if fuser else None)
        super().__init__(TeamPlan("blend", ()), recipe, residence)


def asked(*requests: tuple[str, Any], blend: Blend | None = None, **options: Any) -> list[Any]:
    async def work() -> list[Any]:
        async with client_of(blend or Blend(), **options) as client:  # type: ignore[arg-type]
            return [await client.post(path, body) for path, body in requests]

    found: list[Any] = run(work())
    return found


def chat(text: str = "Is it?", **options: Any) -> tuple[str, Any]:
    body = {"messages": [{"role": "user", "content": text}], "temperature": 0, **options}
    return "/v1/chat/completions", body


def test_the_best_candidate_is_the_reply_and_all_are_told() -> None:
    (said,) = asked(chat())
    assert said.json["choices"][0]["message"]["content"] == "Yes, it is so."
    own = said.json["localcollab"]
    assert own["authors"] == {"long": 14}
    assert own["chosen"] == 2
    assert own["ranker"] == "longest"
    assert own["candidates"] == [
        {"model": "short", "text": "Yes.", "finish_reason": "end", "rank": 2},
        {"model": "long", "text": "Yes, it is so.", "finish_reason": "end", "rank": 1},
    ]
    assert said.json["usage"]["completion_tokens"] == 14
    assert said.json["usage"]["prompt_tokens"] > 0


def test_a_stream_begins_when_the_reply_is_chosen() -> None:
    (said,) = asked(chat(stream=True, stream_options={"include_usage": True}))
    texts = [c["delta"].get("content", "") for e in said.events for c in e["choices"]]
    assert "".join(texts) == "Yes, it is so."
    assert said.events[-2]["localcollab"]["chosen"] == 2


def test_a_fused_reply_names_its_fuser() -> None:
    (said,) = asked(chat(), blend=Blend(fuser="Both say yes."))
    assert said.json["choices"][0]["message"]["content"] == "Both say yes."
    assert (said.json["localcollab"]["chosen"], said.json["localcollab"]["fuser"]) == (
        None,
        "fuser",
    )


def test_earlier_turns_and_choices_are_asked(tmp_path: Path) -> None:
    blend = Blend()
    messages = [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "one"},
        {"role": "assistant", "content": "yes"}, {"role": "user", "content": "two"},
    ]  # fmt: skip
    with open_history(tmp_path / "history.sqlite3") as history:
        (said,) = asked(
            ("/v1/chat/completions", {"messages": messages, "n": 2}), blend=blend,
            journal=Journal(history),
        )  # fmt: skip
        kept = history.branch(history.conversations()[0].id)
    assert len(said.json["choices"]) == 2
    assert set(blend.questions) == {"two"}
    assert [message.text for message in kept] == ["one", "yes", "two", "Yes, it is so."]
    assert kept[-1].outcome is not None
    assert "the reply is candidate 2" in kept[-1].outcome.notes
    assert len(kept[-1].siblings) == 2


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"logprobs": True}, "logprobs"), ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"grammar": "root ::= \"a\""}, "grammar"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [{"type": "function", "function": {"name": "x"}}]}, "tools"),
        ({"max_tokens": 0}, "max_tokens"), ({"temperature": -1}, "temperature"),
    ],
)  # fmt: skip
def test_what_needs_tokens_is_refused_by_name(options: Any, param: str) -> None:
    (said,) = asked(chat(**options))
    assert (said.status, said.error["param"]) == (400, param)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"prompt": "x"}), ("/tokenize", {"content": "x"}),
        ("/detokenize", {"tokens": [1]}), ("/api/show", {"model": "blend"}),
    ],
)  # fmt: skip
def test_what_a_blend_cannot_do_names_its_members(path: str, body: Any) -> None:
    (said,) = asked((path, body))
    assert said.status == 400
    assert "short, long" in str(said.json["error"])


def test_the_other_chats_ask_it_too() -> None:
    generate, responses, ollama = asked(
        ("/api/generate", {"model": "blend", "prompt": "Is it?", "stream": False}),
        ("/v1/responses", {"input": "Is it?"}),
        ("/api/chat", {"model": "blend", "messages": [{"role": "user", "content": "Is it?"}]}),
    )
    assert generate.json["response"] == "Yes, it is so."
    assert responses.json["output"][0]["content"][0]["text"] == "Yes, it is so."
    assert b'"chosen":2' in ollama.body


def test_one_reply_at_a_time_and_the_lists_know_it() -> None:
    async def work() -> None:
        async with client_of(Blend()) as client:  # type: ignore[arg-type]
            both = await asyncio.gather(*(client.post(*chat()) for _ in range(3)))
            assert [each.status for each in both] == [200] * 3
            await _listed(client)

    run(work())


async def _listed(client: Client) -> None:
    (model,) = (await client.get("/v1/models")).json["data"]
    assert (model["id"], model["localcollab"]["loaded"]) == ("blend", True)
    for path in ("/api/tags", "/api/ps", "/metrics"):
        assert (await client.get(path)).status == 200
