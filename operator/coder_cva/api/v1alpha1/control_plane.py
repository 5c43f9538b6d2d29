"""coderd: who manages it, where it runs, and, where the operator makes it, how it is made."""

from typing import Annotated, Literal

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.addresses import AccessUrl, WildcardHost
from coder_cva.api.v1alpha1.amounts import Cpu, Memory
from coder_cva.api.v1alpha1.environment import EnvFrom, EnvVar
from coder_cva.api.v1alpha1.scheduling import StaticNodePool
from coder_cva.api.v1alpha1.words import LABEL_KEYS, DataKey, Flag, LabelValue, ObjectName
from coder_cva.api.validation import ListMap, ListSet, Validation, matching

_KEPT_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/instance")


Version = Annotated[
    str,
    Field(max_length=64),
    matching(
        r"[0-9]+[.][0-9]+[.][0-9]+(-[0-9A-Za-z.-]+)?",
        "is no version in full and without a leading v: write for example 2.30.0; "
        "the image's tag gets its v from the operator",
    ),
]
"""A version of Coder. One spelling only: versions are compared, and Git shows real changes alone."""


class Image(Part):
    """The image of coderd. Managed only."""

    repository: Annotated[
        str,
        Field(max_length=255),
        matching(
            "[a-z0-9]([-a-z0-9._]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]([-a-z0-9._]*[a-z0-9])?)*",
            "is no repository without tag and digest: write for example ghcr.io/coder/coder, "
            "and the version in spec.controlPlane.version",
        ),
    ] = "ghcr.io/coder/coder"
    """Where the image is pulled from, without tag: the tag follows from spec.controlPlane.version."""
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """When the kubelet pulls the image."""
    pull_secrets: Annotated[tuple[ObjectName, ...], Field(max_length=8), ListSet()] = ()
    """Names of Secrets with the registry's credentials, in the CoderDeployment's namespace."""


class KeysSecretRef(Part):
    """A key of a Secret in the CoderDeployment's namespace."""

    name: ObjectName
    """The Secret's name."""
    key: DataKey
    """The key inside it, whose value is a comma-separated list of base64 keys; the first encrypts."""


class Encryption(Part):
    """Encryption of users' tokens in the database; costs one CPU core per replica (CVA-CTL-003)."""

    keys_secret_ref: KeysSecretRef
    """The Secret that holds the keys. With wrong or missing keys coderd refuses to start."""


class Resources(Part):
    """CPU and memory of one replica; request and limit are equal (CVA-CTL-002)."""

    cpu: Cpu | None = None
    """CPU, for example 2 or 2500m; absent means the tier's."""
    memory: Memory | None = None
    """Memory, for example 8Gi; absent means the tier's."""


class Service(Part):
    """The Service that users and agents reach. Managed only. Metrics are never on it (CVA-OBS-001)."""

    type: Literal["LoadBalancer", "ClusterIP", "NodePort"] = "LoadBalancer"
    """The Service's type; ClusterIP goes with an Ingress or a Gateway."""
    annotations: Annotated[
        dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=32), LABEL_KEYS
    ] = Field(default_factory=dict)
    """Annotations for the cloud's load balancer controller."""
    external_traffic_policy: Literal["Cluster", "Local"] = "Cluster"
    """Whether a node passes traffic on to Pods of other nodes. Not used with ClusterIP."""


class Tls(Part):
    """TLS at coderd itself. Managed only."""

    secret_names: Annotated[tuple[ObjectName, ...], Field(max_length=8), ListSet()] = ()
    """Names of Secrets of type kubernetes.io/tls; with one of them coderd also serves HTTPS on 8443."""


class ControlPlane(Part):
    """coderd: the API server and dashboard of Coder."""

    validations = (
        Validation(
            cel="self.management == 'None' || has(self.nodePool)",
            message="nodePool is required unless management is None: add nodePool.selector "
            "with the labels of the nodes on which coderd runs",
            holds=lambda self: self.management == "None" or self.node_pool is not None,
        ),
        Validation(
            cel="!has(self.replicas) || self.replicas <= 1 || self.highAvailabilityLicensed",
            message="replicas above 1 need highAvailabilityLicensed: true, which says that your licence "
            "includes high availability; unlicensed replicas do not know each other, "
            "and connections to workspaces break",
            holds=lambda self: (self.replicas or 1) <= 1 or self.high_availability_licensed,
            field_path=".replicas",
        ),
    )

    management: Literal["Managed", "Adopted", "None"] = "Managed"
    """Managed: the operator creates coderd and keeps it. Adopted: a coderd that Helm, GitOps or
    coder-k8s installed is found in this namespace, judged, and never written to. None: a region
    with workspaces and without coderd. A coderd that was Managed is released by a change: it runs on
    as nobody's, and Managed takes it back."""
    node_pool: StaticNodePool | None = None
    """The static pool of nodes on which coderd runs (CVA-NODE-003). Required unless management is None."""
    node_sizing: Literal["Capacity", "InstanceTypes"] = "Capacity"
    """By which of two figures that disagree the pool's nodes, and with them coderd, are sized where edition 2024
    contradicts itself, in tier 3k: Capacity is the 8 CPU and 32 GB of its table, InstanceTypes the 4 CPU and 16 GB
    that the machines named beside them have (CVA-NODE-007, CVA-CTL-002). Capacity by default: it is what is asked
    for, of which a type is only an example."""
    image: Image = Image()
    """The image of coderd. Managed only."""
    version: Version | None = None
    """The version of Coder, for example 2.30.0. Required with Managed. One spelling, without the v
    of tags, so that versions compare and Git shows a change only when there is one. A lower version
    than the one that runs is refused (CVA-DB-009)."""
    replicas: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None
    """How many replicas of coderd; absent means the tier's with a licence for high availability and one
    without (CVA-CTL-001). Managed only."""
    high_availability_licensed: Flag = False
    """Whether your licence includes high availability. Without it replicas do not know each other."""
    encryption: Encryption | None = None
    """Encryption of users' tokens in the database (CVA-CTL-003)."""
    resources: Resources | None = None
    """CPU and memory of one replica; absent means the tier's (CVA-CTL-002). Managed only."""
    access_url: AccessUrl | None = Field(default=None, alias="accessURL")
    """The URL under which users and agents reach Coder. Absent means the in-cluster Service, under which
    nobody outside the cluster can log in. Managed only."""
    wildcard_access_url: WildcardHost | None = Field(default=None, alias="wildcardAccessURL")
    """The host under which applications of workspaces are reached, for example *.coder.example.com.
    Managed only."""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=128), ListMap("name")] = ()
    """Further environment variables of coderd. Managed only."""
    env_from: Annotated[tuple[EnvFrom, ...], Field(max_length=16)] = ()
    """Secrets and ConfigMaps whose keys become variables. What the operator sets wins. Managed only."""
    service: Service = Service()
    """The Service that users and agents reach. Managed only."""
    tls: Tls = Tls()
    """TLS at coderd itself. Managed only."""
    pod_labels: Annotated[
        dict[str, LabelValue],
        Field(max_length=32),
        LABEL_KEYS,
        Validation(
            cel="!self.exists(key, key in ['app.kubernetes.io/name', 'app.kubernetes.io/instance']"
            " || key.startsWith('cva.coder.com/'))",
            message="may not set app.kubernetes.io/name, app.kubernetes.io/instance or cva.coder.com/*, "
            "by which the operator finds its Pods: remove them",
            holds=lambda labels: (
                not any(key in _KEPT_LABELS or key.startswith("cva.coder.com/") for key in labels)
            ),
        ),
    ] = Field(default_factory=dict)
    """Further labels of coderd's Pods. Managed only."""
    pod_annotations: Annotated[
        dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=32), LABEL_KEYS
    ] = Field(default_factory=dict)
    """Further annotations of coderd's Pods. Managed only."""
