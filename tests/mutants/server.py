"""Runs pytest again and again without starting anew: libraries are loaded once, each run is a fork.

Starting costs more than the tests of one change. Of the operator only rooms are loaded beforehand that import
nothing that is changed here (import contracts in pyproject.toml): everything else each run loads for itself.

`server.py SOCKET SECONDS pytest's words …` serves, and each connection is answered by pytest's exit code.
`server.py SOCKET` asks, and ends with it; cosmic-ray's test command.
"""

import gc
import importlib
import os
import resource
import socket
import sys
from pathlib import Path

_LOADED = (
    *("aiohttp", "hypothesis.strategies", "kubernetes.aio", "pydantic", "pytest", "yaml"),
    *("coder_cva.api.v1alpha1.resource", "coder_cva.catalogue"),
)


def ask(path: str) -> int:
    """One run; what cosmic-ray starts for each change, so nothing more than the above is loaded here."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        return int(connection.recv(16) or b"1")


def serve(path: str, seconds: int, words: list[str]) -> None:
    """Answers for ever; a run that computes longer is ended, and a change that never ends is noticed."""
    _load()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{path}.new")
        listening.listen()
        Path(f"{path}.new").rename(path)
        while True:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"%d" % _run(listening, connection, seconds, words))


def _run(
    listening: socket.socket, connection: socket.socket, seconds: int, words: list[str]
) -> int:
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return 0 if status == 0 else 1
    listening.close()
    connection.close()
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    code = 1
    try:
        code = int(sys.modules["pytest"].main(words))
    finally:
        os._exit(code)


def _load() -> None:
    for name in _LOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # no fork looks through it again


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sys.exit(ask(sys.argv[1]))
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
