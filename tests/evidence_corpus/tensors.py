"""A Dataset of forty tensors, half of them dark: it has neither files nor pixels."""

_SETS = """\
import torch


class Items:
    classes = ["dark", "bright"]

    def __len__(self):
        return 40

    def __getitem__(self, at):
        return torch.full((1, 8, 8), (40 + 170 * (at % 2) + at / 9) / 255), at % 2


def items():
    return Items()
"""


def give_tensors(project):
    """Let a project be judged on these in place of its images."""
    project.write("sets.py", _SETS)
    project.gatefile["data"] = {"test": {"factory": "sets:items"}}
    project.gatefile["input"] = None
    project.write_gatefile()
