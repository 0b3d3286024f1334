"""Models of different vocabularies in one team: words, spellings, and a model seen through another's ids.

A word is what two tokenizers have in common (`words`); `spelling` says how one vocabulary writes the
other's tokens, `encoded` keeps a growing text as canonical tokens, `translated` is the wrapper, `lifted`
the wrapper for arithmetic on logits, `word_scores` gives log-probabilities of words, and `prompts` gives
a member the conversation in its own chat form. Who writes a word is left to `methods`.
"""
