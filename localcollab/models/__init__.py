"""Model files on this machine: pulled, updated, added, found, removed, verified; and whether a team fits.

`hub`, `pull` and `packages` are the only code that may open a connection. Which models exist is left to
`catalog`, what llama.cpp does with a file to `llama`, archives of teams to `archives`.
"""
