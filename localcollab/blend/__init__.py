"""Blend: several candidate answers, ranked in pairs, the best ones fused (LLM-Blender, arXiv:2306.02561).

ranking      what a comparison is, and how comparisons become a ranking
naming       how rankers are written
rankers      rankers by name
baselines    rankers that read no model
scoring      rankers that are language models
candidates   who answers, how often
fusing       the best candidates -> one answer
session      a conversation with a blend
residence    which members are in memory
records      MixInstruct-form data
evaluation   how good rankers are on such data
opening      names and plans -> members
showing      what a person reads of it
files        `rank` and `fuse` of a whole file
api          all of it as five functions
"""
