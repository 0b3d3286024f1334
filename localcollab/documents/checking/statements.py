"""What in an answer is a statement: list markers, headings, greetings and "According to [1]" are
none."""

import re

_MARKER = re.compile(r"^\s*(?:[-*•–—+>]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)](?=\s))+(?=\s|$)\s*")
_PREFACE = re.compile(
    r"^(?:(?:according to|based on|as (?:stated|mentioned|said|noted) in|per|from|in)\s+"
    r"(?:\[\d+\]|(?:the\s+)?(?:(?:provided|given|numbered|above|"
    r"following)\s+)?(?:sources?|documents?|passages?|texts?|files?|contexts?)"
    r"(?:\s+(?:no\.?\s*)?\d+|\s+\[\d+\])?)\s*,\s*(?:(?-i:that)\s+)?"
    r"|(?:the\s+)?(?:sources?|documents?|passages?|texts?|"
    r"files?)(?:\s+\[?\d+\]?)?\s+(?:says?|states?|tells?\s+us|mentions?)\s+(?:that\s+)?"
    r"|laut\s+(?:\[\d+\]|(?:der|dem)\s+(?:quelle|dokument|text))\s*,?\s*|"
    r"según\s+(?:\[\d+\]|(?:la|el)\s+(?:fuente|documento|texto))\s*,\s*"
    r"|(?:selon|d['’]après)\s+(?:\[\d+\]|(?:la|le)\s+(?:source|document|"
    r"texte))\s*,\s*|secondo\s+(?:\[\d+\]|(?:la|il)\s+(?:fonte|documento|"
    r"testo))\s*,\s*"
    r"|(?:sure|certainly|of course|okay|ok|well)\s*[,!:.]\s+"
    r"|(?:(?:so|thus|therefore|hence)\s*,?\s+)?(?:the\s+)?(?:(?:right|correct|short|final)\s+)?answer"
    r"(?:\s+to\s+(?:the|your|this)\s+question)?\s*(?:is\s*:|:|would\s+be\s+|is\s+(?:that\s+)?)\s*"
    r"|(?:this|that|it)\s+(?:refers\s+to|would\s+be)\s+"
    r"|die\s+antwort(?:\s+(?:auf\s+(?:die|ihre)\s+frage))?\s*(?:lautet\s*:?|ist\s*:?|:)\s*"
    r"|la\s+(?:respuesta|réponse|risposta)\s+(?:es|est|è)\s*:?\s*)",
    re.IGNORECASE,
)
_GREETING_WORDS = frozenset(
    [
        "hello",
        "hi",
        "hey",
        "dear",
        "greetings",
        "welcome",
        "thanks",
        "thank",
        "you",
        "very",
        "much",
        "sure",
        "certainly",
        "okay",
        "ok",
        "please",
        "sorry",
        "regards",
        "best",
        "kind",
        "goodbye",
        "bye",
        "good",
        "morning",
        "evening",
        "day",
        "are",
        "is",
        "am",
        "glad",
        "happy",
        "to",
        "help",
        "of",
        "course",
        "let",
        "me",
        "know",
        "if",
        "have",
        "any",
        "other",
        "more",
        "questions",
        "further",
        "hope",
        "this",
        "helps",
        "hallo",
        "guten",
        "tag",
        "danke",
        "bitte",
        "hola",
        "gracias",
        "bonjour",
        "merci",
        "ciao",
        "grazie",
        "your",
        "my",
        "i",
        "here",
        "the",
        "answer",
        "answers",
        "summary",
        "question",
    ]
)
_NOT_SAID = {
    "": "The documents do not say.",
    "de": "Die Dokumente sagen es nicht.",
    "es": "Los documentos no lo dicen.",
    "fr": "Les documents ne le disent pas.",
    "it": "I documenti non lo dicono.",
}
_HEADING = re.compile(r"^\s*(?:#{1,6}\s.*|\*\*[^*]+\*\*:?|__[^_]+__:?)\s*$")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def statement(sentence: str) -> str:
    """The sentence without list marker and preface; empty if nothing is left."""
    text = _MARKER.sub("", sentence).strip()
    while True:
        shorter = _PREFACE.sub("", text, count=1)
        if shorter == text:
            return text if re.search(r"\w", text) else ""
        text = shorter


def is_heading(line: str) -> bool:
    return bool(_HEADING.match(line)) or line.rstrip().endswith(":")


def is_greeting(text: str) -> bool:
    """Whether it consists of words of courtesy alone."""
    words = [word.casefold() for word in _WORD.findall(text)]
    return (
        bool(words)
        and not re.search(r"\d", text)
        and all(word in _GREETING_WORDS for word in words)
    )


def not_said(language: str) -> str:
    """That the documents do not say it; in English if not in `language` (ISO 639-1)."""
    return _NOT_SAID.get(language, _NOT_SAID[""])


def is_not_said(text: str) -> bool:
    """Whether it is one of `not_said`."""
    return text.strip() in _NOT_SAID.values()
