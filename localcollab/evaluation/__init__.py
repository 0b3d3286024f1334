"""Accuracy and cost of teams, blends and rankers, each beside its members alone, on the same questions.

`request` holds what can be asked for; `evaluate`, `compare` and `rankers` do it; `report` and
`compare_report` make tables and pictures. Speed against bare llama.cpp is `localcollab.bench`; nothing
here prints.
"""
