import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.policy.reading import read_policy
from gate.policy.shipped import shipped_names
from gate.policy.showing import as_json, as_yaml

SHOWN = {"yaml": as_yaml, "json": as_json}


@pytest.mark.parametrize("form", SHOWN)
@pytest.mark.parametrize("name", shipped_names())
def test_what_is_shown_reads_back_as_the_same_policy(name, form, tmp_path):
    document = read_policy(name)
    path = tmp_path / "shown.yaml"
    path.write_text(SHOWN[form](document.policy))

    assert read_policy(str(path)).resolved_sha256 == document.resolved_sha256


_NAMES = st.one_of(
    st.sampled_from(
        ["no", "y", "010", "1e-3", "0o17", "12:30", "null", "~", "@a", "- b", "a: b", "0x1F"]
    ),
    st.text(
        st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]),
        min_size=1,
        max_size=12,
    ),
)


@given(
    names=st.lists(_NAMES, min_size=1, max_size=3, unique=True),
    least=st.floats(0, 1, allow_subnormal=False),
)
@pytest.mark.parametrize("form", SHOWN)
def test_names_and_numbers_of_any_kind_survive_being_shown(form, names, least, tmp_path_factory):
    path = tmp_path_factory.mktemp("shown") / "policy.yaml"
    rule = {"check": "recall", "min": least, "classes": names}
    path.write_text(
        json.dumps(
            {
                "apiVersion": "gate/v1",
                "kind": "Policy",
                "metadata": {"name": names[0], "version": "1"},
                "rules": [rule],
            },
            ensure_ascii=False,
        )
    )
    document = read_policy(str(path))
    path.write_text(SHOWN[form](document.policy), encoding="utf-8")

    assert read_policy(str(path)).resolved_sha256 == document.resolved_sha256


def test_every_default_is_filled_in():
    shown = json.loads(as_json(read_policy("smoke").policy))

    assert "defaults" not in shown
    for rule in shown["rules"]:
        assert {"id", "severity", "decide_on", "on_inconclusive", "one_sided_confidence"} <= set(
            rule
        )
