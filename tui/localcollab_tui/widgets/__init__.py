"""Thin Textual widgets: they show records and post messages; they decide nothing."""
