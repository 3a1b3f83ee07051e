"""Packages of npm for the tests: tests/npm/package.json lists them, tests/npm/install brings them."""
import functools
import json
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


def validate(schema, values):
    """Of each value its errors by ajv, as sentences; a schema that ajv does not take ends in an exception with its reason."""
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    done = subprocess.run(["node", paths.ROOT / "tests/integration/schema_ajv/validate.js"], input=json.dumps({"schema": schema, "texts": texts}),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, env=ENVIRONMENT, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)
