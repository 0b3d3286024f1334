"""What one file may cost. A file beyond a limit is refused by name; nothing is cut."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults: far above real documents, far below what hurts a laptop."""

    file_bytes: int = 64_000_000
    text_chars: int = 16_000_000
    """Of one document, when it is read."""
    unpacked_bytes: int = 128_000_000
    """Of all that is unpacked of one archive (DOCX, ODT, EPUB)."""
    memory_bytes: int = 1_000_000_000
    """Address space of the process that reads."""
    seconds: float = 60.0
    """To read one file."""


DEFAULT_LIMITS = Limits()
