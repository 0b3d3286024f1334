"""`convert ranker`: train a pair ranker (LLM-Blender), which tells the better of two answers.

`encoder` prepares the encoder, `train` trains it with the head, `make` runs the stages and exports to
GGUF; `pairrm` loads the public PairRM. Ranking with a finished ranker is in `localcollab.blend`.
"""
