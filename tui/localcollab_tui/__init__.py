"""The terminal app: `localcollab chat`."""
