"""No test touches the progress of whoever runs it."""

import os
import tempfile
from pathlib import Path

os.environ["LESSONKIT_QUIET"] = "1"  # a slow machine shows no more than a quick one
os.environ["LESSONKIT_PROGRESS"] = str(Path(tempfile.mkdtemp()) / "progress.json")
