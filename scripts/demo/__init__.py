"""The shipped team `formulary`, made from nothing: an invented world, three trainings, GGUF files.

`python -m demo --out DIR` with scripts/ on the path. Needs the `convert` extra; takes no download.
"""
