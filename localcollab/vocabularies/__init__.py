"""Models of different vocabularies in one team: words, spellings, and a model seen through another's ids.

A word is what two tokenizers have in common (`words`); `spelling` says how one vocabulary writes the
other's tokens, `encoded` keeps a growing text as canonical tokens, `translated` is the wrapper, and
`word_scores` gives log-probabilities of words. Who writes a word is left to `methods`.
"""
