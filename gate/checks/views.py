"""What rules about views share: their names in a policy, and the size of the sample."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

if TYPE_CHECKING:
    from gate.evidence.view_answers import ViewAnswers
    from gate.views.names import View

IMAGES = 1000  # of a split, where the policy does not say how many


def _as_written(text: str) -> str:
    """Return the name of a view in its one form; raises ValueError for what is none."""
    from gate.views.names import parse_view

    return str(parse_view(text))


ViewName = Annotated[str, AfterValidator(_as_written)]


def answers_of(view: "View | str", split: Any, images: int | None) -> "ViewAnswers":  # noqa: ANN401 -- SplitName
    """Return the measurement of a view."""
    from gate.evidence.view_answers import ViewAnswers
    from gate.views.names import parse_view

    parsed = parse_view(view) if isinstance(view, str) else view
    return ViewAnswers(view=parsed, images=images or IMAGES, splits=(split,))


def describe_sample(asked: int, images: int) -> str:
    """Return of how many images a rule about views speaks."""
    if asked == images:
        return f"asked about all {images:,} images"
    return f"asked about {asked:,} of {images:,} images, classes in equal turns"
