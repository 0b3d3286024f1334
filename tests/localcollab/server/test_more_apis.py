"""Reranking, documents, and Ollama's API."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcollab.documents.collection import Collection
from localcollab.server.aids import Aids, by_similarity
from localcollab.server.errors import ApiError
from localcollab.server.ollama import seconds_of
from server_app import Client, EchoModel, FakeSource, LetterEncoder, client_of, run


def asking(work: Callable[[Client], Any], aids: Aids | None = None) -> Any:
    async def main() -> Any:
        async with client_of(FakeSource(lambda: EchoModel(n_ctx=4096))) as client:
            client.serving.aids = aids or Aids(LetterEncoder(), by_similarity(LetterEncoder()))
            return await work(client)

    return asyncio.run(main())


def test_documents_are_ranked_by_the_query() -> None:
    body = {"query": "aaa", "documents": ["bbb", "aab", {"text": "aaa"}], "top_n": 2}
    said = asking(lambda c: c.post("/v1/rerank", body | {"return_documents": True})).json
    assert [each["index"] for each in said["results"]] == [2, 1]
    assert said["results"][0]["document"] == {"text": "aaa"}


def test_what_was_not_named_at_the_start_is_not_there() -> None:
    for path, body in (
        ("/v1/rerank", {"query": "a", "documents": ["b"]}),
        ("/v1/embeddings", {"input": "a"}),
        ("/v1/documents/search", {"query": "a"}),
        ("/v1/documents/ask", {"question": "a"}),
    ):
        answered = asking(lambda c, p=path, b=body: c.post(p, b), Aids())  # type: ignore[misc]
        assert answered.status == 404, path


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    (tmp_path / "tea.md").write_text("# Tea\n\nGreen tea is steeped at eighty degrees.\n")
    found = Collection(None)
    found.add([tmp_path])
    return found


def test_documents_are_searched(collection: Collection) -> None:
    body = {"query": "green tea"}
    said = asking(
        lambda c: c.post("/v1/documents/search", body), Aids(collections={"t": collection})
    )
    (hit,) = said.json["data"]
    assert hit["path"].endswith("tea.md")
    assert "eighty" in hit["text"]


@pytest.mark.parametrize("stream", [False, True])
def test_documents_are_asked(collection: Collection, stream: bool) -> None:
    body = {"question": "At what is green tea steeped?", "stream": stream, "max_tokens": 64}
    answered = asking(
        lambda c: c.post("/v1/documents/ask", body), Aids(collections={"t": collection})
    )
    assert answered.status == 200
    if stream:
        kinds = [
            line[7:] for line in answered.body.decode().splitlines() if line.startswith("event: ")
        ]
        assert kinds[0] == "sources"
        assert kinds[-2:] == ["checked", "finished"]
    else:
        assert answered.json["sources"][0]["number"] == 1
        assert "claims" in answered.json


def ollama(path: str, body: dict[str, Any]) -> Any:
    return asking(lambda c: c.post(path, {"model": "echo:latest", **body}))


def test_ollamas_chat_is_streamed_in_lines() -> None:
    answered = ollama("/api/chat", {"messages": [{"role": "user", "content": "hi"}]})
    lines = [json.loads(line) for line in answered.body.splitlines()]
    assert answered.headers["content-type"].startswith("application/x-ndjson")
    assert "".join(line["message"]["content"] for line in lines) == "hi"
    assert [line["done"] for line in lines] == [False, False, True]
    assert (lines[-1]["done_reason"], lines[-1]["eval_count"]) == ("stop", 2)


def test_ollamas_options_are_ours_by_other_names() -> None:
    options = {"num_predict": 2, "num_ctx": 100, "temperature": 0, "repeat_last_n": 3}
    answered = ollama("/api/generate", {"prompt": "hello", "stream": False, "options": options})
    assert answered.json["response"] == "he"
    assert answered.json["done_reason"] == "length"
    assert "num_ctx" in answered.headers["warning"]
    wrong = ollama("/api/generate", {"prompt": "x", "options": {"temprature": 1}})
    assert (wrong.status, wrong.json) == (400, {"error": "unknown option 'temprature'"})


def test_an_empty_prompt_only_loads() -> None:
    assert ollama("/api/generate", {"prompt": ""}).json["done_reason"] == "load"


def test_ollamas_lists_and_vectors() -> None:
    tags = asking(lambda c: c.get("/api/tags")).json["models"]
    assert [model["name"] for model in tags] == ["echo:latest", "letters:latest"]
    assert ollama("/api/show", {}).json["model_info"]["localcollab.context_length"] == 4096
    assert asking(lambda c: c.get("/api/version")).json["version"]
    said = asking(lambda c: c.post("/api/embed", {"model": "letters", "input": ["a", "b"]})).json
    assert [len(vector) for vector in said["embeddings"]] == [26, 26]
    old = asking(lambda c: c.post("/api/embeddings", {"model": "letters", "prompt": "a"})).json
    assert len(old["embedding"]) == 26


def test_tools_in_ollamas_form() -> None:
    call = '<tool_call>{"name": "f", "arguments": {"x": 1}}</tool_call>'
    body = {
        "messages": [{"role": "user", "content": call}],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }
    lines = [json.loads(line) for line in ollama("/api/chat", body).body.splitlines()]
    calls = [line["message"]["tool_calls"] for line in lines if "tool_calls" in line["message"]]
    assert calls == [[{"function": {"name": "f", "arguments": {"x": 1}}}]]


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("5m", 300.0), ("30s", 30.0), ("1h", 3600.0), ("1h30m", 5400.0), ("500ms", 0.5), ("5m0s", 300.0),
     ("2.5", 2.5), (0, 0.0), (-1, None), ("-1m", None)],
)  # fmt: skip
def test_how_long_a_model_stays(given: str | int, seconds: float | None) -> None:
    assert seconds_of(given) == seconds


@pytest.mark.parametrize("given", ["soon", "5 m", "m5", ""])
def test_what_is_no_duration_is_refused(given: str) -> None:
    with pytest.raises(ApiError, match="keep_alive"):
        seconds_of(given)


@pytest.mark.parametrize("stream", [False, True])
def test_ollamas_answers_have_logprobs_where_they_are_wanted(stream: bool) -> None:
    body = {"model": "echo", "messages": [{"role": "user", "content": "ab"}], "stream": stream,
            "logprobs": True, "top_logprobs": 1}  # fmt: skip
    lines = [json.loads(line) for line in ollama("/api/chat", body).body.splitlines()]
    told = [each for line in lines for each in line.get("logprobs", ())]
    assert [each["token"] for each in told] == ["a", "b"]
    assert [len(each["top_logprobs"]) for each in told] == [1, 1]


def test_unused_teams_are_unloaded() -> None:
    async def main() -> None:
        source = FakeSource(EchoModel)
        async with client_of(source) as client:
            answered = await client.post(
                "/api/generate", {"model": "echo", "prompt": "x", "stream": False, "keep_alive": 0}
            )
            assert answered.status == 200
            await asyncio.sleep(0.01)
            await client.serving.shelf.unload_unused()
            assert not client.serving.shelf.loaded
            assert source.is_closed

    run(main())
