"""Finds the shared library of the integration tests."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from lib import paths, process  # noqa: E402,F401
from lib.faultd import Faultd  # noqa: E402,F401
