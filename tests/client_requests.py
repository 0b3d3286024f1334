"""Requests as programs send them: the shapes were recorded from the packages named, at a listener on
loopback (Open WebUI's are those that its code builds); the texts are our own.
"""

from dataclasses import dataclass
from typing import Any

_SYSTEM = {"role": "system", "content": "You help with files."}
_ASKED = {"role": "user", "content": "List this folder."}
_TEXT = {"type": "string", "description": "A text."}


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of a client. Its answer is streamed where `body` says so."""

    client: str
    path: str
    body: dict[str, Any] | None = None
    """None: GET."""

    def __str__(self) -> str:
        return f"{self.client} {self.path}"


def _tool(name: str, required: list[str], **properties: Any) -> dict[str, Any]:
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = required
    function = {"name": name, "description": f"{name} something.", "parameters": parameters}
    return {"type": "function", "function": function}


_TOOLS = [
    _tool("List", ["dirpath"], dirpath=_TEXT),
    _tool("Write", ["filepath", "content"], filepath=_TEXT, content=_TEXT),
    _tool("Bash", ["command"], command=_TEXT, timeout={"type": "number", "description": "Seconds."}),
    _tool(
        "AskQuestion", ["question", "options"], question=_TEXT,
        options={"type": "array", "description": "Choices.", "items": {"type": "string"}},
        defaultAnswer=_TEXT,
    ),
    _tool("Edit", ["file_path"], file_path=_TEXT, replace_all={"type": "boolean"}),
    _tool("Exit", []),
]  # fmt: skip
_CALL = {
    "id": "call_1", "type": "function",
    "function": {"name": "List", "arguments": '{"dirpath":"."}'},
}  # fmt: skip
_CONTINUE = {
    "model": "echo", "stream": True, "stream_options": {"include_usage": True}, "tools": _TOOLS
}  # fmt: skip
_DIALOGUE = [
    {"role": "system", "content": "You change code."},
    {"role": "user", "content": "Make the greeting casual."},
    {"role": "assistant", "content": "I will."},
    {"role": "user", "content": "These are the files.\n\na.py\n```\nprint('hi')\n```\n"},
    {"role": "assistant", "content": "Ok."},
    {"role": "user", "content": "Say hello."},
]
_MESSAGE = [{"role": "user", "content": "Say hello."}]
_OLLAMA_OPTIONS = {
    "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "seed": 1, "num_ctx": 4096,
    "num_batch": 512, "num_keep": 24, "num_predict": 64, "repeat_last_n": 64, "repeat_penalty": 1.1,
    "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": ["###"], "num_gpu": 1, "use_mmap": True,
    "use_mlock": False, "num_thread": 2, "mirostat": 0, "mirostat_eta": 0.1, "mirostat_tau": 5.0,
}  # fmt: skip

REQUESTS = (
    # aider-chat 0.86.2 (through litellm): edits, a commit message, --no-stream
    Sent("aider", "/v1/chat/completions",
         {"messages": _DIALOGUE, "model": "echo", "stream": True, "temperature": 0}),
    Sent("aider commit", "/v1/chat/completions",
         {"messages": _DIALOGUE[-2:][1:], "model": "echo", "temperature": 0}),
    Sent("aider --no-stream", "/v1/chat/completions",
         {"messages": _DIALOGUE, "model": "echo", "temperature": 0}),
    # @continuedev/cli 1.5.47: a question, and the turn behind a tool's result
    Sent("continue", "/v1/chat/completions", {**_CONTINUE, "messages": [_SYSTEM, _ASKED]}),
    Sent("continue tool", "/v1/chat/completions", {**_CONTINUE, "messages": [
        _SYSTEM, _ASKED, {"role": "assistant", "content": "", "tool_calls": [_CALL]},
        {"role": "tool", "content": "Files:\na.py", "tool_call_id": "call_1"},
    ]}),
    # Open WebUI 0.12.4, a connection of OpenAI's API: models, chat, the title of a chat
    Sent("webui", "/v1/models"),
    Sent("webui", "/v1/chat/completions", {
        "stream": True, "model": "echo", "messages": _MESSAGE, "temperature": 0.5, "top_p": 0.9,
        "min_p": 0.05, "max_tokens": 64, "frequency_penalty": 0.0, "presence_penalty": 0.0,
        "reasoning_effort": "low", "seed": 1, "stop": ["###"], "logit_bias": {"5": -1},
        "response_format": {"type": "text"}, "stream_options": {"include_usage": True},
    }),
    Sent("webui title", "/v1/chat/completions",
         {"model": "echo", "messages": _MESSAGE, "stream": False, "max_completion_tokens": 1000}),
    Sent("webui", "/v1/embeddings", {"input": ["a", "b"], "model": "letters"}),
    # ... and a connection of Ollama's
    *(Sent("webui", f"/api/{name}") for name in ("version", "tags", "ps")),
    Sent("webui", "/api/chat", {
        "model": "echo:latest", "messages": _MESSAGE, "stream": True, "options": _OLLAMA_OPTIONS,
        "keep_alive": "5m", "think": False, "system": "Be brief.",
    }),
    Sent("webui tool", "/api/chat", {
        "model": "echo", "stream": True, "tools": _TOOLS, "messages": [
            {"role": "user", "content": "List this folder."},
            {"role": "assistant", "content": "", "tool_calls": [
                {"index": 0, "id": "call_1",
                 "function": {"name": "List", "arguments": {"dirpath": "."}}}]},
            {"role": "tool", "content": "Files:\na.py", "tool_call_id": "call_1"},
        ],
    }),
    # ollama 0.6.3, the client for Python
    Sent("ollama tool", "/api/chat", {
        "model": "echo", "stream": False, "tools": _TOOLS, "options": {}, "logprobs": True,
        "top_logprobs": 2, "messages": [
            {"role": "user", "content": "List this folder."},
            {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
                {"function": {"name": "List", "arguments": {"dirpath": "."}}}]},
            {"role": "tool", "content": "Files:\na.py", "tool_name": "List"},
        ],
    }),
    Sent("webui title", "/api/chat", {"model": "echo", "messages": _MESSAGE, "stream": False}),
    Sent("webui", "/api/generate", {"model": "echo", "prompt": "Say hello.", "stream": True}),
    Sent("webui unload", "/api/generate", {"model": "echo", "keep_alive": 0, "prompt": ""}),
    Sent("webui", "/api/show", {"model": "echo"}),
    Sent("webui", "/api/embed", {"model": "letters", "input": ["a", "b"], "truncate": True}),
)  # fmt: skip
