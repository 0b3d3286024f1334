"""Whatever happens in a conversation, its tokens write what the template rendered."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat_templates import TEMPLATES, assistant, user
from conftest import examples
from localcollab.chat.template import ChatTemplate, Message
from localcollab.chat.transcript import Transcript, without_reasoning
from localcollab.vocabulary import Vocabulary
from toy_vocabulary import SPECIALS, WORDS, toy_vocabulary, written

CONTENTS = st.lists(
    st.sampled_from(["a", "é", "🙂", " ", "{{", "<b>", *SPECIALS, *WORDS])
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁"), max_size=3),
    max_size=8,
).map(lambda parts: "".join(parts) or "?")


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


@settings(deadline=None, max_examples=examples(150))
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
        # Only a template's own <s> is the token; in a message it is text.
        has_own = chat_template is not None and text.startswith("<s>")
        bos = "<s>" if adds_bos and not has_own else ""
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
        has_own = chat_template is not None and text.startswith("<s>")
        return spoken in (text if has_own else bos + text, bos + " " + text)

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
