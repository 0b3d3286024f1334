import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from localcollab.chat.template import ChatTemplate, Message
from localcollab.errors import BadOption, BadTemplate

SDIST = os.environ.get("LOCALCOLLAB_LLAMA_SDIST")
TEMPLATES = Path(SDIST or "", "vendor/llama.cpp/models/templates")
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HELLO = [Message("user", "Hello")]


def conversation(*turns: tuple[Literal["system", "user", "assistant"], str]) -> list[Message]:
    return [Message(role, content) for role, content in turns]


CONVERSATIONS = {
    "one question": HELLO,
    "system prompt": conversation(("system", "Be brief."), ("user", "Why?")),
    "three turns": conversation(
        ("user", "Name a fruit."),
        ("assistant", "Pear."),
        ("user", "Another."),
        ("assistant", "Plum."),
        ("user", "Thanks!"),
    ),
    "system prompt and two turns": conversation(
        ("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello!"), ("user", "Bye")
    ),
    "unicode": conversation(("user", "naïve 東京 🙂 e\u0301 \u2028 \x00 \u202e")),
    "braces": conversation(("user", "{{ 7 * 7 }} {% raw %} {# note #} %} }} {")),
    "html": conversation(("user", "<b class=\"x\">1 < 2 & 'so'</b> &amp;")),
    "blanks around": conversation(
        ("user", " \n one\t\n"), ("assistant", "\n two \n\n"), ("user", "  three  ")
    ),
    "reasoning": conversation(
        ("user", "1+1?"), ("assistant", "<think>\nadd\n</think>\n\n2"), ("user", "2+2?")
    ),
    "empty": conversation(("user", "")),
    "no messages": [],
    "two users in a row": conversation(("user", "a"), ("user", "b")),
    "ends with an answer": conversation(("user", "a"), ("assistant", "b")),
}


def template_files() -> list[Path]:
    return sorted(TEMPLATES.glob("*.jinja")) if SDIST else []


def transformers_rendering(source: str, messages: Sequence[Message], prompt: bool) -> str | None:
    from transformers.utils.chat_template_utils import render_jinja_template

    chat = [{"role": message.role, "content": message.content} for message in messages]
    try:
        rendered, _ = render_jinja_template(
            conversations=[chat], chat_template=source, add_generation_prompt=prompt, **SPECIAL
        )
    except Exception:
        return None
    text: str = rendered[0]
    return text


def our_rendering(template: ChatTemplate, messages: Sequence[Message], prompt: bool) -> str | None:
    try:
        return template.render(messages, add_generation_prompt=prompt)
    except BadTemplate:
        return None


def with_special(source: str) -> ChatTemplate:
    return ChatTemplate(source, bos="<s>", eos="</s>", unk="<unk>", pad="<pad>")


@pytest.mark.skipif(not SDIST, reason="LOCALCOLLAB_LLAMA_SDIST names no llama-cpp-python sdist")
def test_the_sdist_holds_templates() -> None:
    assert len(template_files()) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("path", template_files(), ids=lambda path: path.stem)
def test_rendering_equals_transformers(path: Path) -> None:
    source = path.read_text("utf-8")
    template = with_special(source)
    cases = [(name, prompt) for name in CONVERSATIONS for prompt in (True, False)]
    theirs = {c: transformers_rendering(source, CONVERSATIONS[c[0]], c[1]) for c in cases}
    ours = {c: our_rendering(template, CONVERSATIONS[c[0]], c[1]) for c in cases}
    assert ours == theirs


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        "{% for m in messages %}\n  {% if loop.first %}{% continue %}{% endif %}{{ m.content }}",
        "{% generation %}{% set x = 1 %}in{% endgeneration %}{{ x is defined }}",
        "{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}x{% endfor %}",
        "{{ {'b': '<é>', 'a': [1, none]} | tojson }}",
        "{{ {'b': 1, 'a': [1]} | tojson(indent=2, sort_keys=true) }}",
        "{{ [1] | tojson(separators=(',', ':'), ensure_ascii=true) }}",
        "{{ strftime_now('%Y-%m-%d') }}",
        "{% set n = namespace(self=1, x=[]) %}{% set n.x = n.x + [2] %}{{ n.x }}{{ n.self }}",
        "{% set n = namespace(_x=1) %}",
        "{% set n = namespace() %}{% set n._x = 1 %}",
        "{{ dict(a=1).items() | list }}{{ dict.fromkeys('ab', 1) }}{{ dict.mro }}",
        "{{ tools is none }}{{ documents is none }}{{ sep_token is defined }}{{ pad_token }}",
        "{{ messages.append(1) }}",
        "{{ '<b>' | safe + '<i>' }}",
        "{{ nothing.at.all }}",
    ],
)
def test_the_environment_equals_transformers(source: str) -> None:
    for source_ in (source, source + "{% endfor %}"):
        theirs = transformers_rendering(source_, CONVERSATIONS["three turns"], True)
        assert our_rendering(with_special(source_), CONVERSATIONS["three turns"], True) == theirs


def test_a_special_token_the_model_lacks_is_undefined() -> None:
    assert ChatTemplate("{{ bos_token is defined }}{{ eos_token }}").render(HELLO) == "False"


def test_a_template_renders_again_and_again() -> None:
    template = ChatTemplate(CHATML)
    first = template.render(HELLO)
    assert [template.render(HELLO) for _ in range(3)] == [first] * 3


HOSTILE = {
    "syntax error": ("{% if", "line 1"),
    "unknown filter": ("{{ 1 | launch }}", "launch"),
    "undefined attribute": ("{{ messages.a.b }}", "UndefinedError"),
    "division by zero": ("{{ 1 // 0 }}", "ZeroDivisionError"),
    "internals": ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "SecurityError"),
    "internals by filter": ("{{ (messages | attr('__class__')).x }}", "SecurityError"),
    "internals by format": ("{{ '{0.__class__.x}'.format(1) }}", "SecurityError"),
    "import": ("{% include '/etc/passwd' %}", "no loader"),
    "endless loops": (
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "more than 0.5 seconds",
    ),
    "too large a range": ("{% for a in range(10**9) %}{% endfor %}", "OverflowError"),
    "long string": ("{{ ('a' * 10**10)[:1] }}", "memory"),
    "long list": ("{{ ([1] * 10**10)[:1] }}", "memory"),
    "large number": ("{{ (10 ** (10 ** 9)) is odd }}", "seconds|memory"),
    "wide center": ("{{ 'a' | center(10**10) }}", "memory"),
    "wide percent format": ("{{ '%9999999999d' % 1 }}", "memory"),
    "wide format": ("{{ '{:>9999999999}'.format(1) }}", "memory"),
    "doubling string": (
        "{% set n = namespace(x='aa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}"
        "{% endfor %}{{ n.x[:1] }}",
        "memory|seconds",
    ),
    "comparing nested tuples": (
        "{% set n = namespace(x=(1,), y=(1,)) %}{% for i in range(60) %}"
        "{% set n.x = (n.x, n.x) %}{% set n.y = (n.y, n.y) %}{% endfor %}{{ n.x == n.y }}",
        "more than 0.5 seconds",
    ),
    "long output": (
        "{% for i in range(99999) %}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}",
        r"more than 1000\d{3} characters",
    ),
    "long block": (
        "{% set x %}{% for i in range(99999) %}{{ 'a' * 99999 }}{% endfor %}{% endset %}",
        "memory|seconds",
    ),
    "endless macro": ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "RecursionError"),
    "deep parentheses": ("{{" + "(" * 100_000, "RecursionError"),
    "deep blocks": ("{% if 1 %}" * 5_000 + "{% endif %}" * 5_000, "Error|ended|memory|seconds"),
    "long sums": ("{{" + "1+" * 50_000 + "1}}", "Error|ended|memory|seconds"),
    "lone surrogate": ("{{ '\\ud800' }}", r"U\+D800"),
    "its own words over lines": ("{{ raise_exception('a\n\n\tb\x1b[2J') }}", "a b\ufffd"),
    "its own long words": ("{{ raise_exception('a' * 9999) }}", r"a{200}\.\.\."),
    "no words": ("{{ raise_exception(none) }}", "None"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.serial
def test_a_hostile_template_is_one_clear_error(name: str) -> None:
    source, said = HOSTILE[name]
    template = ChatTemplate(source, name="bad.gguf", seconds=0.5)
    began = time.monotonic()
    with pytest.raises(BadTemplate, match=said) as error:
        template.render(HELLO)
    assert time.monotonic() - began < 2
    message = str(error.value)
    assert "bad.gguf" in message
    assert message.isprintable()
    assert len(message) < 500


GREEDY = """
import resource, sys
from localcollab.errors import BadTemplate
from localcollab.chat.template import ChatTemplate, Message

template = ChatTemplate("{% set x = 'a' * 4 * 10**8 %}{{ (x ~ x)[:1] }}")
try:
    template.render([Message("user", "Hello")])
except BadTemplate:
    del template  # ends its child, so that its memory is counted
else:
    sys.exit("a template that takes 800 MB was rendered")
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


@pytest.mark.slow
def test_no_template_ever_took_more_than_the_memory_limit() -> None:
    # In a process of its own: this one's children of other tests count as well.
    done = subprocess.run(
        [sys.executable, "-c", GREEDY], capture_output=True, text=True, check=True
    )
    assert 10 * 1024**2 < int(done.stdout) < 600 * 1024**2


@pytest.mark.slow
def test_a_template_killed_in_one_conversation_renders_the_next() -> None:
    source = "{% if messages|length > 1 %}" + HOSTILE["endless loops"][0] + "{% endif %}sound"
    template = ChatTemplate(source, seconds=0.5)
    with pytest.raises(BadTemplate):
        template.render(CONVERSATIONS["three turns"])
    assert template.render(HELLO) == "sound"


def child_processes() -> set[int]:
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    if not path.exists():
        pytest.skip("this system does not list child processes")
    return {int(child) for child in path.read_text().split()}


def test_a_killed_renderer_is_started_again() -> None:
    before = child_processes()
    template = ChatTemplate(CHATML)
    expected = template.render(HELLO)
    for child in child_processes() - before:
        os.kill(child, 9)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert template.render(HELLO) == expected


def test_a_dropped_template_leaves_no_process() -> None:
    before = child_processes()
    ChatTemplate(CHATML).render(HELLO)
    assert child_processes() <= before


NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('not supported') }}{% endif %}"


def test_a_refused_system_prompt_is_named_as_the_cause() -> None:
    with pytest.raises(BadTemplate) as error:
        ChatTemplate(NO_SYSTEM, name="gemma").render(CONVERSATIONS["system prompt"])
    assert str(error.value) == (
        "gemma takes no system prompt (its chat template says: not supported); "
        "leave the system prompt out"
    )


def test_another_refusal_is_not_blamed_on_the_system_prompt() -> None:
    template = ChatTemplate("{{ raise_exception('roles must alternate') }}", name="gemma")
    with pytest.raises(BadTemplate) as error:
        template.render(CONVERSATIONS["system prompt"])
    assert str(error.value) == (
        "the chat template of gemma refuses this conversation (system, user): "
        "roles must alternate; change the order of the messages"
    )


def test_content_that_is_half_a_character_is_refused() -> None:
    with pytest.raises(BadOption, match=r"message 2 \(user\) holds U\+DCFF"):
        ChatTemplate(CHATML).render(conversation(("system", "é"), ("user", "a\udcff")))


def test_a_megabyte_of_content_renders() -> None:
    content = "\n\x01é" * 350_000
    assert (
        ChatTemplate("{{ messages[0].content | tojson }}").render([Message("user", content)])
        == '"' + content.replace("\n", "\\n").replace("\x01", "\\u0001") + '"'
    )


def test_rendering_stays_out_of_the_way_of_other_imports() -> None:
    script = (
        "import sys; from localcollab.chat.template import ChatTemplate, Message; "
        "ChatTemplate('x').render([Message('user', '')]); print('jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")
