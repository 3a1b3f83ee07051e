"""Runs a program in which one system call fails: failing_call.py NAME ERRNO PROGRAM ARGUMENT...

What the kernel gives when buffers or memory are short cannot be had at will without harm to everybody else on the machine; a
seccomp filter gives the same errno at the same place."""
import ctypes
import errno
import os
import platform
import struct
import sys

NUMBERS = {"x86_64": (0xC000003E, {"connect": 42, "socket": 41}), "aarch64": (0xC00000B7, {"connect": 203, "socket": 198})}
LOAD_WORD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
AT_NUMBER, AT_ARCH = 0, 4  # of struct seccomp_data
ALLOW, FAIL = 0x7FFF0000, 0x00050000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2


def statement(code, value, yes=0, no=0):
    return struct.pack("HBBI", code, yes, no, value)


def forbid(call, error):
    arch, calls = NUMBERS[platform.machine()]
    program = b"".join((statement(LOAD_WORD, AT_ARCH), statement(JUMP_EQUAL, arch, 0, 3), statement(LOAD_WORD, AT_NUMBER),
                        statement(JUMP_EQUAL, calls[call], 0, 1), statement(RETURN, FAIL | getattr(errno, error)), statement(RETURN, ALLOW)))
    bytes_ = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(bytes_)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, MODE_FILTER, header, 0, 0):
        sys.exit(f"failing_call: {os.strerror(ctypes.get_errno())}")


forbid(sys.argv[1], sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
