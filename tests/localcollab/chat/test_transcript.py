from collections.abc import Sequence

import pytest

from chat_templates import CHATML, FORGETFUL, TRIMMING, WITH_BOS, assistant, user
from localcollab.chat.template import ChatTemplate, Message
from localcollab.chat.transcript import Prompt, Transcript, without_reasoning
from localcollab.errors import BadOption, BadTemplate
from localcollab.vocabulary import Vocabulary
from toy_vocabulary import BOS, END, toy_vocabulary


def two_turns(
    vocabulary: Vocabulary, chat_template: ChatTemplate | None, answer: Sequence[int], content: str
) -> tuple[Prompt, Prompt]:
    """The prompts of two turns; `answer` was generated, `content` is what is sent back of it."""
    transcript = Transcript(chat_template, vocabulary)
    first = transcript.prompt([user("Hi")])
    transcript.answered(answer)
    return first, transcript.prompt([user("Hi"), assistant(content), user("Bye")])


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


def test_an_answer_goes_on_from_its_ids_without_its_turn_being_closed() -> None:
    vocabulary = toy_vocabulary()
    transcript = Transcript(CHATML, vocabulary)
    prompt = transcript.prompt([user("Hi")]).tokens
    answer = tuple(vocabulary.encode("Hel") + vocabulary.encode("lo"))
    transcript.answered(answer)
    assert transcript.unfinished("Hello") == ((*prompt, *answer), 2)
    grown = (*answer, *vocabulary.encode(" you"))
    transcript.answered_on(grown)
    after = transcript.prompt([user("Hi"), assistant("Hello you"), user("Bye")])
    assert after.tokens[: len(prompt) + len(grown)] == (*prompt, *grown)
    assert after.n_reread == 0


def test_a_part_of_a_character_at_the_end_is_generated_again() -> None:
    transcript = Transcript(CHATML, toy_vocabulary())
    prompt = transcript.prompt([user("Hi")]).tokens
    transcript.answered((*b"caf", "é".encode()[0]))
    assert transcript.unfinished("caf\N{REPLACEMENT CHARACTER}") == ((*prompt, *b"caf"), 3)


def test_an_answer_without_ids_goes_on_from_its_text() -> None:
    vocabulary = toy_vocabulary()
    transcript = Transcript(CHATML, vocabulary)
    prompt = transcript.prompt([user("Hi")]).tokens
    transcript.answered(())
    text = vocabulary.encode("Hello <|im_end|>")
    assert transcript.unfinished("Hello <|im_end|>") == ((*prompt, *text), len(text))
