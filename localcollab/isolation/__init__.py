"""Models in a process of their own: what ends that process costs a turn, not the program.

`isolated.py` is the model as the program sees it, `engine.py` what runs in the child, `channel.py` what
they say to each other.
"""
