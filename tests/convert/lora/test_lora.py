"""A LoRA made with peft, through GGUF, on weights that another context shares."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from localcollab.catalog import SHIPPED
from localcollab.errors import BadModelFile
from localcollab.llama.adapter import set_adapter
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.weights import load_weights
from localcollab.teams.open import open_team
from localcollab.teams.plan import Member, TeamPlan
from localcollab_convert.formats.llama import load_llama
from localcollab_convert.lora.make import make_lora
from localcollab_convert.lora.request import LoraRequest, LoraResult
from random_llama import random_llama, write_gguf
from real_tokenizers import llama_cpp_sdist

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),  # peft's
]
TOKENS = [1, *range(270, 330)]
EXACT = Options(n_ctx=128, kv_type="f32", flash_attention="off", n_outputs=64)


def ignore(_line: str) -> None:
    pass


def adapted(seed: int, *, n_embd: int = 128) -> Any:
    return with_lora(random_llama(seed, n_embd=n_embd), seed)


def with_lora(model: Any, seed: int, std: float = 0.1) -> Any:
    """A LoRA whose both halves are random: peft starts B at zero."""
    from peft import LoraConfig, get_peft_model

    modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = LoraConfig(r=4, lora_alpha=8, target_modules=modules, task_type="CAUSAL_LM")
    model = get_peft_model(model, config).eval()
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(0, std)
    return model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(random_llama(0), tmp_path_factory.mktemp("lora") / "base.gguf")


def convert(peft: Path, base: Path, out: Path) -> LoraResult:
    request = LoraRequest(peft=peft, base=base, out=out, converter=llama_cpp_sdist())
    return make_lora(request, lambda _: None)


@pytest.fixture(scope="module")
def peft_model(base: Path) -> Any:
    model = adapted(0)
    model.save_pretrained(base.parent / "peft")
    return model


@pytest.fixture(scope="module")
def adapter(base: Path, peft_model: Any) -> Path:
    out = base.with_name("adapter.gguf")
    made = convert(base.parent / "peft", base, out)
    assert (made.rank, made.path) == (4, out)
    return out


def pytorch_logits(model: Any, tokens: list[int] = TOKENS) -> np.ndarray:
    with torch.inference_mode():
        logits: np.ndarray = model(input_ids=torch.tensor([tokens])).logits[0].numpy()
    return logits


def assert_equal(logits: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(logits - expected).max() <= 0.01 * np.abs(expected).max()


def test_logits_equal_pefts_and_the_shared_base_stays_as_it_was(
    base: Path, adapter: Path, peft_model: Any
) -> None:
    weights = load_weights(base, EXACT, extra_buffers=False)
    plain = LlamaModel(weights, EXACT, name="base")
    expert = LlamaModel(weights, EXACT, name="expert")
    set_adapter(expert, adapter)
    theirs = pytorch_logits(peft_model)
    with peft_model.disable_adapter():
        theirs_plain = pytorch_logits(peft_model)
    n = len(TOKENS)
    # One after the other, in turns: nothing of one context reaches the other.
    for _ in range(2):
        assert_equal(expert.read(TOKENS, last=n).logits, theirs)
        assert_equal(plain.read(TOKENS, last=n).logits, theirs_plain)
        expert.forget()
        plain.forget()
    assert np.abs(theirs - theirs_plain).max() > 0.1 * np.abs(theirs_plain).max()


def test_on_the_shipped_base_logits_equal_pefts(tmp_path: Path) -> None:
    base = SHIPPED / "formulary" / "base.gguf"
    peft_model = with_lora(load_llama(base), 0, std=0.05)
    peft_model.save_pretrained(tmp_path / "peft")
    adapter = tmp_path / "adapter.gguf"
    convert(tmp_path / "peft", base, adapter)
    expert = LlamaModel(load_weights(base, EXACT, extra_buffers=False), EXACT, name="expert")
    set_adapter(expert, adapter)
    tokens = expert.vocabulary.encode("User: Who makes Hicelmide?\nAssistant:\nThe maker of")
    theirs = pytorch_logits(peft_model, tokens)
    assert_equal(expert.read(tokens, last=len(tokens)).logits, theirs)
    with peft_model.disable_adapter():
        plain = pytorch_logits(peft_model, tokens)
    assert np.abs(theirs - plain).max() > 0.1 * np.abs(theirs).max()


def test_a_team_of_base_and_adapted_expert_shares_one_copy_of_the_weights(
    base: Path, adapter: Path
) -> None:
    members = (Member("base", base), Member("expert", base, adapter))
    team = open_team(TeamPlan("team", members, gate="always"), Options(n_ctx=64))
    models = list(team.members.values())
    assert all(isinstance(model, LlamaModel) for model in models)
    assert models[0].weights is models[1].weights  # type: ignore[attr-defined]
    sha256s = {verdict.sha256 for verdict in team.verdicts.values()}
    assert len(sha256s) == 2


def test_an_adapter_of_another_base_is_refused_and_leaves_no_file(
    base: Path, tmp_path: Path
) -> None:
    adapted(1, n_embd=192).save_pretrained(tmp_path / "peft")
    out = tmp_path / "other.gguf"
    with pytest.raises(BadModelFile, match=r"base\.gguf|converter failed"):
        convert(tmp_path / "peft", base, out)
    assert [path.name for path in tmp_path.iterdir()] == ["peft"]


def test_a_file_that_is_no_adapter_is_refused(base: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.gguf"
    text.write_text("no adapter")
    model = LlamaModel(load_weights(base, EXACT, extra_buffers=False), EXACT, name="m")
    with pytest.raises(BadModelFile, match="convert lora"):
        set_adapter(model, text)
    with pytest.raises(BadModelFile, match="does not fit"):
        set_adapter(model, base)


_PEAK = """
import json, re, sys
from pathlib import Path
from localcollab.teams.open import open_team
from localcollab.teams.plan import Member, TeamPlan
from localcollab.llama.options import Options
base, adapter = map(Path, sys.argv[1:3])
members = (Member("base", base), Member("expert", base, adapter))
team = open_team(TeamPlan("team", members, gate="always"), Options(n_ctx=512))
team.model.read(list(range(270, 470)))
weights = team.base.weights
# Not ru_maxrss: a process inherits that of the one that started it.
peak = int(re.search(r"VmHWM:[^0-9]*([0-9]+)", Path("/proc/self/status").read_text())[1]) * 1024
print(json.dumps([peak, weights.size_bytes, weights.kv_bytes_per_token(2) * 512]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_peak_memory_is_one_copy_of_the_weights_and_two_caches(tmp_path: Path) -> None:
    """Weights of 130 MB, so that a second copy would be seen."""
    n_embd = 1024
    path = write_gguf(random_llama(2, n_layers=8, n_embd=n_embd), tmp_path / "large.gguf")
    peft_model = adapted_large(n_embd)
    peft_model.save_pretrained(tmp_path / "peft")
    out = tmp_path / "adapter.gguf"
    convert(tmp_path / "peft", path, out)
    command = [sys.executable, "-c", _PEAK, str(path), str(out)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    peak, weights, cache = json.loads(said)
    assert weights > 120e6
    assert peak < weights + 2 * cache + 120e6


def adapted_large(n_embd: int) -> Any:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    return get_peft_model(random_llama(2, n_layers=8, n_embd=n_embd), config)
