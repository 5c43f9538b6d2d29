"""The page of all connections and its picture: whole, and each line's test is there."""

from __future__ import annotations

import ast
from xml.etree import ElementTree as ET

from coder_cva.cli.generate import ROOT
from support import connection_page, connection_picture, matrix


def test_each_line_names_a_test_that_there_is() -> None:
    """The file has the function, and the function is given every line of the table."""
    page = connection_page.page(matrix.lines())
    for line in matrix.lines():
        path, _, call = connection_page.tested_by(line).partition("::")
        name, _, _ = call.partition("[")
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        (found,) = [
            one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == name
        ]
        assert "matrix.lines()" in ast.unparse(found.decorator_list[0])
        assert f"`{call}`" in page
        assert f"`{path}::{name}`" in page


def test_the_picture_shows_every_end_and_every_line() -> None:
    """A box for each end, an arrow for each line, and the same bytes each time."""
    lines = matrix.lines()
    picture = connection_picture.picture(lines)
    tree = ET.fromstring(picture)
    titles = {
        one.text.partition(":")[0]
        for one in tree.iter("{http://www.w3.org/2000/svg}title")
        if one.text
    }
    assert {one.id for one in lines} <= titles
    ends = {end for one in lines for end in (one.source, one.destination)}
    assert ends == connection_picture.drawn()
    assert picture == connection_picture.picture(lines)
