"""The command line: each command is one file that turns options into a request and prints the result.

Ranges are checked by the records of the rooms below, whose messages name parameters; `group` puts the
options in their place. `main` handles streams, interrupts and errors; `commands` lists what can run, and
imports a command only when it runs.
"""
