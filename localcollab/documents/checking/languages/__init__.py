"""The closed classes of words of a language: what negates, restricts, attributes, and what is free.

One file a language. A language without a file is compared word by word, and nothing may be left out.
"""
