"""The local tasks of the harness: what is written for it to read."""

import json
import re
from pathlib import Path

from harness_tasks import write_tasks

_NAMED = re.compile(r"^    test: (\S+)$", re.MULTILINE)


def _fixtures(folder: Path) -> Path:
    (folder / "tasks").mkdir(parents=True)
    (folder / "data").mkdir()
    choices = {"prompt": "Q?", "choices": {"A": "x", "B": "y"}, "answer": "B"}
    facts = {"prompt": "Who?", "answers": ["Ann"], "popularity": 3}
    for name, record in (("arc_challenge", choices), ("popqa", facts)):
        lines = [json.dumps(record | {"split": split}) + "\n" for split in ("dev", "test")]
        (folder / "tasks" / f"{name}.jsonl").write_text("".join(lines))
    articles = [{"paragraphs": [{"context": f"text {n}", "qas": []}]} for n in range(4)]
    (folder / "data" / "xquad.en.json").write_text(json.dumps({"data": articles}))
    return folder


def test_each_task_names_its_data_and_a_choice_its_place(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_tasks(_fixtures(tmp_path / "fixtures"), out, 1)
    tasks = {path.stem: path.read_text() for path in out.glob("*.yaml")}
    assert sorted(tasks) == ["arc", "popqa", "xquad"]
    tests = {name: Path(_NAMED.findall(task)[0]) for name, task in tasks.items()}
    found = {name: json.loads(path.read_text()) for name, path in tests.items()}
    assert found["arc"] == {"prompt": "Q?", "choices": ["x", "y"], "label": 1}
    assert found["popqa"] == {"prompt": "Who?", "answers": ["Ann"]}
    assert found["xquad"]["text"] in ("text 2", "text 3")
