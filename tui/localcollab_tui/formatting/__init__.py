"""What screens show, as text and spans: provenance, reasoning, previews, figures, heat maps.

Pure functions; colours, keys and layout belong to the widgets.
"""
