"""How long slow work takes: from its own speed, in one place, on a terminal and in a file."""

import io
from pathlib import Path

import pytest

from localcollab.progress import Counted, Pace, left_text
from localcollab.storage.counted_file import CountedFile, counted_sha256
from localcollab.terminal.status import Status


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_is_left_follows_from_the_measured_speed() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.seconds_left(Counted("reading", 0, 1000)) is None
    clock.now += 1
    assert pace.seconds_left(Counted("reading", 20, 1000)) == pytest.approx(49)
    clock.now += 1
    assert pace.seconds_left(Counted("reading", 60, 1000)) == pytest.approx(940 / 30)


def test_short_work_is_not_estimated() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.seconds_left(Counted("reading", 0, 1000))
    clock.now += 1
    assert pace.seconds_left(Counted("reading", 200, 1000)) is None


def test_what_a_cache_or_an_earlier_run_had_done_is_no_speed() -> None:
    clock = Clock()
    pace = Pace(clock)
    for done in (64, 512, 1024):
        assert pace.seconds_left(Counted("reading", done, 4096)) is None
        clock.now += 0.001
    clock.now += 2
    assert pace.seconds_left(Counted("reading", 1124, 4096)) == pytest.approx(2972 / 50, rel=0.01)


def test_the_speed_is_that_of_the_last_half_minute() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.seconds_left(Counted("downloading", 0, 10_000))
    left = None
    for second in range(1, 121):  # a minute at 10 a second, then one at 40
        clock.now += 1
        done = 10 * second if second <= 60 else 600 + 40 * (second - 60)
        left = pace.seconds_left(Counted("downloading", done, 10_000))
    assert left == pytest.approx((10_000 - 3000) / 40)


def test_other_work_is_measured_anew() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.seconds_left(Counted("one", 0, 100))
    clock.now += 1
    assert pace.seconds_left(Counted("one", 1, 100)) == pytest.approx(99)
    assert pace.seconds_left(Counted("two", 50, 100)) is None
    clock.now += 1
    assert pace.seconds_left(Counted("two", 51, 100)) == pytest.approx(49)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "about 1 s left"), (7.4, "about 7 s left"), (42, "about 40 s left"),
        (100, "about 2 min left"), (5300, "about 88 min left"), (9000, "about 2.5 h left"),
    ],
)  # fmt: skip
def test_an_estimate_has_few_digits(seconds: float, text: str) -> None:
    assert left_text(seconds) == text


def test_a_file_gets_a_line_before_long_work_and_one_every_half_minute() -> None:
    clock, out = Clock(), io.StringIO()
    status = Status(out, clock=clock)
    for done in range(101):
        status.show(Counted("embedding", done, 100, "passages"))
        clock.now += 1
    assert out.getvalue().splitlines() == [
        "embedding: 1 of 100 passages, about 2 min left",
        "embedding: 31 of 100 passages, about 70 s left",
        "embedding: 61 of 100 passages, about 40 s left",
        "embedding: 91 of 100 passages, about 9 s left",
    ]


def test_a_file_gets_nothing_of_short_work() -> None:
    clock, out = Clock(), io.StringIO()
    status = Status(out, clock=clock)
    for done in range(9):
        status.show(Counted("embedding", done, 8))
        clock.now += 1
    status.show("loading")
    assert out.getvalue() == ""


def test_uncounted_work_is_told_every_half_minute_too() -> None:
    clock, out = Clock(), io.StringIO()
    status = Status(out, clock=clock)
    for second in range(65):
        status.show(f"{second} files")
        clock.now += 1
    assert out.getvalue() == "30 files\n60 files\n"


def test_a_terminal_sees_the_estimate_in_place() -> None:
    clock, out = Clock(), io.StringIO()
    status = Status(out, in_place=True, clock=clock)
    status.show(Counted("train", 0, 100, "steps", "loss 2"))
    clock.now += 1
    status.show(Counted("train", 1, 100, "steps", "loss 1"))
    assert out.getvalue() == (
        "\r\x1b[K\x1b[2mtrain: 0 of 100 steps, loss 2\x1b[0m"
        "\r\x1b[K\x1b[2mtrain: 1 of 100 steps, loss 1, about 2 min left\x1b[0m"
    )


def test_a_counted_file_reports_megabytes_as_it_grows(tmp_path: Path) -> None:
    said: list[object] = []
    with (tmp_path / "a").open("wb") as file:
        counted = CountedFile(file, "downloading a", 3_000_000, said.append)
        for _ in range(30):
            counted.write(bytes(100_000))
    assert said == [Counted("downloading a", n, 3, "MB") for n in (0, 1, 2)]


def test_hashing_is_counted_and_right(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    said: list[object] = []
    assert counted_sha256(tmp_path / "a", said.append).startswith("ba7816bf8f01cfea4141")
    assert said == [Counted("hashing a", 0, 0, "MB")]
