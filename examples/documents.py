"""Documents: search files, answer from them, and check every sentence against its source.

python examples/documents.py [FOLDER QUESTION]     without: two notes about medicines that ship
"""

import sys
import tempfile
from pathlib import Path

import localcollab as lc

NOTES = {
    "Kihelrine.md": "# Kihelrine\n\nOne dose of Kihelrine is 30 mg. Keep it in a dark place.\n",
    "visits.txt": "The next visit is on 12 May at the clinic in Dunholm.\n",
}

with tempfile.TemporaryDirectory() as scratch:
    if len(sys.argv) > 2:
        folder, question = Path(sys.argv[1]), sys.argv[2]
    else:
        folder, question = Path(scratch, "notes"), "How much is one dose of Kihelrine?"
        folder.mkdir()
        for name, text in NOTES.items():
            (folder / name).write_text(text, encoding="utf-8")

    with lc.open_collection(Path(scratch, "notes.sqlite3"), create=True) as collection:
        tally = collection.add(folder)
        print(f"{tally.added} files read\n\nsearch: when is the visit")
        for hit in collection.search("when is the visit", n=2):
            print(f"  {hit.passage.document.path.name}: {hit.passage.text.strip()!r}")

        with lc.load() as team:
            answer = collection.ask(question, team, max_tokens=100)
        print(f"\n{question}\n  {answer.cited}")
        for claim in answer.claims:
            print(f"  {claim.support or 'states nothing'}: {claim.text}")

print("\nThe same check for a text from anywhere:")
text = "One dose of Kihelrine is 30 mg. The next visit is on 13 May."
for claim in lc.check_answer(text, list(NOTES.values())):
    print(f"  {claim.support}: {claim.text}")
