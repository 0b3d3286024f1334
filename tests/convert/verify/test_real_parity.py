"""llama.cpp and transformers agree on trained, quantized weights of strangers.

transformers reads the GGUF files themselves and dequantizes them. llama.cpp multiplies with 8-bit
activations, so single logits differ, and the two likeliest tokens may swap: distributions are compared.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from localcollab.chat.template import Message
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_files
from localcollab.teams.session import Session

pytestmark = [pytest.mark.real, pytest.mark.weights, pytest.mark.slow, pytest.mark.timeout(1800)]

N_TOKENS, WINDOW = 2000, 250
TEXT = Path(__file__).parents[3] / "docs"


@pytest.fixture(params=["smollm2", "gemma"])
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


def of_transformers(kind: Any, file: Path, **options: Any) -> Any:
    return kind.from_pretrained(str(file.parent), gguf_file=file.name, **options)


def open_alone(file: Path) -> OpenTeam:
    return open_team(plan_from_files(file, []))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    normalised: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalised


def divergences(team: OpenTeam, model: Any, ids: list[int]) -> Iterator[np.ndarray]:
    """KL(transformers || llama.cpp) of the next token, nats, in windows of `WINDOW` tokens.

    Every window starts as the model expects a text to start: without its beginning token Gemma is
    far from anything it was trained on, and rounding moves its distributions four times as much.
    """
    vocabulary = team.model.vocabulary
    start = vocabulary.encode("", bos=vocabulary.adds_bos)
    for at in range(0, len(ids), WINDOW):
        window = start + ids[at : at + WINDOW]
        with torch.no_grad():
            theirs = log_softmax(model(torch.tensor([window]), use_cache=False).logits[0].numpy())
        ours = log_softmax(team.model.read(window, last=len(window)).logits)
        yield (np.exp(theirs) * (theirs - ours)).sum(axis=1)


def test_quantized_weights_say_the_same_under_both(file: Path) -> None:
    from transformers import AutoModelForCausalLM

    team = open_alone(file)
    vocabulary = team.model.vocabulary
    text = "\n".join(page.read_text(encoding="utf-8") for page in sorted(TEXT.glob("*.md")))
    ids = vocabulary.encode(text[:20_000], bos=False)[:N_TOKENS]
    assert len(ids) == N_TOKENS
    model = of_transformers(AutoModelForCausalLM, file, dtype=torch.float32).eval()
    kl = np.concatenate(list(divergences(team, model, ids)))
    print(f"{file.name}: mean KL {kl.mean():.4f} nats, p99 {np.quantile(kl, 0.99):.4f}")
    assert kl.mean() <= 0.01


def test_the_chat_form_has_the_ids_of_transformers(smollm2: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = of_transformers(AutoTokenizer, smollm2)
    messages = [
        Message("system", "Be brief."),
        Message("user", "What is the capital of France?"),
    ]
    session = Session(open_alone(smollm2), system=messages[0].content)
    theirs = tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in messages], add_generation_prompt=True,
        return_dict=False,
    )  # fmt: skip
    assert session.prompt(messages[1].content) == list(theirs)
