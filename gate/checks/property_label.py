"""The size and the format of a file must not tell what it shows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from gate.checks.base import Comparison, DataFacts, Example, Outcome, Remark, Rule, Scope, SplitName
from gate.evidence.synthetic_run import SyntheticRun
from gate.wording import list_names

if TYPE_CHECKING:
    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Estimate

Property = Literal[
    "width", "height", "aspect", "format", "brightness", "contrast", "sharpness", "bytes"
]
_OF_FILES: tuple[Property, ...] = ("width", "height", "aspect", "format")
_TO_DECIDE = "give more images, or make the files of all classes more alike"
_SELDOM = 0.7  # a skill: hardly a leak reaches it with ten classes


def _told(right: int) -> SyntheticRun:
    """Return a run of two classes, of which so many images in 500 have the width of their own."""
    wrong = 500 - right
    of_one, of_other = ((wrong, 640), (right, 480)), ((right, 640), (wrong, 480))
    widths = tuple(run for run in (*of_other, *of_one) if run[0])
    columns = {
        "width": widths,
        "height": ((1000, 480),),
        "format": ((1000, 3),),
        "order": tuple((1, 7919 * place % 1000) for place in range(1000)),
    }
    return SyntheticRun(
        test=((500, 0), (0, 500)), observations={"test": {"stored-files v1": columns}}
    )


class PropertyLabel(Rule):
    """Require that the size and the format of the files do not tell the classes.

    Where one class comes from a phone and another from a microscope, the file says what the picture
    shows, and a model may learn that in place of the object. A small decision tree tries: grown on
    four fifths of the images, it answers for the last fifth, five times. Skill is 0 for guessing
    and 1 for always being right; of ten classes, one that files tell alone makes 0.11. It says what
    is available to a model, not what one uses: `region-evidence` and `stability` say that.

    Brightness, contrast, sharpness and the bytes of a compressed file are of the picture, and may
    tell classes as they should (night and day, smooth and rough): a rule that names one of them
    must be a warning. So may sizes, where images are cut out by hand.

    To fix a failure: look at the property in each class, and collect all classes in the same ways;
    bring their files to one size and one format.

    To decide it: give more images, or make the files of all classes more alike.
    """

    family: ClassVar = "data"
    formula: ClassVar = (
        "(balanced accuracy - 1 / classes) / (1 - 1 / classes) of a classification tree (Breiman "
        "et al. 1984) on unseen images: Gini impurity, classes of equal weight, 4 leaves a class, "
        "each of 10 images at least; 5 folds by the pixels, groups and copies together; of "
        "20,000 images at most, without classes of fewer than 20"
    )
    interval: ClassVar = (
        "padded (Fay and Feuer 1997), as of balanced accuracy; that the trees share images makes "
        "it a little narrow: simulated, a rule at its limit fails wrongly at most 0.06 times of a "
        "promised 0.05"
    )
    of_answers: ClassVar[bool] = False

    check: Literal["property-label"] = "property-label"
    split: SplitName = Field("test", description="The split whose images are looked at.")
    properties: Annotated[tuple[Property, ...], Field(strict=False)] = Field(
        _OF_FILES,
        min_length=1,
        description="What a tree may ask for: width, height, aspect and format of the file, as "
        "stored; as a warning also brightness, contrast, sharpness and bytes.",
    )
    max_skill: float = Field(0.2, gt=0, lt=1, description="The highest skill that passes.")

    examples: ClassVar = (
        Example("widths tell nothing", {}, _told(250), Outcome.PASSED),
        Example("one class is wider", {}, _told(500), Outcome.FAILED),
        Example("600 of 1,000 have the width of their class", {}, _told(300), Outcome.INCONCLUSIVE),
        Example(
            "it was not measured", {}, SyntheticRun(test=((5, 0), (0, 5))), Outcome.INCONCLUSIVE
        ),
    )

    @model_validator(mode="after")
    def _blocks_on_files_alone(self) -> Self:
        of_picture = [each for each in self.properties if each not in _OF_FILES]
        if of_picture and self.severity == "block":
            verb = "is" if len(of_picture) == 1 else "are"
            raise ValueError(
                f"{list_names(of_picture)} {verb} of the picture, and may tell the classes as it "
                "should be; add severity: warn, or take it out of properties"
            )
        if len(set(self.properties)) < len(self.properties):
            raise ValueError("a property stands in properties twice; name it once")
        return self

    def needs(self) -> "tuple[Measurement, ...]":
        """Return what is known of the files, and of the pictures where a property is of them."""
        from gate.evidence.image_properties import ImageProperties
        from gate.evidence.stored_files import StoredFiles

        files = StoredFiles(splits=(self.split,))
        if set(self.properties) <= set(_OF_FILES):
            return (files,)
        return files, ImageProperties(splits=(self.split,))

    def lenient(self, data: DataFacts) -> Iterator[Remark]:
        """Yield a skill that hardly a leak reaches."""
        yield from super().lenient(data)
        if self.max_skill >= _SELDOM:
            yield (
                ("max_skill",),
                f"a skill of {self.max_skill:g} is what plain leaks show",
                "0.2 is usual of files, and 0.5 of pictures",
            )

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return balanced accuracy of a tree against that of the allowed skill."""
        from gate.metrics.estimates import Undefined
        from gate.metrics.property_label import told_by

        seen = list_names(self.properties)
        told = told_by(evidence, self.split, self.properties)
        guess, detail = 1 / len(evidence.classes), ""
        estimate: Estimate
        if isinstance(told, Undefined):
            estimate = told
        else:
            estimate, guess = told.balanced_accuracy, 1 / told.classes
            asked = "" if told.first is None else f", asking for {told.first} first"
            of_some = "" if told.classes == len(evidence.classes) else f", {told.classes} classes"
            detail = f"of {told.images:,} images{of_some}{asked}. A guess reaches {guess:.3f}"
        return [
            Comparison(
                what=f"balanced accuracy by {seen} alone on {self.split}",
                estimate=estimate,
                operator="<=",
                required=guess + self.max_skill * (1 - guess),
                scope=Scope(self.split),
                detail=detail,
                to_decide=_TO_DECIDE,
            )
        ]
