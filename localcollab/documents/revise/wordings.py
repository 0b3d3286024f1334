"""A sentence without what newer documents add to a value: since when it holds, "now", "was raised to".

"From 1 March 2026 the monthly rent is 870 euros" and "The rent was raised from 845 to 870 euros" state
"The monthly rent is 870 euros". All that is not named here stays, and decides against a change.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from localcollab.documents.checking.dates import dates
from localcollab.documents.checking.detection import KNOWN
from localcollab.documents.checking.language import Language

_SINCE = (
    r"as\s+(?:of|from)|from|since|effective(?:\s+(?:from|as\s+of))?|with\s+effect\s+from"
    r"|(?:starting|beginning)(?:\s+(?:on|from|in))?"
    r"|ab(?:\s+dem)?|seit(?:\s+dem)?|mit\s+wirkung\s+(?:vom|zum|ab)"
    r"|à\s+(?:partir|compter)\s+du|depuis\s+le|a\s+partir\s+del?|desde\s+(?:el)?|a\s+partire\s+dal|dal"
)
_ONWARDS = r"(?:\s+(?:on|onwards?|forward|an|en\s+adelante|in\s+poi))?"
_YEAR = r"(?:19|20)\d\d"
_MONTH = "|".join(month for each in KNOWN for month in each.months if month.isalpha())
_DAY = rf"(?P<date>\0|{_YEAR}|(?:{_MONTH})(?:\s+{_YEAR})?)"
_LEAD = re.compile(rf"\s*(?:{_SINCE})\s+(?:the\s+)?{_DAY}{_ONWARDS}\s*,?\s+", re.I)
_TAIL = re.compile(rf"\s*,?\s+(?:{_SINCE})\s+(?:the\s+)?{_DAY}{_ONWARDS}\s*(?=[.;]?\s*$)", re.I)
_PREFACE = re.compile(
    r"\s*(?:(?:dear|hello|hi|liebe[rs]?|hallo|sehr\s+geehrte[rs]?)\s[^,!\n]{1,60}[,!]\s*\n\s*)?"
    r"(?:(?:as\s+(?:you|we|everybody|everyone)\s+(?:may\s+|all\s+)?(?:know|announced|agreed|discussed)"
    r"|for\s+your\s+information|as\s+a\s+reminder|(?:a\s+|just\s+a\s+)?(?:reminder|note|nb|fyi)(?=\s*:)"
    r"|wie\s+(?:sie|ihr)\s+(?:wissen|wisst)|wie\s+(?:besprochen|vereinbart|angekündigt)"
    r"|zur\s+(?:information|erinnerung)|hinweis(?=\s*:))\s*[,:]\s+"
    r"|(?:please\s+|kindly\s+)(?:note|be\s+aware|be\s+informed|remember)\s+that\s+"
    r"|(?:we|i)\s+(?:(?:would|should)\s+like\s+to|want\s+to|wish\s+to|are\s+(?:pleased|happy|glad|sorry|writing)\s+to"
    r"|am\s+(?:pleased|happy|glad|sorry|writing)\s+to|regret\s+to|hereby)?\s*"
    r"(?:inform|tell|remind|let|notify)\s+you\s+(?:know\s+)?that\s+"
    r"|(?:bitte\s+beachten\s+sie|wir\s+(?:teilen\s+ihnen\s+mit|möchten\s+sie\s+informieren))\s*,\s*dass\s+)",
    re.I,
)
"""What only opens a sentence; who says so is the one who writes."""
_SOON = (
    r"(?:effective|starting|from|as\s+of|as\s+from|with)\s+(?:immediately|immediate\s+effect|now(?:\s+on)?|today"
    r"|(?:next|this)\s+(?:week|month|quarter|year|spring|summer|autumn|winter))"
    r"|ab\s+(?:sofort|heute|nächste[rmn]?\s+(?:woche|monat|jahr))|mit\s+sofortiger\s+wirkung"
)
_SOON_LEAD = re.compile(rf"\s*(?:{_SOON})\s*,?\s+", re.I)
_SOON_TAIL = re.compile(rf"\s*,?\s+(?:{_SOON})\s*(?=[.;]?\s*$)", re.I)
_WILL_BE = re.compile(r"\bwill\s+be\b(?!\s+\w+ed\b)", re.I)
_OUR = re.compile(r"\b(?:our|your)\s+(?=\w)", re.I)
_UNSER = re.compile(r"\bunser(e?)\s+(?=\w)", re.I)
_NOW = re.compile(
    r"\b(?:now|currently|at\s+present|presently|nun|jetzt|derzeit|aktuell|künftig|zukünftig|désormais|actuellement"
    r"|ahora|actualmente|ora|adesso|attualmente)\s+",
    re.I,
)
_NEW = re.compile(
    r"\b(the|our|die|der|das|la|el|il|lo|le)\s+(?:new|current|updated|neuen?|neuer|neues|aktuellen?"
    r"|nouveau|nouvelle|nueva|nuevo|nuova|nuovo)\s+(?=\w)",
    re.I,
)
_AMOUNT = r"[^\s,;]+(?:\s[^\s,;]+){0,3}?"
_FROM = rf"(?:\s+from\s+(?P<old>{_AMOUNT}))?"
_BE = r"(?:has\s+been|have\s+been|had\s+been|will\s+be|was|were|is|are|gets|got)"
_CHANGES = {
    "en": (
        rf"\b{_BE}\s+(?:raised|increased|lowered|reduced|cut|changed|extended|shortened|moved|postponed"
        rf"|brought\s+forward|adjusted|amended|updated|revised|corrected){_FROM}\s+to\s+",
        r"\b(?:rises|rose|has\s+risen|increases|increased|falls|fell|has\s+fallen|drops|dropped|changes"
        rf"|changed|moves|moved|goes\s+up|went\s+up|goes\s+down|went\s+down){_FROM}\s+to\s+",
    ),
    "de": (
        rf"\b(?:wird|wurde|ist)(?:\s+von\s+(?P<old>{_AMOUNT}))?\s+auf\s+(?P<new>{_AMOUNT})\s+(?:erhöht"
        r"|gesenkt|verlängert|verkürzt|geändert|angehoben|angepasst|verschoben|verlegt)(?:\s+worden)?",
        rf"\b(?:steigt|stieg|sinkt|sank)(?:\s+von\s+(?P<old>{_AMOUNT}))?\s+auf\s+",
    ),
}  # fmt: skip
_STATES = {"en": ("is",), "de": ("beträgt", "ist")}
_REPLACES = re.compile(
    r"(?P<new>[^,;.]+?)\s+(?:has\s+)?(?:replaces|replaced|succeeds|succeeded)\s+(?P<old>[^,;.]+?)\s+as\s+"
    r"(?P<role>(?:the\s+)?[^,;]+?)(?P<end>[.;]?\s*$)",
    re.I,
)
_VERB_FIRST = 6
"""The most words of a subject that stands behind its verb, as in German after an adverb."""


@dataclass(frozen=True, slots=True)
class Wording:
    text: str
    since: str = ""
    """The date from which it holds, as it is written."""
    old: str = ""
    """The value that it says it was before."""


def wordings(sentence: str, language: Language) -> list[Wording]:
    """The sentence itself first, then what it states in plainer words."""
    found = [Wording(sentence)]
    for plain in plainer(sentence, language):
        found.append(plain)
        found += _changes(plain, language)
    unique = {each.text: each for each in reversed(found)}
    return sorted(unique.values(), key=lambda each: found.index(each))


def plainer(sentence: str, language: Language) -> list[Wording]:
    """`without_time`; where a verb comes first then, also with the subject before it."""
    whole = without_time(sentence)
    return [whole, *(_subject_first(whole, language) if whole.text != sentence else ())]


def without_time(sentence: str) -> Wording:
    """Without "From 1 March 2026," at either end, "Please note that", "now" and "the new"; of the one
    who writes, "our" is "the", and what "will be" from a time on "is"."""
    text, since = _PREFACE.sub("", sentence, count=1), ""
    if (found := _at_an_end(text)) is not None:
        (start, end), since = found
        text = text[:start] + text[end:]
    shorter = _SOON_TAIL.sub("", _SOON_LEAD.sub("", text, count=1))
    if since or shorter != text:
        shorter = _WILL_BE.sub("is", shorter)
    text = _OUR.sub("the ", _NOW.sub("", shorter))
    text = _UNSER.sub(lambda found: "die " if found[1] else "der ", text)
    text = _NEW.sub(r"\1 ", text)
    return Wording(text[:1].upper() + text[1:], since)


def _at_an_end(text: str) -> tuple[tuple[int, int], str] | None:
    """The span of the phrase, and its date."""
    spans = sorted(((s, e) for s, e, _ in dates(text)), key=lambda span: span[0] - span[1])
    for first, last in [*spans, (0, 0)]:
        # One character for the date, so that a pattern can name it.
        masked = text[:first] + "\0" + text[last:] if last else text
        for pattern in (_LEAD, _TAIL):
            found = pattern.match(masked) if pattern is _LEAD else pattern.search(masked)
            if found is None:
                continue
            longer = last - first - 1 if last else 0
            end = found.end() + (longer if first < found.end() else 0)
            said = text[first:last] if found["date"] == "\0" else found["date"]
            return (found.start(), end), said
    return None


def _subject_first(wording: Wording, language: Language) -> Iterator[Wording]:
    """ "Beträgt die Miete 870 Euro" -> "die Miete beträgt 870 Euro", for every length of the subject."""
    if language.code not in ("de", ""):
        return
    words = wording.text.split(" ")
    for n in range(1, min(_VERB_FIRST, len(words) - 2) + 1):
        subject = " ".join(words[1 : n + 1])
        rest = " ".join(words[n + 1 :])
        text = f"{subject[:1].upper()}{subject[1:]} {words[0].lower()} {rest}"
        yield replace(wording, text=text)


def _changes(wording: Wording, language: Language) -> Iterator[Wording]:
    for pattern in _CHANGES.get(language.code, ()):
        found = re.search(pattern, wording.text, re.I)
        if found is None:
            continue
        groups = found.groupdict()
        new = f" {groups['new']}" if groups.get("new") else " "
        for verb in _STATES[language.code]:
            text = wording.text[: found.start()] + verb + new + wording.text[found.end() :]
            yield replace(wording, text=text, old=groups.get("old") or "")
    if language.code == "en" and (found := _REPLACES.match(wording.text)):
        role = found["role"] if found["role"].lower().startswith("the ") else f"the {found['role']}"
        text = f"{found['new']} is {role}{found['end']}"
        yield replace(wording, text=text, old=found["old"].strip())
