"""Where a browser and its driver are: what scripts that look at the page need."""

import os
import shutil
from pathlib import Path


def chromium():
    """The program; `LookupError` says what to do where there is none."""
    names = ["chromium", "chromium-browser", "google-chrome"]
    found = os.environ.get("CHROMIUM") or next((path for path in map(shutil.which, names) if path), None)
    if not found:
        raise LookupError("no Chromium (Debian: apt-get install chromium), and CHROMIUM names none")
    return found


def environment():
    """The variables that the scripts of this folder are run with; `LookupError` as above."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ["HOME"], ".cache")
    cache = Path(os.environ.get("APPRENTICE_CACHE") or os.path.join(home, "apprentice"))
    modules = next(cache.glob("openai-node-*/node_modules"), None)
    if not modules:
        raise LookupError("the packages of tests/clients are missing: run make setup")
    return os.environ | {"NODE_PATH": str(modules), "CHROMIUM": chromium()}
