import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.subject.checkpoints.readings import (
    bare_of,
    is_spare,
    prefixes,
    readings,
    unwrapped,
    versions_by,
)

PARTS = st.sampled_from(["module", "_orig_mod", "net", "0", "fc", "weight", "module_"])
NAMES = st.lists(st.lists(PARTS, min_size=1, max_size=6).map(".".join), unique=True, max_size=12)


@given(NAMES)
def test_different_names_stay_different_without_wrappers(names):
    found = unwrapped(names)

    assert list(found) == names
    assert len({*found.values()}) == len(names)
    assert all(bare_of(name) == bare_of(short) for name, short in found.items())


@given(NAMES, NAMES)
def test_the_first_reading_is_of_the_names_as_they_stand(theirs, ours):
    first, *others = readings(theirs, ours)

    assert first == {name: name for name in theirs}
    assert all(list(each) == theirs for each in others)


@given(NAMES, st.sampled_from(["", "net.", "model.net.", "module.", "module._orig_mod."]))
def test_a_prefix_on_either_side_has_a_reading_that_undoes_it(names, prefix):
    longer = {prefix + name: name for name in names}

    assert longer in list(readings(list(longer), names))
    assert {name: full for full, name in longer.items()} in list(readings(names, list(longer)))


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["module.a", "module.b"], ["a", "b"]),
        (["module.a", "b"], ["module.a", "b"]),
        (["x.module.a", "x.b"], ["x.module.a", "x.b"]),
        (["x.module.a", "y.b"], ["x.a", "y.b"]),
        (["module.x._orig_mod.a", "fc"], ["module.x.a", "fc"]),
        (["x.module"], ["x.module"]),
        (["x.module.module.module.a"], ["x.a"]),
        (["module.a", "_orig_mod.a"], ["module.a", "_orig_mod.a"]),
    ],
)
def test_a_wrapper_has_one_child_and_nothing_beside_it(names, kept):
    assert list(unwrapped(names).values()) == kept


def test_endless_wrappers_are_taken_off_a_few_times_only():
    (short,) = unwrapped(["module." * 20 + "a"]).values()
    (long,) = unwrapped(["module." * 50 + "a"]).values()

    assert short.count("module.") == 12
    assert long.count("module.") == 50
    assert len(prefixes(["x." * 50 + "a"])) == 9


@pytest.mark.parametrize(
    ("name", "elements", "spare"),
    [
        ("n_averaged", 1, True),
        ("net.n_averaged", 1, True),
        ("n_averaged", 2, False),
        ("criterion.weight", 9, True),
        ("_orig_mod.loss_fn.0.weight", 9, True),
        ("criterion", 9, False),
        ("head.criterion.weight", 9, False),
        ("losses.weight", 9, False),
    ],
)
def test_losses_and_counters_of_averages_are_spare(name, elements, spare):
    assert is_spare(name, elements) is spare


def test_the_version_of_what_is_wrapped_goes_before_that_of_the_wrapper():
    reading = {"module.bn.weight": "net.bn.weight", "module.fc.parametrizations.w.original0": "fc"}
    versions = {"": 1, "module": 2, "module.bn": 3}

    assert versions_by(reading, versions) == {"net.bn": 3, "net": 2}
