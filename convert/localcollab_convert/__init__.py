"""Model preparation for localcollab: heads are trained here, and run in `localcollab` without torch."""
