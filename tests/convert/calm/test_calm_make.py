"""`convert calm` on small GGUF files: what it writes runs, resumes, and says what is wrong."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from localcollab.errors import BadData, BadModelFile, BadOption, BridgeMismatch, VocabularyMismatch
from localcollab.llama.options import Options
from localcollab.llama.weights import load_weights
from localcollab.methods.bridges import load_bridge
from localcollab.methods.calm import CalmModel
from localcollab.teams.plan import Member
from localcollab_convert.calm.composition import Composition
from localcollab_convert.calm.make import BridgeMaker, make_bridge
from localcollab_convert.calm.models import find_members, load_frozen, require_same_logits
from localcollab_convert.calm.request import BridgeRequest, Recipe, parse_layers
from random_llama import random_llama, write_gguf

pytestmark = pytest.mark.weights
RECIPE = Recipe(
    n_inner=32, n_heads=2, n_steps=80, batch=8, eval_every=20, warmup_steps=4, learning_rate=1e-2
)
EXACT = Options(flash_attention="off", n_ctx=128, kv_type="f32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("calm")
    write_gguf(random_llama(0, n_layers=4, n_embd=64), made / "anchor.gguf")
    write_gguf(random_llama(1, n_embd=64), made / "augmenting.gguf")
    lines = [
        json.dumps({"prompt": f"w{n} w{n + 1}", "completion": " w7 w8", "kind": "copy"})
        for n in range(10, 34)
    ]
    (made / "data.jsonl").write_text("\n".join(lines))
    return made


def ignore(_line: object) -> None:
    pass


def request(folder: Path, out: Path) -> BridgeRequest:
    return BridgeRequest(
        anchor=Member("anchor", folder / "anchor.gguf"),
        augmenting=(Member("augmenting", folder / "augmenting.gguf"),),
        data=folder / "data.jsonl",
        out=out,
        work=out.with_name(out.name + ".work"),
        recipe=RECIPE,
        layers=((0, 0), (1, 2)),
        n_ctx=128,
        n_threads=1,
    )


def test_a_bridge_is_trained_measured_written_and_resumed(folder: Path, tmp_path: Path) -> None:
    asked = request(folder, tmp_path / "b.safetensors")
    result = make_bridge(asked, ignore, ignore)
    trained, accuracy = result.trained, result.accuracy
    assert accuracy is not None
    assert (trained.n_train, trained.n_valid, accuracy.n) == (22, 2, 2)
    assert trained.curve[-1].valid_loss < 0.5 * trained.curve[0].valid_loss
    assert accuracy.by_kind == {"copy": (accuracy.anchor, accuracy.composed)}
    assert accuracy.anchor == 0.0
    assert (tmp_path / "b.curve.png").read_bytes().startswith(b"\x89PNG")
    first = load_bridge(asked.out)
    asked.out.unlink()
    notes: list[str] = []
    again_made = make_bridge(asked, ignore, notes.append)
    assert notes == ["train: up to date", "measure: up to date"]
    assert [(pair.source, pair.target) for pair in again_made.pairs] == [(0, 0), (1, 2)]
    again = load_bridge(asked.out)
    assert again.metadata == first.metadata
    for mine, theirs in zip(again.pairs, first.pairs, strict=True):
        np.testing.assert_array_equal(mine.output, theirs.output)
    assert_the_runtime_equals_pytorch(folder, asked)


def assert_the_runtime_equals_pytorch(folder: Path, asked: BridgeRequest) -> None:
    bridge = load_bridge(asked.out)
    models = [
        load_frozen(folder / f"{name}.gguf", 10**6, torch.device("cpu"))
        for name in ("anchor", "augmenting")
    ]
    composition = Composition(
        models[0], models[1:], bridge.metadata.pairs, 32, 2, bridge.metadata.slopes
    )
    composition.load(bridge.pairs)
    tokens = np.random.default_rng(0).integers(3, 512, 60).tolist()
    with torch.no_grad():
        expected = composition(torch.tensor([tokens]))[0].numpy()
    weights = [
        load_weights(folder / f"{name}.gguf", EXACT, extra_buffers=False)
        for name in ("anchor", "augmenting")
    ]
    model = CalmModel("calm", weights[0], {"augmenting": weights[1]}, bridge, EXACT)
    got = model.read(tokens, last=len(tokens)).logits
    assert np.abs(got - expected).max() <= 1e-4 * np.abs(expected).max()


def test_a_bridge_that_gains_nothing_is_not_written(folder: Path, tmp_path: Path) -> None:
    asked = request(folder, tmp_path / "b.safetensors")
    asked = replace(asked, recipe=replace(asked.recipe, n_steps=1, learning_rate=1e-12))
    with pytest.raises(BridgeMismatch, match="no better than the anchor alone"):
        BridgeMaker(asked, lambda _: None, lambda _: None).make()
    assert not asked.out.exists()


def test_what_is_asked_for_wrongly_is_said_before_anything_is_loaded(
    folder: Path, tmp_path: Path
) -> None:
    asked = request(folder, tmp_path / "b.safetensors")
    with pytest.raises(BadOption, match="give `augmenting`"):
        replace(asked, augmenting=())
    with pytest.raises(BadData, match="no such file"):
        BridgeMaker(replace(asked, data=folder / "none.jsonl"), print, print)
    adapted = Member("anchor", folder / "anchor.gguf", folder / "lora.gguf")
    with pytest.raises(BadOption, match="merge it into its weights"):
        replace(asked, anchor=adapted)
    twice = find_members((str(folder / "augmenting.gguf"),) * 2)
    with pytest.raises(BadOption, match="`augmenting` has the name augmenting twice"):
        replace(asked, augmenting=twice)
    with pytest.raises(BadOption, match="`layers` has a pair twice"):
        replace(asked, layers=parse_layers("0:0,00:0"))
    with pytest.raises(BadOption, match="`n_pairs` is 2, and `layers` is given too"):
        replace(asked, n_pairs=2)
    with pytest.raises(BadOption, match="`measure_on` is 0: give 1 or more"):
        replace(asked, measure_on=0)
    with pytest.raises(
        BadOption, match=r"`out` is b\.gguf: give a name that ends in \.safetensors"
    ):
        replace(asked, out=Path("b.gguf"))


@pytest.mark.parametrize("text", ["1-2", "", "0", "0:x"])
def test_layers_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(BadOption, match=f"`layers` is '{text}': give AUGMENTING:ANCHOR"):
        parse_layers(text)


def test_a_file_that_pytorch_reads_otherwise_is_refused(folder: Path) -> None:
    path = folder / "anchor.gguf"
    model = load_frozen(path, 10**6, torch.device("cpu"))
    runtime = BridgeMaker(request(folder, folder / "x.safetensors"), print, print)._runtime
    tokens = list(range(10, 40))
    require_same_logits(path, model, runtime, tokens)
    with torch.no_grad():
        model.model.layers[1].self_attn.q_proj.weight.mul_(-1)
    with pytest.raises(BadModelFile, match="transformers reads it differently"):
        require_same_logits(path, model, runtime, tokens)


def test_models_of_two_vocabularies_are_refused(folder: Path, tmp_path: Path) -> None:
    shipped = Path(__file__).parents[3] / "localcollab/shipped/formulary"
    asked = request(folder, tmp_path / "b.safetensors")
    asked = replace(asked, augmenting=(Member("formulary", shipped / "formulary.gguf"),))
    with pytest.raises(VocabularyMismatch, match="formulary"):
        BridgeMaker(asked, lambda _: None, lambda _: None).make()
