"""Chunks to lines."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from coder_cva.kube.lines import Lines


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.data())
def test_any_cut_gives_the_same_lines(lines: list[bytes], data: st.DataObject) -> None:
    """However the stream is cut into chunks, the lines that are not blank come out whole."""
    stream = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    parser = Lines()

    got = [
        line for start, end in itertools.pairwise(edges) for line in parser.feed(stream[start:end])
    ]

    assert got == [line for line in lines if line.strip()]


def test_an_unfinished_line_is_kept_back() -> None:
    """What has no end yet is no line."""
    parser = Lines()

    assert list(parser.feed(b"a\nb")) == [b"a"]
    assert list(parser.feed(b"c\n")) == [b"bc"]
