"""`python -m coder_cva run`: the operator, against the cluster of its Pod or of a kubeconfig."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from typing import Final

import kopf
from kubernetes.aio.config import ConfigException

from coder_cva import __version__
from coder_cva.cli import generate
from coder_cva.handlers import coderdeployment, lifecycle
from coder_cva.kube.connection import Connection
from coder_cva.runtime import settings as process_settings
from coder_cva.runtime.operator import Operator
from coder_cva.telemetry import logs

USAGE_ERROR: Final = 2
KOPF_AGAIN_SECONDS: Final = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the command line and runs it; the exit code (0 well, 1 failed, 2 wrong usage)."""
    parser = argparse.ArgumentParser(prog="coder_cva", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("run", help="run the operator")
    generating = verbs.add_parser("generate", help="write the generated files (CRD, RBAC)")
    generating.add_argument("--check", action="store_true", help="only say which are stale")
    chosen = parser.parse_args(arguments)
    if chosen.verb == "generate":
        return generate.run(check=chosen.check)
    try:
        settings = process_settings.from_environment()
        logs.set_up(settings.log_level, settings.log_format)
    except ValueError as error:
        print(f"coder_cva: {error}", file=sys.stderr)
        return USAGE_ERROR
    try:
        asyncio.run(_run(settings))
    except ConfigException as error:
        print(f"coder_cva: no cluster to talk to: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: process_settings.Settings) -> None:
    """kopf and the operator beside each other, until a signal or the end of kopf ends both."""
    async with await Connection.open() as connection:
        operator = Operator(settings, connection)
        registry = kopf.OperatorRegistry()
        lifecycle.register(registry, operator)
        coderdeployment.register(registry, operator)
        stop, stop_kopf, ready = asyncio.Event(), asyncio.Event(), asyncio.Event()
        watching = asyncio.create_task(_watch(registry, ready, stop_kopf))
        watching.add_done_callback(lambda _: stop.set())
        try:
            async with operator.running():
                await _either(ready, stop)
                _take_signals(stop)
                await stop.wait()
        finally:
            stop_kopf.set()
            await watching
    logging.getLogger(__name__).info("stopped")


async def _watch(
    registry: kopf.OperatorRegistry, ready: asyncio.Event, stop: asyncio.Event
) -> None:
    """kopf, begun anew where it gives up; returns when it was stopped.

    A CRD that goes between two of its watches is a 404 that kopf takes for its own end. The operator
    watches CoderDeployments by itself meanwhile, so nothing goes unseen.
    """
    while True:
        try:
            await kopf.operator(
                registry=registry,
                clusterwide=True,
                standalone=True,
                ready_flag=ready,
                stop_flag=stop,
            )
        except Exception as error:  # noqa: BLE001 - whatever ends kopf must not end the operator
            logging.getLogger(__name__).warning("kopf ended, and begins anew: %s", error)
        else:
            return
        if stop.is_set():
            return
        await asyncio.sleep(KOPF_AGAIN_SECONDS)


async def _either(*events: asyncio.Event) -> None:
    tasks = [asyncio.create_task(one.wait()) for one in events]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for one in tasks:
        one.cancel()


def _take_signals(stop: asyncio.Event) -> None:
    """From here on the signals end the operator first, and kopf after it.

    kopf takes them for itself when it starts. On one it would wait five seconds for everything
    that runs beside it, and then cancel that.
    """
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
