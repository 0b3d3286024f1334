"""The parameters that errors of the library name in backticks, as the chat's user knows them."""

from localcollab.errors import PARAMETER

COMMANDS = {name: f"/{name}" for name in ("docs", "gate", "system", "team", "threshold")}
"""Set by a command in the chat."""
FLAGS = {
    "adapter": "--adapter", "base": "--base", "draft": "--draft", "experts": "--expert",
    "head": "--head", "models": "--models", "n_ctx": "--n-ctx", "n_threads": "--threads",
}  # fmt: skip
"""Set when the chat is started."""
_SHOWN = COMMANDS | FLAGS


def named_for_chat(message: str) -> str:
    """ "give a larger `n_ctx`" -> "give a larger --n-ctx"; options of /set stand as they are typed."""
    return PARAMETER.sub(lambda found: _SHOWN.get(found[1], found[1]), message)
