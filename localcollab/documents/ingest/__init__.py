"""From files to documents: which files a folder offers, which of them changed, and their passages.

Reading a file's format is left to `parsing`, the tables to `store`.
"""
