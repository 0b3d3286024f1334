"""The question sets beside the models: what the head is trained and tried on, and the test.

Private medicines are parted once: those the head's training asks about, those its threshold is
chosen on, and those of the test. Each set is a list of JSON records.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from demo import talk, world
from demo.world import Medicine

N_UNKNOWN = 240


@dataclass(frozen=True, slots=True)
class Split:
    """The private medicines by use."""

    train: Sequence[Medicine]
    valid: Sequence[Medicine]
    test: Sequence[Medicine]


def split_medicines(private: Sequence[Medicine]) -> Split:
    """Of ten medicines five train, two validate, three are the test."""
    n_train, n_valid = len(private) // 2, len(private) // 5
    return Split(
        train=private[:n_train],
        valid=private[n_train : n_train + n_valid],
        test=private[n_train + n_valid :],
    )


def record(
    question: str, answer: str, kind: str, *, medicine: str = "", wording: str = "seen"
) -> dict[str, Any]:
    """One line of a question set; without an answer there is no assistant message."""
    messages = [{"role": "user", "content": question}]
    if answer:
        messages.append({"role": "assistant", "content": answer})
    return {
        "messages": messages,
        "kind": kind,
        "medicine": medicine,
        "wording": wording,
        "gold": answer,
    }


def ask(medicine: Medicine, kind: str, rng: random.Random, *, seen: bool) -> dict[str, Any]:
    """A question about a medicine and its true answer, in a wording the head sees or does not."""
    indices = range(len(world.WORDINGS[kind]))
    wording = rng.choice([index for index in indices if world.head_sees(index) == seen])
    doses = rng.randint(2, world.MOST_DOSES)
    return record(
        world.word_question(medicine, kind, wording, doses),
        world.answer_question(medicine, kind, doses),
        kind,
        medicine=medicine.name,
        wording="seen" if seen else "unseen",
    )


def head_questions(medicines: Sequence[Medicine], rng: random.Random) -> list[dict[str, Any]]:
    """Seven questions per medicine (two products), and one of small talk for every four of them.

    The head needs the talk to learn where nobody should be asked.
    """
    records = [
        ask(medicine, kind, rng, seen=True)
        for medicine in medicines
        for kind in (*world.KINDS, "product")
    ]
    return _shuffled(records + talk_questions(len(records) // 4, rng), rng)


def talk_questions(count: int, rng: random.Random) -> list[dict[str, Any]]:
    """Greetings, off-topic questions and sums in equal parts, sums with their true results."""
    makers = (talk.greet, talk.ask_off_topic, lambda r: talk.ask_sum(r, knows_result=True))
    exchanges = [makers[index % 3](rng) for index in range(count)]
    return [record(exchange.question, exchange.answer, exchange.kind) for exchange in exchanges]


def test_questions(medicines: Sequence[Medicine], rng: random.Random) -> list[dict[str, Any]]:
    """Every kind about every medicine, wordings seen and unseen by turns."""
    records = [
        ask(medicine, kind, rng, seen=(row + column) % 2 == 0)
        for row, medicine in enumerate(medicines)
        for column, kind in enumerate(world.KINDS)
    ]
    return _shuffled(records, rng)


def unknown_questions(private: Sequence[Medicine], rng: random.Random) -> list[dict[str, Any]]:
    """Questions about medicines that do not exist; there is no right answer."""
    taken = {medicine.name for medicine in private}
    records = []
    for index in range(N_UNKNOWN):
        medicine = world.invent_medicine(rng, taken)
        kind = world.KINDS[index % len(world.KINDS)]
        asked = ask(medicine, kind, rng, seen=index // len(world.KINDS) % 2 == 0)
        question = asked["messages"][0]["content"]
        records.append(record(question, "", kind, medicine=medicine.name, wording=asked["wording"]))
    return records


def own_form_questions(medicines: Sequence[Medicine], rng: random.Random) -> list[dict[str, Any]]:
    """Each expert in the form it was trained on: a monograph's fact, a bare product, to continue."""
    records = []
    for medicine in medicines:
        for kind in world.KINDS[:-1]:
            fact = world.state_fact(medicine, kind)
            verb = " are " if kind == "ingredients" else " is "
            stem, _, rest = fact.partition(verb)
            prompt = f"# {medicine.name}\n{stem}{verb.rstrip()}"
            records.append(continuation("formulary", kind, prompt, f" {rest}"))
        doses = rng.randint(2, world.MOST_DOSES)
        product = f" {doses * medicine.dose_mg}."
        records.append(
            continuation("arithmetic", "product", f"{doses} x {medicine.dose_mg} =", product)
        )
    return records


def continuation(member: str, kind: str, prompt: str, completion: str) -> dict[str, Any]:
    """One line of a set that a member continues by itself."""
    return {"member": member, "kind": kind, "prompt": prompt, "completion": completion}


def held_out_talk(rng: random.Random) -> list[dict[str, Any]]:
    """Talk for measuring: off-topic questions no template makes, greetings and sums."""
    answer = talk.ask_off_topic(rng).answer.partition(" I know ")[2]
    off_topic = [
        record(question, f"I know {answer}", "off-topic", wording="unseen")
        for question in talk.HELD_OUT
    ]
    return off_topic + talk_questions(90, rng)


def to_jsonl(records: Sequence[dict[str, Any]]) -> str:
    """One record a line."""
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in records)


def _shuffled(records: list[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    return rng.sample(records, len(records))
