"""The command line: `python -m bench`; QUICK=1 measures less of everything."""

from __future__ import annotations

import json
import signal
import sys
import time

from bench import (
    admission,
    figures,
    ground,
    judging,
    machine,
    pool_guard,
    readiness,
    restoration,
    scale,
    workspaces,
)
from bench.process import usage
from demo import text
from harness import environment
from harness.errors import HarnessError
from support.deployments import wait_condition
from support.installation import ROOT

REPORT = ROOT / "build" / "bench.json"
TERMINATED = 143
FORMAT = 1
"""Rises when a key changes its meaning."""


def main() -> int:
    """Measure, write build/bench.json, print the table; 1 where a measurement could not be made."""
    # Whoever ends the bench ends the cluster and the operator with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    is_quick = environment.variable("QUICK") not in ("", "0")
    measured: figures.Figures = {}
    facts: dict[str, object] = {}
    failure = ""
    try:
        _say(
            f"judging {judging.WORKSPACES:,} workspaces on {judging.NODES} nodes, without a cluster"
        )
        measured.update(judging.measure())
        _measure(ground.QUICK if is_quick else ground.FULL, measured, facts)
    except HarnessError as error:
        failure = str(error)
    _write(measured, facts, is_quick=is_quick, failure=failure)
    rows = figures.rows(measured)
    print("\n" + "\n".join(text.table(("FIGURE", "MEASURED", "AIM"), rows, indent="")))
    print("\n" + ", ".join(f"{key} {value}" for key, value in facts.items()))
    print(f"\n{REPORT.relative_to(ROOT)} holds the same as data")
    if failure:
        print(f"\nerror: not everything could be measured: {failure}", file=sys.stderr)
    return 1 if failure else 0


def _measure(extent: ground.Extent, measured: figures.Figures, facts: dict[str, object]) -> None:
    """Every measurement on one cluster, one after the other; figures so far survive a failure."""
    _say("starting a control plane with an audit log, 103 nodes, and the operator")
    here = ground.prepare(extent)
    try:
        facts.update(machine.facts(here.kube))
        _say(f"admitting {extent.admissions} Pods before anything of ours acts")
        measured.update(admission.baseline(here))
        _say(f"applying {extent.deployments} managed Coders, one after the other")
        measured.update(readiness.measure(here))
        coder = here.apply_coder(here.place("bench"))
        wait_condition(here.kube, coder, "Ready", "True", timeout=120)
        namespace = coder["metadata"]["namespace"]
        _say(f"deleting the operator's objects, {extent.restorations} times one of them")
        measured.update(restoration.measure(here, coder))
        _say(f"admitting {extent.admissions} Pods with our policies and as many without")
        measured.update(admission.measure(here, namespace))
        measured.update(admission.elsewhere(measured))
        _say("the same with our webhook in their place")
        measured.update(admission.measure_webhook(here, namespace))
        _say(f"losing the pool of a coderd, {extent.losses} times, and once without an operator")
        measured.update(pool_guard.measure(here))
        measured.update(pool_guard.measure_dead(here))
        measured["memory_empty_mib"] = usage(here.operator.pid).rss_mib
        here.operator.stop()
        _say(f"creating {extent.workspaces} workspaces while the operator is down")
        workspaces.create(here, namespace, _say)
        _say("starting the operator")
        measured.update(scale.measure_start(here, coder))
        _say(f"losing the pool of a coderd beside them, {extent.losses} times")
        measured.update(pool_guard.measure(here, "guard_crowded"))
        _say(f"waiting for rest, then {extent.quiet_seconds} quiet seconds")
        measured.update(scale.measure_quiet(here))
    except HarnessError as error:
        kept = here.operator.log.read_text(errors="replace")[-2000:]
        raise HarnessError(f"{error}\nthe operator's log ends with:\n{kept}") from error
    finally:
        here.operator.stop()
        here.cluster.down()


def _write(
    measured: figures.Figures, facts: dict[str, object], *, is_quick: bool, failure: str
) -> None:
    report = {
        "format": FORMAT,
        "quick": is_quick,
        "complete": not failure,
        "machine": facts,
        "figures": {
            one.key: round(measured[one.key], 3) if one.key in measured else None
            for one in figures.ALL
        },
        "aims": {one.key: one.aim for one in figures.ALL if one.aim is not None},
    }
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


_BEGAN = time.monotonic()


def _say(words: str) -> None:
    print(f"[{time.monotonic() - _BEGAN:4.0f} s] {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
