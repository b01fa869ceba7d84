"""Questions about what an artefact does not say, or says in a way that nothing is taken from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gate.subject.inputs import InputSpec


class UnknownError(Exception):
    """An artefact does not say something, or says what cannot be; its message is the fact."""


def input_from(values: Mapping[str, Any]) -> "InputSpec":
    """Return the input of values that an artefact states, under the keys of `input:`.

    Raises UnknownError where they contradict each other or are beyond bounds.
    """
    from pydantic import ValidationError

    from gate.subject.inputs import InputSpec

    try:
        return InputSpec.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        place = "".join(f"{part}: " for part in fault["loc"])
        said = fault["msg"].removeprefix("Value error, ")
        raise UnknownError(f"the input it states cannot be: {place}{said}") from None
