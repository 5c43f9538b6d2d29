"""Hypothesis strategies of CoderDeployments: any valid manifest, and any that was damaged in one place."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from coder_cva.catalogue.clauses import clauses

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

Json = Any

NAMES = st.from_regex(r"[a-z][-a-z0-9]{0,20}[a-z0-9]", fullmatch=True)
LABEL_VALUES = st.from_regex(r"([a-zA-Z0-9]([-_.a-zA-Z0-9]{0,20}[a-zA-Z0-9])?)?", fullmatch=True)
LABEL_KEYS = st.from_regex(r"([a-z]{1,9}[.](com|io)/)?[a-zA-Z]{1,9}[a-z0-9]", fullmatch=True)
CLAUSES = st.sampled_from([one.id for one in clauses()])
SENTENCES = st.text("abc äé.:", min_size=1, max_size=40).filter(str.strip)
DAYS = st.dates(min_value=date(2000, 1, 1)).map(str)
MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- the strategy adds the zone
CPUS = st.one_of(
    st.integers(1, 1000),
    st.sampled_from(["500m", "0.5", "1e2", ".5", "+1", "1k"]),
)
BYTES = st.one_of(
    st.integers(128 * 1024**2, 1024**4),
    st.integers(1, 999).map(lambda number: f"{number}Gi"),
    st.sampled_from(["1.5Gi", "128Mi", "2G", "1e10", "200000k"]),
)
FLAGS = st.booleans()


def labels(least: int = 0) -> SearchStrategy[dict[str, str]]:
    """Labels with their values."""
    return st.dictionaries(LABEL_KEYS, LABEL_VALUES, min_size=least, max_size=4)


def part(
    required: dict[str, Any] | None = None, **optional: Any
) -> SearchStrategy[dict[str, Json]]:
    """A mapping in which some of the optional entries are said."""
    return st.fixed_dictionaries(required or {}, optional=optional)


def several(items: SearchStrategy[Any], key: Any = None) -> SearchStrategy[list[Any]]:
    """A short list, without duplicates by key where there is one."""
    return st.lists(items, max_size=3, unique_by=key)


EXPRESSIONS = st.one_of(
    part(
        {
            "key": LABEL_KEYS,
            "operator": st.sampled_from(["In", "NotIn"]),
            "values": st.lists(LABEL_VALUES, min_size=1, max_size=3),
        }
    ),
    part({"key": LABEL_KEYS, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
)
SELECTORS = part(matchLabels=labels(), matchExpressions=several(EXPRESSIONS))
TOLERATIONS = st.one_of(
    part({"operator": st.just("Exists")}, key=LABEL_KEYS),
    part(
        {"key": LABEL_KEYS, "effect": st.just("NoExecute")},
        value=LABEL_VALUES,
        operator=st.just("Equal"),
        tolerationSeconds=st.integers(0, 900),
    ),
)
KEY_REFS = part({"name": NAMES, "key": NAMES})
VARIABLES = st.one_of(
    part({"name": st.from_regex(r"[A-Z]{2,9}", fullmatch=True)}, value=SENTENCES),
    part(
        {
            "name": st.from_regex(r"[A-Z]{2,9}", fullmatch=True),
            "valueFrom": st.one_of(
                part({"secretKeyRef": KEY_REFS}),
                part({"configMapKeyRef": KEY_REFS}),
                part({"fieldRef": st.just({"fieldPath": "metadata.namespace"})}),
            ),
        }
    ),
)
PEERS = st.one_of(
    part({"namespaceSelector": SELECTORS}, podSelector=SELECTORS),
    part({"podSelector": SELECTORS}),
)
ARCHITECTURES = st.one_of(
    part({"tier": st.sampled_from(["1k", "2k", "3k"])}, users=st.integers(1, 99_999)),
    part(
        {"users": st.integers(1, 3000)},
        activeUsersPercent=st.integers(0, 100),
        concurrentWorkspaces=st.integers(0, 9999),
        concurrentBuilds=st.integers(0, 999),
    ),
)
DECLARED = part(
    {},
    cpu=st.integers(1, 96),
    memory=st.sampled_from(["8Gi", "32G"]),
    storage=BYTES,
    instanceType=st.sampled_from(["db.m6i.large", "Standard_D2s_v5"]),
    highAvailability=st.booleans(),
    region=NAMES,
    zone=NAMES,
)
WAIVERS = part(
    {"rule": CLAUSES, "reason": SENTENCES, "until": DAYS},
    resources=st.lists(NAMES, max_size=3, unique=True),
)
ATTESTATIONS = part({"clause": CLAUSES, "evidence": SENTENCES, "until": DAYS})
EXEMPTIONS = st.one_of(
    part({"namespace": NAMES}, reason=SENTENCES),
    part({"image": st.sampled_from(["box", "docker.io/a/box", "registry.example.com:5000/a/b_c"])}),
    part({"template": st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9]{0,9}[a-z0-9])?", fullmatch=True)}),
)
STORAGE = st.one_of(
    part(
        storageClassName=NAMES,
        minSize=BYTES,
        hostVolumes=st.sampled_from(["Off", "Deny"]),
        hostVolumeExemptions=several(EXEMPTIONS),
    ),
    part({"minSize": st.just("1Gi"), "maxSize": st.just("2G")}),
)


def pools(marker: str, **more: Any) -> SearchStrategy[dict[str, Json]]:
    """Pools whose selectors hold the marker, so that two of different markers are never equal."""
    selectors = labels().map(lambda it: {**dict(list(it.items())[:3]), "pool": marker})
    placements = st.sampled_from(["Auto", "Required", "Preferred"])
    return part(
        {"selector": selectors}, tolerations=several(TOLERATIONS), placement=placements, **more
    )


CONTROL_PLANES = part(
    {
        "nodePool": pools("coder", protectNodes=st.booleans()),
        "version": st.from_regex(r"[1-9]\.[0-9]{1,2}\.[0-9](-rc\.[0-9])?", fullmatch=True),
        "highAvailabilityLicensed": st.just(True),
    },
    management=st.sampled_from(["Managed", "Adopted", "None"]),
    replicas=st.integers(1, 100),
    image=part(repository=st.just("registry.example.com:5000/coder"), pullSecrets=st.just(["a"])),
    encryption=part({"keysSecretRef": KEY_REFS}),
    resources=part(cpu=CPUS, memory=BYTES),
    accessURL=NAMES.map(lambda host: f"https://{host}.example.com"),
    wildcardAccessURL=NAMES.map(lambda host: f"*.{host}.example.com"),
    env=several(VARIABLES, key=lambda it: it["name"]),
    envFrom=several(part({"secretRef": part({"name": NAMES})}, prefix=st.just("A_"))),
    service=part(type=st.sampled_from(["ClusterIP", "NodePort"]), annotations=labels()),
    tls=part(secretNames=st.lists(NAMES, max_size=2, unique=True)),
    podLabels=labels(),
    podAnnotations=labels(),
)
WORKSPACES = part(
    {"nodePool": pools("workspaces")},
    namespaces=part(names=st.lists(NAMES, max_size=3, unique=True), selector=SELECTORS),
    barePods=st.sampled_from(["Enforce", "Off"]),
    virtualMachines=st.sampled_from(["Enforce", "Off"]),
    antiAffinity=st.sampled_from(["CommonLabel", "AsWritten"]),
    storage=STORAGE,
)
NETWORKS = part(
    ingressControllers=several(PEERS),
    monitoring=several(PEERS),
    accessURLCIDRs=st.lists(
        st.sampled_from(["203.0.113.0/24", "10.1.2.3/32", "2001:db8::/32"]), unique=True
    ),
)
NODE_SIZINGS = st.one_of(
    part({"edition": st.sampled_from(["2024", "2026"])}),
    part(
        {"edition": st.just("2024"), "nodeSizing": st.sampled_from(["Capacity", "InstanceTypes"])}
    ),
)
"""The choice between two figures goes with the edition that has both."""
PARTS = part(
    {
        "architecture": ARCHITECTURES,
        "controlPlane": CONTROL_PLANES,
        "workspaces": WORKSPACES,
        "database": part(
            {"urlSecretRef": part({"name": NAMES}, key=NAMES)},
            sizing=st.sampled_from(["Tier", "Baseline", "InstanceTypes"]),
            declared=DECLARED,
        ),
    },
    suspend=FLAGS,
    maintenance=part({"until": MOMENTS.map(lambda moment: moment.isoformat())}),
    enforcement=part(rules=st.dictionaries(CLAUSES, st.sampled_from(["Enforce", "Off"]))),
    waivers=several(WAIVERS, key=lambda it: it["rule"]),
    attestations=several(ATTESTATIONS, key=lambda it: it["clause"]),
    provisioners=part(
        builtInDaemons=st.integers(0, 100), sizing=st.sampled_from(["Tier", "TwoBuildsPerCPU"])
    ),
    network=NETWORKS,
    deletionPolicy=st.sampled_from(["Delete", "Orphan"]),
)


def _sized(said: tuple[Json, Json]) -> Json:
    spec, choice = said
    sizing = {key: one for key, one in choice.items() if key == "nodeSizing"}
    return {
        **spec,
        "edition": choice["edition"],
        "controlPlane": {**spec["controlPlane"], **sizing},
    }


SPECS = st.one_of(PARTS, st.tuples(PARTS, NODE_SIZINGS).map(_sized))


def manifests() -> SearchStrategy[dict[str, Json]]:
    """Any valid CoderDeployment of namespace ``coder``."""
    return st.fixed_dictionaries(
        {
            "apiVersion": st.just("cva.coder.com/v1alpha1"),
            "kind": st.just("CoderDeployment"),
            "metadata": st.fixed_dictionaries({"name": NAMES, "namespace": st.just("coder")}),
            "spec": SPECS,
        }
    )


ODD = st.one_of(
    st.none(),
    FLAGS,
    st.integers(-3, 3),
    st.just(10_001),
    st.floats(0.1, 0.9),
    st.sampled_from(
        ["", " ", "x", "-", "10Gi", "1e3", "-1", "2027-01-31", "kube-system", "Ä", "a/b"]
    ),
    st.sampled_from(["CVA-NET-005", "10.0.0.0/8", "https://a b", "v1.2.3", "None", "10k"]),
    st.sampled_from([63, 64, 254, 2049]).map(lambda length: "a" * length),
    st.sampled_from([[], {}, ["x"], ["x", "x"], {"x": "y"}, {"a b": "c"}, [{}], {"name": "x"}]),
)


@st.composite
def damaged(draw: DrawFn) -> dict[str, Json]:
    """A valid manifest in whose spec one place was removed, repeated, or replaced by something odd."""
    manifest = draw(manifests())
    spec = copy.deepcopy(manifest["spec"])
    holder, key = draw(st.sampled_from(list(_places(spec))))
    match draw(st.sampled_from(["remove", "repeat", "replace", "replace"])):
        case "remove":
            del holder[key]
        case "repeat" if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        case _:
            holder[key] = draw(ODD)
    return {**manifest, "spec": spec}


def _places(tree: Json) -> list[tuple[Any, Any]]:
    """Every place in a tree, as what holds it and under which key."""
    keys = range(len(tree)) if isinstance(tree, list) else tree if isinstance(tree, dict) else ()
    found = [(tree, key) for key in keys]
    for holder, key in list(found):
        found += _places(holder[key])
    return found
