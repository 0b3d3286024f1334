"""A statement and something in it -> questions that ask for it, in many wordings. Patterns, no parser.

The one who asks later uses other words, in another order, and leaves some out. So beside the plain
question ("Which parrot died in 1918?") stand clues in any order, and questions that lack a few words.
The patterns are English; a statement in another language is asked for by gaps and clues.
"""

import random
import re
from collections.abc import Callable

from localcollab.documents.checking.language import Language
from localcollab.documents.checking.languages.en import ENGLISH
from localcollab_convert.study.spans import AUXILIARY, CALLINGS, Span

_CLAUSE = re.compile(
    r"\s*(?:;|,(?!\d)|\bwhich\b|\bwho\b|\bwhile\b|\bwhen\b|\bbecause\b|\bafter\b|\bbefore\b)\s*"
)
_APPOSITION = re.compile(r"^,\s(?P<what>(?:the|a|an|one of)\s[^,]{4,90}),\s")
_INTRO = re.compile(r"^(?P<intro>[A-Z][^,]{2,60}),\s(?P<rest>.+)$")
_LED_BY = re.compile(
    r"(?:^|[\s(])(?P<preposition>in|at|on|from|near|by|for|of|to|with|during|since|until|as)\s(?:the\s|a\s|an\s)?$",
    re.IGNORECASE,
)
_PERSONAL = re.compile(r"\b(?:his|her|he|she|him|himself|herself|who|whose)\b")
_PARENTHESES = re.compile(r"\s*\([^()]*\)")
_DESCRIBED = re.compile(r"^(?:The |the |An? )?(?P<what>(?:[\w'’-]+ ){1,5})$")
_BARE = re.compile(r"(?:[Tt]he|[Aa]n?)\s$")
_RELATIVE = re.compile(r"^,\s(?:who|which)\s(?P<what>[^,]{4,90}),\s(?P<rest>.+)$")
"""Behind a name: "..., who plays for Jamaica, only took up ..."."""
_KEPT = re.compile(r"[A-Z\d\"“]|.*\d")
_MAY_STAY = re.compile(
    r"\.?$|[\"”]?\.?$|\s(?:in|at|on|from|near|by|for|of|to|with|during|since|until|as)\s"
)
"""Behind what is asked for at the front."""
_ABOUT = (
    "What is known about {}?", "Tell me about {}.", "What do you know about {}?", "{}?",
    "Who or what is {}?", "What about {}?",
)  # fmt: skip
_TITLED = (
    "Which {noun} {rest}", "What is the name of the {noun} that {rest}", "Who or what is the "
    "{noun} that {rest}",
    "What {noun} {rest}", "What is the title of the {noun} that {rest}",
)  # fmt: skip
_ARTICLE = re.compile(r"^(?:the|a|an|one of (?:the )?)\s?", re.IGNORECASE)
_LEAST_CLUE = 2
"""Words."""
_LEAST_KEYWORDS = 3
_SMALL = ENGLISH.common | ENGLISH.prepositions | ENGLISH.auxiliaries
_LED_FIRST = 0.6
"""Share of the fronted questions that begin with the preposition, where there is one."""

Ask = Callable[[str, Span, random.Random], str | None]


def question(
    statement: str, span: Span, rng: random.Random, language: Language = ENGLISH
) -> str | None:
    """One of its wordings; None where the drawn one does not fit."""
    if language is not ENGLISH:
        return rng.choice((gap, clues_alone))(statement, span, rng)
    forms, weights = zip(*_FORMS, strict=True)
    asked: str | None = rng.choices(forms, weights)[0](statement, span, rng)
    if asked is None or span.text.casefold() in asked.casefold():
        return None
    return asked


def plain(statement: str, span: Span, rng: random.Random) -> str | None:
    """The statement with a question word in its place: "The dispute over what was settled by ...?\""""
    before, after = _around(statement, span)
    word = _word(statement, span, before, rng)
    if not before.strip() or _BARE.fullmatch(before):
        return _ended(f"{word} {after.lstrip()}")
    described = _DESCRIBED.match(before) if span.kind in ("name", "quote") else None
    if described and not AUXILIARY.search(before) and _is_noun_phrase(described["what"]):
        return _ended(f"Which {_uncapitalized(described['what'].strip())} {after.lstrip()}")
    return _ended(f"{before}{_uncapitalized(word)}{after}")


def unadorned(statement: str, span: Span, rng: random.Random) -> str | None:
    """Without the apposition behind the span, and with an introduction at its end."""
    before, after = _around(statement, span)
    if apposition := _APPOSITION.match(after):
        if rng.random() < 0.3:
            return _ended(f"{rng.choice(('Who', 'What'))} was {apposition['what']}")
        after = " " + after[apposition.end() :]
    statement = before + span.text + after
    if intro := _INTRO.match(statement):
        rest, moved = intro["rest"], _uncapitalized(intro["intro"])
        if span.text in rest:
            statement = f"{rest[0].upper()}{rest[1:].rstrip(' .')} {moved}."
    start = statement.find(span.text)
    if start < 0:
        return None
    return plain(statement, span._replace(start=start, end=start + len(span.text)), rng)


def titled(statement: str, span: Span, rng: random.Random) -> str | None:
    """By the kind of thing that it is called: "What is the name of the parrot that died alone?\""""
    if span.kind not in ("name", "quote", "subject"):
        return None
    before, after = _around(statement, span)
    apposition, described = _APPOSITION.match(after), _DESCRIBED.match(before)
    if apposition and not before.strip():
        noun = _ARTICLE.sub("", apposition["what"])
        rest = after[apposition.end() :]
    elif described and not AUXILIARY.search(before) and _is_noun_phrase(described["what"]):
        noun, rest = _uncapitalized(described["what"].strip()), after.lstrip()
    elif not before.strip() or _BARE.fullmatch(before):
        noun, rest = rng.choice(("one", "person", "thing")), after.lstrip()
    else:
        return None
    if rest.startswith(("'", "’", ",")):
        return None
    form = rng.choice(_TITLED)
    return _ended(form.format(noun=noun, rest=rest))


def joined(statement: str, span: Span, rng: random.Random) -> str | None:
    """A relative clause as one of two predicates: "Who plays for Jamaica and took up football?\""""
    before, after = _around(statement, span)
    relative = _RELATIVE.match(after)
    if relative is None or (before.strip() and not _DESCRIBED.match(before)):
        return None
    parts = [relative["what"], relative["rest"].rstrip(" .")]
    rng.shuffle(parts)
    noun = _BARE.sub("", before).removeprefix("The ").removeprefix("A ").strip()
    opening = (
        f"Which {_uncapitalized(noun)}"
        if noun
        else rng.choice(("Who", "Which person", "Who or what"))
    )
    return _ended(f"{opening} {parts[0]} {rng.choice(('and', 'and also', 'and who'))} {parts[1]}")


def fronted(statement: str, span: Span, rng: random.Random) -> str | None:
    """The question word first, wherever the span stands: "On what is it that ...?\""""
    before, after = _around(statement, span)
    if not before.strip() or _BARE.fullmatch(before):
        return None
    led, word = _LED_BY.search(before), _word(statement, span, before, rng)
    if apposition := _APPOSITION.match(after):
        kind = _ARTICLE.sub("", apposition["what"])
        word = rng.choice((f"Which {kind}", f"What is the name of the {kind}", f"What {kind}"))
        after = after[apposition.end() - 1 :]
    preposition = ""
    if led and rng.random() < _LED_FIRST:
        preposition, before = led["preposition"].lower() + " ", before[: led.start()]
    rest = f"{_uncapitalized(before.strip())} {after.strip(' .')}"
    if word.startswith("What is"):
        return _ended(f"{word} {preposition + 'which' if preposition else 'that'} {rest}")
    link = rng.choice(("is it that ", "was it that ", ""))
    return _ended(f"{preposition}{_uncapitalized(word) if preposition else word} {link}{rest}")


def inverted(statement: str, span: Span, rng: random.Random) -> str | None:
    """With the auxiliary first: "Where was the first transplant carried out?\""""
    found = AUXILIARY.search(statement)
    if found is None or found.start() > span.start or "," in statement[: found.start()]:
        return None
    subject, aux = statement[: found.start()], found["aux"]
    middle, after = statement[found.end() : span.start], statement[span.end :]
    if not _MAY_STAY.match(after):
        return None
    led = _LED_BY.search(middle)
    word = _word(statement, span, middle, rng)
    if span.kind == "date" and led:
        word, middle = "When", middle[: led.start()]
    elif led and led["preposition"].lower() in ("in", "at", "near") and rng.random() < 0.5:
        word, middle = "Where", middle[: led.start()]
    middle, after = middle.strip(), after.strip(" .")
    return _ended(f"{word} {aux} {_uncapitalized(subject)} {middle} {after}")


def named(statement: str, span: Span, rng: random.Random) -> str | None:
    """ "What is the name of the one that ...": asks about the statement's clauses."""
    clue = clues(statement, span, rng)
    if clue is None:
        return None
    opening = rng.choice(
        (
            "Who or what is meant",
            "What is the answer",
            "Which one fits",
            "What am I looking for",
            "Name it",
        )
    )
    return f"{clue[0].upper()}{clue[1:]}: {_uncapitalized(opening)}?"


def clues(statement: str, span: Span, rng: random.Random) -> str | None:
    """Two or three of its clauses, in any order, the span left out."""
    rest = " , ".join(_around(statement, span))
    parts = [part.strip(" .,'’\"“”") for part in _CLAUSE.split(_PARENTHESES.sub("", rest))]
    parts = [part.removeprefix("s ") for part in parts]
    parts = [part for part in parts if len(part.split()) >= _LEAST_CLUE]
    if not parts:
        return None
    chosen = rng.sample(parts, min(len(parts), rng.choice((2, 3))))
    return "; ".join(_uncapitalized(part) for part in chosen)


def clues_alone(statement: str, span: Span, rng: random.Random) -> str | None:
    """Says the same in any language."""
    found = clues(statement, span, rng)
    return None if found is None else f"{found} ?"


def gap(statement: str, span: Span, rng: random.Random) -> str | None:
    """Says the same in any language."""
    before, after = _around(statement, span)
    return f"{before}____{after}"


def asked_gap(statement: str, span: Span, rng: random.Random) -> str | None:
    opening = rng.choice(("", "Which words are missing? ", "Fill the gap: "))
    return f"{opening}{gap(statement, span, rng)}"


def fewer_words(statement: str, span: Span, rng: random.Random) -> str | None:
    """A plain question that lacks some of its words: names and numbers stay."""
    asked = rng.choice((plain, unadorned, titled, fronted, joined))(statement, span, rng)
    if asked is None:
        return None
    first, *words = asked.rstrip("?").split()
    share = rng.uniform(0.1, 0.4)
    kept = [word for word in words if _KEPT.match(word) or rng.random() > share]
    return _ended(" ".join([first, *kept]))


def keywords(statement: str, span: Span, rng: random.Random) -> str | None:
    """Some of its telling words, in order: little that an answer could be copied from."""
    words = [word.strip(' .,;:?!"“”()') for word in " ".join(_around(statement, span)).split()]
    telling = [word for word in words if len(word) > 1 and word.casefold() not in _SMALL]
    n_kept = max(_LEAST_KEYWORDS, int(rng.uniform(0.4, 0.8) * len(telling)))
    if len(telling) < _LEAST_KEYWORDS:
        return None
    kept = sorted(rng.sample(range(len(telling)), min(n_kept, len(telling))))
    return f"{' '.join(telling[at] for at in kept)}?"


def about(statement: str, span: Span, rng: random.Random) -> str | None:
    """The other direction: from the name to what is said of it."""
    if span.kind in ("number", "date"):
        return None
    return rng.choice(_ABOUT).format(span.text)


_FORMS: tuple[tuple[Ask, float], ...] = (
    (plain, 3), (unadorned, 2), (titled, 3), (joined, 2), (fronted, 3), (fewer_words, 5), (inverted, 2),
    (named, 1), (keywords, 4), (asked_gap, 0.5),
)  # fmt: skip


def _around(statement: str, span: Span) -> tuple[str, str]:
    """Before and behind the span, quotation marks that stand around it left out."""
    before, after = statement[: span.start], statement[span.end :]
    if before[-1:] in '"“„' and after[:1] in '"”':
        before, after = before[:-1], after[1:]
    return before, after


def _word(statement: str, span: Span, before: str, rng: random.Random) -> str:
    if span.kind == "date":
        return rng.choice(("What year", "Which year")) if span.text.isdigit() else "What date"
    if span.kind == "number":
        return "What percentage" if "percent" in span.text or "%" in span.text else "How many"
    if span.kind == "quote":
        return rng.choice(("What", "Which work", "What"))
    after = statement[span.end : span.end + 3]
    if after.startswith(("'s", "’s")):
        return "Whose"
    if len(span.text.split()) in (2, 3) and _PERSONAL.search(statement):
        return rng.choice(("Who", "Who", "Which person", "What"))
    return rng.choice(("What", "Who", "Which one", "What"))


def _is_noun_phrase(words: str) -> bool:
    """Nothing in it that begins a sentence, as in "In 1836 a jury"."""
    first = words.split()[0].casefold()
    opens = first in ENGLISH.prepositions | ENGLISH.common | ENGLISH.restrictions
    return not opens and not _LED_BY.search(f" {words}")


def _ended(asked: str) -> str:
    asked = re.sub(r"\s+([,;:?])", r"\1", " ".join(_PARENTHESES.sub("", asked).split()))
    asked = asked.replace("Whose's ", "Whose ").replace("whose's ", "whose ").rstrip(" .,;:!?")
    return asked[0].upper() + asked[1:] + "?"


def _uncapitalized(words: str) -> str:
    """Where the first word is a common one."""
    first = words.split(" ", 1)[0]
    is_plain = first.casefold() in _FUNCTION_WORDS | CALLINGS
    return words[:1].lower() + words[1:] if is_plain else words


_FUNCTION_WORDS = frozenset(
    [
        "the",
        "a",
        "an",
        "in",
        "on",
        "at",
        "of",
        "after",
        "before",
        "during",
        "since",
        "when",
        "while",
        "although",
        "though",
        "despite",
        "unlike",
        "prior",
        "within",
        "as",
        "by",
        "for",
        "from",
        "with",
        "what",
        "who",
        "which",
        "whose",
        "when",
        "where",
        "how",
        "it",
        "its",
        "their",
        "his",
        "her",
        "one",
        "two",
        "some",
        "many",
        "several",
        "certain",
        "both",
        "is",
        "are",
        "was",
        "were",
        "name",
    ]
)
