"""From messages to token ids: a model's own chat template, rendered in a child process, and a transcript
that keeps the ids of earlier answers.

Names of special tokens inside messages stay plain text. Generating is left to `decoding`, a session with
its options to `teams`.
"""
