"""How busy the machine was while something ran: what a test of moments may excuse itself with, and nothing else."""
import time

TOO_BUSY = 0.6  # of the time some process stood ready and had no processor: moments of a test do not hold any more


def _waited_s():
    try:
        with open("/proc/pressure/cpu", encoding="ascii") as file:
            return int(file.readline().rsplit("total=", 1)[1]) / 1e6
    except (OSError, IndexError, ValueError):
        return None


class Busy:
    """with Busy() as busy: ...; then busy.share: of that time, in which some process waited for a processor (0 where the kernel does not tell)."""

    def __enter__(self):
        self._begun, self._waited = time.monotonic(), _waited_s()
        return self

    def __exit__(self, *_):
        waited = _waited_s()
        length = time.monotonic() - self._begun
        self.share = 0 if waited is None or self._waited is None else min(1, (waited - self._waited) / max(length, 1e-6))

    @property
    def too_busy(self):
        return self.share >= TOO_BUSY
