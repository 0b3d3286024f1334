"""Screens over the chat: each shows one thing and returns one choice."""
