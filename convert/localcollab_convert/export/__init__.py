"""From data files and the members of a team to tables of hidden states and log-probs of the answers.

Heads, mixtures and bridges are trained on these examples and tables. Runs the models, once; knows nothing
of training.
"""
