"""Speed and memory as ratios to the same llama.cpp in the same run. Prints nothing.

request    which figures of which teams
measure    a request -> its figures

setting    what is measured: an open team, a prompt of 256 tokens, an answer of 64
figures    a ratio and its spread; interleaved repetitions
speed      base and team against the bare loop
turns      what the second turn of a chat reads
memory     resident memory against weights and cache
drafting   what a draft promises, before it is used
startup    from the start of a process to its help, and to its first token
published  the published style and the export of states, in children of the convert package
report     table, JSON, picture
"""
