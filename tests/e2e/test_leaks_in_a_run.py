"""Leaks in a run: found between any two splits, shown in pairs, and taken out of every metric."""

import csv
import json

import numpy as np
import pytest

BARE = "{check: accuracy, min: 0.8, decide_on: point}"


def policy(project, *rules):
    lines = "\n".join(f"  - {rule}" for rule in (BARE, *rules))
    header = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: small, version: 1.0.0}\n"
    project.write("policy.yaml", f"{header}rules:\n{lines}\n")


def save(project, name, images, labels):
    np.savez(project.folder / name, images=images, labels=labels)


def pictures(count, seed):
    """Return pictures (2 * count, 64, 64) with features: dark ones, then bright ones."""
    random = np.random.default_rng(seed)
    labels = np.repeat((0, 1), count)
    coarse = (
        random.integers(-35, 36, (len(labels), 8, 8)) + np.where(labels, 205, 50)[:, None, None]
    )
    return np.kron(coarse, np.ones((8, 8), int)).clip(0, 255).astype(np.uint8), labels


def blurred(images):
    """Return the same pictures after an edit that no exact comparison survives."""
    return (images // 4 * 4 + 1).astype(np.uint8)


def results(ran, rule):
    return {
        each["key"].removeprefix(rule): each
        for each in ran.report["results"]
        if each["rule"] == rule
    }


def listed(project):
    with (project.folder / "gate-out" / "pairs.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def large(project):
    """The project with pictures of 64 x 64 pixels, whose look can be compared."""
    project.checkpoint(size=64)
    project.gatefile["model"]["kwargs"] = {"size": 64}
    project.gatefile["input"] = {"size": [64, 64], "channels": "L"}
    save(project, "train.npz", *pictures(30, seed=1))
    save(project, "test.npz", *pictures(50, seed=2))
    return project


def test_copies_inside_a_split_are_counted_with_what_remains(project):
    policy(project, "{check: duplicate-images}")
    images, labels = project.images(50, seed=2)
    images[1:6] = images[0]
    save(project, "test.npz", images, labels)

    ran = project.run()

    assert ran.status == 1
    found = results(ran, "duplicate-images")
    assert found["[part=copies]"]["outcome"] == "failed"
    assert found["[part=copies]"]["measured"]["value"] == 5
    assert (
        "5 of 100 test images repeat another (allowed: 0); 95 different images"
        in found["[part=copies]"]["message"]
    )
    assert found["[part=label-conflict]"]["outcome"] == "passed"
    assert ran.report["leakage"]["pairs"] == []


def test_copies_with_another_label_are_counted_by_themselves(project):
    policy(project, "{check: duplicate-images, max: 10}")
    images, labels = project.images(50, seed=2)
    images[99] = images[0]
    save(project, "test.npz", images, labels)

    ran = project.run()

    assert ran.status == 1
    assert ran.report["decision"]["reasons"] == ["duplicate-images[part=label-conflict]"]


def test_copies_in_train_are_looked_for_where_a_rule_asks(project):
    policy(project, "{check: duplicate-images, split: train}")
    images, labels = project.images(60, seed=1)
    images[1] = images[0][::-1]
    save(project, "train.npz", images, labels)

    ran = project.run()

    assert ran.status == 1
    assert results(ran, "duplicate-images")["[part=copies]"]["measured"]["value"] == 1


def patients(project, name, seed, first):
    """Write an image folder of ten patients, two images of each a class."""
    from PIL import Image

    images, labels = project.images(20, seed)
    rows = []
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        patient = f"p{first + index % 10:02}"
        file = f"{name}/{('dark', 'bright')[label]}/{patient}_{index:03}.png"
        path = project.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        rows.append({"image": file, "label": ("dark", "bright")[label], "patient": patient})
    return rows


def test_a_patient_in_two_splits_fails_by_a_column(project):
    policy(project, "{check: group-overlap}")
    data = {}
    for name, seed, first in (("train", 1, 0), ("test", 2, 8)):
        rows = patients(project, name, seed, first)
        with (project.folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        data[name] = {"path": f"{name}.csv", "group": "patient"}

    ran = project.run(data=data)

    (found,) = results(ran, "group-overlap").values()
    assert ran.status == 1
    assert found["measured"]["value"] == 2
    assert (
        "2 of 10 test groups also occur in train (allowed: 0); train has 10, such as p08"
        in found["message"]
    )


def test_a_patient_in_two_splits_fails_by_the_names_of_the_images(project):
    policy(project, "{check: group-overlap}")
    patients(project, "train", 1, 0)
    patients(project, "test", 2, 8)
    pattern = r"/(p\d+)_"

    ran = project.run(
        data={name: {"path": name, "group_pattern": pattern} for name in ("train", "test")}
    )

    (found,) = results(ran, "group-overlap").values()
    assert ran.status == 1
    assert found["measured"]["value"] == 2


@pytest.mark.parametrize(("allowed", "status"), [(0, 3), (4, 0)])
def test_images_without_a_group_block_unless_the_policy_allows_them(project, allowed, status):
    policy(project, f"{{check: group-overlap, max_ungrouped: {allowed}}}")
    patients(project, "train", 1, 0)
    patients(project, "test", 2, 20)
    pattern = r"/(p[01]\d|p2[0-8])_"  # not the last patient of test

    ran = project.run(
        data={name: {"path": name, "group_pattern": pattern} for name in ("train", "test")}
    )

    (found,) = results(ran, "group-overlap").values()
    assert ran.status == status
    assert "4 of 40 images of test have no group" in found["message"]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("train", "validation"), ("validation", "test"), ("train", "test")],
)
def test_each_two_splits_are_compared(project, earlier, later):
    policy(project, f"{{check: train-test-overlap, between: [{earlier}, {later}]}}")
    seeds = {"train": 1, "validation": 3, "test": 2}
    seen = {name: project.images(50, seed) for name, seed in seeds.items()}
    seen[later][0][:3] = seen[earlier][0][:3]
    for name, (images, labels) in seen.items():
        save(project, f"{name}.npz", images, labels)

    ran = project.run(data={name: {"path": f"{name}.npz"} for name in seeds})

    assert ran.status == 1
    exact = results(ran, "train-test-overlap")["[part=exact]"]
    assert exact["measured"]["value"] == 3
    splits = {(pair["split_a"], pair["split_b"]) for pair in ran.report["leakage"]["pairs"]}
    assert splits == {(earlier, later)}
    compared = {
        (each["split_a"], each["split_b"]): each["counts"]
        for each in ran.report["leakage"]["compared"]
    }
    assert list(compared) == [("train", "validation"), ("train", "test"), ("validation", "test")]
    # Each pair of splits has a count of its own.
    assert [sum(counts.values()) for counts in compared.values()] == [
        3 * (pair == (earlier, later)) for pair in compared
    ]


def test_relabelled_copies_are_conflicts_beside_copies(project):
    policy(project, "{check: train-test-overlap, max_exact: 5}")
    train, labels = project.images(60, seed=1)
    test, test_labels = project.images(50, seed=2)
    test[0] = train[-1]  # a bright one, called dark
    save(project, "train.npz", train, labels)
    save(project, "test.npz", test, test_labels)

    ran = project.run()

    found = results(ran, "train-test-overlap")
    assert ran.status == 1
    assert found["[part=exact]"]["outcome"] == "passed"
    assert found["[part=label-conflict]"]["outcome"] == "failed"
    (pair,) = ran.report["leakage"]["pairs"]
    assert (pair["label_a"], pair["label_b"]) == ("bright", "dark")


@pytest.mark.parametrize(("copies", "warned"), [(1, False), (2, True)])
def test_between_the_band_and_the_limit_a_warning_is_given(project, copies, warned):
    policy(project, "{check: train-test-overlap, max_exact: 5, warn_exact: 1}")
    train, labels = project.images(60, seed=1)
    test, test_labels = project.images(50, seed=2)
    test[:copies] = train[:copies]
    save(project, "train.npz", train, labels)
    save(project, "test.npz", test, test_labels)

    ran = project.run()

    found = results(ran, "train-test-overlap")
    assert ran.status == 0
    assert found["[part=exact]"]["outcome"] == "passed"
    assert found["[part=exact-warning]"]["severity"] == "warn"
    assert (found["[part=exact-warning]"]["outcome"] == "failed") is warned


def test_near_copies_above_half_a_percent_fail_and_below_they_warn(large):
    policy(large, "{check: train-test-overlap, max_near: 0.02, warn_near: 0}")
    train, _ = pictures(30, seed=1)
    outcomes = []
    for copies in (0, 2, 3):
        test, test_labels = pictures(50, seed=2)
        test[:copies] = blurred(train[:copies])
        save(large, "test.npz", test, test_labels)
        ran = large.run()
        found = results(ran, "train-test-overlap")
        assert found["[part=near]"]["measured"]["value"] == copies, found["[part=near]"]["message"]
        outcomes.append((ran.status, found["[part=near-warning]"]["outcome"]))

    assert outcomes == [(0, "passed"), (0, "failed"), (1, "failed")]


def test_every_metric_stands_as_given_clean_and_with_the_difference(project):
    policy(project)
    train, train_labels = project.images(60, seed=1)
    test, labels = project.images(50, seed=2, wrong=20)
    test[-30:] = train[-30:]  # 30 bright ones that are right
    save(project, "train.npz", train, train_labels)
    save(project, "test.npz", test, labels)

    ran = project.run()

    inflation = {(each["name"], each["class"]): each for each in ran.report["leakage"]["inflation"]}
    accuracy = inflation["accuracy", None]
    assert accuracy["as_given"] == pytest.approx(0.60)
    assert accuracy["clean"] == pytest.approx(30 / 70)
    assert accuracy["difference"] == pytest.approx(0.60 - 30 / 70)
    assert accuracy["interval"]["low"] < accuracy["difference"] < accuracy["interval"]["high"]
    recall = inflation["recall", "bright"]
    assert (recall["as_given"], recall["clean"]) == (pytest.approx(0.6), 0)
    assert inflation["recall", "dark"]["difference"] == pytest.approx(0)


def test_rules_decide_without_the_leak(project):
    policy(project)
    train, train_labels = project.images(60, seed=1)
    test, labels = project.images(50, seed=2, wrong=10)  # 80 of 100 are right
    save(project, "train.npz", train, train_labels)
    save(project, "test.npz", test, labels)
    honest = project.run()
    test[20:30] = train[20:30]
    save(project, "test.npz", test, labels)
    leaky = project.run()

    assert honest.status == 0
    assert leaky.status == 1
    measured = results(leaky, "accuracy")[""]["measured"]
    assert (measured["numerator"], measured["denominator"]) == (70, 90)


def test_where_every_image_leaks_nothing_can_be_said(project):
    policy(project, "{check: recall, min: 0.7}", "{check: roc-auc, min: 0.7}", "{check: no-skill}")

    ran = project.run(data={"train": {"path": "test.npz"}, "test": {"path": "test.npz"}})

    assert ran.status == 3, ran.out
    assert {each["outcome"] for each in ran.report["results"]} == {"inconclusive"}
    assert ran.report["leakage"]["counts"]["bytes"] == 100
    accuracy = ran.report["leakage"]["inflation"][0]
    assert (accuracy["clean"], accuracy["difference"]) == (None, None)


def test_every_check_survives_a_test_set_that_leaks_whole(project):
    from gate.checks import REGISTRY

    named = {"cat": "dark", "dog": "bright"}  # the examples tell cats from dogs
    needs_more = {"top-k-accuracy", "severe-error", "parity"}  # classes, or an artefact
    rules = []
    for check, rule in REGISTRY.items():
        if check in needs_more:
            continue
        text = json.dumps({"check": check, **rule.examples[0].parameters})
        for of_example, ours in named.items():
            text = text.replace(f'"{of_example}"', f'"{ours}"')
        rules.append(text)
    project.write(
        "policy.yaml",
        json.dumps(
            {
                "apiVersion": "gate/v1",
                "kind": "Policy",
                "metadata": {"name": "all", "version": "1.0.0"},
                "rules": [json.loads(each) for each in rules],
            }
        ),
    )

    ran = project.run(data={"train": {"path": "test.npz"}, "test": {"path": "test.npz"}})

    assert ran.status == 1, ran.err
    assert ran.kinds == []
    assert {each["check"] for each in ran.report["results"]} == {*set(REGISTRY) - needs_more}
    passed = [each for each in ran.report["results"] if each["outcome"] == "passed"]
    of_all_images = {"model-integrity", "dataset-integrity", "duplicate-images", "input-contract"}
    of_all_images.add("budget")  # it asks for no image
    assert {each["check"] for each in passed} <= {*of_all_images, "train-test-overlap"}


def test_leaked_images_do_not_make_up_for_too_few(project):
    policy(project, "{check: data-requirements, min_images: 90}")
    enough = project.run().status
    train, train_labels = project.images(60, seed=1)
    test, labels = project.images(50, seed=2)
    test[:11] = train[:11]
    save(project, "train.npz", train, train_labels)
    save(project, "test.npz", test, labels)

    ran = project.run()

    assert (enough, ran.status) == (0, 3)
    assert results(ran, "data-requirements")["[part=images]"]["measured"]["value"] == 89


def test_one_dataset_given_for_two_splits_is_said(project):
    policy(project, "{check: train-test-overlap}")

    ran = project.run(data={"train": {"path": "test.npz"}, "test": {"path": "test.npz"}})

    assert ran.status == 1
    message = results(ran, "train-test-overlap")["[part=exact]"]["message"]
    assert "both hold the same files: was one dataset given twice?" in message


def test_a_class_of_which_nothing_remains_cannot_be_judged(project):
    policy(project, "{check: recall, min: 0.7, decide_on: point}")
    train, train_labels = project.images(60, seed=1)
    test, labels = project.images(50, seed=2)
    test[labels == 1] = train[train_labels == 1][:50]
    save(project, "train.npz", train, train_labels)
    save(project, "test.npz", test, labels)

    ran = project.run()

    found = results(ran, "recall")
    assert ran.status == 3, ran.out
    assert found["[class=dark]"]["outcome"] == "passed"
    assert found["[class=bright]"]["outcome"] == "inconclusive"


def test_the_full_list_lies_beside_a_report_that_is_cut(project):
    policy(project, "{check: train-test-overlap}")
    images, labels = project.images(600, seed=2)
    save(project, "test.npz", images, labels)

    ran = project.run(data={"train": {"path": "test.npz"}, "test": {"path": "test.npz"}})

    assert len(ran.report["leakage"]["pairs"]) == 1000
    assert ran.report["leakage"]["counts"]["bytes"] == 1200
    across = [each for each in listed(project) if each["split_a"] != each["split_b"]]
    assert len(across) == 1200
    assert across[0]["kind"] == "bytes"


def test_a_run_without_leaks_leaves_no_list_of_an_earlier_one(project):
    policy(project)
    project.run(data={"train": {"path": "test.npz"}, "test": {"path": "test.npz"}})
    assert (project.folder / "gate-out" / "pairs.csv").is_file()

    project.run()

    assert not (project.folder / "gate-out" / "pairs.csv").exists()


def test_saved_evidence_judges_the_leak_like_the_run(project):
    policy(project, "{check: train-test-overlap}", "{check: duplicate-images}")
    train, labels = project.images(60, seed=1)
    test, test_labels = project.images(50, seed=2)
    test[:4] = train[:4]
    save(project, "train.npz", train, labels)
    save(project, "test.npz", test, test_labels)
    ran = project.run()

    judged = project.command("judge", "gate-out", "--policy", "policy.yaml", "--format", "json")

    assert judged.status == ran.status == 1
    again = json.loads(judged.out)
    assert again["leakage"] == ran.report["leakage"]
    assert again["results"] == ran.report["results"]


@pytest.mark.parametrize(("images", "status"), [(1, 3), (4, 3), (50, 0)])
def test_a_handful_of_train_images_shows_neither_a_leak_nor_a_gap(project, images, status):
    policy(project, "{check: train-test-overlap}", "{check: train-test-gap, max: 0.2}")
    save(project, "train.npz", *project.images(images, seed=1))

    ran = project.run()

    open_ones = {key for key, each in outcomes_of(ran).items() if each == "inconclusive"}
    assert ran.status == status
    assert ("train-test-gap" in open_ones) is (status == 3)
    assert ("train-test-overlap[part=exact]" in open_ones) is (status == 3)


def test_images_of_test_that_stand_in_validation_fail_without_being_asked_for(project):
    policy(project, "{check: train-test-overlap}")
    test, labels = project.images(50, seed=2)
    save(project, "test.npz", test, labels)
    save(project, "validation.npz", test[47:54], labels[47:54])

    names = ("train", "validation", "test")
    ran = project.run(data={name: {"path": f"{name}.npz"} for name in names})

    found = results(ran, "train-test-overlap")
    assert ran.status == 1
    assert found["[part=validation-exact]"]["measured"]["value"] == 7
    assert found["[part=exact]"]["outcome"] == "passed"


def test_copies_that_no_rule_judges_are_said_before_the_results(project):
    policy(project)
    train, labels = project.images(60, seed=1)
    test, test_labels = project.images(50, seed=2)
    test[:2] = train[:2]
    save(project, "train.npz", train, labels)
    save(project, "test.npz", test, test_labels)

    ran = project.run()

    said = " ".join(ran.out.split()).lower()
    warning = "warn 2 test images also occur in train; metrics are shown with and without them"
    assert ran.status == 0
    assert said.index(warning) < said.index("pass accuracy")
    assert ran.report["leakage"]["unjudged"]


def outcomes_of(ran):
    return {each["key"]: each["outcome"] for each in ran.report["results"]}
