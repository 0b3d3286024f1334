"""What an expert studies: texts of documents, and many questions about each sentence of them.

`texts` reads a collection, `spans` finds what can be asked for, `questions` asks for it in many
wordings and `material` makes lessons of both. `general` has what no document says. Knows neither torch
nor models.
"""
