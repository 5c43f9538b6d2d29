"""A spec in, the whole arithmetic in words out: coderd, its database and its provisioners, and by which rules."""

from coder_cva.api.v1alpha1.spec import Spec
from coder_cva.sizing.database import database_size
from coder_cva.sizing.provisioners import provisioners_size
from coder_cva.sizing.size import size
from coder_cva.values.quantity import byte_text, cpu_text


def steps(spec: Spec) -> tuple[str, ...]:
    """Where the architecture has several rules each step names the one that the spec chose."""
    return (*size(spec).steps, *_database(spec), _provisioners(spec))


def _database(spec: Spec) -> tuple[str, ...]:
    """A region has none of its own."""
    if spec.control_plane.management == "None":
        return ()
    it = database_size(spec)
    disk = byte_text(it.storage_bytes)
    amounts = (
        f"{cpu_text(it.cpu_millicores)} CPU, {byte_text(it.memory_bytes)} and a disk of {disk}"
    )
    return (f"Database: {amounts} by {it.rule} (CVA-DB-002, CVA-DB-003)",)


def _provisioners(spec: Spec) -> str:
    it = provisioners_size(spec)
    count = f"Provisioners: {it.replicas:,}, one for each concurrent build"
    if it.each is not None:
        return f"{count}, of {it.each.text} each by {it.rule} (CVA-PROV-001)"
    if it.nodes is None:
        return f"{count}; {it.rule} gives no size (CVA-PROV-001)"
    group = it.nodes
    return (
        f"{count}; {it.rule} sizes only their nodes: {group.cpu} CPU and {group.memory} for {group.pods_each} "
        "(CVA-PROV-001)"
    )
