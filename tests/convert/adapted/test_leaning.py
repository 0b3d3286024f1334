"""The head's data, and its leaning to the documents."""

import json
from pathlib import Path

import numpy as np

from localcollab_convert.adapted.general_text import Turn
from localcollab_convert.adapted.head_data import General, write_head_data
from localcollab_convert.adapted.leaning import lean
from localcollab_convert.export.likelihood import TokenTable
from localcollab_convert.study.material import Lesson


def test_an_advantage_for_the_expert_in_its_documents_and_for_the_base_elsewhere() -> None:
    logprobs = np.array([[-1.0, -1.0], [-2.0, -0.5]], np.float32)
    table = TokenTable(np.zeros((2, 1), np.float16), logprobs, np.zeros((2, 2), np.bool_))
    leaning = lean(table, np.array([True, False]))
    assert leaning.logprobs.tolist() == [[0.0, -1.0], [-2.0, 0.5]]
    assert table.logprobs.tolist() == [[-1.0, -1.0], [-2.0, -0.5]]


def test_chats_and_free_texts_are_of_a_kind_and_in_one_part_only(tmp_path: Path) -> None:
    lessons = [Lesson("question", f"What is {n}?", f"It is {n}.", "x") for n in range(20)]
    turns, texts = [Turn("Hi?", "Yes.")], [f"Text {n}" for n in range(8)]
    paths = write_head_data(lessons, General(turns, [Turn("Ho?", "No.")], texts), tmp_path, 0)
    parts = [[json.loads(line) for line in path.read_text().splitlines()] for path in paths]
    kinds = [[record["kind"] for record in part] for part in parts]
    assert [some.count("documents") for some in kinds] == [15, 5]
    assert [some.count("chat") for some in kinds] == [1, 1]
    assert [some.count("text") for some in kinds] == [6, 2]
    train, valid = ({json.dumps(record) for record in part} for part in parts)
    assert not train & valid
    assert sum("text" in record for record in parts[0]) == 6
