import json
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import END, byte_vocabulary
from localcollab.chat.template import ChatTemplate
from localcollab.errors import BadData
from localcollab_convert.export.examples import Encoder, Example, hold_out, parse_file

TEMPLATE = (
    "{% for m in messages %}[{{ m['role'][0] }}]{{ m['content'] | trim }}"
    "{% if m['role'] == 'assistant' %}<end>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}[a]{% endif %}"
)


def write(folder: Path, *lines: object) -> Path:
    path = folder / "data.jsonl"
    path.write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines))
    return path


def chat(*contents: str) -> dict[str, object]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": c} for n, c in enumerate(contents)]}


def with_special(text: str, *, special: bool = False, bos: bool = False) -> list[int]:
    """As a tokenizer that reads the name of the end token as that token."""
    first, *rest = [list(part.encode()) for part in text.split("<end>")]
    return first + [token for part in rest for token in (END, *part)]


VOCABULARY = replace(byte_vocabulary(), encode=with_special)


def encode(path: Path, *, template: bool = True, n_ctx: int = 512) -> list[Example]:
    chosen = ChatTemplate(TEMPLATE) if template else None
    return Encoder(VOCABULARY, chosen, n_ctx).encode(parse_file(path))[0]


def answers(example: Example) -> list[list[int]]:
    return [list(example.tokens[start:end]) for start, end in example.answers]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "not an object"),
        ({"question": "x"}, "give one of"),
        ({"text": "x", "prompt": "y"}, "give one of"),
        ({"text": " "}, "text is"),
        ({"prompt": "x"}, "completion is None"),
        ({"prompt": 1, "completion": "x"}, "prompt is 1"),
        ({"messages": []}, "messages is []"),
        ({"messages": [{"role": "user", "content": "x"}]}, "no assistant message"),
        ({"messages": [{"role": "boss", "content": "x"}]}, "message 1: role is 'boss'"),
        ({"messages": [{"role": "assistant", "content": None}]}, "content is None"),
        ({"messages": ["x"]}, "not an object: give role and content"),
        ({"text": "x", "gold": 3}, "gold is 3"),
    ],
)
def test_a_broken_line_is_refused_with_its_file_and_number(
    tmp_path: Path, line: object, said: str
) -> None:
    path = write(tmp_path, {"text": "fine"}, "", line)
    with pytest.raises(BadData) as caught:
        parse_file(path)
    assert str(caught.value).startswith(f"{path}, line 3")
    assert said in str(caught.value)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"text": "\xff"}')
    with pytest.raises(BadData, match="UTF-8"):
        parse_file(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="contains no example"):
        parse_file(write(tmp_path, "", ""))


def test_every_assistant_turn_is_an_answer_that_ends_with_the_end_token(tmp_path: Path) -> None:
    (example,) = encode(write(tmp_path, chat("hi", "yes", "why", "so")))
    assert answers(example) == [[*b"yes", END], [*b"so", END]]


def test_the_prompt_of_an_answer_is_the_one_a_session_would_send(tmp_path: Path) -> None:
    (example,) = encode(write(tmp_path, chat("hi", "yes")))
    assert bytes(example.tokens[: example.answers[0][0]]) == b"[u]hi[a]"


def test_a_completion_is_an_answer_without_any_template(tmp_path: Path) -> None:
    (example,) = encode(write(tmp_path, {"prompt": "2+2=", "completion": "4"}))
    assert (bytes(example.tokens[:4]), answers(example)) == (b"2+2=", [[*b"4", END]])


def test_a_text_has_no_first_answer_token_without_something_before_it(tmp_path: Path) -> None:
    (example,) = encode(write(tmp_path, {"text": "abc"}))
    assert example.positions == [1, 2]


def test_windows_of_a_long_text_hold_every_token_once(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    text = "".join(chr(65 + n % 26) for n in range(100))
    path.write_text(text)
    windows = encode(path, n_ctx=16)
    found = [window.tokens[at] for window in windows for at in window.positions]
    assert bytes(found).decode() == text[1:]
    assert max(len(window.tokens) for window in windows) == 16


def test_a_conversation_that_does_not_fit_is_left_out_and_named(tmp_path: Path) -> None:
    path = write(tmp_path, chat("hi", "a" * 90), chat("hi", "yes"))
    encoder = Encoder(VOCABULARY, ChatTemplate(TEMPLATE), 50)
    examples, left_out = encoder.encode(parse_file(path))
    assert ([e.gold for e in examples], left_out) == (["yes"], [f"{path}, line 1"])


def test_extra_keys_are_kept(tmp_path: Path) -> None:
    line = {**chat("hi", "yes"), "kind": "talk", "gold": "YES"}
    (example,) = encode(write(tmp_path, line))
    assert (example.kind, example.gold) == ("talk", "YES")


def test_the_same_seed_holds_out_the_same_examples(tmp_path: Path) -> None:
    examples = encode(write(tmp_path, *(chat(str(n), "x") for n in range(30))))
    assert hold_out(examples, 0.1, 7) == hold_out(examples, 0.1, 7)


def test_a_tenth_is_held_out_and_nothing_is_in_both(tmp_path: Path) -> None:
    examples = encode(write(tmp_path, *(chat(str(n), "x") for n in range(30))))
    train, valid = hold_out(examples, 0.1, 0)
    units = [example.unit for example in (*train, *valid)]
    assert (len(valid), sorted(units)) == (3, list(range(30)))


def test_one_example_cannot_be_parted(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="`valid`"):
        hold_out(encode(write(tmp_path, chat("hi", "yes"))), 0.1, 0)
