"""What a chat answers with where nothing is named."""

from pathlib import Path

import pytest

from localcollab.catalog import load_catalog
from localcollab.errors import BadCatalog
from localcollab.teams.choosing import chat_choices
from small_gguf import BOOL, STRING, small_llama

MINE = '[models.mine]\npath = "mine.gguf"\n'
YOURS = '[models.yours]\npath = "yours.gguf"\n'
PAIR = '[teams.pair]\nmethod = "speculation"\nbase = "mine"\ndraft = "yours"\n'


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two models, and nothing that another test has added."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for seed, name in enumerate(("mine", "yours")):
        (tmp_path / f"{name}.gguf").write_bytes(small_llama(seed).to_bytes())
    return tmp_path


def choices(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "models.toml"
    path.write_text(text)
    return chat_choices(load_catalog(path))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ("formulary",)),
        (MINE, ("mine",)),
        (MINE + YOURS, ("mine", "yours")),
        (MINE + YOURS + PAIR, ("pair",)),
        (f"default = 'mine'\n{MINE}{YOURS}", ("mine",)),
        (f"default = 'formulary'\n{MINE}", ("formulary",)),
        ('[models.gone]\npath = "gone.gguf"\n', ("formulary",)),
        (PAIR, ("formulary",)),
    ],
)
def test_the_users_own_come_before_what_ships(
    text: str, found: tuple[str, ...], files: Path
) -> None:
    assert choices(files, text) == found


def test_what_writes_no_text_is_no_choice(files: Path) -> None:
    encoder = small_llama().with_key("llama.attention.causal", BOOL, False)
    (files / "yours.gguf").write_bytes(encoder.to_bytes())
    (files / "lora.gguf").write_bytes(
        small_llama().with_key("general.type", STRING, "adapter").to_bytes()
    )
    (files / "bad.gguf").write_bytes(b"nothing")
    others = '[models.lora]\npath = "lora.gguf"\n[models.bad]\npath = "bad.gguf"\n'
    assert choices(files, MINE + YOURS + others) == ("mine",)


def test_a_bad_default_is_an_error(files: Path) -> None:
    with pytest.raises(BadCatalog, match=r"default = 'none' in models\.toml"):
        choices(files, "default = 'none'\n")
