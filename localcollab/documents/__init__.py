"""A person's own files as something one can search: one SQLite file a collection, on this machine.

    records        what is stored, as frozen records
    collection     `Collection`: every call the app and the command line make
    syncing        files -> documents: what is new, changed or gone since the last time
    walking, ignoring     which files a folder offers
    parsing        files -> text, in a child process with limits
    splitting      text -> passages
    searching      a question -> the passages it is best answered from
    citations, packing, answering, quoting     passages -> answers whose citations are checked
    database, schema, rows, storing            the file
    commands, cli              `localcollab docs`

Text of documents is data: nothing here runs, renders or logs it.
"""
