"""The command line: each command is one file that turns options into a request and prints the result.

Ranges are checked by the records of the rooms below, whose messages name parameters; `group` puts the
options in their place. `main` lists the commands and imports one only when it runs.
"""
