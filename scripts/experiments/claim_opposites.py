"""Wrong edits that turn a sentence over: negation, quantifier, tense, comparison, the opposite word."""

import random
import re
from collections.abc import Sequence

from claim_editing import first, tidy
from claim_texts import Text


def add_negation(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    if re.search(r"\b(?:not|never|no)\b", text.sentence):
        return None
    return first(
        r"\b(is|are|was|were|can|may|will|must|should|has been|have been) (?!not\b)(?=[a-z])",
        r"\1 not ",
        text.sentence,
    )


def change_quantifier(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return first(
        r"\b(?:most of|some of|many of|several of|few of|half of|a majority of|"
        r"part of) (?=the|these|its|their)",
        "all of ",
        text.sentence,
        re.I,
    ) or first(r"\b(?:most|some|many|several|few) (?=[a-z]+s\b)", "all ", text.sentence, re.I)


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
    return next((made for p, by in order if (made := first(p, by, text.sentence))), None)


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
        (made for x, y in rng.sample(both, len(both)) if (made := first(rf"\b{x}\b", y, sentence))),
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
        tidy(f"{found[3]} {found[2]} than {found[1]}{text.sentence[found.end() :]}")
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
    made = (first(rf"\b{x}\b", y, text.sentence) for x, y in rng.sample(pairs, len(pairs)))
    return next(filter(None, made), None)


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
