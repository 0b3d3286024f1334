"""What model files, and files beside them, say of how a model is asked: chat templates and sampling."""

from collections.abc import Mapping
from pathlib import Path

from localcollab.chat.template import ChatTemplate
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption, BadTemplate
from localcollab.vocabulary import Vocabulary

_FILE_KEYS = {
    "temp": "temperature", "top_k": "top_k", "top_p": "top_p", "min_p": "min_p",
    "penalty_repeat": "repeat_penalty", "penalty_last_n": "repeat_last",
    "xtc_probability": "xtc_probability", "xtc_threshold": "xtc_threshold",
}  # fmt: skip
"""general.sampling.KEY of a GGUF file -> the option's name here."""


def read_template(path: Path) -> str:
    """Raises `BadTemplate`."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BadTemplate(
            f"{path} cannot be read as a template ({error}): check the path"
        ) from error


def recommended_sampling(metadata: Mapping[str, object]) -> dict[str, float]:
    """What a GGUF file recommends; an unusable value is ignored, since a file may say anything."""
    found: dict[str, float] = {}
    for key, name in _FILE_KEYS.items():
        value = metadata.get(f"general.sampling.{key}")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        try:
            number = int(value) if name in ("top_k", "repeat_last") else float(value)
            Sampling(**{name: number})  # type: ignore[arg-type]
        except (BadOption, OverflowError, ValueError):
            continue
        found[name] = number
    return found


def chat_template(text: str, name: str, vocabulary: Vocabulary) -> ChatTemplate:
    """A model's own template, with the texts of its special tokens. `name`: of its file."""
    bos, eos = (
        None if token is None else vocabulary.strings[token]
        for token in (vocabulary.bos, vocabulary.eos)
    )
    return ChatTemplate(text, name=name, bos=bos, eos=eos)
