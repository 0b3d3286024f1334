"""`convert mixture`: fit the weights of a mixture of models by expectation-maximization.

The members' log-probs of the gold tokens come from `export`; mixing at inference is in
`localcollab.methods`.
"""
