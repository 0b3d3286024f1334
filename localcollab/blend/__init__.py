"""Blend: several candidate answers, ranked in pairs, the best ones fused (LLM-Blender, arXiv:2306.02561).

ranking      what a comparison is, and how comparisons become a ranking: `compare`, `rank`
rankers      rankers by name, and those that read no model
scoring      rankers that are language models
pair_ranker  trained rankers, from a `ranker_file`
candidates   which member answers, how often; `best_of_n`
fuser        the best candidates -> one answer: `fuse`, `rank_and_fuse`; `gen_fuser` for T5 models
session      a conversation with a blend; its `events`, and their `format` for a person
residence    which members are in memory
open         names and plans -> members
mixinstruct  files of records in MixInstruct form
request      what `files` is asked for: rankings or fused answers of a whole file
"""
