import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcollab.chat import Prompt, TextStream, Transcript, without_reasoning
from localcollab.encoding import encode_continuation, encode_start
from localcollab.errors import BadOption, BadTemplate
from localcollab.template import ChatTemplate, Message
from localcollab.vocabulary import Vocabulary

SPECIALS = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
WORDS = [
    "Hel",
    "lo",
    "Hello",
    " Hello",
    "\n\n",
    "\n",
    "<think>",
    "</think>",
    "  ",
    "user",
    ".",
    "assistant",
]
BOS, END = 256, 259
"""Ids 0-255 are bytes, then SPECIALS, then WORDS."""


def toy_vocabulary(*, adds_bos: bool = False, adds_space: bool = False) -> Vocabulary:
    """Longest match first. `adds_space`: before what follows a special token, as SentencePiece."""
    strings = (*(f"<0x{byte:02X}>" for byte in range(256)), *SPECIALS, *WORDS)
    ids = {bytes([byte]): byte for byte in range(256)}
    ids |= {word.encode(): 260 + n for n, word in enumerate(WORDS)}

    def encode_part(part: str, special: bool) -> list[int]:
        if special and part in SPECIALS:
            return [256 + SPECIALS.index(part)]
        data, tokens = (" " * adds_space + part if part else "").encode(), []
        while data:
            n = max(n for n in range(1, 10) if data[:n] in ids)
            tokens.append(ids[data[:n]])
            data = data[n:]
        return tokens

    def encode(text: str, *, special: bool = False, bos: bool = False) -> list[int]:
        pattern = f"({'|'.join(map(re.escape, SPECIALS))})"
        parts = re.split(pattern, text) if special else [text]
        start = [BOS] if bos and adds_bos else []
        return start + [token for part in parts for token in encode_part(part, special)]

    def piece(token: int) -> bytes:
        return (
            bytes([token]) if token < 256 else b"" if token < 260 else WORDS[token - 260].encode()
        )

    return Vocabulary(
        strings, frozenset(range(256, 260)), frozenset({END}), BOS, END, adds_bos, encode, piece
    )


def written(vocabulary: Vocabulary, tokens: Sequence[int]) -> str:
    """What a template would have written: control tokens by name."""
    pieces = [
        vocabulary.strings[token].encode()
        if token in vocabulary.control
        else vocabulary.piece(token)
        for token in tokens
    ]
    return b"".join(pieces).decode("utf-8", "replace")


def template(content: str, before: str = "", after: str = "") -> ChatTemplate:
    return ChatTemplate(
        before
        + "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ "
        + content
        + " }}<|im_end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n" + after + "{% endif %}",
        bos="<s>",
    )


CHATML = template("m.content")
TRIMMING = template("m.content | trim")
WITH_BOS = template("m.content", before="{{ bos_token }}")
FORGETFUL = template("m.content.split('</think>')[-1].lstrip()", after="<think>")
TEMPLATES = [CHATML, TRIMMING, WITH_BOS, FORGETFUL]


def user(content: str) -> Message:
    return Message("user", content)


def assistant(content: str) -> Message:
    return Message("assistant", content)


def two_turns(
    vocabulary: Vocabulary, chat_template: ChatTemplate | None, answer: Sequence[int], content: str
) -> tuple[Prompt, Prompt]:
    """The prompts of two turns; `answer` was generated, `content` is what is sent back of it."""
    transcript = Transcript(chat_template, vocabulary)
    first = transcript.prompt([user("Hi")])
    transcript.answered(answer)
    return first, transcript.prompt([user("Hi"), assistant(content), user("Bye")])


# Bytes -> text.


@given(st.text(), st.data())
def test_a_text_cut_anywhere_is_streamed_whole(text: str, data: st.DataObject) -> None:
    encoded = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(encoded)))))
    stream = TextStream()
    parts = [encoded[a:b] for a, b in zip([0, *cuts], [*cuts, len(encoded)], strict=True)]
    assert "".join(stream.add(part) for part in parts) + stream.flush() == text


def test_a_character_is_held_back_until_its_last_byte() -> None:
    stream = TextStream()
    assert [stream.add(bytes([byte])) for byte in "é🙂".encode()] == ["", "é", "", "", "", "🙂"]


def test_a_stream_is_complete_when_nothing_is_held_back() -> None:
    stream = TextStream()
    states = []
    for byte in "aé".encode():
        stream.add(bytes([byte]))
        states.append(stream.is_complete)
    assert states == [True, False, True]


@given(st.binary(), st.data())
def test_broken_bytes_become_replacement_characters(encoded: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(encoded)))
    stream = TextStream()
    text = stream.add(encoded[:cut]) + stream.add(encoded[cut:]) + stream.flush()
    assert text == encoded.decode("utf-8", "replace")


# Reasoning.


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("4", "4"),
        (" 4\n", " 4\n"),
        ("", ""),
        ("<think>\n2+2\n</think>\n\n4", "4"),
        ("<think></think>4", "4"),
        ("\n<think>a</think>\n4\n<think>b</think>\n5", "\n4\n5"),
        ("  <think>a</think>  4", "4"),
        ("so 4\n</think>\n\n4", "4"),
        ("so 4</think>\n4", "4"),
        ("so 4</think>", ""),
        ("so</think>\n<think>more</think>4", "4"),
        ("<think>cut off", ""),
        ("Use the <think> tag.", "Use the <think> tag."),
        ("Close it with </think>, always.", "Close it with </think>, always."),
        ("Write <think>x</think> for thoughts.", "Write <think>x</think> for thoughts."),
    ],
)
def test_reasoning_is_not_sent_back(text: str, rest: str) -> None:
    assert without_reasoning(text) == rest


def test_a_long_text_of_tags_is_read_in_linear_time() -> None:
    assert without_reasoning("<think>\n" * 100_000) == ""
    assert without_reasoning("a</think> " * 100_000 + "b") == "a</think> " * 100_000 + "b"


# The sequence of a conversation.


def test_the_first_prompt_is_the_encoded_rendering() -> None:
    vocabulary = toy_vocabulary()
    text = "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    tokens = tuple(vocabulary.encode(text, special=True))
    prompt = Transcript(CHATML, vocabulary).prompt([user("Hello")])
    assert prompt == Prompt(tokens, 0, text)


def test_an_answer_keeps_the_ids_it_was_generated_with() -> None:
    vocabulary = toy_vocabulary()
    answer = vocabulary.encode("Hel") + vocabulary.encode("lo")
    assert answer != vocabulary.encode("Hello")
    first, second = two_turns(vocabulary, CHATML, answer, "Hello")
    rest = vocabulary.encode(
        "<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n", special=True
    )
    assert second.tokens == (*first.tokens, *answer, *rest)


def test_a_faithful_template_has_nothing_read_again() -> None:
    vocabulary = toy_vocabulary()
    _, second = two_turns(vocabulary, CHATML, vocabulary.encode("Hel"), "Hel")
    assert second.n_reread == 0


def test_an_answer_of_broken_bytes_keeps_its_ids() -> None:
    first, second = two_turns(toy_vocabulary(), CHATML, [0xFF, 0xE2, 0x82], "\ufffd\ufffd")
    assert second.tokens[: len(first.tokens) + 4] == (*first.tokens, 0xFF, 0xE2, 0x82, END)


def test_a_stop_string_left_out_of_the_answer_is_cut_off_the_sequence() -> None:
    vocabulary = toy_vocabulary()
    first, second = two_turns(vocabulary, CHATML, vocabulary.encode("yes. STOP"), "yes. ")
    length = len(first.tokens)
    assert (second.tokens[length : length + 6], second.n_reread) == ((*b"yes", 270, 32, END), 0)


def test_white_space_stripped_at_the_end_of_an_answer_has_nothing_read_again() -> None:
    vocabulary = toy_vocabulary()
    first, second = two_turns(vocabulary, TRIMMING, vocabulary.encode("ok\n\n"), "ok\n\n")
    length = len(first.tokens)
    assert (second.tokens[length : length + 3], second.n_reread) == ((*b"ok", END), 0)


def test_white_space_stripped_before_an_answer_has_it_read_again() -> None:
    vocabulary = toy_vocabulary()
    first, second = two_turns(vocabulary, TRIMMING, vocabulary.encode("\n\nok"), "\n\nok")
    length = len(first.tokens)
    assert (second.tokens[length : length + 3], second.n_reread) == ((*b"ok", END), 2)


REASONED = "because</think>\n\nIt is Hello, as I said."


def test_a_template_that_drops_reasoning_has_the_answer_read_again() -> None:
    vocabulary = toy_vocabulary()
    visible = without_reasoning(REASONED)
    _, second = two_turns(vocabulary, FORGETFUL, vocabulary.encode(REASONED), visible)
    assert second.n_reread == len(vocabulary.encode(visible))


def test_what_is_left_of_a_rewritten_answer_keeps_its_ids() -> None:
    vocabulary = toy_vocabulary()
    ids = [*vocabulary.encode("It is"), *b" ", *vocabulary.encode("Hel"), *b"lo, as I said"]
    answer = [*vocabulary.encode("because</think>\n\n"), *ids]
    _, second = two_turns(vocabulary, FORGETFUL, answer, "It is Hello, as I said")
    assert str(ids)[1:-1] in str(second.tokens)


def test_a_rewritten_turn_is_read_again_only_once() -> None:
    vocabulary = toy_vocabulary()
    transcript = Transcript(FORGETFUL, vocabulary)
    messages = [user("Hi")]
    counts = []
    for _ in range(3):
        counts.append(transcript.prompt(messages).n_reread)
        transcript.answered(vocabulary.encode(REASONED))
        messages += [assistant(without_reasoning(REASONED)), user("And?")]
    visible = len(vocabulary.encode(without_reasoning(REASONED)))
    assert counts == [0, visible, visible]


def test_asking_for_another_answer_has_nothing_read_again() -> None:
    vocabulary = toy_vocabulary()
    transcript = Transcript(CHATML, vocabulary)
    first = transcript.prompt([user("Hi")])
    transcript.answered(vocabulary.encode("Hello"))
    assert transcript.prompt([user("Hi")]) == first


def test_a_hidden_token_before_a_changed_answer_is_not_kept() -> None:
    vocabulary = toy_vocabulary()
    first, second = two_turns(vocabulary, CHATML, [258, *b"x"], "y")
    assert second.tokens[: len(first.tokens) + 2] == (*first.tokens, *b"y", END)


def test_a_hidden_token_is_not_kept_when_another_answer_is_asked_for() -> None:
    transcript = Transcript(CHATML, toy_vocabulary())
    first = transcript.prompt([user("Hi")])
    transcript.answered([258])
    assert transcript.prompt([user("Hi")]) == first


def test_tokens_read_again_are_counted_beside_a_bos() -> None:
    vocabulary = toy_vocabulary(adds_bos=True)
    _, second = two_turns(vocabulary, FORGETFUL, vocabulary.encode("why</think>ok"), "ok")
    assert second.n_reread == 2


def test_a_short_answer_is_not_sought_in_the_words_of_the_template() -> None:
    vocabulary = toy_vocabulary()
    _, second = two_turns(vocabulary, FORGETFUL, vocabulary.encode("why</think>ant"), "ant")
    assert list(second.tokens) == vocabulary.encode(second.text, special=True)


def test_a_conversation_from_elsewhere_has_nothing_read_again() -> None:
    messages = [user("Hi"), assistant("Hello"), user("Bye")]
    assert Transcript(CHATML, toy_vocabulary()).prompt(messages).n_reread == 0


def test_a_failed_rendering_leaves_the_sequence_as_it_was() -> None:
    vocabulary = toy_vocabulary()
    refusing = ChatTemplate(
        "{% for m in messages %}{{ m.content }}{% if m.content == 'no' %}"
        "{{ raise_exception('no') }}{% endif %}{% endfor %}"
    )
    transcript = Transcript(refusing, vocabulary)
    first = transcript.prompt([user("Hello")])
    transcript.answered([65])
    with pytest.raises(BadTemplate):
        transcript.prompt([user("no")])
    second = transcript.prompt([user("Hello"), assistant("A"), user("B")])
    assert second == Prompt((*first.tokens, 65, 66), 0, "HelloAB")


def test_the_vocabulary_adds_the_bos_a_template_leaves_out() -> None:
    prompt = Transcript(CHATML, toy_vocabulary(adds_bos=True)).prompt([user("Hi")])
    assert prompt.tokens[:2] == (BOS, 258)


def test_the_bos_of_a_template_is_not_doubled() -> None:
    prompt = Transcript(WITH_BOS, toy_vocabulary(adds_bos=True)).prompt([user("Hi")])
    assert prompt.tokens[:2] == (BOS, 258)


# Without a template.


def test_without_a_template_a_question_continues_what_stands_before() -> None:
    vocabulary = toy_vocabulary(adds_bos=True)
    transcript = Transcript(None, vocabulary)
    first = transcript.prompt([user("ab")])
    transcript.answered([*b"cd"])
    second = transcript.prompt([user("ab"), assistant("cd"), user("ef")])
    assert (first.tokens, second.tokens) == ((BOS, *b"ab"), (BOS, *b"abcdef"))


def test_without_a_template_a_system_prompt_is_refused() -> None:
    with pytest.raises(BadOption, match="takes no system prompt"):
        Transcript(None, toy_vocabulary()).prompt([Message("system", "Be kind."), user("Hi")])


# The seams of a vocabulary that puts a space in front.


def test_no_space_is_added_in_the_middle_of_a_sequence() -> None:
    vocabulary = toy_vocabulary(adds_space=True)
    assert encode_continuation(vocabulary, "Hello") == [262]


def test_blanks_in_the_middle_of_a_sequence_become_no_more() -> None:
    assert encode_continuation(toy_vocabulary(adds_space=True), "  ") == [268]


def test_no_space_is_added_after_a_special_token() -> None:
    vocabulary = toy_vocabulary(adds_space=True)
    assert encode_continuation(vocabulary, "<|im_end|>\n<|im_start|>user") == [259, 265, 258, 269]


def test_the_space_at_the_very_start_stays() -> None:
    vocabulary = toy_vocabulary(adds_bos=True, adds_space=True)
    assert encode_start(vocabulary, "Hello<|im_end|>user") == [BOS, 263, 259, 269]


def test_a_vocabulary_that_cannot_write_a_text_writes_what_it_can() -> None:
    vocabulary = toy_vocabulary()

    def lower(text: str, *, special: bool = False, bos: bool = False) -> list[int]:
        return list(text.lower().encode())

    lossy = Vocabulary(
        vocabulary.strings, frozenset(), frozenset(), None, None, False, lower, vocabulary.piece
    )
    assert encode_continuation(lossy, "abCd") == [*b"abcd"]


# Whatever happens, the tokens write the rendering.

CONTENTS = st.lists(
    st.sampled_from(["a", "é", "🙂", " ", "{{", "<b>", *SPECIALS, *WORDS])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    max_size=8,
).map("".join)


def check_conversation(
    vocabulary: Vocabulary,
    chat_template: ChatTemplate | None,
    turns: Sequence[tuple[str, Sequence[int]]],
    writes: Callable[[Sequence[int], str], bool],
) -> None:
    transcript = Transcript(chat_template, vocabulary)
    messages: list[Message] = []
    for question, answer in turns:
        messages.append(user(question))
        prompt = transcript.prompt(messages)
        assert writes(prompt.tokens, prompt.text)
        assert prompt.n_reread >= 0
        transcript.answered(answer)
        messages.append(assistant(without_reasoning(vocabulary.decode(answer))))


TURNS = st.lists(
    st.tuples(CONTENTS, st.lists(st.sampled_from([*range(256), *range(260, 260 + len(WORDS))]))),
    max_size=4,
)


@settings(deadline=None, max_examples=150)
@given(
    turns=TURNS,
    chat_template=st.sampled_from([None, *TEMPLATES]),
    adds_space=st.booleans(),
    adds_bos=st.booleans(),
)
def test_toy_tokens_write_the_rendering(
    turns: list[tuple[str, list[int]]],
    chat_template: ChatTemplate | None,
    adds_space: bool,
    adds_bos: bool,
) -> None:
    vocabulary = toy_vocabulary(adds_bos=adds_bos, adds_space=adds_space)

    def writes(tokens: Sequence[int], text: str) -> bool:
        bos = "<s>" if adds_bos and not text.startswith("<s>") else ""
        spoken = written(vocabulary, tokens)
        return spoken == bos + text or (adds_space and spoken == bos + " " + text)

    check_conversation(vocabulary, chat_template, turns, writes)


@pytest.fixture(scope="session")
def real_vocabulary(stories: Path) -> Iterator[Vocabulary]:
    from localcollab.llama.options import Options
    from localcollab.llama.weights import load_weights

    weights = load_weights(stories, Options(), extra_buffers=False)
    yield weights.vocabulary  # noqa: PT022 - this frame keeps the weights loaded


REAL_TURNS = st.lists(st.tuples(CONTENTS, st.lists(st.integers(3, 511))), max_size=4)


@pytest.mark.weights
@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turns=REAL_TURNS, chat_template=st.sampled_from([None, *TEMPLATES]))
def test_sentencepiece_tokens_write_the_rendering(
    real_vocabulary: Vocabulary,
    turns: list[tuple[str, list[int]]],
    chat_template: ChatTemplate | None,
) -> None:
    def writes(tokens: Sequence[int], text: str) -> bool:
        bos = written(real_vocabulary, [1])
        spoken = written(real_vocabulary, tokens)
        return spoken in (text if text.startswith("<s>") else bos + text, bos + " " + text)

    check_conversation(real_vocabulary, chat_template, turns, writes)


@pytest.mark.weights
def test_sentencepiece_answers_are_continued_without_a_space(real_vocabulary: Vocabulary) -> None:
    transcript = Transcript(None, real_vocabulary)
    first = transcript.prompt([user("Once upon a")])
    answer = real_vocabulary.encode("time there was a gi")
    transcript.answered(answer)
    content = real_vocabulary.decode(answer)
    second = transcript.prompt([user("Once upon a"), assistant(content), user("rl named")])
    assert second.tokens[: len(first.tokens) + len(answer)] == (*first.tokens, *answer)
    assert real_vocabulary.decode(second.tokens) == " Once upon a time there was a girl named"
