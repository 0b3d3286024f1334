"""Wrong edits: each takes a sentence and returns one that does not follow from it, or None where
it does not apply.

An edit is a function `(text, rng, texts) -> claim`; `texts` are other sentences of the same
split, to borrow from. Templates
(`TEMPLATES`) stand beside the edits of real sentences for what is rare there: (source, claim)
with the slots of `claim_texts`.
"""

import random
import re
from collections.abc import Callable, Sequence

from claim_texts import MONTHS, Text

Edit = Callable[[Text, random.Random, Sequence[Text]], str | None]
_NAME = re.compile(r"(?<=[\w,;] )[A-Z][\w-]+(?: [A-Z][\w-]+)*")
_NUMBER = re.compile(r"(?<![\w.,\[`-])\d[\d,.]*(?<![.,])(?![\w\]`-])")
"""Not those of footnotes and references: "[3]_", ":pep:`402`"."""
_FEWEST_WORDS = 4
"""Of a claim that something was cut from."""
_DATE = re.compile(r"\b(?:in|In|on|On) (?:(\d{1,2}) )?(?:(" + "|".join(MONTHS) + r") )?(\d{4})\b")


def _first(pattern: str, by: str, text: str, flags: int = 0) -> str | None:
    made, n = re.subn(pattern, by, text, count=1, flags=flags)
    is_cut_short = len(text.split()) >= _FEWEST_WORDS > len(made.split())
    return _tidy(made) if n and not is_cut_short and _tidy(made) != _tidy(text) else None


def _tidy(text: str) -> str:
    text = re.sub(r"\s+([,.;])", r"\1", re.sub(r"\s+", " ", text)).strip()
    text = re.sub(r"[,;]+\.", ".", text)
    return text[:1].upper() + text[1:]


def drop_condition(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return _first(
        r",? (?:only )?(?:if|unless|provided(?: that)?|as long as|whenever) [^,;.]+(?=[.,;])",
        "",
        text.sentence,
    ) or _first(
        r"^(?:If|Unless|Provided that|As long as|Whenever) [^,;.]+, (?:then )?", "", text.sentence
    )


def drop_exception(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return _first(
        r",? (?:except|excluding|other than|apart from|with the exception of) [^,;.]+(?=[.,;])",
        "",
        text.sentence,
    )


def drop_negation(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return _first(r"\b(?:not|never|n't|no longer|neither) ", "", text.sentence) or _first(
        r"\b(?:no|without) (?=[a-z])", "", text.sentence
    )


def add_negation(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    if re.search(r"\b(?:not|never|no)\b", text.sentence):
        return None
    return _first(
        r"\b(is|are|was|were|can|may|will|must|should|has been|have been) (?!not\b)(?=[a-z])",
        r"\1 not ",
        text.sentence,
    )


def drop_modality(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    for pattern, by in (
        (r"\b(?:may|might|could|should|would|can|must) be ", "is "),
        (r"\b(?:may|might|could) have (?=\w+ed\b)", ""),
        (r"\b(?:may|might|could|should|would|must) (?=[a-z])", ""),
        (r"\b(?:possibly|probably|perhaps|likely|reportedly|allegedly|apparently),? ", ""),
    ):
        made = _first(pattern, by, text.sentence)
        if made:
            return made
    return None


def drop_attribution(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    speech = (
        "said|says|argued|argues|claimed|claims|believed|believes|suggested|suggests|"
        "stated|reported|thought|proposed|estimated|assumed|hoped|feared"
    )
    return (
        _first(rf"^[^,;.]*\b(?:{speech}) that ", "", text.sentence)
        or _first(r"^According to [^,;.]+, ", "", text.sentence)
        or _first(r",? according to [^,;.]+(?=\.$)", "", text.sentence)
        or _first(rf", (?:[A-Z][\w-]+ |he |she |they )+(?:{speech})(?=\.$)", "", text.sentence)
    )


def drop_denial(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return _first(
        r"^[^,;.]*\b(?:denied|denies|doubted|rejected|disputed|refuted|deny|"
        r"reject) (?:that |the claim that )",
        "",
        text.sentence,
    ) or _first(
        r"\b(?:failed|refused|declined|forgot|attempted|tried|wanted|hoped|planned|"
        r"intended|unable) to (?=[a-z])",
        "",
        text.sentence,
    )


def drop_bound(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return _first(
        r"\b(?:at least|at most|up to|more than|less than|fewer than|no more than|about|"
        r"approximately|around|nearly|almost|over|under|roughly|as many as|"
        r"as few as) (?=[$€£]?\d|one |two |three |half )",
        "",
        text.sentence,
    )


def change_quantifier(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return _first(
        r"\b(?:most of|some of|many of|several of|few of|half of|a majority of|"
        r"part of) (?=the|these|its|their)",
        "all of ",
        text.sentence,
        re.I,
    ) or _first(r"\b(?:most|some|many|several|few) (?=[a-z]+s\b)", "all ", text.sentence, re.I)


def drop_quantifier(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return _first(
        r"\b(?:most of|some of|many of|several of|few of|half of|a majority of|"
        r"part of) (?=the|these|its|their)",
        "",
        text.sentence,
        re.I,
    ) or _first(r"\b(?:most|some|many|several|few) (?=[a-z]+s\b)", "", text.sentence, re.I)


def drop_only(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return _first(
        r"\b(?:only|solely|exclusively|merely|mainly|mostly|primarily|largely|partly|"
        r"generally|usually|often|sometimes|typically|rarely|normally) ",
        "",
        text.sentence,
    )


def drop_restriction(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    """A clause or phrase inside a noun phrase that says which ones; and the words between a
    verb and its object."""
    return _first(
        r"(?<=[a-z]s) (?:that|who|which) [^,;.]+? (?=(?:is|are|was|were|can|may|must|will|"
        r"should)\b)",
        " ",
        text.sentence,
    ) or _first(
        r"(?<=[a-z]s) (?:with|without|for|from|under|within|outside|"
        r"during) [a-z][^,;.]*? (?=(?:is|are|can|may|must|will|should)\b)",
        " ",
        text.sentence,
    )


def drop_time(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return _first(
        r",? (?:until|since|before|after|by|from|as of|prior to) (?:the )?(?:end of |"
        r"early |late |mid-)?(?:\d{1,2} )?(?:[A-Z][a-z]+ )?\d{4}(?:s)?(?=[ .,;])",
        "",
        text.sentence,
    ) or _first(
        r"\b(?:formerly|previously|originally|temporarily|initially|currently|no longer|once) ",
        "",
        text.sentence,
    )


def swap_names(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    names = [m for m in _NAME.finditer(text.sentence) if m[0] not in MONTHS]
    pairs = [
        (x, y)
        for x in names
        for y in names
        if x.start() < y.start() and x[0] not in y[0] and y[0] not in x[0]
    ]
    pairs = [
        (x, y)
        for x, y in pairs
        if not re.fullmatch(r"(?:,? (?:and|or) |, |/)", text.sentence[x.end() : y.start()])
        and not _is_one_list(text.sentence[x.start() : y.end()])
    ]
    return _swapped(text.sentence, *rng.choice(pairs)) if pairs else None


def swap_roles(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    """Subject and object of a verb between two names."""
    found = re.match(
        r"^((?:The )?[A-Z][\w-]+(?: [A-Z][\w-]+)*) ((?:was |were )?\w+ed(?: by| to|"
        r" from)?|led|won|beat|met|founded|gave|built|sold|"
        r"wrote) ((?:the )?[A-Z][\w-]+(?: [A-Z][\w-]+)*)",
        text.sentence,
    )
    if found is None or found[1] == found[3]:
        return None
    return _tidy(f"{found[3]} {found[2]} {found[1]}{text.sentence[found.end() :]}")


def replace_name(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    names = [m for m in _NAME.finditer(text.sentence) if m[0] not in MONTHS]
    others = [n for n in _NAME.findall(text.passage) if n not in text.sentence and n not in MONTHS]
    if not names or not others:
        return None
    name = rng.choice(names)
    other: str = rng.choice(others)
    return text.sentence[: name.start()] + other + text.sentence[name.end() :]


def swap_numbers(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    numbers = list(_NUMBER.finditer(text.sentence))
    pairs = [(x, y) for x in numbers for y in numbers if x.start() < y.start() and x[0] != y[0]]
    pairs = [
        (x, y)
        for x, y in pairs
        if not re.fullmatch(r"(?:,? (?:and|or) |, )", text.sentence[x.end() : y.start()])
    ]
    return _swapped(text.sentence, *rng.choice(pairs)) if pairs else None


def number_of_another(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    """A number of the passage's other sentences in the place of this one's."""
    numbers = list(_NUMBER.finditer(text.sentence))
    others = [
        n
        for n in _NUMBER.findall(text.passage.replace(text.sentence, ""))
        if n not in text.sentence
    ]
    if not numbers or not others:
        return None
    number = rng.choice(numbers)
    other: str = rng.choice(others)
    return text.sentence[: number.start()] + other + text.sentence[number.end() :]


def change_number(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    numbers = list(_NUMBER.finditer(text.sentence))
    if not numbers:
        return None
    number = rng.choice(numbers)
    at = rng.choice([n for n, c in enumerate(number[0]) if c.isdigit()])
    digit = rng.choice([d for d in "123456789" if d != number[0][at]])
    changed = number[0][:at] + digit + number[0][at + 1 :]
    return text.sentence[: number.start()] + changed + text.sentence[number.end() :]


_OTHER_UNITS = {
    "mg": "g",
    "g": "mg",
    "ml": "mg",
    "kg": "g",
    "km": "miles",
    "miles": "kilometres",
    "kilometres": "metres",
    "metres": "feet",
    "feet": "metres",
    "percent": "percentage points",
    "%": " euros",
    "years": "months",
    "months": "weeks",
    "weeks": "days",
    "days": "weeks",
    "hours": "minutes",
    "minutes": "hours",
    "euros": "dollars",
    "million": "billion",
    "billion": "million",
    "cm": "m",
    "litres": "ml",
    "acres": "hectares",
    "points": "games",
    "square kilometres": "square miles",
    "people": "families",
    "°F": "°C",
    "km2": "ha",
    "mi": "km",
    "pounds": "euros",
}


def change_unit(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    for unit in rng.sample(list(_OTHER_UNITS), len(_OTHER_UNITS)):
        made = _first(
            rf"(?<=\d)( ?){re.escape(unit)}(?!\w)", rf"\g<1>{_OTHER_UNITS[unit]}", text.sentence
        )
        if made:
            return made
    return _first(r"\$(?=\d)", "€", text.sentence)


def change_date(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    found = _DATE.search(text.sentence)
    if found is None:
        return None
    year = str(int(found[3]) + rng.choice((-10, -1, 1, 2)))
    if found[2] and rng.random() < 0.5:
        month = rng.choice([m for m in MONTHS if m != found[2]])
        return text.sentence[: found.start(2)] + month + text.sentence[found.end(2) :]
    return text.sentence[: found.start(3)] + year + text.sentence[found.end(3) :]


def change_tense(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    changes = (
        (r"\bwas\b", "is"),
        (r"\bwere\b", "are"),
        (r"\bis\b", "was"),
        (r"\bare\b", "were"),
        (r"\bwill be\b", "is"),
        (r"\bhad\b", "has"),
        (r"\bhas\b", "had"),
        (r"\bis\b", "will be"),
        (r"\bcauses\b", "caused"),
        (r"\bcosts\b", "cost"),
        (r"\bused to be\b", "is"),
    )
    order = rng.sample(changes, len(changes))
    return next((made for p, by in order if (made := _first(p, by, text.sentence))), None)


_OPPOSITES = (
    ("more", "less"),
    ("higher", "lower"),
    ("larger", "smaller"),
    ("greater", "lesser"),
    ("before", "after"),
    ("increased", "decreased"),
    ("increase", "decrease"),
    ("older", "younger"),
    ("earlier", "later"),
    ("above", "below"),
    ("most", "least"),
    ("largest", "smallest"),
    ("highest", "lowest"),
    ("better", "worse"),
    ("longer", "shorter"),
    ("faster", "slower"),
    ("stronger", "weaker"),
    ("rose", "fell"),
    ("over", "under"),
)
_ANTONYMS = (
    ("first", "last"),
    ("always", "never"),
    ("north", "south"),
    ("northern", "southern"),
    ("east", "west"),
    ("eastern", "western"),
    ("begin", "end"),
    ("began", "ended"),
    ("allowed", "forbidden"),
    ("accepted", "rejected"),
    ("all", "none"),
    ("public", "private"),
    ("male", "female"),
    ("won", "lost"),
    ("true", "false"),
    ("with", "without"),
    ("early", "late"),
    ("open", "closed"),
    ("positive", "negative"),
    ("legal", "illegal"),
    ("same", "different"),
    ("high", "low"),
    ("large", "small"),
    ("new", "old"),
    ("major", "minor"),
    ("safe", "harmful"),
    ("possible", "impossible"),
    ("into", "out of"),
    ("from", "to"),
)


def _opposed(sentence: str, pairs: Sequence[tuple[str, str]], rng: random.Random) -> str | None:
    both = [*pairs, *((y, x) for x, y in pairs)]
    return next(
        (
            made
            for x, y in rng.sample(both, len(both))
            if (made := _first(rf"\b{x}\b", y, sentence))
        ),
        None,
    )


def change_comparative(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return _opposed(text.sentence, _OPPOSITES, rng)


def say_the_opposite(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return _opposed(text.sentence, _ANTONYMS, rng)


def swap_compared(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    found = re.match(
        r"^((?:The |A )?[\w-]+(?: [\w-]+)?) ((?:is|are|was|were) (?:\w+er|more \w+|"
        r"less \w+)) than ((?:the |a )?[\w-]+(?: [\w-]+)?)(?=[ .,])",
        text.sentence,
    )
    return (
        _tidy(f"{found[3]} {found[2]} than {found[1]}{text.sentence[found.end() :]}")
        if found
        else None
    )


def strengthen_modality(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    """Never the other way: what will happen may happen."""
    pairs = (
        ("may", "must"),
        ("might", "will"),
        ("could", "must"),
        ("should", "must"),
        ("can", "must"),
        ("would", "will"),
    )
    made = (_first(rf"\b{x}\b", y, text.sentence) for x, y in rng.sample(pairs, len(pairs)))
    return next(filter(None, made), None)


def drop_degree(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return _first(
        r"\b(?<!been )(?<!as )(?:former|deputy|vice|alleged|so-called|potential|proposed|planned|"
        r"possible|supposed|apparent|attempted|acting|assistant|interim|honorary|fake|almost|"
        r"nearly|half|non|unofficial|partial|temporary|experimental)[ -](?=[A-Za-z])",
        "",
        text.sentence,
        re.I,
    )


def mix_two_sentences(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    """What one sentence says, about the subject of another of the passage."""
    split = r"^((?:[A-Z]|The |A )[^,;.]{2,50}?) (is|are|was|were|has|had) (.+)$"
    mine = re.match(split, text.sentence)
    others = [
        m
        for t in texts
        if t.passage == text.passage
        and t.sentence != text.sentence
        and (m := re.match(split, t.sentence))
    ]
    others = [
        m
        for m in others
        if mine
        and m[1] != mine[1]
        and m[1].split()[0]
        not in (
            "It",
            "This",
            "He",
            "She",
            "They",
            "These",
            "There",
            "In",
            "That",
            "Those",
            "Its",
            "His",
            "Her",
            "Their",
        )
    ]
    if (
        not mine
        or not others
        or mine[1].split()[0] in ("It", "This", "He", "She", "They", "These", "There", "In", "That")
    ):
        return None
    return f"{rng.choice(others)[1]} {mine[2]} {mine[3]}"


def _swapped(text: str, x: "re.Match[str]", y: "re.Match[str]") -> str:
    return text[: x.start()] + y[0] + text[x.end() : y.start()] + x[0] + text[y.end() :]


def _is_one_list(part: str) -> bool:
    """Whether two names stand in one enumeration, whose order says nothing."""
    inner = re.sub(r"[A-Z][\w'-]*", "", part)
    return bool(re.fullmatch(r"[\s,]*(?:(?:and|or|of|the|&)[\s,]*)*", inner)) or (
        " and " in part and inner.count(" ") <= 4
    )


WRONG: dict[str, Edit] = {
    edit.__name__: edit
    for edit in (
        drop_condition,
        drop_exception,
        drop_negation,
        add_negation,
        drop_modality,
        strengthen_modality,
        drop_attribution,
        drop_denial,
        drop_bound,
        change_quantifier,
        drop_quantifier,
        drop_only,
        drop_restriction,
        drop_time,
        drop_degree,
        swap_names,
        swap_roles,
        replace_name,
        swap_numbers,
        number_of_another,
        change_number,
        change_unit,
        change_date,
        change_tense,
        change_comparative,
        swap_compared,
        say_the_opposite,
        mix_two_sentences,
    )
}
