"""Files -> text, one format a file. Untrusted files are read in a child process with limits.

section     what every format's `parse` yields
formats     which format a file is, by its content first and its name second
encoding    bytes -> characters where nothing says how: what is guessed is noted
tables      rows and cells of every text format; `rows` and `sheet` those of sheets
attachments documents inside of documents
child       the process that reads; `reader` starts it, ends it and asks it
markup      what HTML and the XML formats share: guarded archives, guarded XML
"""
