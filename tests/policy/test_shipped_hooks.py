import re
from pathlib import Path

import click
import yaml
from click.testing import CliRunner

from gate.cli.policy import command
from gate.policy.shipped import shipped_folder

ROOT = Path(__file__).parents[2]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


def test_hooks_pass_on_the_policies_that_are_shipped():
    names = [path.relative_to(ROOT).as_posix() for path in shipped_folder().rglob("*.yaml")]

    for hook in HOOKS:
        files = [str(ROOT / name) for name in names if re.search(hook["files"], name)]
        program, group, *arguments = hook["entry"].split()
        done = CliRunner().invoke(command, [*arguments, *files], standalone_mode=False)

        assert (program, group) == ("validate-model", "policy")
        assert files
        assert (done.exception, done.return_value or 0) == (None, 0), done.output


def test_hooks_name_commands_that_there_are():
    for hook in HOOKS:
        assert isinstance(command.commands[hook["entry"].split()[2]], click.Command)
