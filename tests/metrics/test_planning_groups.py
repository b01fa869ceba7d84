import numpy as np
import pytest

from gate.metrics.planning_groups import Groups, GroupSizes
from gate.metrics.proportions import ClusteredShare


def of_five(alike=1.0) -> Groups:
    return GroupSizes(mean=5.0, typical=5.0).alike(alike)


@pytest.mark.parametrize(("required", "groups"), [(0.85, 20), (0.90, 30), (0.95, 60), (0.98, 150)])
def test_a_share_takes_so_many_groups_without_a_mistake(required, groups):
    fewest = of_five().minimum_images(required, 0.95)

    assert of_five().number(fewest) == groups
    assert ClusteredShare(np.full(groups, 5), np.full(groups, 5)).lower(0.95) >= required
    fewer = groups - 1
    assert ClusteredShare(np.full(fewer, 5), np.full(fewer, 5)).lower(0.95) < required


def test_unequal_groups_count_by_their_typical_size():
    sizes = np.array([1] * 40 + [2] * 30 + [9] * 10)
    groups = GroupSizes.of(sizes).alike(1.0)

    bound = ClusteredShare(sizes, sizes).lower(0.95)

    assert groups.provable(int(sizes.sum()), 0.95) == pytest.approx(bound, abs=1e-12)
    assert groups.mean == 190 / 80
    assert groups.minimum_images(bound, 0.95) == 190
    assert groups.minimum_images(bound + 0.001, 0.95) > 190


@pytest.mark.parametrize("groups", [40, 100, 300])
def test_the_plan_and_the_bound_agree_to_the_group(groups):
    allowed = of_five().most_misses(5 * groups, 0.85, 0.95)

    def lower(wrong):
        hits = np.array([0] * wrong + [5] * (groups - wrong))
        return ClusteredShare(hits, np.full(groups, 5)).lower(0.95)

    assert allowed % 5 == 0
    assert lower(allowed // 5) >= 0.85
    assert lower(allowed // 5 + 1) < 0.85


def test_fewer_than_ten_groups_allow_nothing():
    assert of_five().most_misses(45, 0.2, 0.95) == -1
    assert of_five().provable(45, 0.95) == 0.0
    assert of_five().minimum_images(0.2, 0.95) == 50


def test_images_that_are_less_alike_need_fewer_groups():
    once, some, hardly = (of_five(icc).images_needed(0.85, 0.95, 0.95) for icc in (1.0, 0.3, 0.0))

    assert hardly < some < once


def test_needed_images_pass_with_the_wanted_power():
    needed = of_five().images_needed(0.85, 0.95, 0.95, wanted=0.9)

    assert of_five().power(needed, 0.85, 0.95, 0.95) >= 0.9
    assert of_five().power(needed - 5, 0.85, 0.95, 0.95) < 0.9


def test_a_plan_for_at_most_is_that_of_the_others_for_at_least():
    assert of_five().images_needed(0.05, 0.01, 0.95, "<=") == (
        of_five().images_needed(0.95, 0.99, 0.95)
    )
    assert of_five().minimum_images(0.05, 0.95, "<=") == of_five().minimum_images(0.95, 0.95)


def test_no_number_of_groups_proves_certainty_or_what_is_not_true():
    assert of_five().minimum_images(1.0, 0.95) is None
    assert of_five().images_needed(0.9, 0.9, 0.95) is None


def test_groups_of_a_share_are_as_alike_as_its_images_show():
    apart = ClusteredShare(np.array([5, 4] * 20), np.full(40, 5))
    together = ClusteredShare(np.array([5] * 36 + [0] * 4), np.full(40, 5))
    spotless = ClusteredShare(np.full(40, 5), np.full(40, 5))

    assert Groups.of(apart).clump == 1.0
    assert Groups.of(together).clump == pytest.approx(5.0)
    assert Groups.of(spotless).clump == 5.0
