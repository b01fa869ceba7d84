"""The base of rules about views: names of views in a policy, and the size of the sample."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, Field

from gate.checks.base import Rule, SplitName
from gate.views.names import parse_view

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.evidence.view_answers import ViewAnswers

IMAGES = 1000  # of a split, where neither the rule nor the policy says how many


def _as_written(text: str) -> str:
    """Return the name of a view in its one form; raises ValueError for what is none."""
    return str(parse_view(text))


ViewName = Annotated[str, AfterValidator(_as_written)]


class ViewRule(Rule):
    """A rule about the answers to views of a sample of a split."""

    family: ClassVar = "behaviour"

    split: SplitName = Field("test", description="The split whose images are changed.")
    images: int | None = Field(
        None,
        gt=0,
        le=100_000,
        description="How many images are asked about, classes in equal turns; by default as "
        "`views` of the policy says, else 1,000.",
    )

    def with_images(self, images: int) -> Self:
        """Return the rule with so many images, where it does not say itself how many."""
        return self if self.images is not None else self.model_copy(update={"images": images})

    @property
    def sampled(self) -> int:
        """How many images are asked about, at most."""
        return self.images or IMAGES

    def answers_to(self, view: str) -> "ViewAnswers":
        """Return the measurement of the answers to a view."""
        from gate.evidence.view_answers import ViewAnswers

        return ViewAnswers(parse_view(view), self.sampled, (self.split,))

    def views_asked(self) -> "tuple[ViewAnswers, ...]":
        """Return the answers to views that the rule needs."""
        from gate.evidence.view_answers import ViewAnswers

        return tuple(each for each in self.needs() if isinstance(each, ViewAnswers))

    def describe_sample(self, asked: int, evidence: "Evidence") -> str:
        """Return of how many images the rule speaks, and how scores became answers."""
        from gate.evidence.records import Split
        from gate.metrics.operating_point import point_in_words

        images = len(evidence.splits[Split(self.split)].rows)
        point = point_in_words(evidence)
        if asked == images:
            return f"asked about all {images:,} images{point}"
        return f"asked about {asked:,} of {images:,} images, classes in equal turns{point}"
