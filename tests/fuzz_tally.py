"""What became of the damaged files of one kind, counted."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Of one kind."""

    is_read_in_child: bool = True
    """Models and adapters are read by the command line only."""
    executions: int = 0
    """In the child; of models and adapters, of the command line."""
    passed_header: int = 0
    accepted: int = 0
    commands: int = 0
    """Runs of the command line."""
    signals: int = 0
    tracebacks: int = 0
    """Any exception but the kind's own errors, and any warning."""
    hangs: int = 0
    memory: int = 0
    """More than the kind's limit, or than its child may take."""
    other: int = 0
    """Ends that are none of these and yet no way to end: no remedy, two lines, an escape sequence."""
    peak_bytes: int = 0
    """Of the child."""
    peak_of_commands: int = 0
    seconds: float = 0.0
    ends: Counter[int] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    """Findings by what is equal in equal ones."""

    @property
    def is_clean(self) -> bool:
        return not (self.signals or self.tracebacks or self.hangs or self.memory or self.other)

    def line(self, kind: str) -> str:
        def share(n: int) -> float:
            return n / self.executions if self.executions else 0.0

        accepted = f", {share(self.accepted):.0%} accepted" if self.is_read_in_child else ""
        return (
            f"{kind}: {self.executions} executions in {self.seconds:.0f} s, "
            f"{share(self.passed_header):.0%} passed the header{accepted}, "
            f"peak {self.peak_bytes / 2**20:.0f} MiB; {self.commands} commands, peak "
            f" {self.peak_of_commands / 2**20:.0f} MiB, exits {dict(sorted(self.ends.items()))}; "
            f"{self.signals} signals, {self.tracebacks} tracebacks, {self.hangs} hangs, "
            f"{self.memory} times too much memory, {self.other} other complaints"
        )
