from hypothesis import given
from hypothesis import strategies as st

from leafhub.exchange.name_tree import STEPS, NameTree
from leafhub.mqtt.topics import topic_matches

_LEVELS = st.sampled_from(["", "a", "b", "$SYS", "$b"])
_NAMES = st.lists(_LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)
_FILTERS = (
    st.tuples(
        st.lists(st.one_of(_LEVELS, st.just("+")), max_size=4),
        st.sampled_from([[], ["#"]]),
    )
    .map(lambda parts: "/".join([*parts[0], *parts[1]]))
    .filter(bool)
)


def tree_of(*names: str) -> NameTree[str]:
    tree: NameTree[str] = NameTree()
    for name in names:
        tree.put(name, name)
    return tree


def found(tree: NameTree[str], topic_filter: str) -> list[str]:
    return [name for name in tree.walk(topic_filter) if name is not None]


@given(st.sets(_NAMES), st.sets(_NAMES), _FILTERS)
def test_a_walk_lists_once_what_a_filter_matches(
    names: set[str], removed: set[str], topic_filter: str
) -> None:
    tree = tree_of(*names)
    for name in removed:
        assert tree.remove(name) == (name if name in names else None)
    left = names - removed
    assert sorted(found(tree, topic_filter)) == sorted(
        name for name in left if topic_matches(topic_filter, name)
    )
    assert {name for name in names | removed if tree.get(name) is not None} == left
    assert bool(tree) is bool(left)
    assert tree.levels == len(
        {
            tuple(name.split("/")[: depth + 1])
            for name in left
            for depth in range(name.count("/") + 1)
        }
    )


def test_a_name_has_one_value() -> None:
    tree = tree_of("a/b")
    tree.put("a/b", "new")
    assert (tree.get("a/b"), found(tree, "#"), tree.get("a")) == ("new", ["new"], None)


def test_a_walk_gives_way_though_nothing_matches() -> None:
    tree = tree_of(*(f"{n}/a" for n in range(2 * STEPS)))
    walked = list(tree.walk("+/b"))
    assert walked
    assert set(walked) == {None}


def test_a_walk_survives_that_the_tree_changes() -> None:
    names = [f"{a}/{b}" for a in range(20) for b in range(20)]
    tree = tree_of(*names)
    walk, seen = tree.walk("#"), []
    for name in walk:
        if name is None:
            continue
        seen.append(name)
        if len(seen) == 5:
            for removed in names[100:200]:
                tree.remove(removed)
            tree.put("0/new", "0/new")
            tree.put("new", "new")
    staying = set(names) - set(names[100:200])
    assert staying <= set(seen)
    assert len(seen) == len(set(seen))


def test_a_walk_that_nobody_goes_on_with_has_looked_at_little() -> None:
    tree = tree_of(*(f"{n}/{m}" for n in range(100) for m in range(100)))
    walk = tree.walk("#")
    assert next(walk) == "0/0"
    tree.put("99/new", "99/new")
    assert "99/new" in list(walk)  # a list of names made at the start would lack it
