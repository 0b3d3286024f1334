"""What the catalogue keeps of a comparison with the original: written, read back, shown, refused."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from localcollab.catalog import VerifiedEntry, load_catalog, parse_catalog
from localcollab.errors import BadCatalog
from localcollab.models.installed import add, enter_made
from localcollab.models.listing import verified_text
from small_gguf import small_llama

FOUND = VerifiedEntry(
    "ab" * 32, "2026-01-31", "0.1.0", True, kl=0.0021, same_top1=0.9868, perplexity_change=-0.01,
    n_tokens=2048,
)  # fmt: skip
UNCOMPARED = VerifiedEntry("ab" * 32, "2026-01-31", "0.1.0", False)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    path = tmp_path / "small.gguf"
    path.write_bytes(small_llama(n_embd=64).to_bytes())
    return path


@pytest.mark.parametrize("found", [FOUND, UNCOMPARED])
def test_what_was_found_is_read_back_as_it_was(file: Path, found: VerifiedEntry) -> None:
    assert enter_made(file, "small", found) is None
    assert load_catalog().model("small").verified == found


def test_of_the_same_file_it_stays_and_of_another_it_goes(file: Path) -> None:
    enter_made(file, "small", FOUND)
    enter_made(file, "small", None)
    assert add(str(file), "small").verified == FOUND
    file.write_bytes(small_llama(n_embd=128).to_bytes())
    assert add(str(file), "small").verified is None


def test_a_name_of_another_file_is_kept_and_said(file: Path, tmp_path: Path) -> None:
    enter_made(file, "small", FOUND)
    other = tmp_path / "other.gguf"
    other.write_bytes(file.read_bytes())
    refusal = enter_made(other, "small", None)
    assert refusal == f"other.gguf: not entered, because 'small' is {file} in the catalogue"
    file.unlink()
    assert enter_made(other, "small", None) is None
    assert load_catalog().model("small").path == other


def test_it_is_shown_in_one_line() -> None:
    assert verified_text(FOUND) == (
        "2026-01-31 against abababababab: tokenizer equal, KL 0.0021 nats, same top-1 98.68 %, "
        "perplexity -1.00 % (2048 tokens, localcollab 0.1.0)"
    )
    assert verified_text(UNCOMPARED) == (
        "2026-01-31 against abababababab: tokenizer DIFFERS (localcollab 0.1.0)"
    )


SOUND = {"against": f'"{"ab" * 32}"', "date": '"2026-01-31"', "version": '"1"',
         "same_tokenizer": "true", "kl": "0.1"}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kl": "-1"}, "kl is -1: give nats, a number of 0 or more"),
        ({"kl": "nan"}, "kl is nan: give nats, a number of 0 or more"),
        ({"date": '"today"'}, "date is 'today': write it as \"2026-01-31\""),
        ({"same_tokenizer": '"yes"'}, "same_tokenizer is 'yes': write true or false"),
        ({"against": '"ab"'}, "against is 'ab': give 64 lower-case hexadecimal digits"),
        ({"kll": "1"}, "has the unknown key 'kll': did you mean kl?"),
    ],
)
def test_a_wrong_one_names_its_table_and_key(
    change: dict[str, str], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "models.toml"
    lines = [f"{key} = {value}" for key, value in (SOUND | change).items()]
    table = '[models.a]\npath = "a.gguf"\n[models.a.verified]\n'
    path.write_text(table + "\n".join(f"{key} = {value}" for key, value in SOUND.items()))
    assert parse_catalog(path).models["a"].verified == replace(
        UNCOMPARED, version="1", same_tokenizer=True, kl=0.1
    )
    path.write_text(table + "\n".join(lines))
    with pytest.raises(BadCatalog, match=re.escape(f"{path}: [models.a.verified] {said}")):
        parse_catalog(path)
