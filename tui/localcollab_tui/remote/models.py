"""What a server offers: names, and what one of localcollab tells of them beside."""

from dataclasses import dataclass
from typing import Any

from localcollab_tui.remote.connection import Server, ServerFailed, one_line


@dataclass(frozen=True, slots=True)
class Model:
    """One of those that a server offers."""

    name: str
    is_ours: bool = False
    """It tells who writes each token."""
    members: tuple[str, ...] = ()
    n_ctx: int = 0
    """0: the server does not tell it."""


class Offered:
    """The models of one server, as it was asked last."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.names: tuple[str, ...] = ()

    def ask(self) -> tuple[Model, ...]:
        """Raises `ServerFailed`."""
        models = models_of(self.server)
        self.names = tuple(model.name for model in models)
        return models


def models_of(server: Server) -> tuple[Model, ...]:
    """That can chat. Raises `ServerFailed`."""
    said = server.get("/models")
    try:
        models = tuple(_model(each) for each in said["data"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ServerFailed(
            f"{server.address} has no list of models: give the address of a server with OpenAI's API"
        ) from error
    return tuple(model for model in models if model is not None)


def _model(told: Any) -> Model | None:
    own = told.get("localcollab")
    if not isinstance(told["id"], str):
        raise TypeError("a name that is not a text")
    if not told["id"].isprintable():
        return None
    if own is None:
        return Model(told["id"], n_ctx=_count(told.get("max_model_len")))
    if own.get("kind") == "encoder":
        return None
    members = own.get("authors") or [each["name"] for each in own.get("members", ())]
    names = tuple(one_line(str(member)) for member in members)
    return Model(told["id"], True, names, _count(own.get("n_ctx")))


def _count(told: object) -> int:
    return told if isinstance(told, int) and told > 0 else 0
