"""Writes a small history and one exported conversation, with the code of any release that has one:

    git worktree add /tmp/release COMMIT
    PYTHONPATH=/tmp/release python tests/older_files/make_history.py FOLDER

history-0.1.0.sqlite3.gz and conversation-0.1.0.json.gz are of commit f4c98f1, the last one of 0.1.0.
"""

import gzip
import sys
from pathlib import Path

from localcollab import __version__
from localcollab.events import Finished, Token, Unfamiliar
from localcollab.history import Provenance, open_history

PROVENANCE = Provenance(
    team="formulary", head_sha256="ab" * 32, members={"base": "cd" * 32, "expert": "ef" * 32},
    vocabulary="12" * 32, options={"temperature": 0.0, "threshold": 0.5}, seed=7,
)  # fmt: skip


def tokens_of(text: str) -> list[Token]:
    """One token a word, by turns of the base and the expert."""
    return [
        Token(100 + n, f"{word} ", ("base", "expert")[n % 2], 0.75, 0.25, unsure=n % 3 == 0)
        for n, word in enumerate(text.split())
    ]


def main(folder: Path) -> None:
    file = folder / f"history-{__version__}.sqlite3"
    with open_history(file) as history:
        conversation = history.create(system="Be brief.", team="formulary").id
        question = history.add_question(conversation, "What is Lelgidone for?")
        answer = history.begin_answer(question.id, PROVENANCE)
        tokens = tokens_of("It is for colds.")
        history.append_tokens(answer, tokens)
        ids = tuple(token.id for token in tokens)
        authors = {"base": 2, "expert": 2}
        ended = Finished("stop_string", "It is for colds. ", (*ids, 9), 12, authors, 0.5, 2.0)
        history.finish_answer(answer, ended, (Unfamiliar("expert", "Lelgidone"),), ("a note",))
        again = history.edit_question(question.id, "What is Lelgidone made of?")
        stopped = history.begin_answer(again.id, PROVENANCE)
        history.append_tokens(stopped, tokens_of("Of many things"))
        history.stop_answer(stopped)
        follow_up = history.add_question(conversation, "Such as?")
        failed = history.begin_answer(follow_up.id, PROVENANCE)
        history.fail_answer(failed, "the model could not be read")
        history.pin(conversation)
        text = history.export_json(conversation)
    for name, data in ((file.name, file.read_bytes()),
                       (f"conversation-{__version__}.json", text.encode())):  # fmt: skip
        (folder / f"{name}.gz").write_bytes(gzip.compress(data, mtime=0))
    file.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
