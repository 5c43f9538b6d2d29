"""A process of its own that stands for a Lease: says every few milliseconds whether it holds it.

Arguments: a kubeconfig, a namespace, the holder's name, and duration, deadline and retry in seconds.
Each line: the machine's monotonic time, and 1 or 0.
"""

import asyncio
import sys
import time

from coder_cva.kube.connection import Connection
from coder_cva.kube.leases import Elector, Terms


async def main(kubeconfig: str, namespace: str, holder: str, *terms: str) -> None:
    """Stands for the Lease until the process is ended; an ended standard input is a clean end."""
    times = Terms(*(float(one) for one in terms))
    async with await Connection.open(kubeconfig) as connection:
        elector = Elector(connection, namespace, "shared", holder=holder, terms=times)
        running = asyncio.create_task(elector.run(lambda _: None))
        ending = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        while not ending.done():
            print(f"{time.monotonic():.4f} {int(elector.holds())}", flush=True)
            await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
