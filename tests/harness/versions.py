"""Which programs make up a cluster, at which versions, and how each is stamped.

Each folder of `go/` is a module of its own, because the programs need different versions of the
same libraries. To move one: change the version here and in its go.mod (for Kubernetes the
`replace` lines too: one for each module that its own go.mod replaces by `./staging/…`, and no
other), then run `go get -tool <package>@<version>` and `go mod tidy` there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).parent / "go"

NEWEST = "1.37"
OLDEST = "1.34"

KUBERNETES = {NEWEST: "v1.37.2", OLDEST: "v1.34.4"}
ETCD = "v3.7.3"
KWOK = "v0.8.0"

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")


@dataclass(frozen=True)
class Program:
    """One program: where its sources come from and how long it takes to build."""

    name: str
    module: str
    package: str
    version: str
    cold_seconds: int
    """Measured on two cores with nothing cached, in the order of a whole build."""
    stamps: tuple[tuple[str, str], ...] = ()

    @property
    def module_folder(self) -> Path:
        """The folder whose go.mod and go.sum pin this program."""
        return MODULES / self.module

    @property
    def ldflags(self) -> str:
        """Linker flags: no debug tables, and the version that the program reports."""
        return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in self.stamps)])


def _kubernetes(name: str, world: str, cold_seconds: int) -> Program:
    version = KUBERNETES[world]
    major, minor, _ = version.removeprefix("v").split(".")
    figures = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    # kubectl reads client-go's copy of the version, the servers component-base's.
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    stamps = tuple((f"{package}.{k}", v) for package in packages for k, v in figures.items())
    return Program(
        name=name,
        module=f"kubernetes-{world}",
        package=f"k8s.io/kubernetes/cmd/{name}",
        version=version,
        cold_seconds=cold_seconds,
        stamps=stamps,
    )


def programs(world: str) -> tuple[Program, ...]:
    """Every program that a cluster of this world needs, in the order in which it is built."""
    if world not in KUBERNETES:
        known = ", ".join(sorted(KUBERNETES, reverse=True))
        raise ValueError(f"there is no world {world!r}: choose one of {known}")
    return (
        _kubernetes("kube-apiserver", world, 370),
        _kubernetes("kube-controller-manager", world, 118),
        _kubernetes("kube-scheduler", world, 11),
        Program("etcd", "etcd", "go.etcd.io/etcd/server/v3", ETCD, 27),
        Program(
            "kwok",
            "kwok",
            "sigs.k8s.io/kwok/cmd/kwok",
            KWOK,
            88,
            (("sigs.k8s.io/kwok/pkg/consts.Version", KWOK),),
        ),
        _kubernetes("kubectl", NEWEST, 26),
    )
