"""The changes of `input:` that prepare images in another usual way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from typing import Any

from gate.evidence.input_trial import Preparation

_NEAR = 1e-3  # 0.4563 declares the same as 0.456


@dataclass(frozen=True, slots=True)
class InputChange:
    """The way from what is declared to a preparation: as a remedy, and in words."""

    remedy: str  # as in "declare in input: channels: RGB"
    words: str  # as in "channels in the order RGB"


def change_to(preparation: Preparation, declared: Mapping[str, Any] | None) -> InputChange:
    """Return what differs between a preparation and a declared `input:`, and nothing else.

    ``declared`` is all of `input:`; None where that is not known. Where the images are prepared by
    a factory, or where nothing differs, the whole preparation is named.
    """
    if declared is not None and declared.get("factory"):
        return InputChange(
            f"prepare the images in input.factory with {preparation.words}", preparation.words
        )
    stated = declared or {}
    wanted = dict(_wanted(preparation, stated))
    has_other_colours = "channels" in wanted
    differs = {key: value for key, value in wanted.items() if not _is_same(stated.get(key), value)}
    if not differs:
        return InputChange(f"prepare the images with {preparation.words}", preparation.words)
    words = [f"channels in the order {wanted['channels']}"] if "channels" in differs else []
    if differs.keys() & {"mean", "std"}:
        words.append(preparation.scaling)
    elif differs.keys() - {"channels"}:
        words.append("values in 0..255" if "scale" in preparation.keys else "pixels scaled to 0..1")
    elif not has_other_colours:
        words.append(preparation.scaling)
    return InputChange(_remedy(differs), " and ".join(words))


def _wanted(
    preparation: Preparation, stated: Mapping[str, Any]
) -> Iterator[tuple[str, str | float | Sequence[float] | None]]:
    """Yield what `input:` has to state for each key; None: nothing."""
    if preparation.reverse or stated.get("channels") == "BGR":
        yield "channels", "BGR" if preparation.reverse else "RGB"
    for key in ("mean", "std", "scale", "offset"):
        values = preparation.keys.get(key)
        if isinstance(values, tuple) and stated.get("channels") == "L":
            yield key, [round(sum(values) / len(values), 3)]
        else:
            yield key, list(values) if isinstance(values, tuple) else values


def _is_same(stated: Any, wanted: Any) -> bool:  # noqa: ANN401 -- values of YAML
    if isinstance(wanted, str):
        return bool(stated == wanted)
    if wanted is None:
        return stated is None or stated == 0 or _is_near(stated, 1 / 255)
    one, other = (each if isinstance(each, list | tuple) else [each] for each in (stated, wanted))
    return len(one) == len(other) and all(map(_is_near, one, other))


def _is_near(one: Any, other: float) -> bool:  # noqa: ANN401 -- a value of YAML
    return isinstance(one, int | float) and isclose(one, other, rel_tol=0.01, abs_tol=_NEAR)


def _remedy(differs: Mapping[str, Any]) -> str:
    stated = [f"{key}: {value}" for key, value in differs.items() if value is not None]
    removed = [key for key, value in differs.items() if value is None]
    steps = [f"declare in input: {', '.join(stated)}"] if stated else []
    if removed:
        steps.append(f"delete {', '.join(removed)}{'' if stated else ' in input'}")
    return ", and ".join(steps)
