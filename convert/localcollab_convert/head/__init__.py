"""`convert head`: train the head of a deferral team on exported hidden states, and choose its threshold.

`make` runs the stages, `train` is Co-LLM's objective in PyTorch, `calibrate` answers validation data at
each threshold. Reading data and running the members once is left to `export`.
"""
