"""The tables, and how older files become newer ones: one tuple of statements for each version."""

APPLICATION_ID = 0x4C434842
"""Marks the file as ours in its header ("LCHB")."""

_TABLES = (
    """CREATE TABLE conversations (
        id TEXT PRIMARY KEY,
        title TEXT NOT NULL,
        system TEXT NOT NULL,
        team TEXT NOT NULL,
        created INTEGER NOT NULL,  -- microseconds since 1970, UTC
        updated INTEGER NOT NULL,
        pinned INTEGER NOT NULL,
        leaf INTEGER REFERENCES messages(id)
    )""",
    "CREATE INDEX conversations_shown ON conversations(pinned DESC, updated DESC, id)",
    """CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation TEXT NOT NULL REFERENCES conversations(id),
        parent INTEGER REFERENCES messages(id),
        role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
        status TEXT NOT NULL CHECK (status IN ('complete', 'stopped', 'streaming', 'failed')),
        created INTEGER NOT NULL,
        seen INTEGER NOT NULL,     -- grows each time a branch is shown up to here
        text TEXT NOT NULL,
        provenance TEXT,           -- JSON
        outcome TEXT,              -- JSON
        writer TEXT                -- who streams it: see `writers`
    )""",
    "CREATE INDEX messages_of_conversation ON messages(conversation, parent)",
    "CREATE INDEX messages_of_parent ON messages(parent)",
    "CREATE INDEX messages_streaming ON messages(status) WHERE status = 'streaming'",
    """CREATE TABLE tokens (         -- while an answer streams, one row a save; then one row
        message INTEGER NOT NULL REFERENCES messages(id),
        n INTEGER NOT NULL,
        packed BLOB NOT NULL,      -- see `packing`
        PRIMARY KEY (message, n)
    ) WITHOUT ROWID""",
)

# The index holds no copy of the texts; the triggers tell it what to take out.
_SEARCH = (
    """CREATE VIRTUAL TABLE words USING fts5(
        text, content='messages', content_rowid='id',
        tokenize='unicode61 remove_diacritics 2', prefix='1 2 3'
    )""",
    """CREATE TRIGGER words_added AFTER INSERT ON messages BEGIN
        INSERT INTO words(rowid, text) VALUES (new.id, new.text);
    END""",
    """CREATE TRIGGER words_removed AFTER DELETE ON messages BEGIN
        INSERT INTO words(words, rowid, text) VALUES ('delete', old.id, old.text);
    END""",
    """CREATE TRIGGER words_changed AFTER UPDATE OF text ON messages BEGIN
        INSERT INTO words(words, rowid, text) VALUES ('delete', old.id, old.text);
        INSERT INTO words(rowid, text) VALUES (new.id, new.text);
    END""",
    "INSERT INTO words(words) VALUES ('rebuild')",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (f"PRAGMA application_id = {APPLICATION_ID}", *_TABLES),
    _SEARCH,
)
"""`MIGRATIONS[n]` makes version n + 1 (PRAGMA user_version) of version n. Only ever added to."""

VERSION = len(MIGRATIONS)
