"""Runs `invoke` many times without loading Python's modules each time.

Each command is a process of its own, forked from one that has shipway's modules loaded: loading
takes longer than most commands. Cold starts are what test_tasks.py and the sandbox's story make.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import socket
import struct
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SIZE = struct.Struct("!i")


class WarmStart:
    """The loaded process, and what a test asks of it.

    Args:
        folder: where its socket lies; a short path, sockets allow no other.
    """

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "warm"
        self._process = subprocess.Popen(
            [sys.executable, __file__, self._socket], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def invoke(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_s: float
    ) -> tuple[int, str, str]:
        """Run `invoke` with these arguments and return exit code, stdout and stderr."""
        request = json.dumps({"argv": [*arguments], "cwd": str(cwd), "env": {**env}}).encode()
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            socket.socket(socket.AF_UNIX) as line,
        ):
            line.settimeout(timeout_s)
            line.connect(str(self._socket))
            socket.send_fds(line, [_SIZE.pack(len(request))], [out.fileno(), err.fileno()])
            line.sendall(request)
            (code,) = _SIZE.unpack(_read(line, _SIZE.size))
            said = []
            for stream in (out, err):
                stream.seek(0)
                said.append(stream.read().decode().replace("\r\n", "\n"))
        return int(code), said[0], said[1]

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def _read(line: socket.socket, size: int) -> bytes:
    text = b""
    while len(text) < size:
        more = line.recv(size - len(text))
        if not more:
            raise ConnectionError("the process that runs commands has ended")
        text += more
    return text


def _load() -> None:
    import invoke.main  # noqa: F401, PLC0415 - what `python -m invoke` would load

    import shipway  # noqa: PLC0415 - only the loaded process wants it

    for module in pkgutil.walk_packages(shipway.__path__, "shipway."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.freeze()  # so that a collection in a child does not copy what they share


def _serve(path: str) -> None:
    """Take commands for ever; a command's process is returned into its own life."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        line, _ = listener.accept()
        attendant = os.fork()
        if attendant == 0:
            listener.close()
            return _attend(line)
        line.close()
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _attend(line: socket.socket) -> None:
    header, files, _, _ = socket.recv_fds(line, _SIZE.size, 2)
    request = json.loads(_read(line, *_SIZE.unpack(header)))
    command = os.fork()
    if command == 0:
        line.close()
        return _become(request, files)
    _, status = os.waitpid(command, 0)
    line.sendall(_SIZE.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _become(request: Mapping[str, Any], files: Sequence[int]) -> None:
    """Turn into `python -m invoke` as a shell would have started it."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, *files)):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.path[0] = request["cwd"]
    sys.argv = ["invoke", *request["argv"]]
    runpy.run_module("invoke", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _load()
    _serve(sys.argv[1])
