"""Child processes with deadlines: no test waits for ever, and none leaves a process behind."""
import ctypes
import select
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, **options):
    """Starts a child that is killed when the test dies. Keyword arguments as for subprocess.Popen."""
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([str(c) for c in command], preexec_fn=_die_with_parent, **options)


def read_line(stream, deadline_s, what):
    """One line of a binary pipe, or TimeoutError that says what was waited for."""
    end = time.monotonic() + deadline_s
    line = b""
    while not line.endswith(b"\n"):
        left = end - time.monotonic()
        if left <= 0 or not select.select([stream], [], [], left)[0]:
            raise TimeoutError(f"no {what} in {deadline_s} s; got {line!r}")
        piece = stream.read(1)
        if not piece:
            raise EOFError(f"the process ended before its {what}; got {line!r}")
        line += piece
    return line.decode()


def stop(child, deadline_s=10, sig=signal.SIGTERM):
    """Asks a child to end; returns its exit code. Kills it and fails when it does not."""
    if child.poll() is None:
        child.send_signal(sig)
    try:
        return child.wait(deadline_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        raise TimeoutError(f"{child.args[0]} did not end in {deadline_s} s after signal {sig}") from None


def children_of(pid):
    """Pids of the living children of a process."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []


def alive(pid):
    """Whether it runs: a zombie that nobody waits for does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, deadline_s, what):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not in {deadline_s} s")
        time.sleep(0.02)


def free_port():
    """For servers that can't be given port 0: they are waited for, and one that found it taken meanwhile fails loudly."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
