"""What an answer was sampled with, as JSON values by name: shown, and stored with the answer."""

from dataclasses import fields

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling

_ALWAYS = ("temperature", "seed", "max_tokens")
_UNNAMED = ("allowed_loops",)
"""Ids of tokens, which say nothing to a reader."""


def options_used(sampling: Sampling, limits: Limits) -> dict[str, object]:
    """Those that always matter, and those that differ from "off"."""
    return {
        each.name: _plain(getattr(record, each.name))
        for record in (sampling, limits)
        for each in fields(record)
        if each.name not in _UNNAMED
        and (each.name in _ALWAYS or getattr(record, each.name) != each.default)
    }


def _plain(value: object) -> object:
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
