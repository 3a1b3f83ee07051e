"""Where the programs under test are. LH_BUILD names the folder of a flavour; default: what `make` built last."""
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("LH_BUILD", ROOT / "build")).resolve()
LONGHAUL = BUILD / "longhaul"
FAULTD = BUILD / "faultd"
