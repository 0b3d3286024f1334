"""`localcollab docs refresh`: an expert made from documents learns what is new in them.

The new expert replaces the old one only if it is as good on known texts and better on new ones. The first
training is in `expert`.
"""
