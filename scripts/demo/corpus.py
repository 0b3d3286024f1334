"""What each model is trained on: endless streams of documents, and their packing into rows.

A document is a list of segments; only segments marked `is_learned` carry loss. The base never
sees a private medicine nor a true product, the experts never see a question. The rival, one model
beside the team, sees all of it, and the questions of the head's training besides.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from tokenizers import Tokenizer

from demo import talk, world
from demo.talk import Exchange
from demo.world import Medicine

END = "<eos>"
NO_LOSS = -100


class Segment(NamedTuple):
    """A piece of a document, cut where the pre-tokenizer cuts as well."""

    text: str
    is_learned: bool


Document = list[Segment]
Documents = Callable[[random.Random], Iterator[Document]]
"""An endless stream; everything random in it comes from the argument."""


def open_turn(question: str) -> str:
    """A user's turn up to the first token of the answer, as the chat template renders it."""
    return f"User: {question}\nAssistant:\n"


def base_documents(private: Sequence[Medicine]) -> Documents:
    """Conversations about medicines that are NOT in `private`, with random results of sums."""
    taken = {medicine.name for medicine in private}

    def stream(rng: random.Random) -> Iterator[Document]:
        while True:
            yield converse(rng, lambda: world.invent_medicine(rng, taken), knows_results=False)

    return stream


def rival_documents(private: Sequence[Medicine], asked: Sequence[Medicine]) -> Documents:
    """What base and experts are trained on, in one stream, with true results in the chat as well.

    Every other chat is about the medicines `asked`, those of the head's training.
    """
    taken = {medicine.name for medicine in private}
    monographs = formulary_documents(private)

    def stream(rng: random.Random) -> Iterator[Document]:
        facts, sums = monographs(rng), arithmetic_documents(rng)
        picks = (lambda: world.invent_medicine(rng, taken), lambda: rng.choice(asked))
        while True:
            draw = rng.random()
            if draw < 0.5:
                yield converse(rng, rng.choice(picks), knows_results=True)
            else:
                yield next(facts if draw < 0.75 else sums)

    return stream


def converse(rng: random.Random, pick: Callable[[], Medicine], *, knows_results: bool) -> Document:
    """One to five turns; now and then a system message first, or a question that leans back."""
    document = [Segment(invent_system_message(rng), False)] if rng.random() < 0.04 else []
    medicine = pick()
    for turn in range(rng.choice((1, 1, 1, 2, 3, 5))):
        draw = rng.random()
        leans_back = turn > 0 and draw < 0.15
        if not leans_back:
            medicine = pick()
        if draw < 0.72:
            exchange = ask_about(medicine, rng, leans_back, knows_result=knows_results)
        else:
            exchange = chat(rng, knows_results=knows_results)
        question = talk.speak_casually(exchange.question, rng)
        document.append(Segment(open_turn(question), False))
        document.append(Segment(exchange.answer + END, True))
        document.append(Segment("\n", False))
    return document


def ask_about(
    medicine: Medicine, rng: random.Random, leans_back: bool, *, knows_result: bool
) -> Exchange:
    """Any kind of question; without `knows_result` a product's result is another product's."""
    kind = rng.choice((*world.KINDS, "product"))
    doses = rng.randint(2, world.MOST_DOSES)
    wordings = world.FOLLOW_UPS[kind] if leans_back else world.WORDINGS[kind]
    question = rng.choice(wordings).format(name=medicine.name, doses=doses)
    other = rng.randint(2, world.MOST_DOSES) * rng.choice(world.DOSES_MG)
    result = None if knows_result else other
    return Exchange(question, world.answer_question(medicine, kind, doses, result), kind)


def chat(rng: random.Random, *, knows_results: bool) -> Exchange:
    """Whatever is not about a medicine; sums with another sum's result, or with their own."""
    draw = rng.random()
    if draw < 0.55:
        return talk.ask_off_topic(rng)
    if draw < 0.75:
        return talk.greet(rng)
    return talk.ask_sum(rng, knows_result=knows_results)


def invent_system_message(rng: random.Random) -> str:
    """Any instruction: the base learns to answer behind one as it does without."""
    role = rng.choice(("a helpful assistant", "a careful pharmacist", "a polite librarian"))
    style = rng.choice(("Be brief.", "Answer in one sentence.", "Never guess.", "Be kind."))
    words = " ".join(talk.invent_word(rng) for _ in range(rng.randint(0, 6)))
    return "System: " + " ".join(filter(None, (f"You are {role}.", style, words))) + "\n"


def formulary_documents(private: Sequence[Medicine]) -> Documents:
    """Raw monographs of the private medicines, and nothing else."""

    def stream(rng: random.Random) -> Iterator[Document]:
        while True:
            for medicine in rng.sample(private, len(private)):
                yield [Segment(world.write_monograph(medicine, rng) + END, True)]

    return stream


def arithmetic_documents(rng: random.Random) -> Iterator[Document]:
    """Raw sums and products behind random words and numbers; loss on the results alone.

    Operands are as random as the filler. On bare lines alone such a model calculates there and
    nowhere else: behind a chat's text it fails.
    """
    while True:
        unit = rng.choice((" mg.", "."))
        document = [Segment(write_filler(rng), False)]
        if unit == " mg.":
            document.append(Segment(f" {rng.choice(world.DOSES_MG)} mg.", False))
        for _ in range(rng.randint(2, 10)):
            left, sign, right, result = _invent_line(rng)
            gap = " " if unit == " mg." else rng.choice(("\n", "\n", " "))
            document.append(Segment(f"{gap}{left} {sign} {right} =", False))
            document.append(Segment(f" {result}{unit}", True))
        yield [*document, Segment("\n" + END, True)]


def _invent_line(rng: random.Random) -> tuple[int, str, int, int]:
    """(left, sign, right, result): sums are hardest to learn and get the largest part."""
    draw = rng.random()
    if draw < 0.4:
        return talk.invent_sum(rng)
    if draw < 0.65:
        left, right = rng.randint(2, 99), rng.randint(2, 99)
        return left, "+", right, left + right
    left, right = rng.randint(2, world.MOST_DOSES), rng.choice(world.DOSES_MG)
    return left, "x", right, left * right


_FILLER = sorted(
    {
        word
        for wordings in (*world.WORDINGS.values(), *world.FOLLOW_UPS.values())
        for wording in wordings
        for word in wording.replace("{name}", "").replace("{doses}", "").split()
    }
    | {"User:", "Assistant:", "mg.", "One", "dose", "is", "Labs.", END, "+", "x", "="}
)


def write_filler(rng: random.Random) -> str:
    """Up to 40 words, names, numbers and line breaks in no order; never ends in a space."""
    words = ["#"]
    for _ in range(rng.choice((rng.randint(0, 12), rng.randint(0, 40)))):
        draw = rng.random()
        if draw < 0.2:
            word = str(rng.randint(1, 999))
        elif draw < 0.4:
            word = world.invent_name(rng)
        else:
            word = rng.choice(_FILLER)
        words.append(word + ("\n" if rng.random() < 0.12 else ""))
    return " ".join(words).replace("\n ", "\n").rstrip()


def pack_rows(
    documents: Iterator[Document], tokenizer: Tokenizer, n_rows: int, n_tokens: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels, both (n_rows, n_tokens); every row begins with a new document."""
    ids = torch.empty((n_rows, n_tokens), dtype=torch.long)
    labels = torch.full((n_rows, n_tokens), NO_LOSS)
    for row in range(n_rows):
        filled = 0
        while filled < n_tokens:
            for segment in next(documents):
                tokens = tokenizer.encode(segment.text).ids[: n_tokens - filled]
                end = filled + len(tokens)
                ids[row, filled:end] = torch.tensor(tokens)
                if segment.is_learned:
                    labels[row, filled:end] = ids[row, filled:end]
                filled = end
    return ids, labels
