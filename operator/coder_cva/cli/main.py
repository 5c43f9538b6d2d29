"""`python -m coder_cva run | audit | reach | generate`, against the cluster of its Pod or of a kubeconfig."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from typing import Any, Final

from coder_cva import __version__
from coder_cva.cli import audit, generate, reach
from coder_cva.handlers import beside
from coder_cva.kube.connection import Connection
from coder_cva.kube.credentials import NoCluster
from coder_cva.runtime import settings as process_settings
from coder_cva.runtime.operator import Operator
from coder_cva.runtime.queue import Key
from coder_cva.telemetry import logs

USAGE_ERROR: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the command line and runs it; the exit code (0 well, 1 failed, 2 wrong usage)."""
    parser = argparse.ArgumentParser(prog="coder_cva", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("run", help="run the operator")
    generating = verbs.add_parser("generate", help="write the generated files (CRD, RBAC)")
    generating.add_argument("--check", action="store_true", help="only say which are stale")
    audit.add_arguments(
        verbs.add_parser("audit", help="judge a cluster against the architecture; writes nothing")
    )
    reach.add_arguments(
        verbs.add_parser("reach", help="say whether NetworkPolicies allow a connection, and why")
    )
    chosen = parser.parse_args(arguments)
    if chosen.verb == "generate":
        return generate.run(check=chosen.check)
    if chosen.verb == "audit":
        return audit.run(chosen)
    if chosen.verb == "reach":
        return reach.run(chosen)
    try:
        settings = process_settings.from_environment()
        logs.set_up(settings.log_level, settings.log_format)
    except ValueError as error:
        print(f"coder_cva: {error}", file=sys.stderr)
        return USAGE_ERROR
    try:
        asyncio.run(_run(settings))
    except NoCluster as error:
        print(f"coder_cva: no cluster to talk to: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: process_settings.Settings) -> None:
    """kopf and the operator beside each other, until a signal ends both."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop.set)
    async with await Connection.open() as connection:
        operator = Operator(settings, connection)

        def wake(key: Key) -> None:
            loop.call_soon_threadsafe(operator.wake, key)

        async def credentials() -> dict[str, Any]:
            asked = asyncio.run_coroutine_threadsafe(connection.kopf_info(), loop)
            return await asyncio.wrap_future(asked)

        async with beside.watching(wake, credentials).running(), operator.running():
            await stop.wait()
    logging.getLogger(__name__).info("stopped")
