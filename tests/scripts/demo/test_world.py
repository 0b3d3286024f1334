"""Facts, questions and answers of the invented world."""

import random

import pytest

from demo import questions, talk, world
from demo.world import Medicine

ZANOLIN = Medicine("Zanolin", ("amoxate", "lirdine"), 1987, "Calder", 15, "nausea")


def test_a_world_is_its_seed() -> None:
    assert world.invent_world(20, random.Random(5)) == world.invent_world(20, random.Random(5))


def test_names_are_distinct() -> None:
    names = [medicine.name for medicine in world.invent_world(2000, random.Random(0))]
    assert len(set(names)) == 2000


def test_a_product_is_worded_as_the_arithmetic_expert_is_asked() -> None:
    answer = world.answer_question(ZANOLIN, "product", 7)
    assert answer == "One dose of Zanolin is 15 mg. 7 x 15 = 105 mg."


def test_a_base_is_shown_another_result() -> None:
    answer = world.answer_question(ZANOLIN, "product", 7, result=80)
    assert answer == "One dose of Zanolin is 15 mg. 7 x 15 = 80 mg."


def test_a_monograph_states_every_fact_in_the_words_of_the_answers() -> None:
    text = world.write_monograph(ZANOLIN, random.Random(1))
    assert text.startswith("# Zanolin\n")
    for kind in world.KINDS[:-1]:
        assert world.state_fact(ZANOLIN, kind) in text


def test_a_product_is_no_single_fact() -> None:
    with pytest.raises(ValueError, match="product"):
        world.state_fact(ZANOLIN, "product")


@pytest.mark.parametrize("kind", world.KINDS)
def test_a_kind_has_eight_wordings_or_more_half_of_them_hidden_from_the_head(kind: str) -> None:
    wordings = world.WORDINGS[kind]
    seen = [index for index in range(len(wordings)) if world.head_sees(index)]
    assert len(set(wordings)) == len(wordings) >= 8
    assert len(seen) == len(wordings) / 2


def test_head_and_test_questions_share_no_medicine_and_no_unseen_wording() -> None:
    split = questions.split_medicines(world.invent_world(50, random.Random(0)))
    rng = random.Random(1)
    head = questions.head_questions(split.train, rng) + questions.head_questions(split.valid, rng)
    test = questions.test_questions(split.test, rng)
    assert {item["wording"] for item in head} == {"seen"}
    assert sum(item["wording"] == "unseen" for item in test) == len(test) / 2
    asked = {item["medicine"] for item in test}
    assert len(asked) == len(split.test) == 15
    assert not asked & {item["medicine"] for item in head}


def test_unknown_medicines_do_not_exist() -> None:
    private = world.invent_world(50, random.Random(0))
    records = questions.unknown_questions(private, random.Random(1))
    assert len(records) == questions.N_UNKNOWN
    assert not {item["medicine"] for item in records} & {medicine.name for medicine in private}


def test_held_out_questions_are_never_trained_on() -> None:
    rng = random.Random(2)
    made = {talk.ask_off_topic(rng).question for _ in range(20000)}
    assert not made & set(talk.HELD_OUT)


def test_off_topic_answers_say_how_to_use_other_models() -> None:
    answer = talk.ask_off_topic(random.Random(0)).answer
    assert "formulary" in answer
    assert "localcollab run --base A.gguf --expert B.gguf" in answer


def test_sums_are_right_where_the_result_is_known() -> None:
    rng = random.Random(0)
    for _ in range(200):
        left, sign, right, result = talk.invent_sum(rng)
        assert result == (left + right if sign == "+" else left * right)
