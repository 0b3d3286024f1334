"""Trains a head for members on some questions: `localcollab convert head` in a child process.

The answers are the right ones, behind the questions in the form that the base is asked in. What a head
is trained from, and whether it is better than the same weights at every word, is `convert`'s; this room
imports nothing of it, and its extra may not be installed.
"""

import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from localcollab.catalog.entries import ModelEntry
from localcollab.children.launch import run
from localcollab.children.limits import DAY, whole_machine
from localcollab.errors import EvaluationFailed
from localcollab.evaluation.questions import Question
from localcollab.progress import OnProgress
from localcollab.tuning.cast import Cast
from localcollab.tuning.entries import model_table
from localcollab.tuning.prompts import Form, example_answer
from localcollab.tuning.request import TuneRequest

TrainHead = Callable[[Sequence[Question], Form], Path]
"""From the questions that choose, and the form in which the base is asked. Raises `EvaluationFailed`: it
cannot be trained, or is no better than a member alone."""
_LEAST = 10
"""Answers to train on."""
_TEAM = "tune-head"


def in_folder(folder: Path, request: TuneRequest, cast: Cast, on_progress: OnProgress) -> TrainHead:
    """Trains in `folder`, where a stopped training goes on."""

    def train(questions: Sequence[Question], form: Form) -> Path:
        _require_convert()
        records = [*filter(None, (record_of(question, form) for question in questions))]
        if len(records) < _LEAST:
            raise EvaluationFailed(
                f"{len(records)} questions have an answer that can be learned, {_LEAST} are needed"
            )
        folder.mkdir(parents=True, exist_ok=True)
        data, catalog, out = (
            folder / name for name in ("data.jsonl", "models.toml", "head.safetensors")
        )
        data.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
        names = _write_catalog(catalog, cast, form)
        on_progress(f"training a head on {len(records)} answers")
        ended = run(
            "localcollab",
            _arguments(request, catalog, data, out),
            limits=whole_machine(seconds=DAY),
        )
        if ended.code or not out.is_file():
            raise EvaluationFailed(_reason(ended.last_line, names))
        return out

    return train


def _require_convert() -> None:
    if importlib.util.find_spec("torch") is None:
        raise EvaluationFailed("training needs PyTorch: pip install 'localcollab[convert]'")


def _arguments(request: TuneRequest, catalog: Path, data: Path, out: Path) -> list[str]:
    words = ["convert", "head", "--team", _TEAM, "--data", str(data), "--out", str(out)]
    for path in (*request.choice.catalogs, catalog):
        words += ["--models", str(path)]
    # Answers by threshold would take longer than everything else.
    words += ["--metric", "logprob", "--seed", str(request.seed)]
    options = (("--n-ctx", request.options.n_ctx), ("--threads", request.options.n_threads))
    return words + [str(word) for pair in options if pair[1] is not None for word in pair]


def record_of(question: Question, form: Form) -> dict[str, Any] | None:
    """None where no text is the right answer."""
    answer = example_answer(question).strip()
    if not answer:
        return None
    if question.is_plain:
        return {"prompt": question.text, "completion": question.gold}
    if form.template is not None:
        return {"prompt": form.written(question.asked), "completion": f" {answer}"}
    said = (("user", question.asked), ("assistant", answer))
    return {"messages": [{"role": role, "content": text} for role, text in said]}


def _reason(said: str, names: dict[str, str]) -> str:
    """Of the child's last line, with the members' own names."""
    for member, name in names.items():
        said = said.replace(name, member)
    return said.removeprefix("localcollab: ").partition(", so it is not written")[0]


def _write_catalog(path: Path, cast: Cast, form: Form) -> dict[str, str]:
    """The members that are models under names of this file, which are returned; teams keep theirs."""
    import tomlkit

    names = dict[str, str]()
    models = dict[str, dict[str, Any]]()
    for n, member in enumerate(cast.members):
        names[member] = member
        if member in cast.catalog.models:
            names[member] = f"{_TEAM}-{n}"
            models[names[member]] = _table(path, cast.catalog.model(member), form, n)
    base, *experts = names.values()
    team = {"method": "deferral", "base": base, "experts": experts, "gate": "never"}
    path.write_text(tomlkit.dumps({"models": models, "teams": {_TEAM: team}}), encoding="utf-8")
    return names


def _table(path: Path, entry: ModelEntry, form: Form, n: int) -> dict[str, Any]:
    file = path.with_name(f"{n}.jinja")
    if n == 0 and form.template is not None:
        file.write_text(form.template, encoding="utf-8")
    return model_table(entry, form if n == 0 else Form(""), file)
