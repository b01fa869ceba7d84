"""Rules that ask about changed images obey what their policy says of all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gate.checks.views import IMAGES, ViewRule
from gate.errors import Fault
from gate.policy.layers import Layer
from gate.policy.merging import Origin, PlacedRule
from gate.policy.model import Views
from gate.wording import quote


def with_images(placed: Sequence[PlacedRule], layers: Sequence[Layer]) -> list[PlacedRule]:
    """Return the rules, those about views with the images that the nearest layer states."""
    stated = [each.images for each in _stated(layers) if "images" in each.model_fields_set]
    images = stated[-1] if stated else IMAGES
    return [
        replace(each, rule=each.rule.with_images(images))
        if isinstance(each.rule, ViewRule)
        else each
        for each in placed
    ]


def never_asked(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return the kinds of views that no rule may name: those of all layers."""
    return tuple(dict.fromkeys(kind for each in _stated(layers) for kind in each.never))


def forbidden_views(placed: Sequence[PlacedRule], layers: Sequence[Layer]) -> Iterator[Fault]:
    """Yield a fault for each rule that names a view which changes what an image shows."""
    never, nearest = never_asked(layers), layers[-1].document
    for each in placed:
        if not isinstance(each.rule, ViewRule):
            continue
        kinds = [asked.view.kind for asked in each.rule.views_asked()]
        for kind in (kind for kind in never if kind in kinds):
            origin = each.stated.get("views", each.entry)
            if origin.document is not nearest:  # a file that forbids what it extends asks for
                origin = Origin(nearest, ("views",))
            yield origin.fault(
                f"rule {quote(each.rule.id)} asks about {kind}, which changes what an image shows: "
                "views.never of the policy names it",
                "take it out of the rule",
            )


def _stated(layers: Sequence[Layer]) -> list[Views]:
    return [
        each.header.views for each in layers if each.header and "views" in each.document.root.keys
    ]
