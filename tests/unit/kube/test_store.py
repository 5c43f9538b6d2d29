"""What a reflector keeps."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from coder_cva.kube.store import Store


def project(raw: Mapping[str, Any]) -> tuple[str, int] | None:
    """None for zero, a failure for negative numbers."""
    if raw["n"] < 0:
        raise ValueError(raw["n"])
    return (raw["metadata"]["name"], raw["n"]) if raw["n"] else None


def body(name: str, n: int) -> dict[str, Any]:
    """An object with a number."""
    return {"metadata": {"name": name, "namespace": "ns"}, "n": n}


STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "remove"]), st.sampled_from("abc"), st.integers(-1, 2))
)


@given(STEPS)
def test_a_change_is_told_exactly_when_something_differs(steps: list[tuple[str, str, int]]) -> None:
    """After any history the answer of each step agrees with what can be seen from outside."""
    store = Store(project)
    for step, name, n in steps:
        before = (store.items(), store.unreadable())
        changed = getattr(store, step)(body(name, n))
        after = (store.items(), store.unreadable())

        assert changed or before == after
        if before != after:
            assert changed
        assert list(store.items()) == sorted(store.items())


@given(STEPS)
def test_history_does_not_matter(steps: list[tuple[str, str, int]]) -> None:
    """A store fed by events equals one filled by a list of what there is in the end."""
    store, world = Store(project), dict[str, dict[str, Any]]()
    for step, name, n in steps:
        getattr(store, step)(body(name, n))
        if step == "put":
            world[name] = body(name, n)
        else:
            world.pop(name, None)
    fresh = store.emptied()
    for raw in world.values():
        fresh.put(raw)

    assert (store.items(), store.unreadable()) == (fresh.items(), fresh.unreadable())
    assert not store.replace(fresh)


def test_the_text_of_a_failure_is_not_kept() -> None:
    """An exception may quote the object, so only its type is told."""
    store = Store(project)
    store.put(body("a", -1))

    assert store.unreadable() == "1 could not be understood, first ns/a: ValueError"
