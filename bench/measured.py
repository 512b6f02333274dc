"""Runs one program and writes its seconds, its peak memory in kB and its exit code to a file.

It is started as a small process of its own: the kernel counts the memory of whoever starts a
program as that program's, until it has grown larger.
"""

import os
import sys
import time

if __name__ == "__main__":
    report, *argv = sys.argv[1:]
    began = time.perf_counter()
    child = os.posix_spawnp(argv[0], argv, os.environ)
    _, ended, used = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    with open(report, "w", encoding="utf-8") as stream:  # noqa: PTH123 - pathlib costs memory
        stream.write(f"{seconds} {used.ru_maxrss} {os.waitstatus_to_exitcode(ended)}")
