"""What `run` prints of an answer that goes back."""

import json

import pytest

from localcollab.cli.output import AnswerOutput
from localcollab.events import Confidence, Finished, Retracted, Token
from localcollab.terminal.status import Status

EVENTS = (
    Token(1, "once", "base", 0.9), Token(2, " again", "base", 0.9), Token(2, " again", "base", 0.2),
    Retracted(1, " again", "repeated itself"), Token(3, " more", "base", 0.9),
    Finished("end", "once again more", (1, 2, 3), 1, {"base": 3}, n_repeated=1),
)  # fmt: skip


def output(capsys: pytest.CaptureFixture[str], *, as_json: bool, goes_back: bool) -> str:
    shown = AnswerOutput(["base"], Status(), marks=False, as_json=as_json, goes_back=goes_back)
    for event in EVENTS:
        shown.show(event)
    return capsys.readouterr().out


def test_a_pipe_gets_what_stays(capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, as_json=False, goes_back=True) == "once again more\n"


def test_what_was_written_already_ends_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, as_json=False, goes_back=False) == "once again again\n more\n"


def test_json_tells_what_was_taken_back(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    shown = AnswerOutput(["base"], Status(), marks=False, as_json=True, goes_back=True)
    for event in EVENTS:
        shown.show(event)
    records = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    (taken,) = (record for record in records if record["event"] == "retracted")
    assert taken == {
        "event": "retracted",
        "n_tokens": 1,
        "text": " again",
        "why": "repeated itself",
        "author": "",
    }


def test_an_answer_that_ends_early_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    shown = AnswerOutput(["base"], Status(), marks=False, as_json=False, goes_back=True)
    for event in EVENTS[:2]:
        shown.show(event)
    shown.release()
    assert capsys.readouterr().out == "once again"


def test_confidences_stand_below_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    found = (Confidence("e", " 60 ", 0.5), Confidence("e", "Labs\x1b", 0.976))
    shown = AnswerOutput(["base"], Status(), marks=False, as_json=False)
    shown.show(Finished("end", "", (), 1, confidences=found))
    assert "right with probability: 60 0.50 · Labs␛ 0.98\n" in capsys.readouterr().err
