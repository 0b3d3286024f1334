"""`localcollab bench`: every figure a ratio against the same llama.cpp in the same run.

setting    what is measured: an open team, a prompt of 256 tokens, an answer of 64
figures    a ratio and its spread; interleaved repetitions
speed      base and team against the bare loop
turns      what the second turn of a chat reads
memory     resident memory against weights and cache
startup    from the process start to help, and to the first token
published  the published style and the export of states, in children of the convert package
report     table, JSON, picture
command    which figures, in which order
"""
