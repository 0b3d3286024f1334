"""One damaged file -> one run of the real command line that reads it."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from hostile import Case
from small_gguf import small_llama

Command = Callable[[Path, Path, int], Case]
"""The file, a folder of its own, a number."""


@cache
def _models(folder: Path) -> tuple[Path, Path]:
    paths = folder / "base.gguf", folder / "expert.gguf"
    for seed, path in enumerate(paths):
        path.write_bytes(small_llama(seed).to_bytes())
    return paths


def _team(path: Path, folder: Path, table: str, team: str) -> Case:
    base, expert = _models(folder.parents[1])
    catalog = folder / "models.toml"
    catalog.write_text(
        f'[models.base]\npath = "{base}"\n[models.expert]\npath = "{expert}"\n'
        f'[{table}.x]\npath = "{path}"\n'
        f"[teams.one]\n{team}\n"
    )
    arguments = ["run", "--models", str(catalog), "--team", "one", "the tin", "--max-tokens", "2"]
    return Case(folder.name, arguments, ends="either")


def heads(path: Path, folder: Path, n: int) -> Case:
    team = 'method = "deferral"\nbase = "base"\nexperts = ["expert"]\nhead = "x"'
    return _team(path, folder, "heads", team)


def bridges(path: Path, folder: Path, n: int) -> Case:
    team = 'method = "calm"\nbase = "base"\nexperts = ["expert"]\nbridge = "x"'
    return _team(path, folder, "bridges", team)


def mixtures(path: Path, folder: Path, n: int) -> Case:
    team = 'method = "mixture"\nmembers = ["base", "expert"]\nfitted = "x"'
    return _team(path, folder, "mixtures", team)


def rankers(path: Path, folder: Path, n: int) -> Case:
    """The encoder is a model of another kind, which is found only behind a sound ranker."""
    records, ranker = folder / "records.jsonl", folder / "ranker"
    records.write_text(
        '{"id": "1", "instruction": "Who?", "candidates": [{"text": "a"}, {"text": "b"}]}\n'
    )
    ranker.mkdir()
    (ranker / "ranker.safetensors").write_bytes(path.read_bytes())
    (ranker / "encoder.gguf").write_bytes(_models(folder.parents[1])[0].read_bytes())
    return Case(
        folder.name, ["rank", str(records), "--ranker", f"pairranker({ranker})"], ends="either"
    )


def catalogues(path: Path, folder: Path, n: int) -> Case:
    ways = (
        ["teams", "--models", str(path)],
        ["run", "--models", str(path), "--team", "t", "the tin"],
        ["models", "list", "--models", str(path)],
        ["models", "fit", "t", "--models", str(path)],
    )
    return Case(folder.name, ways[n % len(ways)], ends="either")


def settings(path: Path, folder: Path, n: int) -> Case:
    """The app itself reads it in a terminal only; see `fuzz_readers` for the rest."""
    place = folder / "config" / "localcollab" / "chat.toml"
    place.parent.mkdir(parents=True)
    place.write_bytes(path.read_bytes())
    environment = {"XDG_CONFIG_HOME": str(folder / "config")}
    return Case(folder.name, ["chat"], ends="error", environment=environment)


def imports(path: Path, folder: Path, n: int) -> Case:
    return _at_home(folder, ["history", "import", str(path)])


def archives(path: Path, folder: Path, n: int) -> Case:
    return _at_home(folder, ["teams", "import", str(path)])


def documents(path: Path, folder: Path, n: int) -> Case:
    return _at_home(folder, ["docs", "add", str(path)])


def histories(path: Path, folder: Path, n: int) -> Case:
    place = folder / "data" / "localcollab" / "history.sqlite3"
    place.parent.mkdir(parents=True)
    place.write_bytes(path.read_bytes())
    ways = (
        ["history", "list"], ["history", "search", "tin"], ["history", "search", "in", "--json"],
        ["history", "backup", str(folder / "b.sqlite3")], ["history", "list", "--json"],
    )  # fmt: skip
    return _at_home(folder, ways[n % len(ways)])


def collections(path: Path, folder: Path, n: int) -> Case:
    place = folder / "data" / "localcollab" / "collections" / "default.sqlite3"
    place.parent.mkdir(parents=True)
    place.write_bytes(path.read_bytes())
    ways = (
        ["docs", "list"],
        ["docs", "search", "the inner tin"],
        ["docs", "status"],
        ["docs", "sync"],
    )
    return _at_home(folder, ways[n % len(ways)])


def _at_home(folder: Path, arguments: list[str]) -> Case:
    environment = {"XDG_DATA_HOME": str(folder / "data")}
    return Case(folder.name, arguments, ends="either", environment=environment)


COMMANDS: dict[str, Command] = {
    command.__name__: command
    for command in (
        heads, bridges, rankers, mixtures, catalogues, settings, imports, archives, histories,
        collections,
        documents,
    )
}  # fmt: skip
