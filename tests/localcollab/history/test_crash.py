"""kill -9 at any moment: the file opens, finished turns are whole, at most one answer is partial."""

import os
import random
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from localcollab.history import History, open_history
from localcollab.history.answers import INTERRUPTED
from stored_answers import PROVENANCE, finished, tokens_of

N_KILLS = 100
_SECONDS_A_CHUNK = 0.003
"""As a model writes: most of the time an answer is on its way, and most kills meet one."""
ANSWER = "one two three four five six seven eight nine ten eleven twelve"


def stream_forever(path: Path, report: int) -> None:
    """Reports each answer's id once it is finished."""
    history = open_history(path)
    id_ = history.create().id
    while True:
        asked = history.add_question(id_, "How much?")
        answer = history.begin_answer(asked.id, PROVENANCE)
        tokens = tokens_of(ANSWER)
        for n in range(0, len(tokens), 3):
            history.append_tokens(answer, tokens[n : n + 3])
            time.sleep(_SECONDS_A_CHUNK)
        history.finish_answer(answer, finished(tokens))
        os.write(report, b"%d\n" % answer)


def kill_while_streaming(path: Path, seconds: float, *, after_first: bool) -> list[int]:
    """The answers that were finished when the process was killed; counted from its first, or its
    start."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            stream_forever(path, write)
        finally:
            os._exit(1)
    os.close(write)
    with open(read, "rb", buffering=0) as report:
        first = report.read(64) if after_first else b""
        time.sleep(seconds)
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        return [int(line) for line in (first + report.read()).split()]


def check(history: History, acknowledged: list[int]) -> int:
    """How many answers are partial."""
    tokens = tuple(tokens_of(ANSWER))
    for answer in acknowledged:
        assert history.message(answer).status == "complete"
        assert history.message(answer).text == ANSWER + " "
        assert history.tokens(answer) == tokens
    n_partial = 0
    for message in history.branch(history.conversations(limit=1)[0].id):
        assert message.status in ("complete", "stopped")
        if message.status == "stopped":
            n_partial += 1
            assert (ANSWER + " ").startswith(message.text)
            assert message.outcome is not None
            assert message.outcome.notes == (INTERRUPTED,)
            n_tokens = message.outcome.n_tokens
            assert history.tokens(message.id) == tokens[:n_tokens]
    return n_partial


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_hundred_kills_lose_no_finished_turn(tmp_path: Path) -> None:
    path, rng = tmp_path / "h", random.Random(5)
    acknowledged: list[int] = []
    n_partial = 0
    for n in range(N_KILLS):
        new = kill_while_streaming(path, rng.uniform(0, 0.1), after_first=n % 2 == 0)
        acknowledged += new
        with open_history(path) as history:
            if history.count():
                latest = check(history, new)
                assert latest <= 1
                n_partial += latest
        assert [file.name for file in tmp_path.iterdir()] == ["h"]
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.execute("INSERT INTO words(words, rank) VALUES ('integrity-check', 1)")
    connection.close()
    with open_history(path) as history:
        check(history, acknowledged)
    assert len(acknowledged) >= N_KILLS // 2
    assert n_partial > N_KILLS // 4
