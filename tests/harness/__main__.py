"""The command line: `python -m harness <verb>`."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING

from harness import factory, named
from harness.errors import HarnessError
from harness.versions import CONTROL_PLANE, KUBERNETES, NEWEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.named import Named

FAULTS = {
    "stop": "stopped",
    "start": "running",
    "restart": "running",
    "freeze": "frozen",
    "thaw": "running",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; 0 if it did what it says, 1 with a sentence if not, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    # What was begun is cleaned up after SIGTERM as it is after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except (HarnessError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _up(options: argparse.Namespace) -> None:
    cluster, is_new = named.up(options.name, options.world, audit=options.audit)
    if is_new and options.nodes:
        cluster.nodes("node", options.nodes)
    what = "is up" if is_new else "is up already"
    print(f"cluster {options.name} (Kubernetes {cluster.world}) {what}; use it with")
    print(f"  export KUBECONFIG={cluster.kubeconfig}")


def _down(options: argparse.Namespace) -> None:
    wanted = named.names() if options.all else [options.name]
    for name in wanted:
        print(f"cluster {name} {'is gone' if named.down(name) else 'did not exist'}")
    if not wanted:
        print("there is no cluster")


def _kubeconfig(options: argparse.Namespace) -> None:
    print(named.find(options.name).kubeconfig)


def _status(options: argparse.Namespace) -> None:
    wanted = [options.name] if options.name else named.names()
    if not wanted:
        print("there is no cluster: start one with `up`")
    for name in wanted:
        try:
            _show(name, named.find(name))
        except HarnessError as error:
            if options.name:
                raise
            print(error)


def _show(name: str, cluster: Named) -> None:
    print(f"{name}: Kubernetes {cluster.world}, {cluster.kubeconfig}")
    for component, state in cluster.status().items():
        facts = {"pid": state.get("pid"), "exit code": state.get("code")}
        more = ", ".join(f"{fact} {value}" for fact, value in facts.items() if value is not None)
        print(f"  {component:<24} {state['state']}{f' ({more})' if more else ''}")


def _build(options: argparse.Namespace) -> None:
    for name, path in factory.build(options.world).items():
        print(f"{name:<24} {path}")


def _fault(options: argparse.Namespace) -> None:
    cluster = named.find(options.name)
    getattr(cluster, options.fault)(options.component)
    # The components of a kind cluster run in containers, of which no state of their own is told.
    told = cluster.status().get(options.component, {"state": FAULTS[options.fault]})
    print(f"{options.component}: {told['state']}")


def _nodes(options: argparse.Namespace) -> None:
    cluster = named.find(options.name)
    labels = dict(text.partition("=")[::2] for text in options.label)
    capacity = dict(text.partition("=")[::2] for text in options.capacity)
    added = cluster.nodes(
        options.pool, options.count, labels=labels, taints=options.taint, capacity=capacity
    )
    print("\n".join(added))


def _node(options: argparse.Namespace) -> None:
    getattr(named.find(options.name), f"{options.action}_node")(options.node)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="harness", description="A real Kubernetes control plane on this machine."
    )
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    def verb(name: str, run: Callable[[argparse.Namespace], None], text: str) -> _Verb:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    _add_lifecycle(verb)
    status = verb("status", _status, "show every cluster, or one, and its components")
    status.add_argument("--name")
    fault = verb("fault", _fault, "break a component, or bring it back")
    fault.add_argument("fault", choices=FAULTS)
    fault.add_argument("component", choices=CONTROL_PLANE)
    _name(fault)
    nodes = verb("nodes", _nodes, "add nodes that kwok plays")
    nodes.add_argument("pool", help="the nodes are called POOL-0, POOL-1, …")
    nodes.add_argument("--count", type=int, default=1)
    nodes.add_argument("--label", action="append", default=[], metavar="KEY=VALUE")
    nodes.add_argument("--taint", action="append", default=[], metavar="KEY=VALUE:EFFECT")
    nodes.add_argument("--capacity", action="append", default=[], metavar="RESOURCE=QUANTITY")
    _name(nodes)
    node = verb("node", _node, "remove a node, let it fail, or heal it")
    node.add_argument("action", choices=("remove", "fail", "heal"))
    node.add_argument("node")
    _name(node)
    return parser


_Verb = argparse.ArgumentParser


def _add_lifecycle(verb: Callable[..., _Verb]) -> None:
    up = verb("up", _up, "start a cluster that lives until `down`")
    _world(up)
    _name(up)
    up.add_argument(
        "--nodes",
        type=int,
        default=3,
        help="nodes that kwok plays, to begin with (%(default)s)",
    )
    up.add_argument("--audit", action="store_true", help="write logs/audit.log")
    down = verb("down", _down, "end a cluster and remove its data")
    which = down.add_mutually_exclusive_group()
    which.add_argument("--name", default=named.DEFAULT)
    which.add_argument("--all", action="store_true")
    _name(verb("kubeconfig", _kubeconfig, "print the path of the administrator's kubeconfig"))
    _world(verb("build", _build, "build the programs that a cluster needs, and no more"))


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default=named.DEFAULT, help="which cluster (%(default)s)")


def _world(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--world",
        choices=sorted(KUBERNETES, reverse=True),
        default=NEWEST,
        help="minor version of Kubernetes (%(default)s)",
    )


if __name__ == "__main__":
    sys.exit(main())
