"""Two forms of a text: without differences of case and width (`normal`), without accents (`plain`)."""

import re
import unicodedata

_POINTING = (
    "\u0640\u200b\u00ad"  # tatweel, zero-width space, soft hyphen
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew
    "\u0610-\u061a\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed"  # Arabic
)
"""Signs that most texts leave out."""
_POINTED = re.compile(f"[{_POINTING}]")
_ACCENTS = re.compile("[\u0300-\u036f\u0653-\u0655\u093c\u1dc0-\u1dff]")
_SHORT_I = re.compile("и\u0306")
"""A letter of its own in Cyrillic, which decomposes as if accented."""
_LETTERS = str.maketrans(
    {
        "ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "þ": "th", "æ": "ae",
        "œ": "oe", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ँ": "ं",
    }
)  # fmt: skip
"""Letters that are written for one another and do not decompose."""
_WRITTEN_FOR = str.maketrans({"ş": "ș", "ţ": "ț"})
"""Romanian letters with a cedilla, as older keyboards write them; Turkish ones are told apart nowhere."""
_TURKIC_CAPITALS = str.maketrans({"I": "ı", "İ": "i"})
TURKIC = frozenset({"az", "tr"})
"""Languages in which I is the capital of ı."""
_DIGIT = re.compile(r"(?![0-9])\d")


def normal(text: str) -> str:
    """NFKC with case folded, digits of all scripts as 0 to 9, Arabic and Hebrew without pointing."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    folded = _POINTED.sub("", folded.replace("i\u0307", "i")).translate(_WRITTEN_FOR)
    return _DIGIT.sub(lambda found: str(unicodedata.decimal(found[0])), folded)


def normal_in(text: str, language: str) -> str:
    """`normal`, with the capitals of the language."""
    is_other = language in TURKIC and ("I" in text or "İ" in text)
    return normal(text.translate(_TURKIC_CAPITALS) if is_other else text)


def plain(word: str) -> str:
    """`word`: normal. Without accents, as it is typed on any keyboard."""
    if word.isascii():
        return word
    parted = unicodedata.normalize("NFD", word)
    parted = _ACCENTS.sub("", _SHORT_I.sub("й", parted))
    return unicodedata.normalize("NFC", parted).translate(_LETTERS)
