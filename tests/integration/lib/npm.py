"""Packages of npm for the tests: tests/npm/package.json lists them, tests/npm/install brings them."""
import functools
import os
import subprocess

from . import paths

FOLDER = paths.ROOT / "build" / "npm"
MODULES = FOLDER / "node_modules"
ENVIRONMENT = {**os.environ, "NODE_PATH": str(MODULES)}


@functools.cache
def why_not():
    """None once the packages are in FOLDER; else a sentence why they can't be there."""
    done = subprocess.run([paths.ROOT / "tests/npm/install"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=600, check=False)
    return None if done.returncode == 0 else done.stdout.strip()
