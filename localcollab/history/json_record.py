"""JSON of an export or of a row, whose values are checked when they are taken."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, get_args

from localcollab.events import FinishReason, Unfamiliar
from localcollab.history.records import Outcome, Provenance

_T = TypeVar("_T")
_MOST = 2**64
"""A seed has 64 bits; nothing that is counted has more."""


class WrongJson(ValueError):
    """A value that is missing or not of its type; the message names its place."""


def valid_unicode(what: str, text: str) -> str:
    """Raises `WrongJson`."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise WrongJson(
            f"{what} holds a lone surrogate (U+{ord(text[error.start]):04X}) at position {error.start}"
        ) from error
    return text


class Record:
    """A JSON object and its place in the file; taking a value checks its type."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise WrongJson(f"{where} is not a JSON object")
        self._value, self.where = value, where

    def take(self, key: str, kind: type[_T]) -> _T:
        if key not in self._value:
            raise WrongJson(f"{self.where} lacks {key!r}")
        value = self._value[key]
        if type(value) is int and abs(value) > _MOST:
            raise self.wrong(key, "an integer of up to 64 bits")
        if kind is float and type(value) is int:
            value = float(value)
        # Not isinstance: true is not a number.
        if type(value) is not kind:
            raise self.wrong(key, f"of type {kind.__name__}")
        if isinstance(value, str):
            valid_unicode(f"{self.where}: {key}", value)
        return value

    def has(self, key: str) -> bool:
        """Files of earlier releases lack some."""
        return key in self._value

    def maybe(self, key: str, kind: type[_T]) -> _T | None:
        return None if self._value.get(key, ...) is None else self.take(key, kind)

    def choice(self, key: str, choices: tuple[str, ...]) -> Any:
        value = self.take(key, str)
        if value not in choices:
            raise self.wrong(key, f"one of {', '.join(choices)}")
        return value

    def count(self, key: str) -> int:
        value = self.take(key, int)
        if value < 0:
            raise self.wrong(key, "0 or more")
        return value

    def seconds(self, key: str) -> float:
        value = self.take(key, float)
        if not 0 <= value < _MOST:
            raise self.wrong(key, "a number of seconds")
        return value

    def share(self, key: str) -> float:
        value = self.take(key, float)
        if not 0 <= value <= 1:
            raise self.wrong(key, "from 0 to 1")
        return value

    def time(self, key: str) -> datetime:
        try:
            time = datetime.fromisoformat(self.take(key, str))
        except ValueError as error:
            raise self.wrong(key, "a time (ISO 8601)") from error
        if time.tzinfo is None:
            raise self.wrong(key, "a time with its offset from UTC")
        try:
            return time.astimezone(UTC)
        except OverflowError as error:
            raise self.wrong(key, "a time of the years 1 to 9999") from error

    def records(self, key: str) -> "list[Record]":
        values = self.take(key, list)
        return [Record(each, f"{self.where}: {key}[{n}]") for n, each in enumerate(values)]

    def record(self, key: str) -> "Record":
        return Record(self.take(key, dict), f"{self.where}: {key}")

    def mapping(self, key: str, kind: type[_T]) -> dict[str, _T]:
        record = self.record(key)
        return {
            valid_unicode(record.where, name): record.take(name, kind) for name in record._value
        }

    def all_of(self, key: str, kind: type[_T]) -> tuple[_T, ...]:
        values = self.take(key, list)
        each = Record({str(n): value for n, value in enumerate(values)}, f"{self.where}: {key}")
        return tuple(each.take(str(n), kind) for n in range(len(values)))

    def wrong(self, key: str, wanted: str) -> WrongJson:
        value = self._value[key]
        # Python refuses to write very long numbers.
        is_long = type(value) is int and abs(value) > _MOST
        value = "a number of many digits" if is_long else repr(value)[:80]
        return WrongJson(f"{self.where}: {key} is {value}, not {wanted}")


def provenance_from(record: Record) -> Provenance:
    options: Mapping[str, object] = record.take("options", dict)
    return Provenance(
        team=record.take("team", str),
        head_sha256=record.maybe("head_sha256", str),
        members=record.mapping("members", str),
        vocabulary=record.take("vocabulary", str),
        options=options,
        seed=record.maybe("seed", int),
    )


def outcome_from(record: Record) -> Outcome:
    reason: FinishReason | None = None
    if record.maybe("reason", str) is not None:
        reason = record.choice("reason", get_args(FinishReason))
    names = [(each.take("expert", str), each.take("name", str)) for each in
             record.records("unfamiliar")]  # fmt: skip
    return Outcome(
        reason=reason,
        n_prompt=record.count("n_prompt"),
        n_tokens=record.count("n_tokens"),
        authors=record.mapping("authors", int),
        seconds_prefill=record.seconds("seconds_prefill"),
        seconds_decode=record.seconds("seconds_decode"),
        unfamiliar=tuple(Unfamiliar(expert, name) for expert, name in names),
        notes=record.all_of("notes", str),
        error=record.maybe("error", str),
        n_repeated=record.count("n_repeated") if record.has("n_repeated") else 0,
        proposed=record.mapping("proposed", int) if record.has("proposed") else {},
        accepted=record.mapping("accepted", int) if record.has("accepted") else {},
    )
