"""Wrong edits that leave something out: a condition, a denial, who says so, a time ..."""

import random
import re
from collections.abc import Sequence

from claim_editing import first
from claim_texts import Text


def drop_condition(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return first(
        r",? (?:only )?(?:if|unless|provided(?: that)?|as long as|whenever) [^,;.]+(?=[.,;])",
        "",
        text.sentence,
    ) or first(
        r"^(?:If|Unless|Provided that|As long as|Whenever) [^,;.]+, (?:then )?", "", text.sentence
    )


def drop_exception(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return first(
        r",? (?:except|excluding|other than|apart from|with the exception of) [^,;.]+(?=[.,;])",
        "",
        text.sentence,
    )


def drop_negation(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return first(r"\b(?:not|never|n't|no longer|neither) ", "", text.sentence) or first(
        r"\b(?:no|without) (?=[a-z])", "", text.sentence
    )


def drop_modality(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    for pattern, by in (
        (r"\b(?:may|might|could|should|would|can|must) be ", "is "),
        (r"\b(?:may|might|could) have (?=\w+ed\b)", ""),
        (r"\b(?:may|might|could|should|would|must) (?=[a-z])", ""),
        (r"\b(?:possibly|probably|perhaps|likely|reportedly|allegedly|apparently),? ", ""),
    ):
        made = first(pattern, by, text.sentence)
        if made:
            return made
    return None


def drop_attribution(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    speech = (
        "said|says|argued|argues|claimed|claims|believed|believes|suggested|suggests|"
        "stated|reported|thought|proposed|estimated|assumed|hoped|feared"
    )
    return (
        first(rf"^[^,;.]*\b(?:{speech}) that ", "", text.sentence)
        or first(r"^According to [^,;.]+, ", "", text.sentence)
        or first(r",? according to [^,;.]+(?=\.$)", "", text.sentence)
        or first(rf", (?:[A-Z][\w-]+ |he |she |they )+(?:{speech})(?=\.$)", "", text.sentence)
    )


def drop_denial(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return first(
        r"^[^,;.]*\b(?:denied|denies|doubted|rejected|disputed|refuted|deny|"
        r"reject) (?:that |the claim that )",
        "",
        text.sentence,
    ) or first(
        r"\b(?:failed|refused|declined|forgot|attempted|tried|wanted|hoped|planned|"
        r"intended|unable) to (?=[a-z])",
        "",
        text.sentence,
    )


def drop_bound(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return first(
        r"\b(?:at least|at most|up to|more than|less than|fewer than|no more than|about|"
        r"approximately|around|nearly|almost|over|under|roughly|as many as|"
        r"as few as) (?=[$€£]?\d|one |two |three |half )",
        "",
        text.sentence,
    )


def drop_quantifier(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return first(
        r"\b(?:most of|some of|many of|several of|few of|half of|a majority of|"
        r"part of) (?=the|these|its|their)",
        "",
        text.sentence,
        re.I,
    ) or first(r"\b(?:most|some|many|several|few) (?=[a-z]+s\b)", "", text.sentence, re.I)


def drop_only(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return first(
        r"\b(?:only|solely|exclusively|merely|mainly|mostly|primarily|largely|partly|"
        r"generally|usually|often|sometimes|typically|rarely|normally) ",
        "",
        text.sentence,
    )


def drop_restriction(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    """A clause or phrase inside a noun phrase that says which ones; and the words between a
    verb and its object."""
    return first(
        r"(?<=[a-z]s) (?:that|who|which) [^,;.]+? (?=(?:is|are|was|were|can|may|must|will|"
        r"should)\b)",
        " ",
        text.sentence,
    ) or first(
        r"(?<=[a-z]s) (?:with|without|for|from|under|within|outside|"
        r"during) [a-z][^,;.]*? (?=(?:is|are|can|may|must|will|should)\b)",
        " ",
        text.sentence,
    )


def drop_time(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return first(
        r",? (?:until|since|before|after|by|from|as of|prior to) (?:the )?(?:end of |"
        r"early |late |mid-)?(?:\d{1,2} )?(?:[A-Z][a-z]+ )?\d{4}(?:s)?(?=[ .,;])",
        "",
        text.sentence,
    ) or first(
        r"\b(?:formerly|previously|originally|temporarily|initially|currently|no longer|once) ",
        "",
        text.sentence,
    )


def drop_degree(text: Text, rng: random.Random, texts: Sequence[Text]) -> str | None:
    return first(
        r"\b(?<!been )(?<!as )(?:former|deputy|vice|alleged|so-called|potential|proposed|planned|"
        r"possible|supposed|apparent|attempted|acting|assistant|interim|honorary|fake|almost|"
        r"nearly|half|non|unofficial|partial|temporary|experimental)[ -](?=[A-Za-z])",
        "",
        text.sentence,
        re.I,
    )
