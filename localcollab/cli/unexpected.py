"""One line for an error that no room explains: of the system, or a defect of localcollab."""

import logging
import sys
import traceback
from pathlib import Path

from localcollab.storage.os_errors import explained


def describe(error: Exception) -> str:
    """Without the text of a defect's error, which may hold what a user wrote."""
    if isinstance(error, MemoryError):
        return "not enough memory: close other programs, or use smaller models and contexts"
    if isinstance(error, OSError):
        return explained(error)
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        traceback.print_exception(error, file=sys.stderr)
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "no place"
    return (
        f"a defect of localcollab: {type(error).__name__} at {where}: report this line; localcollab "
        "--verbose COMMAND shows more"
    )
