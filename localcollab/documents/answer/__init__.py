"""Questions answered from a collection: passages chosen and sent, every sentence of the answer checked.

Finding passages is left to `search`, generating to `teams` and `decoding`, colours to the caller.
"""
