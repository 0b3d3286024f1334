"""A person's own files, made searchable: one SQLite file per collection, on this machine.

`Collection` is what the app and the command line call. `ingest` turns files into documents, `parsing`
reads their formats in a child process, `search` finds passages, `answer` asks a team about them and
checks every citation. Text of documents is data: nothing here runs, renders or logs it.
"""
