"""`coder_cva audit`: the cluster as it is against the architecture; reads, prints, writes nothing.

Needs no operator and no CRD in the cluster: a manifest says which pools and which tier are meant. It reads
with the rights of whoever runs it, and what they may not read is Unknown in the report. Instead of a cluster
it takes the files that somebody saved from one.
"""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from coder_cva.api.errors import InvalidSpec
from coder_cva.api.unknown import unknown_fields
from coder_cva.api.v1alpha1.resource import KIND, parse
from coder_cva.cli import saved_files
from coder_cva.desired import render
from coder_cva.kube.connection import Connection
from coder_cva.kube.credentials import NoCluster
from coder_cva.kube.gather import Gatherer
from coder_cva.ports import Forbidden, NotServed, ObservePort, ReadPort, WriteError
from coder_cva.reconcile import read
from coder_cva.reports import json_report, markdown, restrictions, table
from coder_cva.reports.audit import Audit
from coder_cva.rules.engine import evaluate
from coder_cva.runtime import looks, settings
from coder_cva.runtime.observers import AtOnce
from coder_cva.runtime.settings import DEFAULT_NAMESPACE
from coder_cva.sizing.size import size
from coder_cva.snapshot.parse import PROJECTIONS
from coder_cva.snapshot.webhook import NOWHERE, Webhook
from coder_cva.status import account, bites

EXIT_CODES: Final = {"True": 0, "False": 1, "Unknown": 3}
"""By the condition Conformant; 2 is wrong usage or a manifest that is refused."""
USAGE: Final = 2
READ_SECONDS: Final = 60.0
"""Until the first answers must be there; what has not answered by then is Unknown."""

Body = Mapping[str, Any]


class Refusal(Exception):
    """The audit cannot begin; the message names the remedy."""


def _autoscalers() -> frozenset[str]:
    """What the operator's environment would say, said to the audit."""
    try:
        return settings.autoscaler_namespaces()
    except ValueError as error:
        raise Refusal(str(error)) from None


@dataclass(frozen=True, slots=True)
class Eyes:
    """How the cluster is looked at."""

    reader: ReadPort
    observer: ObservePort
    operator_namespace: str = DEFAULT_NAMESPACE
    may_annotate_nodes: frozenset[str] = frozenset()
    autoscaler_namespaces: frozenset[str] = field(default_factory=_autoscalers)
    webhook: Callable[[], Webhook] = lambda: NOWHERE


def add_arguments(parser: ArgumentParser) -> None:
    """What one can say behind the verb."""
    parser.add_argument(
        "name", nargs="?", help="the CoderDeployment; needed where there are several"
    )
    parser.add_argument(
        "-n", "--namespace", help="its namespace; needed where the name is not enough"
    )
    parser.add_argument(
        "-f", "--filename", type=Path, help="a manifest to judge by, instead of a live one"
    )
    parser.add_argument(
        "--snapshot",
        type=Path,
        action="append",
        metavar="PATH",
        help="a file, or a folder of files, with what kubectl get -o json gave, instead of a live cluster; "
        "docs/reference/save-cluster.sh makes one",
    )
    parser.add_argument("-o", "--output", choices=("table", "json", "markdown"), default="table")
    parser.add_argument("--all", action="store_true", help="list also what holds or is not judged")
    parser.add_argument("--kubeconfig", help="instead of $KUBECONFIG and ~/.kube/config")
    parser.add_argument("--context", help="instead of the kubeconfig's current one")


def run(arguments: Namespace) -> int:
    """The exit code: 0 conformant, 1 not, 3 not known, 2 where nothing could be judged."""
    try:
        audit = asyncio.run(_audit(arguments))
    except (Refusal, saved_files.Unusable, InvalidSpec, NoCluster, WriteError) as error:
        print(f"coder_cva: {error}", file=sys.stderr)
        return USAGE
    print(rendered(audit, arguments.output, everything=arguments.all), end="")
    return EXIT_CODES[audit.conformant]


def rendered(audit: Audit, form: str, *, everything: bool) -> str:
    """The report in the form that was asked for."""
    if form == "json":
        return json_report.render(audit)
    if form == "markdown":
        return markdown.render(audit)
    return table.render(audit, everything=everything)


async def _audit(arguments: Namespace) -> Audit:
    said = from_file(arguments.filename) if arguments.filename else None
    for problem in unknown_fields(said or {}):
        # The API server would warn of it: a typing error is a field that has no effect.
        print(f"coder_cva: warning: {problem}", file=sys.stderr)
    if arguments.snapshot:
        return await _audit_of_files(arguments, said)
    connection = await Connection.open(arguments.kubeconfig, arguments.context)
    async with connection:
        gatherer = Gatherer(connection, PROJECTIONS, on_change=lambda: None)
        async with gatherer.running():
            try:
                async with asyncio.timeout(READ_SECONDS):
                    await gatherer.synced()
            except TimeoutError:
                raise Refusal(
                    f"the API server at {connection.credentials.host} gave no answer for "
                    f"{READ_SECONDS:g} s: look whether kubectl reaches it"
                ) from None
            bodies = await _deployments(gatherer, is_needed=said is None)
            body = chosen(bodies, arguments.name, arguments.namespace) if said is None else said
            eyes = Eyes(gatherer, AtOnce(looks.over(connection, elsewhere=True)))
            return await judged(body, bodies, eyes, datetime.now(UTC))


async def _audit_of_files(arguments: Namespace, said: Body | None) -> Audit:
    if arguments.kubeconfig or arguments.context:
        raise Refusal("--snapshot reads no cluster: leave out --kubeconfig and --context")
    reader = saved_files.reader(arguments.snapshot)
    bodies = await reader.deployments()
    body = chosen(bodies, arguments.name, arguments.namespace) if said is None else said
    # What is beside the cluster's API was not saved, and its state now says nothing about that moment.
    eyes = Eyes(reader, AtOnce(()))
    return await judged(body, bodies, eyes, reader.moment or datetime.now(UTC))


async def judged(body: Body, bodies: tuple[Body, ...], eyes: Eyes, now: datetime) -> Audit:
    """The verdicts by one CoderDeployment; one from a file is taken for the live one of its name."""
    live = next((one for one in bodies if _key(one) == _key(body)), None)
    whole = body if live is None else {**live, "spec": body["spec"]}
    deployment = parse(whole)
    world = await read(deployment, whole, bodies, eyes, now)
    plan, report = render.plan(world), evaluate(world)
    told = replace(
        report, notices=tuple(account.notices(world, plan, report, bites.bites(world, plan)))
    )
    return Audit(
        deployment.reference,
        deployment.spec.edition,
        size(deployment.spec).tier,
        now,
        told,
        restrictions.previewed(world, plan),
    )


async def _deployments(gatherer: Gatherer, *, is_needed: bool) -> tuple[Body, ...]:
    try:
        return await gatherer.deployments()
    except (Forbidden, NotServed) as error:
        if is_needed:
            raise Refusal(
                f"no CoderDeployment can be had from this cluster ({error.message}): judge it by a manifest, "
                "with -f coderdeployment.yaml"
            ) from error
        return ()


def chosen(bodies: tuple[Body, ...], name: str | None, namespace: str | None) -> Body:
    """The one live CoderDeployment that is meant. Raises Refusal where it is none or not the only one."""
    meant = [
        one
        for one in bodies
        if name in (None, one["metadata"]["name"])
        and namespace in (None, one["metadata"]["namespace"])
    ]
    if len(meant) == 1:
        return meant[0]
    known = ", ".join("/".join(_key(one)) for one in bodies) or "there is none"
    what = "no such CoderDeployment" if not meant else "several CoderDeployments"
    raise Refusal(
        f"{what} ({known}): say which with its name and -n, or judge by a manifest with -f"
    )


def from_file(path: Path) -> Body:
    """The one CoderDeployment in a file of manifests. Raises Refusal where it cannot be had."""
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Refusal(f"{path} cannot be read: {error}") from error
    found = [one for one in documents if isinstance(one, dict) and one.get("kind") == KIND]
    if len(found) != 1:
        raise Refusal(f"{path} holds {len(found)} CoderDeployments: one is needed")
    metadata = found[0].get("metadata") or {}
    if not metadata.get("name") or not metadata.get("namespace"):
        raise Refusal(f"{path}: metadata.name and metadata.namespace are needed, to find coderd")
    return found[0]


def _key(body: Body) -> tuple[str, str]:
    return str(body["metadata"]["namespace"]), str(body["metadata"]["name"])
