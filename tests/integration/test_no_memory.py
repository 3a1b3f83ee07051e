"""Each allocation of the rooms stats and plan made to fail in turn, under ASan and UBSan."""
import os
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRATCH = ROOT / "build/no_memory"
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
         f"-I{ROOT}/include", f"-I{ROOT}/src"]
SCARCE = ["-Dmalloc=scarce_malloc", "-Dcalloc=scarce_calloc", "-Drealloc=scarce_realloc"]


def compiler(*arguments):
    subprocess.run([os.environ.get("CC", "cc"), *FLAGS, *map(str, arguments)], check=True, timeout=300, cwd=SCRATCH)


class NoMemory(unittest.TestCase):
    def test_every_allocation_may_fail(self):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        rooms = [file for room in ("base", "stats", "plan") for file in sorted((ROOT / "src" / room).glob("*.c"))]
        rooms += [ROOT / "src/config" / name for name in ("data.c", "csv.c", "text.c")]  # what templates look into
        for file in SCRATCH.glob("*.o"):
            file.unlink()
        compiler(*SCARCE, "-c", *rooms)
        compiler("-o", "no_memory", ROOT / "tests/integration/no_memory/no_memory.c", *sorted(SCRATCH.glob("*.o")), "-lz", "-lm", "-lpthread")
        done = subprocess.run([SCRATCH / "no_memory"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        counts = dict(line.split() for line in done.stdout.splitlines())
        self.assertEqual(len(counts), 8, done.stdout)
        for step, count in counts.items():
            self.assertGreater(int(count), 1, f"{step}: too few allocations were made to fail")


if __name__ == "__main__":
    unittest.main()
