"""The stem of a word in its language, by Snowball's algorithms (https://snowballstem.org)."""

import importlib
import re
import threading
import unicodedata
from functools import cache
from importlib.metadata import version
from typing import Protocol

ALGORITHMS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian",
    "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali",
    "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
"""Language (ISO 639-1) -> module of snowballstemmer. Words of other languages stay as they are."""


_TONES = re.compile("[\u0300\u0301\u0303\u0309\u0323]")
_CEDILLA = str.maketrans({"ș": "ş"})


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802


class _OfThread(threading.local):
    """A stemmer holds the word it works on."""

    def __init__(self) -> None:
        self.stemmers: dict[str, _Stemmer] = {}


_OF_THREAD = _OfThread()


def stem(word: str, language: str) -> str:
    """`word`: normal (see `folding`)."""
    if language == "vi":
        return _tone_last(word)
    if language == "tr":
        word = word.translate(_CEDILLA)
    name = ALGORITHMS.get(language)
    if name is None or word.isdigit():
        return word
    stemmers = _OF_THREAD.stemmers
    if language not in stemmers:
        # Not by `snowballstemmer.stemmer`, which takes another package where there is one.
        module = importlib.import_module(f"snowballstemmer.{name}_stemmer")
        stemmers[language] = getattr(module, f"{name.capitalize()}Stemmer")()
    return stemmers[language].stemWord(word)


def _tone_last(word: str) -> str:
    """The tone of a Vietnamese syllable behind its letters: `hòa` and `hoà` are one word."""
    if word.isascii():
        return word
    parted = unicodedata.normalize("NFD", word)
    bare = unicodedata.normalize("NFC", _TONES.sub("", parted))
    return bare + "".join(_TONES.findall(parted))


@cache
def stemmers_version() -> str:
    """Stems may change with it."""
    return f"snowballstemmer-{version('snowballstemmer')}"
