"""chat.toml in the user's configuration folder: the theme, and keys by binding id.

theme = "nord"
[keys]
"chat.search" = "ctrl+r"
"""

from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from localcollab.errors import BadOption

DEFAULT_THEME = "textual-dark"


@dataclass(frozen=True, slots=True)
class Settings:
    theme: str | None = None
    keys: dict[str, str] = field(default_factory=dict)


def settings_path() -> Path:
    return platformdirs.user_config_path("localcollab") / "chat.toml"


def load_settings(path: Path) -> Settings:
    """Without a file, the defaults. Raises `BadOption`."""
    if not path.is_file():
        return Settings()
    import tomllib

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadOption(f"{path}: cannot be read as TOML ({error}): mend it") from error
    unknown = sorted(set(table) - {"theme", "keys"})
    if unknown:
        raise BadOption(f"{path}: unknown key {unknown[0]!r}: it knows theme and [keys]")
    theme, keys = table.get("theme"), table.get("keys", {})
    if not isinstance(theme, str | None):
        raise BadOption(f"{path}: theme is {theme!r}: give the name of a theme")
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise BadOption(f'{path}: [keys] must hold lines like "chat.search" = "ctrl+r"')
    return Settings(theme, keys)


def save_theme(path: Path, theme: str) -> None:
    """Change the theme line, and leave every other line as it is."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    at = next((n for n, line in enumerate(lines) if line.strip().startswith("[")), len(lines))
    top = [line for line in lines[:at] if line.partition("=")[0].strip() != "theme"]
    text = "\n".join([f'theme = "{theme}"', *top, *lines[at:]]) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
