import jsonschema
import pytest
import yaml

from gate.approval.trust import TrustRoot
from gate.checks import REGISTRY
from gate.documents.json_schema import as_text, model_schema
from gate.policy.fixtures import FixtureSet
from gate.policy.schema import policy_schema
from gate.policy.shipped import shipped_folder
from gate.policy.waivers import WaiverSet

HEAD = {"apiVersion": "gate/v1", "kind": "Policy", "metadata": {"name": "a", "version": "1"}}
OTHERS = {
    "waivers": (WaiverSet, "Waivers of validate-model"),
    "fixtures": (FixtureSet, "Fixtures of a policy of validate-model"),
    "trust": (TrustRoot, "Trust root of validate-model"),
}
POLICY = jsonschema.Draft202012Validator(policy_schema())


def _described(schema):
    """Yield the keys of a schema that have no description."""
    definitions = schema["$defs"]
    for owner in (schema, *definitions.values()):
        for name, value in owner.get("properties", {}).items():
            target = definitions.get(value.get("$ref", "").removeprefix("#/$defs/"), value)
            if "description" not in value and "description" not in target:
                yield name


def test_the_committed_schema_is_what_the_models_say(golden):
    golden(shipped_folder() / "policy.schema.json", as_text(policy_schema()))


@pytest.mark.parametrize(("name", "model"), OTHERS.items())
def test_the_committed_schemas_of_other_documents_are_what_the_models_say(name, model, golden):
    schema = model_schema(*model)

    golden(shipped_folder() / f"{name}.schema.json", as_text(schema))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert list(_described(schema)) == []


def test_a_child_may_restate_some_keys_of_a_rule_without_its_check():
    child = {**HEAD, "extends": "baseline", "rules": [{"id": "recall", "min": 0.9}]}

    assert list(POLICY.iter_errors(child)) == []
    assert list(POLICY.iter_errors({**child, "rules": [{"id": "recall", "mim": 0.9}]}))
    assert list(POLICY.iter_errors({**HEAD, "extends": "baseline"})) == []
    assert list(POLICY.iter_errors(HEAD))


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(policy_schema())


def test_every_key_of_the_schema_is_described():
    assert list(_described(policy_schema())) == []


@pytest.mark.parametrize("check", REGISTRY)
def test_the_examples_of_every_check_meet_the_schema(check):
    for example in REGISTRY[check].examples:
        entry = {"check": check, **yaml.safe_load(yaml.safe_dump(dict(example.parameters)))}

        assert list(POLICY.iter_errors({**HEAD, "rules": [entry]})) == []


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{"min": 0.9}],
        [{"check": "recal"}],
        [{"check": "recall", "mim": 0.9}],
        [{"check": "recall", "min": "0.9"}],
        [{"check": "recall", "min": 90}],
        [{"check": "recall", "min": None}],
        [{"check": "recall", "max_exact": 0}],
        [{"check": "recall", "min": 0.9, "id": "a b"}],
        [{"check": "recall", "min": 0.9, "lock": "locked"}],
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(rules):
    assert list(POLICY.iter_errors({**HEAD, "rules": rules}))
