"""The page of all connections, made from the table and from what its tests expect."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from coder_cva.catalogue.connections import Connection, Membership, connections
from coder_cva.reports.markdown import escaped
from support import matrix
from support.connection_picture import picture
from support.rule_page import MARK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGE: Final = "docs/reference/connections.md"
PICTURE: Final = "docs/reference/connections.svg"

_STAYS: Final = {
    Membership.ALWAYS: "always",
    Membership.NAMED: "to everybody; once `spec.network.monitoring` names scrapers, to these",
    Membership.IN_USE: "while something leads there",
    Membership.DIRECT: "unless `directConnections: false` where egress is Restricted",
    Membership.METADATA: "unless `blockMetadataAddressFor` names the source",
    Membership.LISTED: "where egress is Restricted: as far as `spec.network.egress` lists it",
}
_SOURCES: Final = {
    "workspaces": "What workspaces connect to",
    "coderd": "What coderd connects to",
    "provisioners": "What external provisioners connect to",
    "proxies": "What workspace proxies connect to",
}


def files() -> dict[str, str]:
    """The page and its picture: the path from the root of the repository, and the text."""
    lines = connections().connections
    return {PAGE: page(lines), PICTURE: picture(lines)}


def page(lines: tuple[Connection, ...]) -> str:
    """The page in Markdown."""
    return (
        "\n".join([*_beginning(lines), *_choices(lines), *_tables(lines), *_sources(lines)]) + "\n"
    )


def tested_by(line: Connection) -> str:
    """The name of the test of a line, as pytest takes it."""
    return f"{matrix.TESTED_BY}[{line.id}]"


def _beginning(lines: tuple[Connection, ...]) -> list[str]:
    return [
        MARK,
        "",
        "# All connections",
        "",
        (
            f"The {len(lines)} connections that the architecture and Coder need. The operator's NetworkPolicies, the "
            "remedies of the rules CVA-NET-001 to CVA-NET-005, the previews, this page and its tests are made of one "
            "table (`operator/coder_cva/catalogue/data/connections.yaml`). Ports are those of the Pods: policies see a "
            "connection after the Service has translated it."
        ),
        "",
        "![Who connects to whom](connections.svg)",
        "",
    ]


def _choices(lines: tuple[Connection, ...]) -> list[str]:
    """What each choice of the spec leaves, by membership."""
    by_kind = {one.membership: one for one in reversed(lines) if one.id not in matrix.BEYOND}
    kinds = [one for one in Membership if one in by_kind]
    head = " | ".join(f"`{one.value}`" for one in kinds)
    rows = [
        f"| {profile} | {' | '.join(_tick(by_kind[one], profile) for one in kinds)} |"
        for profile in matrix.PROFILES
    ]
    return [
        "## What each choice leaves",
        "",
        (
            "Nothing is closed for egress by default. In `spec.network`, `workspaceEgress: Restricted`, "
            "`controlPlaneEgress: Restricted`, `provisionerEgress: Restricted` and `proxyEgress: Restricted`, each by "
            "itself, close all but these lines and what `spec.network.egress` lists; `blockMetadataAddressFor` closes the "
            "metadata address alone. In an adopted Coder, and in a region without coderd, they are only previewed until "
            "CVA-NET-005 (workspaces), CVA-NET-003 (coderd, external provisioners, workspace proxies) are `Enforce`, or "
            "until the preview is confirmed; in a managed one set these to `Audit` to see the previews first. Workspaces "
            "accept no connections but those in use wherever CVA-NET-005 is `Enforce`, which the table below takes for "
            "granted."
        ),
        "",
        f"| `spec.network` | {head} |",
        f"|---|{'---|' * len(kinds)}",
        *rows,
        "",
        *(f"- `{one.value}`: {_STAYS[one]}." for one in kinds),
        "",
        (
            "Without UDP (`spec.network.egress.directConnections: false`) no connection is direct: all traffic of users to "
            "their workspaces goes through the relays of coderd and its proxies, which costs them CPU and memory. With the "
            "metadata address closed, logins by the identity of the node stop working: workload identities that ask it, "
            "IAM logins to databases."
        ),
        "",
        (
            "Restricted is held back, and `status.withheld` says so, where somebody would be cut off for certain: coderd until "
            "`coderd-to-postgresql` and, unless `CODER_PROVISIONER_DAEMONS` is 0, `coderd-to-kube-api` are listed; external "
            "provisioners until `provisioner-to-kube-api` or `provisioner-to-cloud` is; everybody until `accessURLCIDRs` says "
            "where a public access URL leads, and where DNS names are listed that no Cilium is there to follow. Where somebody "
            "else's policies restrict egress already, nothing is written: it would pierce them."
        ),
        "",
        (
            "External provisioners and workspace proxies are those Deployments of the namespaces that consent which start "
            "Coder's image as such (CVA-PROV-001, CVA-PROXY-001). Each has a policy of its own, which selects as the "
            "Deployment does; where that selects other Pods as well, and where `CODER_URL` or `CODER_PRIMARY_ACCESS_URL` "
            "names a Service that is not this coderd's, nothing is written for it. For the latter an entry of the list may say "
            "`connection: provisioner-to-coderd` or `proxy-to-coderd`."
        ),
        "",
    ]


def _tick(line: Connection, profile: str) -> str:
    return "possible" if matrix.expected(line, profile) else "closed"


def _tables(lines: Iterable[Connection]) -> Iterator[str]:
    by_source = groupby(lines, key=lambda one: _SOURCES.get(one.source.value, "What comes in"))
    for title, found in by_source:
        yield from (
            f"## {title}",
            "",
            "| connection | from | to | ports | why | clause | Coder's setting | possible |",
            "|---|---|---|---|---|---|---|---|",
        )
        yield from map(_row, found)
        yield ""


def _row(one: Connection) -> str:
    ports = ", ".join(map(str, one.ports)) or "any"
    settings = ", ".join(f"`{name}{'…' if name.endswith('_') else ''}`" for name in one.settings)
    return (
        f"| `{one.id}` | {one.source.value} | {one.destination.value} | {ports} | {escaped(one.why)} "
        f"| [{one.clause}](../rules/{one.clause}.md) | {settings} | `{one.membership.value}` |"
    )


def _sources(lines: Iterable[Connection]) -> Iterator[str]:
    yield from (
        "## Where it is from, and what tests it",
        "",
        (
            f"Each line is tested under every row of the table above: `{matrix.TESTED_BY}`, with the line's id in "
            "brackets. The test writes the policies into a cluster that has every end, and asks the evaluator of "
            "NetworkPolicies whether the connection is possible."
        ),
        "",
        "| connection | source | test |",
        "|---|---|---|",
    )
    yield from (
        f"| `{one.id}` | {escaped(one.source_of_fact)} | `{tested_by(one).rpartition('::')[2]}` |"
        for one in lines
    )
