"""The table of connections is whole, and agrees with the clauses, Coder's variables and the spec."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from coder_cva.api.v1alpha1.egress import Listed, ListedByProvisioners, ListedByProxies
from coder_cva.catalogue.clauses import clauses
from coder_cva.catalogue.connections import (
    Connection,
    Connections,
    End,
    Membership,
    PortRange,
    connections,
    numbers,
)
from coder_cva.catalogue.variables import variables
from coder_cva.desired import coderd_pod

OF_OTHERS = {"CODER_URL", "CODER_PRIMARY_ACCESS_URL", "CODER_EXTERNAL_AUTH_"}
"""Variables of provisioners and proxies, and those that have a number in their name."""
each_line = pytest.mark.parametrize("line", connections().connections, ids=lambda one: one.id)


@each_line
def test_a_line_says_what_it_needs(line: Connection) -> None:
    """Its id names both ends, its clause is one, and the settings that change it are Coder's."""
    source, _, target = line.id.partition("-to-")
    assert line.source.value.startswith(source[:4])
    assert target
    assert line.clause in {one.id for one in clauses()}
    assert set(line.settings) <= {*variables().server, *OF_OTHERS}
    assert line.why.endswith(".")


def test_every_connection_of_coderds_that_is_listed_can_be_listed() -> None:
    """The spec's word for it is the line's id."""
    lines = connections().of(End.CODERD)
    assert list(get_args(Listed)) == [
        one.id for one in lines if one.membership is Membership.LISTED
    ]


@pytest.mark.parametrize(
    ("source", "words", "to_coderd"),
    [
        (End.PROVISIONERS, ListedByProvisioners, "provisioner-to-coderd"),
        (End.PROXIES, ListedByProxies, "proxy-to-coderd"),
    ],
)
def test_what_others_list_are_lines_of_theirs(source: End, words: object, to_coderd: str) -> None:
    """The same of provisioners and proxies, which may also say where coderd is."""
    found = [one.id for one in connections().of(source) if one.membership is Membership.LISTED]
    assert [*get_args(words)] == [to_coderd, *found]


def test_the_ports_are_those_that_coderd_is_given() -> None:
    """The Pod that the operator makes serves where the table says."""
    assert numbers("user-to-coderd") == (coderd_pod.HTTP_PORT, coderd_pod.HTTPS_PORT)
    assert numbers("scraper-to-coderd") == (coderd_pod.PROMETHEUS_PORT,)
    assert numbers("coderd-to-coderd") == (coderd_pod.HTTP_PORT, coderd_pod.RELAY_PORT)


def test_two_lines_of_one_id_are_refused() -> None:
    """An id leads to one line."""
    line = connections().line("workspace-to-dns").model_dump()
    with pytest.raises(ValidationError, match="workspace-to-dns stands in the table twice"):
        Connections.model_validate({"places": {}, "connections": [line, line]})


def test_what_nobody_knows_is_refused() -> None:
    """A field that is misspelt, an end that is none."""
    line = connections().line("workspace-to-dns").model_dump()
    for wrong in ({"port": 1}, {"source": "moon"}, {"ports": [{"port": 0}]}, {"id": "dns"}):
        with pytest.raises(ValidationError):
            Connection.model_validate({**line, **wrong})
    with pytest.raises(KeyError):
        connections().line("moon-to-dns")


def test_a_range_is_told_as_one() -> None:
    """For people."""
    assert str(PortRange(port=1024, end=65535, protocol="UDP")) == "UDP 1024-65535"
    assert str(PortRange(port=53)) == "TCP 53"
