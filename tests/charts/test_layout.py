"""Systems are placed from left to right, the same way each time, and no line runs through a box."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from handoff_analytics.charts.layout import _spaced, layered

systems = st.sampled_from([f"s{number}" for number in range(9)])
networks = st.dictionaries(st.tuples(systems, systems), st.floats(0.1, 1e6), max_size=30)


@given(networks)
@settings(max_examples=150, deadline=None)
def test_work_flows_rightwards_unless_it_closes_a_cycle(volumes):
    plan = layered(volumes)
    for a, b in volumes:
        if a != b:
            rightwards = plan.place[a][0] < plan.place[b][0]
            assert rightwards != ((a, b) in plan.backward)


@given(networks)
@settings(max_examples=100, deadline=None)
def test_a_line_passes_each_column_between_its_ends_once(volumes):
    plan = layered(volumes)
    for (a, b), way in plan.way.items():
        columns = [column for column, _ in way]
        assert way[0] == plan.place[a]
        assert way[-1] == plan.place[b]
        step = 1 if columns[-1] > columns[0] else -1
        assert columns == list(range(columns[0], columns[-1] + step, step))


@given(networks)
@settings(max_examples=100, deadline=None)
def test_no_line_and_no_system_stands_where_another_does(volumes):
    plan = layered(volumes)
    passages = [spot for way in plan.way.values() for spot in way[1:-1]]
    boxes = list(plan.place.values())
    for number, (column, height) in enumerate(boxes):
        others = [(c, h) for c, h in boxes[number + 1 :] if c == column]
        assert all(abs(height - h) > 0.99 for _, h in others)
        assert all(abs(height - h) > 0.6 for c, h in passages if c == column)


@given(networks, st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_handoffs_changes_nothing(volumes, random):
    shuffled = list(volumes.items())
    random.shuffle(shuffled)
    assert layered(dict(shuffled)) == layered(volumes)


def test_an_acyclic_network_has_no_backward_handoff_and_as_many_columns_as_its_longest_way():
    plan = layered({("a", "b"): 1, ("b", "c"): 1, ("a", "c"): 1, ("c", "d"): 1, ("x", "d"): 1})
    assert plan.backward == frozenset()
    assert plan.columns == 4
    assert plan.place["x"][0] == 2  # next to who receives from it


def test_the_smaller_flow_of_a_cycle_runs_backwards():
    assert layered({("a", "b"): 100, ("b", "a"): 1}).backward == {("b", "a")}
    assert layered({("a", "b"): 1, ("b", "a"): 100}).backward == {("a", "b")}


def test_a_system_that_hands_work_to_itself_is_placed():
    plan = layered({("a", "a"): 1})
    assert plan.place == {"a": (0, 0.0)}
    assert plan.way == {}


def test_nothing_has_no_columns():
    assert layered({}).columns == 0


def test_lines_do_not_cross_where_they_need_not():
    plan = layered({("a", "z"): 1, ("b", "y"): 1, ("c", "x"): 1})
    left, right = ([plan.place[system][1] for system in names] for names in ("abc", "zyx"))
    assert sorted(range(3), key=left.__getitem__) == sorted(range(3), key=right.__getitem__)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=12))
def test_spacing_keeps_order_and_room_and_is_the_nearest(wanted):
    room = [1.0] * len(wanted)
    spaced = _spaced(wanted, room)
    assert all(b - a > 1 - 1e-9 for a, b in itertools.pairwise(spaced))
    if all(b - a >= 1 for a, b in itertools.pairwise(wanted)):
        assert all(abs(a - b) < 1e-6 for a, b in zip(spaced, wanted, strict=True))
    # least squares: the mean shift is none, so that nothing drifts up or down
    assert abs(sum(spaced) - sum(wanted)) < 1e-6
