"""A conversation without a screen: the shown branch, what is asked next, and what is stored of it.

Also the slash commands as text. Models run in `engine`; screens and keys are in `chat`.
"""
