"""Numbers as lists spell them: letters, roman, circled; by the names of WordprocessingML."""

from collections.abc import Callable

_MOST_LETTERS = 780
"""Thirty of one letter; beyond it, figures."""
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
    (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_MOST_ROMAN = 3999
_LATIN = "abcdefghijklmnopqrstuvwxyz"
_RUSSIAN = "абвгдежзиклмнопрстуфхцчшщыэюя"
_CHINESE = "〇一二三四五六七八九"
_CIRCLED_1 = 0x2460
_MOST_CIRCLED = 20


def spelled(number: int, form: str) -> str:
    """`form`: as in `w:numFmt`; one that is not known is written in figures."""
    spell = _FORMS.get(form)
    return (spell(number) if spell is not None and number > 0 else "") or str(number)


def _letters(alphabet: str) -> Callable[[int], str]:
    """a to z, aa, bb, ..."""

    def spell(number: int) -> str:
        if number > _MOST_LETTERS:
            return ""
        times, place = divmod(number - 1, len(alphabet))
        return alphabet[place] * (times + 1)

    return spell


def _roman(number: int) -> str:
    if number > _MOST_ROMAN:
        return ""
    parts = []
    for value, letters in _ROMAN:
        times, number = divmod(number, value)
        parts.append(letters * times)
    return "".join(parts)


def _ordinal(number: int) -> str:
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _chinese(number: int) -> str:
    """一 to 九十九."""
    if number > 99:
        return ""
    tens, ones = divmod(number, 10)
    before = (_CHINESE[tens] if tens > 1 else "") + "十" if tens else ""
    return before + (_CHINESE[ones] if ones else "")


def _circled(number: int) -> str:
    return chr(_CIRCLED_1 + number - 1) if number <= _MOST_CIRCLED else ""


_FORMS: dict[str, Callable[[int], str]] = {
    "decimalZero": lambda number: f"{number:02}",
    "lowerLetter": _letters(_LATIN),
    "upperLetter": _letters(_LATIN.upper()),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "ordinal": _ordinal,
    "numberInDash": lambda number: f"- {number} -",
    "russianLower": _letters(_RUSSIAN),
    "russianUpper": _letters(_RUSSIAN.upper()),
    "chineseCounting": _chinese,
    "chineseCountingThousand": _chinese,
    "ideographDigital": _chinese,
    "japaneseCounting": _chinese,
    "taiwaneseCounting": _chinese,
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
}
