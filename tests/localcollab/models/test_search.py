"""models search: by name, description, licence and size."""

from pathlib import Path

from localcollab.catalog import load_catalog
from localcollab.models.other_programs import Found
from localcollab.models.search import search_catalog, search_elsewhere

CATALOG = """
[models.alpha]
path = "alpha.gguf"
about = "writes Chess commentary"
licence = "MIT"

[models.chess]
path = "chess.gguf"
parameters = 1_540_000_000
licence = "Apache-2.0"
"""


def names(words: str, folder: Path) -> list[str]:
    path = folder / "models.toml"
    path.write_text(CATALOG)
    return [record["name"] for record in search_catalog(load_catalog(path), words)]


def test_all_words_must_occur_and_names_come_first(tmp_path: Path) -> None:
    assert names("CHESS", tmp_path) == ["chess", "alpha"]
    assert names("chess mit", tmp_path) == ["alpha"]
    assert names("chess 1.5b apache", tmp_path) == ["chess"]
    assert names("chess draughts", tmp_path) == []


def test_files_of_other_programs_are_found() -> None:
    files = [
        Found("tiny-1b", Path("/o"), 3 * 2**20, "Ollama"),
        Found("hubby", Path("/h"), 2**30, "Hub cache", "owner/name"),
    ]
    assert search_elsewhere(files, "ollama TINY") == files[:1]
    assert search_elsewhere(files, "owner/name gib") == files[1:]
    assert search_elsewhere(files, "nothing") == []
