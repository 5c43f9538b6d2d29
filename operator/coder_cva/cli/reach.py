"""`coder_cva reach`: may A open a connection to B, by all NetworkPolicies of the cluster; reads, writes nothing.

It reads with the rights of whoever runs it; what they may not read makes the answer unknown. Instead of a
cluster it takes the files that somebody saved from one.
"""

import asyncio
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any, Final

from coder_cva.cli import reach_arguments, reach_ends, saved_files
from coder_cva.cli.reach_arguments import BadArgument
from coder_cva.kube import listing
from coder_cva.kube.connection import Connection, NoAnswer, Refused
from coder_cva.kube.credentials import NoCluster
from coder_cva.reports import connection as report
from coder_cva.snapshot.explanations import explain
from coder_cva.snapshot.model import Absence, ClusterSnapshot, Reading, Unavailable
from coder_cva.snapshot.needs import SOURCES, Need
from coder_cva.snapshot.parse import PROJECTIONS, ordered
from coder_cva.snapshot.reachability import Reachability
from coder_cva.snapshot.three_valued import Truth

EXIT_CODES: Final[dict[Truth, int]] = {True: 0, False: 1, None: 3}
USAGE: Final = 2
"""Where nothing could be asked: a wrong argument, no such Pod, no cluster."""
NEEDS: Final = (Need.PODS, Need.NAMESPACES, Need.NETWORK_POLICIES)
_ELSE: Final = "or ask a saved one with --snapshot"
EPILOG: Final = """examples:
  coder_cva reach --from dev/workspace-1 --to coder/coder-0:8080
  coder_cva reach --from coder/coder-0 --to 10.0.0.5:5432
  coder_cva reach --from 203.0.113.7 --to kube-system/coredns-0:dns/udp

exit code: 0 allowed, 1 denied, 3 cannot be told, 2 nothing could be asked

"""


def add_arguments(parser: ArgumentParser) -> None:
    """What one can say behind the verb."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = EPILOG + report.LIMITS
    parser.add_argument(
        "--from", dest="source", required=True, metavar="NAMESPACE/POD|ADDRESS", help="who opens it"
    )
    parser.add_argument(
        "--to",
        dest="target",
        required=True,
        metavar="NAMESPACE/POD:PORT[/udp]|ADDRESS:PORT[/udp]",
        help="to whom, on which port of the Pod (not of a Service), by its number or its name",
    )
    parser.add_argument(
        "--snapshot",
        type=Path,
        action="append",
        metavar="PATH",
        help="a file, or a folder of files, with what kubectl get -o json gave, instead of a live cluster",
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument("--kubeconfig", help="instead of $KUBECONFIG and ~/.kube/config")
    parser.add_argument("--context", help="instead of the kubeconfig's current one")


def run(arguments: Namespace) -> int:
    """The exit code: 0 allowed, 1 denied, 3 not known, 2 where nothing could be asked."""
    try:
        source, goal = reach_arguments.question(arguments.source, arguments.target)
        snapshot = asyncio.run(_snapshot(arguments))
        code, said = answered(snapshot, source, goal, arguments.output)
    except (BadArgument, saved_files.Unusable) as error:
        return _refused(str(error))
    except NoCluster as error:
        return _refused(f"no cluster to talk to ({error}): name one with --kubeconfig, {_ELSE}")
    except NoAnswer as error:
        return _refused(f"{error}: look whether kubectl reaches the cluster, {_ELSE}")
    print(said, end="")
    return code


def _refused(why: str) -> int:
    print(f"coder_cva: {why}", file=sys.stderr)
    return USAGE


def answered(
    snapshot: ClusterSnapshot,
    source: reach_arguments.Place,
    goal: reach_arguments.Goal,
    form: str,
) -> tuple[int, str]:
    """The exit code and what is printed. Raises BadArgument where an end is not there."""
    try:
        net = Reachability(snapshot)
        here = reach_ends.found(snapshot, net, source)
        there = reach_ends.found(snapshot, net, goal.place)
        port = reach_ends.port_of(goal, there)
        reach_ends.demand(snapshot, Need.NETWORK_POLICIES)
    except reach_ends.Unread as unread:
        return EXIT_CODES[None], report.unread(str(unread), form)
    found = explain(net, here, there, port, goal.protocol)
    return EXIT_CODES[found.answer.possible], report.render(found, form)


async def _snapshot(arguments: Namespace) -> ClusterSnapshot:
    if arguments.snapshot:
        if arguments.kubeconfig or arguments.context:
            raise BadArgument("--snapshot reads no cluster: leave out --kubeconfig and --context")
        return await saved_files.reader(arguments.snapshot).snapshot(frozenset())
    async with await Connection.open(arguments.kubeconfig, arguments.context) as connection:
        pods, namespaces, policies = await asyncio.gather(
            *(_reading(connection, need) for need in NEEDS)
        )
    return ClusterSnapshot(pods=pods, namespaces=namespaces, network_policies=policies)


async def _reading(connection: Connection, need: Need) -> Reading[Any]:
    """The objects of a kind, or that they may not be read. Raises NoAnswer."""
    try:
        return ordered(await _records(connection, need))
    except Refused as refused:
        if refused.answer.status in {401, 403}:
            return Unavailable(Absence.FORBIDDEN, refused.answer.message)
        raise NoAnswer(
            f"the API server at {connection.credentials.host} does not list {SOURCES[need].plural}: "
            f"{refused.answer.message}"
        ) from refused


async def _records(connection: Connection, need: Need) -> list[Any]:
    """By pages, and by one page where another one expired meanwhile. Raises Refused or NoAnswer."""
    try:
        return await _listed(connection, need, listing.PAGE)
    except Refused as refused:
        if refused.answer.status != 410:
            raise
        return await _listed(connection, need, 0)


async def _listed(connection: Connection, need: Need, page: int) -> list[Any]:
    found = listing.Listing(connection, listing.Scope(SOURCES[need]), page)
    records = [PROJECTIONS[need](one) async for one in found.objects()]
    return [one for one in records if one is not None]
