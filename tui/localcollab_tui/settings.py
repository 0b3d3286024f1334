"""chat.toml in the user's configuration folder: the theme, the prompt cache, and keys by binding name.

theme = "nord"
prompt_cache_gb = 4
[keys]
"chat.search" = "ctrl+r"
"""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs
from textual.keys import REPLACED_KEYS, Keys, key_to_character

from localcollab.errors import BadOption

DEFAULT_THEME = "textual-dark"
_MOST_GB = 10_000
_MODIFIERS = {"ctrl", "alt", "shift", "super", "hyper", "meta"}
_KEY_NAMES = {key.value for key in Keys} | set(REPLACED_KEYS)


@dataclass(frozen=True, slots=True)
class Settings:
    theme: str | None = None
    keys: dict[str, str] = field(default_factory=dict)
    prompt_cache_gb: float | None = None
    """The most that states of models may take on disk; 0: none are kept; None: the default."""


def settings_path() -> Path:
    return platformdirs.user_config_path("localcollab") / "chat.toml"


def load_settings(path: Path) -> Settings:
    """Without a file, the defaults. Raises `BadOption`."""
    if not path.is_file():
        return Settings()
    import tomllib

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadOption(f"{path}: not valid TOML ({error}): correct the file") from error
    unknown = sorted(set(table) - {"theme", "keys", "prompt_cache_gb"})
    if unknown:
        raise BadOption(
            f"{path}: unknown key {unknown[0]!r}: only theme, prompt_cache_gb and [keys] are allowed"
        )
    theme, keys = table.get("theme"), table.get("keys", {})
    size = table.get("prompt_cache_gb")
    if size is not None and not (type(size) in (int, float) and 0 <= size <= _MOST_GB):
        raise BadOption(
            f"{path}: prompt_cache_gb is {size!r}: give gigabytes, such as 2; 0 switches it off"
        )
    if not isinstance(theme, str | None):
        raise BadOption(f"{path}: theme is {theme!r}: it must be the name of a theme")
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise BadOption(f'{path}: [keys] must hold lines like "chat.search" = "ctrl+r"')
    return Settings(theme, keys, size)


def save_theme(path: Path, theme: str) -> None:
    """Change the theme line and no other."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    at = next((n for n, line in enumerate(lines) if line.strip().startswith("[")), len(lines))
    top = [line for line in lines[:at] if line.partition("=")[0].strip() != "theme"]
    text = "\n".join([f'theme = "{theme}"', *top, *lines[at:]]) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def key_problems(keys: Mapping[str, str], known: Collection[str]) -> list[str]:
    """One line for each entry that Textual would ignore. `known`: the names of all bindings."""
    found = [
        f"[keys] {id_!r} is not a binding: did you mean {_nearest(id_, known)!r}?"
        for id_ in keys
        if id_ not in known
    ]
    for id_, value in keys.items():
        wrong = [key for key in map(str.strip, value.split(",")) if not _is_key(key)]
        found += [
            f"[keys] {id_}: {key!r} is not a key: write keys like ctrl+r or f3" for key in wrong
        ]
    return found


def _nearest(id_: str, known: Collection[str]) -> str:
    return difflib.get_close_matches(id_, sorted(known), 1, cutoff=0.0)[0]


def _is_key(key: str) -> bool:
    *modifiers, last = key.split("+")
    is_named = key in _KEY_NAMES or last in _KEY_NAMES or len(last) == 1
    return set(modifiers) <= _MODIFIERS and (is_named or key_to_character(last) is not None)
