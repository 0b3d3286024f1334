"""How often `docs revise` proposes something between documents about different things: it should never.

    python scripts/experiments/revisions.py --data FOLDER_OF_PEPS
    python scripts/experiments/revisions.py --data xquad.en.json

Every document (an article of XQuAD is one) is revised with all others, as if they were newer. What is
proposed is printed with its source, to be judged by hand.
"""

import argparse
import json
import tempfile
from pathlib import Path

from localcollab.documents.collection import Collection
from localcollab.documents.revise.dating import given
from localcollab.documents.revise.revise import revise
from localcollab.terminal.printing import print_line

OLDEST = given("1900")


def write_articles(data: Path, folder: Path) -> None:
    for article in json.loads(data.read_text(encoding="utf-8"))["data"]:
        text = "\n\n".join(paragraph["context"] for paragraph in article["paragraphs"])
        name = article["title"].replace("/", "-")
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def measure(folder: Path) -> None:
    n_compared = n_changes = 0
    with Collection(None) as collection:
        collection.add([folder])
        for document in collection.documents():
            if document.status != "indexed":
                continue
            found = revise(document.path, collection, date=OLDEST)
            n_compared += found.n_compared
            n_changes += len(found.changes)
            for change in found.changes:
                quote = change.passage.text[slice(*change.quote)]
                source = change.passage.document.path.name
                print_line(f"{document.path.name}: {change.old} -> {change.new}; {source}: {quote}")
    print_line(f"{n_compared} sentences with a value, {n_changes} changes proposed")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, required=True)
    chosen = options.parse_args()
    if chosen.data.is_dir():
        measure(chosen.data)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_articles(chosen.data, Path(folder))
        measure(Path(folder))


if __name__ == "__main__":
    main()
