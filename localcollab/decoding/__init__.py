"""From a model to an answer: the decode loop, sampling, speculation, stop strings, and text encoding.

Works for any `LanguageModel`, alone or a team, and yields events. Messages and templates are left to
`chat`, files and processes to the rooms above.
"""
