"""The `output:` of a gate file: which of a model's answers are the scores, and what they are."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Values = Literal["logit", "probability"]


class OutputSpec(BaseModel):
    """Which part of a model's answer is the scores, and whether they are probabilities."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    values: Values | None = Field(
        None,
        description="`logit`: softmax is applied, and sigmoid to a single output; `probability`: "
        "nothing is. By default the outputs decide, once for all images.",
    )
    select: Annotated[str, Field(min_length=1)] | Annotated[int, Field(ge=0, le=1000)] | None = (
        Field(
            None,
            description="Where a model answers with more than a tensor: the key or attribute that "
            "holds the scores, such as `logits`, or their position in a tuple, such as 0.",
        )
    )


def output_spec(declared: Values | OutputSpec | None) -> OutputSpec:
    """Return what a gate file declares of the output, its short form as the long one."""
    if isinstance(declared, OutputSpec):
        return declared
    return OutputSpec(values=declared)
