"""Model files on this machine: where they are kept, fetched, counted and carried.

store      files and the catalogues this program writes; who uses which file
elsewhere  what Ollama, LM Studio and the Hub's cache already hold
listing    `models list` and `show`
keeping    `models add`, `rm` and `verify`
pull       `models pull`: the only code that may open a connection
converter  upstream's converter, for `convert`
fit        what a team takes, and whether it fits
check      `teams check`
archive    `teams export`; unpack is `teams import`
cli        the commands, thin
"""
