"""Modal screens over the chat: each shows one thing or returns one choice.

They know the history and the records they show, never the chat screen below them.
"""
