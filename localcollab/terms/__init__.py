"""What search compares: a text in any language cut into folded, stemmed terms.

Knows scripts and languages; what is indexed, and how a query uses the terms, is left to the rooms above.
"""
