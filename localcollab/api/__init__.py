"""The public Python API: what `import localcollab` offers, in the plain form of one call a task.

answers     sampling options and limits by name; events -> one result
load        names and files -> a `Team`
team        `Team` and `Chat`: questions, conversations, memory, closing
sources     what a team reads: token by token on contexts of its own, or whole answers of a blend
documents   collections of documents, and answers whose citations are checked
rankings    rank and fuse candidate answers
embeddings  texts -> vectors
measuring   a team beside its members alone

How anything is done is left to the rooms below. `localcollab/__init__` names what is public.
"""
