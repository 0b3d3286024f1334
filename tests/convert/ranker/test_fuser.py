"""GenFuser's kind (Flan-T5) converted and run without torch: the ids and words of transformers."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from localcollab.blend.events import Chosen
from localcollab.blend.fuser import fuse
from localcollab.blend.gen_fuser import T5Fuser, write_source
from localcollab.blend.open import open_blend
from localcollab.blend.request import FuseRequest, RankRequest
from localcollab.blend.residence import forecast_needs
from localcollab.blend.session import BlendSession
from localcollab.catalog import Catalog, load_catalog
from localcollab.cli.fuse import print_fused
from localcollab.decoding.answer_text import Limits
from localcollab.errors import BadOption
from localcollab.events import Finished
from localcollab.llama.encoder_decoder import EncoderDecoder, load_encoder_decoder
from localcollab.llama.options import Options
from localcollab.teams.plan import Member, TeamPlan, plan_from_catalog
from localcollab_convert.model.conversion import Conversion
from localcollab_convert.model.request import ModelRequest
from real_tokenizers import write_unigram
from small_gguf import small_llama
from tiny_models import TEXT

pytestmark = pytest.mark.slow
N_NEW = 12
RECORD: dict[str, Any] = {
    "id": "a", "instruction": "Name the rivers of this land.", "input": "Sugar  and salt",
    "candidates": [{"model": "m", "text": "one of the two "}, {"model": "n", "text": "both: in it</s>"},
                   {"model": "o", "text": "  they sat"}],
}  # fmt: skip
PARTS = (RECORD["instruction"], RECORD["input"])
TEXTS = [given["text"] for given in RECORD["candidates"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flan-T5's own choices, but for the sizes: gated GELU, an untied head, 100 sentinels and 28 more."""
    folder = tmp_path_factory.mktemp("fuser") / "flan"
    folder.mkdir()
    n_pieces = write_unigram(folder, TEXT)
    config = folder / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"extra_ids": 100}))
    torch.manual_seed(1)
    chosen = transformers.T5Config(
        vocab_size=n_pieces + 128, d_model=64, d_kv=16, d_ff=128, num_layers=2, num_heads=4,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False, decoder_start_token_id=0,
    )  # fmt: skip
    transformers.T5ForConditionalGeneration(chosen).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def file(folder: Path) -> Path:
    asked = ModelRequest(source=folder, types=("F32",), name="flan", out=folder.parent)
    return Conversion(asked, lambda _line: None, lambda _line: None).quantized("F32").path


@pytest.fixture(scope="module")
def model(file: Path) -> EncoderDecoder:
    return load_encoder_decoder(file, Options(n_ctx=512, kv_type="f32", flash_attention="off"))


def published(tokenizer: Any, candidates: list[str]) -> list[int]:
    """The source as GenFuser's authors write and tokenize it."""
    given = "</s>".join(f"Candidate {n}: <extra_id_{n}>:{c}" for n, c in enumerate(candidates))
    request = "Summarize candidates into a better one for the given instruction:"
    text = "</s>".join([f"Instruction: {PARTS[0]}", f"Input: {PARTS[1]}", given, request])
    ids: list[int] = tokenizer(text, add_special_tokens=False).input_ids
    return ids


def originally(folder: Path, source: list[int]) -> list[int]:
    """What transformers writes, greedily."""
    original = transformers.T5ForConditionalGeneration.from_pretrained(folder).eval()
    greedy = transformers.GenerationConfig(max_new_tokens=N_NEW, decoder_start_token_id=0)
    with torch.inference_mode():
        ids: list[int] = original.generate(torch.tensor([source]), generation_config=greedy)[
            0
        ].tolist()
    return [token for token in ids[1:] if token != original.config.eos_token_id]


def plain(texts: list[str]) -> list[str]:
    """Without the end that is hidden in one: as text it has no published form."""
    return [text.replace("</s>", "") for text in texts]


def test_a_source_has_the_ids_of_the_published_form(folder: Path, model: EncoderDecoder) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert write_source(model.vocabulary, *PARTS, plain(TEXTS)) == published(
        tokenizer, plain(TEXTS)
    )


def test_it_writes_what_transformers_writes(folder: Path, model: EncoderDecoder) -> None:
    source = write_source(model.vocabulary, *PARTS, plain(TEXTS))
    fused = fuse(T5Fuser(model), PARTS[0], plain(TEXTS), given=PARTS[1], limits=Limits(N_NEW))
    theirs = originally(folder, source)
    assert len(theirs) > 3
    assert fused == model.vocabulary.decode(theirs)


def test_the_command_fuses_by_a_file(
    folder: Path,
    file: Path,
    model: EncoderDecoder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps(RECORD) + "\n")
    ranks = RankRequest(data, "longest", options=Options(n_ctx=512))
    print_fused(FuseRequest(ranks, str(file), top_k=2, limits=Limits(N_NEW)), as_json=True)
    said = json.loads(capsys.readouterr().out)
    # By length: the second, then the first.
    source = write_source(model.vocabulary, *PARTS, [TEXTS[1], TEXTS[0]])
    expected = model.vocabulary.decode(originally(folder, source))
    assert said == {"id": "a", "output": expected, "n_fused": 2, "why": ""}


@pytest.fixture
def catalog(file: Path, tmp_path: Path) -> Catalog:
    for n in range(2):
        (tmp_path / f"m{n}.gguf").write_bytes(small_llama(n).to_bytes())
    path = tmp_path / "models.toml"
    path.write_text(
        '[models.m]\npath = "m0.gguf"\n[models.n]\npath = "m1.gguf"\n'
        f'[models.flan]\npath = "{file}"\n'
        '[teams.fused]\nmethod = "blend"\nmembers = ["m", "n"]\nranker = "longest"\nfuser = "flan"\n'
        '[teams.wrong]\nmethod = "blend"\nmembers = ["m", "flan"]\nranker = "longest"\n'
    )
    return load_catalog(path)


def opened(catalog: Catalog, team: str) -> BlendSession:
    plan = plan_from_catalog(catalog, catalog.team(team))
    recipe, residence = open_blend(plan, Options(n_ctx=256))
    return BlendSession(recipe, residence.open, residence.open_fuser)


def test_a_catalogue_names_it_as_fuser(catalog: Catalog) -> None:
    events = list(opened(catalog, "fused").ask("Hi", limits=Limits(max_tokens=6)))
    assert [event for event in events if isinstance(event, Chosen)] == [Chosen(None, "flan")]
    last = events[-1]
    assert isinstance(last, Finished)
    assert set(last.authors) == {"flan"}


def test_it_is_refused_as_a_member(catalog: Catalog) -> None:
    session = opened(catalog, "wrong")
    with pytest.raises(BadOption, match="flan is of T5's kind, which fuses and does no more"):
        list(session.ask("Hi", limits=Limits(max_tokens=4)))


def test_its_need_is_foretold_with_room_for_a_whole_source(file: Path) -> None:
    plans = {"flan": TeamPlan("flan", (Member("base", file),))}
    small, large = (forecast_needs(plans, Options(n_ctx=n)).teams["flan"] for n in (256, 2048))
    # Every place of a source attends to every other at once.
    assert large - file.stat().st_size > 16 * (small - file.stat().st_size)
