"""The keys of a split in the gate file."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    WithJsonSchema,
    model_validator,
)

from gate.keys import name_key
from gate.subject.datasets.formats.names import NAMES, known_name

# Editors offer our own names; whether a plugin adds another, only this machine knows.
_FORMATS = {"anyOf": [{"type": "string", "enum": list(NAMES)}, {"type": "string", "minLength": 1}]}
Format = Annotated[str, AfterValidator(known_name), WithJsonSchema(_FORMATS)]
Cell = str | int
Cells = Annotated[tuple[Cell, ...], Field(strict=False, min_length=1)]


class DataSpec(BaseModel):
    """Where the images of one split lie, and how their labels are found."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    path: str | None = Field(
        None,
        min_length=1,
        description="Folder, manifest, IDX or NPZ file, or WebDataset tars such as "
        "`test-{000..031}.tar`, relative to the gate file; or a URL that fsspec reads.",
    )
    format: Format | None = Field(
        None,
        description="The format of the data, one of ours or one that an installed plugin adds; "
        "recognised by content when left out.",
    )
    images: str | None = Field(
        None, min_length=1, description="File of IDX images, or name of the NPZ array of images."
    )
    labels: str | None = Field(
        None, min_length=1, description="File of IDX labels, or name of the NPZ array of labels."
    )
    image: str | None = Field(
        None,
        min_length=1,
        description="Manifest column of image paths, `image` when left out; or the extension of "
        "the images in WebDataset tars, any of an image when left out.",
    )
    label: str | None = Field(
        None,
        min_length=1,
        description="Manifest column of class names, `label` when left out; or the extension or "
        "JSON key of the labels in WebDataset tars, `cls` or `label` in `json` when left out.",
    )
    integers: Literal["names", "positions"] | None = Field(
        None,
        description="What labels that are integers mean: `names` of classes, or `positions` in "
        "`classes` from 0; asked for where both could be meant.",
    )
    where: dict[str, Cell | Cells] = Field(
        default_factory=dict,
        description="Columns (JSON keys) and the value, or the values, of the rows that are "
        "judged, such as `{split: test}`.",
    )
    folder: str | None = Field(
        None,
        min_length=1,
        description="Folder of the images that a manifest lists, relative to the manifest's own.",
    )
    extension: str | None = Field(
        None,
        pattern=r"^\.?[^./\\]+(\.[^./\\]+)*$",
        description="What the names in a manifest lack, such as `.png`.",
    )
    id: str | None = Field(
        None,
        min_length=1,
        description="Manifest column of unique image names; the image path when left out.",
    )
    group: str | None = Field(
        None,
        min_length=1,
        description="Column (NPZ array, JSON key) of the patient, scene or batch an image belongs "
        "to.",
    )
    group_pattern: str | None = Field(
        None,
        min_length=1,
        description="Regular expression with one group that finds the patient, scene or batch in "
        "the image's name, such as `(patient\\d+)_`; names it does not fit have no group.",
    )
    slices: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        (), description="Columns (NPZ arrays, JSON keys) whose values are judged one by one."
    )
    factory: str | None = Field(
        None,
        min_length=1,
        description="`package.module:function` that returns a torch Dataset of (image, label).",
    )
    kwargs: dict[str, Any] = Field(
        default_factory=dict, description="Keyword arguments of the factory."
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="What the format of a plugin is told, by names of the plugin's own.",
    )
    predictions: str | None = Field(
        None,
        min_length=1,
        description="CSV or Parquet table of saved predictions, in place of images and a model.",
    )

    _split: str = PrivateAttr("")

    @property
    def split(self) -> str:
        """The name of the split, where one file or folder may hold several; "" where unknown."""
        return self._split

    def of_split(self, name: str) -> Self:
        """Return the same as the spec of a split."""
        copy = self.model_copy()
        copy._split = name  # noqa: SLF001 -- a copy of itself
        return copy

    @property
    def chosen(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of ``where``, each with the values of the rows that are judged."""
        return {
            name_key(column): tuple(
                name_key(str(each)) for each in (value if isinstance(value, tuple) else (value,))
            )
            for column, value in self.where.items()
        }

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = [key for key in ("path", "factory", "predictions") if getattr(self, key)]
        if len(sources) > 1:
            raise ValueError(f"give one of {' and '.join(sources)}, not both")
        is_of_plugin = self.format is not None and self.format not in NAMES
        if not sources and self.images is None and not is_of_plugin:  # it may need no path
            raise ValueError("give one of path, images, factory or predictions")
        return self

    @model_validator(mode="after")
    def _keys_that_belong_together(self) -> Self:
        if self.kwargs and self.factory is None:
            raise ValueError("kwargs belong to a factory, and none is given")
        if self.path is None and self.images is not None and self.labels is None:
            raise ValueError("images without labels: give the file of labels, or use path")
        if len({name_key(name) for name in self.slices}) < len(self.slices):
            raise ValueError("slices name a column twice")
        return self

    @model_validator(mode="after")
    def _pattern_finds_one_group(self) -> Self:
        if self.group_pattern is None:
            return self
        try:
            groups = re.compile(self.group_pattern).groups
        except re.error as error:
            raise ValueError(f"group_pattern is no regular expression: {error}") from None
        if groups != 1:
            raise ValueError(f"group_pattern has {groups} groups in brackets, and needs one")
        if self.group is not None:
            raise ValueError("group and group_pattern both say what the group is; give one")
        return self
