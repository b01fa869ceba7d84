"""What a rule has nothing to judge for is said, with a remedy that these inputs can follow."""

GOOD = ((30, 0), (0, 30))
SAVED = "give the saved predictions of {0}, as `data: {{{0}: {{predictions: FILE}}}}`"


def test_saved_predictions_without_train_ask_for_predictions_and_not_for_images(folder):
    folder.policy({"check": "train-test-gap", "max": 0.1})
    folder.table("test.csv", folder.rows(GOOD))
    ran = folder.run()

    [result] = ran.report["results"]
    assert result["remedy"].startswith(SAVED.format("train"))
    assert "(--train-predictions FILE)" in result["remedy"]

    ids = [f"train-{number}" for number in range(60)]
    folder.table("train.csv", folder.rows(GOOD, id=ids))
    assert folder.run("--train-predictions", "train.csv").status == 0


def test_saved_predictions_without_validation_ask_for_them_by_their_flag(folder):
    folder.policy({"check": "accuracy", "split": "validation", "min": 0.5})
    folder.table("test.csv", folder.rows(GOOD))

    [result] = folder.run().report["results"]

    assert "(--val-predictions FILE)" in result["remedy"]


def test_a_rule_about_the_others_says_that_every_class_is_critical(folder):
    folder.policy({"check": "recall", "classes": "$others", "min": 0.5})
    folder.table("test.csv", folder.rows(GOOD))
    ran = folder.run(critical=["cat", "dog"])

    [result] = ran.report["results"]
    assert ran.status == 3
    assert "every class is critical, and this rule is about the others" in result["message"]
    assert folder.run(critical=["dog"]).status == 0


def test_several_rules_ask_for_critical_classes_once(folder):
    folder.policy(
        {"check": "recall", "classes": "$critical", "min": 0.5},
        {"check": "precision", "classes": "$others", "min": 0.5},
    )
    folder.table("test.csv", folder.rows(GOOD))
    ran = folder.run()

    assert ran.status == 2
    assert ran.err.count("no class is said to be critical") == 1
    assert folder.run("--critical", "dog").status == 0


def test_answers_without_probabilities_are_written_as_one_and_zeros(folder):
    folder.policy({"check": "accuracy", "min": 0.5})
    hard = [{"id": each["id"], "label": each["label"]} for each in folder.rows(GOOD)]
    folder.table("test.csv", hard)
    ran = folder.run()

    assert "where only the answer is known, write 1 for it and 0 for the others" in ran.errors
    folder.table("test.csv", folder.rows(GOOD, sure=1))
    assert folder.run().status == 0
