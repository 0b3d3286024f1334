"""The harness's model: against sums by hand, by the harness's own command, and against its `hf` model."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("lm_eval")

from fakes import N_VOCAB, ScriptedModel
from localcollab.errors import BadOption, ContextFull
from localcollab.harness.model import LocalcollabModel, generation_of
from localcollab.teams.opened import OpenTeam

# Importing the harness takes seconds.
pytestmark = pytest.mark.slow

LIKELY, UNLIKELY = math.log(0.9), math.log(0.1 / (N_VOCAB - 1))
TASK = """task: local_side
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
output_type: {kind}
test_split: test
doc_to_text: "{{{{prompt}}}}"
doc_to_target: "{{{{answer}}}}"
{more}
metric_list:
  - metric: {metric}
"""


SHORT = "generation_kwargs:\n  max_gen_toks: 96\n  do_sample: false"


def model_of(script: bytes, *, n_prompt: int, n_ctx: int = 64) -> LocalcollabModel:
    model = ScriptedModel(list(script), n_prompt=n_prompt, n_ctx=n_ctx)
    return LocalcollabModel.of(OpenTeam("team", model, {"base": model}, {}, None))


def asked(*arguments: tuple[Any, ...]) -> Sequence[Any]:
    return [SimpleNamespace(args=each) for each in arguments]


def test_a_likelihood_is_the_sum_over_the_continuation() -> None:
    model = model_of(b" yes", n_prompt=2)
    (right, _), (wrong, _) = model.loglikelihood(asked(("A:", " yes"), ("A:", " yet")))
    assert right == pytest.approx(4 * LIKELY, rel=1e-5)
    assert wrong == pytest.approx(3 * LIKELY + UNLIKELY, rel=1e-5)
    found = model.loglikelihood(asked(("A:", " yes"), ("A:", " yet")))
    assert [is_greedy for _, is_greedy in found] == [True, False]
    # The blank belongs to the continuation, wherever a task has it.
    assert model.loglikelihood(asked(("A: ", "yes")))[0][0] == pytest.approx(right)


def test_a_context_that_is_too_long_loses_its_beginning() -> None:
    model = model_of(b"", n_prompt=1, n_ctx=8)
    model.loglikelihood(asked(("x" * 20, "yes")))
    assert [n for n, _ in model.team.model.reads] == [8]  # type: ignore[attr-defined]
    with pytest.raises(ContextFull, match="a text of 9 tokens is to be scored in a context of 8"):
        model.loglikelihood(asked(("x", "y" * 9)))


def test_a_rolling_likelihood_predicts_every_token_once() -> None:
    text = "abcdefghij" * 3
    # The prefix token, then the script at every place.
    model = model_of(text.encode(), n_prompt=1, n_ctx=64)
    assert model.loglikelihood_rolling(asked((text,)))[0] == pytest.approx(30 * LIKELY, rel=1e-5)
    short = model_of(b"", n_prompt=1, n_ctx=7)
    short.loglikelihood_rolling(asked((text,)))
    reads = short.team.model.reads  # type: ignore[attr-defined]
    assert sum(last for _, last in reads) == 30


def test_generation_ends_at_a_stop_or_a_limit() -> None:
    model = model_of(b"yes\nno", n_prompt=2, n_ctx=512)
    greedy = {"until": ["\n"], "do_sample": False, "temperature": 0.7}
    assert model.generate_until(asked(("A:", greedy), ("A:", {"max_gen_toks": 2}))) == ["yes", "ye"]


def test_an_option_that_is_not_known_is_refused() -> None:
    with pytest.raises(BadOption, match=r'options \["num_beams"\]'):
        generation_of({"num_beams": 4})
    sampling, limits = generation_of({"do_sample": True, "temperature": 0.5, "until": "end"})
    assert (sampling.temperature, limits.stop, limits.max_tokens) == (0.5, ("end",), 256)


def _lm_eval(folder: Path, task: str, *more: str) -> dict[str, Any]:
    tasks, out = folder / "tasks", folder / "out"
    tasks.mkdir()
    (tasks / "local_side.yaml").write_text(task)
    command = [
        sys.executable, "-m", "localcollab.harness", "run", "--model", "localcollab",
        "--tasks", "local_side", "--include_path", str(tasks), "--output_path", str(out), *more,
    ]  # fmt: skip
    env = os.environ | {"HF_HOME": str(folder / "hub")}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    (found,) = out.rglob("results_*.json")
    results: dict[str, Any] = json.loads(found.read_text())["results"]["local_side"]
    return results


@pytest.mark.weights
def test_the_shipped_team_generates_for_a_local_task(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[3] / "localcollab" / "shipped" / "formulary" / "test.jsonl"
    lines = [json.loads(line)["messages"] for line in shipped.read_text().splitlines()[:6]]
    data = tmp_path / "data.jsonl"
    records = [{"prompt": m[0]["content"], "answer": m[1]["content"]} for m in lines]
    data.write_text("".join(json.dumps(record) + "\n" for record in records))
    task = TASK.format(data=data, kind="generate_until", metric="exact_match", more=SHORT)
    found = _lm_eval(tmp_path, task, "--model_args", "team=formulary", "--apply_chat_template")
    assert found["exact_match,none"] >= 5 / 6


@pytest.mark.weights
def test_the_shipped_team_chooses_for_a_local_task(tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    record = {
        "prompt": "4 x 30",
        "answer": "4 x 30 = 120.",
        "choices": ["4 x 30 = 120.", "Bananas"],
    }
    data.write_text(json.dumps(record) + "\n")
    more = 'doc_to_choice: "{{choices}}"\ntarget_delimiter: ""'
    task = TASK.format(data=data, kind="multiple_choice", metric="acc", more=more)
    found = _lm_eval(tmp_path, task, "--model_args", "team=formulary", "--apply_chat_template")
    assert found["acc,none"] == 1.0


@pytest.mark.weights
def test_a_team_of_a_catalogue_of_its_own_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text('[teams.mine]\nmethod = "mixture"\nmembers = ["formulary-base", "formulary"]\n')
    model = LocalcollabModel(team="mine", models=str(file), n_ctx=128)
    assert (model.team.name, list(model.team.members)) == ("mine", ["formulary-base", "formulary"])
    model = LocalcollabModel(
        base="formulary-base", experts="formulary", gate="entropy", compose=True
    )
    assert model.team.model.compose  # type: ignore[attr-defined]


PAIRS = [
    ("The capital of France is", " Paris"), ("The capital of France is", " a city on the Seine."),
    ("Water boils at", " 100 degrees Celsius."), ("def add(a, b):\n", "    return a + b"),
    ("", "Once upon a time there was a fox."), ("Q: 2 + 2?\nA:", " 4"), ("Q: 2 + 2?\nA:", " 5"),
    ("Der Hund", " bellt laut."), ("The quick brown fox", " jumps over the lazy dog"),
]  # fmt: skip


@pytest.mark.real
def test_likelihoods_are_those_of_the_harness_on_the_same_weights(smollm2: Path) -> None:
    """transformers computes with dequantized weights, llama.cpp multiplies Q4_1 with int8 activations."""
    transformers = pytest.importorskip("transformers")
    from lm_eval.models.huggingface import HFLM

    from localcollab.teams.open import open_team
    from localcollab.teams.plan import plan_from_files

    folder, name = str(smollm2.parent), smollm2.name
    kind = transformers.AutoModelForCausalLM
    theirs = HFLM(
        pretrained=kind.from_pretrained(folder, gguf_file=name, dtype="float32"),
        tokenizer=transformers.AutoTokenizer.from_pretrained(folder, gguf_file=name),
        device="cpu", batch_size=1,
    )  # fmt: skip
    ours = LocalcollabModel.of(open_team(plan_from_files(smollm2, ())))
    instances = asked(*PAIRS)
    for (mine, is_mine), (other, is_other), pair in zip(
        ours.loglikelihood(instances), theirs.loglikelihood(instances), PAIRS, strict=True
    ):
        n_tokens = len(ours.tok_encode(pair[1], add_special_tokens=False))
        assert abs(mine - other) / n_tokens < 0.15, (pair, mine, other)
        assert is_mine == is_other
    text = asked(("The fox ran over the hill. It was late, and the moon was up already.",))
    (mine,), (other,) = ours.loglikelihood_rolling(text), theirs.loglikelihood_rolling(text)
    assert mine == pytest.approx(other, rel=0.03)
