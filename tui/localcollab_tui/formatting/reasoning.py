"""Separates reasoning (<think> blocks) from the answer, also while it streams."""

from dataclasses import dataclass

OPEN, CLOSE = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class Part:
    text: str
    is_thought: bool


class Splitter:
    """`feed` text as it arrives; a tag may be split anywhere. A block opens only at a line start."""

    def __init__(self, *, opened: bool = False) -> None:
        """`opened`: the template wrote the opening tag into the prompt."""
        self._thinks = opened
        self._held = ""
        self._at_line_start = True
        self._skips_newlines = False

    def feed(self, text: str) -> list[Part]:
        self._held += text
        parts: list[Part] = []
        while self._held:
            tag = CLOSE if self._thinks else OPEN
            at = self._find(tag)
            if at < 0:
                keep = _n_may_be_tag(self._held, tag)
                self._emit(parts, self._held[: len(self._held) - keep])
                self._held = self._held[len(self._held) - keep :]
                break
            self._emit(parts, self._held[:at])
            self._held = self._held[at + len(tag) :]
            # The empty lines after a block belong to it, however they are split.
            self._skips_newlines = self._thinks
            self._thinks = not self._thinks
        return parts

    def flush(self) -> list[Part]:
        """The rest, at the end of the answer."""
        rest, self._held = self._held, ""
        parts: list[Part] = []
        self._emit(parts, rest)
        return parts

    def _find(self, tag: str) -> int:
        at = self._held.find(tag)
        while at >= 0 and tag == OPEN and not self._starts_line(at):
            at = self._held.find(tag, at + 1)
        return at

    def _starts_line(self, at: int) -> bool:
        before = self._held[:at].rpartition("\n")
        if before[2].strip():
            return False
        return bool(before[1]) or self._at_line_start

    def _emit(self, parts: list[Part], text: str) -> None:
        if self._skips_newlines and not self._thinks:
            text = text.lstrip("\n")
            self._skips_newlines = not text
        if not text:
            return
        parts.append(Part(text, self._thinks))
        last_line = text.rpartition("\n")
        if last_line[1] or last_line[2].strip():
            self._at_line_start = not last_line[2].strip()


def _n_may_be_tag(text: str, tag: str) -> int:
    return max((n for n in range(1, len(tag)) if text.endswith(tag[:n])), default=0)


def split(text: str) -> tuple[str, str]:
    """A whole answer -> (thoughts, answer). A closing tag alone ends a block that the prompt opened."""
    opened = CLOSE in text and OPEN not in text.split(CLOSE, 1)[0]
    splitter = Splitter(opened=opened)
    parts = [*splitter.feed(text), *splitter.flush()]
    thoughts = "".join(part.text for part in parts if part.is_thought)
    return thoughts.strip(), "".join(part.text for part in parts if not part.is_thought)
