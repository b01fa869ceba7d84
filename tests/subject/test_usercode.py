import signal
import sys

import pytest

from gate.errors import FactoryError
from gate.subject.guard import describe_error
from gate.subject.usercode import call, load_callable


@pytest.fixture
def module(tmp_path):
    """Write a module of the user; returns the folder of the gate file."""

    def write(name="nets.py", body="def build(width=1):\n    return width\n"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body)
        return tmp_path

    return write


@pytest.fixture
def refused(tmp_path):
    """Load what is refused; returns the error, whose three parts are filled."""

    def load(spec):
        with pytest.raises(FactoryError) as caught:
            load_callable(spec, base=tmp_path, purpose="model.factory")
        assert caught.value.where.startswith("model.factory ")
        assert caught.value.fact
        assert caught.value.remedy
        return caught.value

    return load


def test_a_function_beside_the_gate_file_is_found(module):
    function = load_callable("nets:build", base=module(), purpose="model.factory")

    assert function(width=3) == 3


def test_a_function_in_a_package_is_found(module):
    module("pkg/__init__.py", "")
    module("pkg/deep/__init__.py", "")
    base = module(
        "pkg/deep/nets.py", "from pkg import deep\nclass Net:\n    make = staticmethod(len)\n"
    )

    assert load_callable("pkg.deep.nets:Net.make", base=base, purpose="x")([1, 2]) == 2


def test_a_function_of_the_environment_is_found(tmp_path):
    assert load_callable("json:dumps", base=tmp_path, purpose="x")([1]) == "[1]"


def test_the_folder_is_never_on_the_path(module, tmp_path):
    base = module(
        body="import sys\nSEEN = list(sys.path)\ndef build():\n    return list(sys.path)\n"
    )
    path = list(sys.path)

    function = load_callable("nets:build", base=base, purpose="x")

    assert path == sys.modules["nets"].SEEN
    assert path == call(function, {}, base=base, where="x")


def test_what_a_factory_imports_when_it_runs_is_found(module):
    module("late.py", "X = 7\n")
    base = module(body="def build():\n    import late\n    return late.X\n")

    function = load_callable("nets:build", base=base, purpose="x")

    assert call(function, {}, base=base, where="x") == 7
    assert function() == 7


def test_an_error_tells_which_of_two_modules_was_taken(module, refused):
    module("json.py", "def build():\n    return 1\n")

    error = refused("json:build")

    assert error.fact == "the module json has no 'build'"
    assert error.remedy == (
        "the module 'json' that is installed is taken, not the one beside the gate file: "
        "rename one of them"
    )


def test_an_import_that_fails_when_the_factory_runs_tells_which_module_was_taken(module):
    module("packaging.py", "mine = 1\n")
    base = module(body="def build():\n    from packaging import mine\n    return mine\n")
    function = load_callable("nets:build", base=base, purpose="x")

    with pytest.raises(FactoryError) as caught:
        call(function, {}, base=base, where="x")

    assert "cannot import name 'mine'" in caught.value.fact
    assert caught.value.remedy.startswith("import packaging takes the installed module, not the")


def test_the_path_is_restored_after_an_error(module, refused):
    before = list(sys.path)
    module(body="1 / 0\n")

    refused("nets:build")

    assert sys.path == before


def test_a_module_beside_the_checkpoint_is_not_found(module, tmp_path, refused):
    module("runs/nets.py")
    (tmp_path / "runs" / "best.pt").write_bytes(b"")

    error = refused("nets:build")

    assert error.fact == "there is no module 'nets', neither beside the gate file nor installed"


def test_two_gate_files_have_each_their_own_module_of_one_name(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "helper.py").write_text(f"NAME = {name!r}\n")
        (tmp_path / name / "nets.py").write_text(
            "import helper\ndef build():\n    return helper.NAME\n"
        )

    functions = [
        load_callable("nets:build", base=tmp_path / name, purpose="x")
        for name in ("one", "two", "one")
    ]

    assert [function() for function in functions] == ["one", "two", "one"]


@pytest.mark.parametrize(
    ("spec", "remedy"),
    [
        ("nets", "write it as in"),
        ("nets.build", "did you mean 'nets:build'"),
        ("nets.py:build", "'nets:build'"),
        ("src/nets.py:build", "'src.nets:build'"),
        ("./nets.py", "'nets:build'"),
        ("nets:", "write it as in"),
        (":build", "write it as in"),
        ("nets:build()", "write it as in"),
        ("nets:build:more", "write it as in"),
        ("..nets:build", "write it as in"),
        ("", "write it as in"),
        ("__import__('os').system('x'):y", "write it as in"),
    ],
)
def test_another_form_is_refused_with_the_form_that_was_meant(refused, spec, remedy):
    error = refused(spec)

    assert error.fact == "is not of the form package.module:function"
    assert remedy in error.remedy


def test_a_missing_module_is_told_with_what_was_meant(module, refused):
    module("networks.py")

    assert refused("network:build").remedy == "did you mean 'networks'?"


def test_a_missing_module_is_told_with_what_there_is(module, refused):
    module("train.py")
    module("pkg/__init__.py")

    assert refused("zzz:build").remedy == (
        "beside the gate file there are: pkg, train; copy the module there, or install it"
    )


def test_a_missing_module_of_a_package_is_looked_for_there(module, refused):
    module("pkg/__init__.py", "")
    module("pkg/models.py")

    error = refused("pkg.model:build")

    assert error.fact.startswith("there is no module 'pkg.model'")
    assert error.remedy == "did you mean 'models'?"


def test_an_empty_folder_has_no_module(refused):
    assert refused("nets:build").remedy == ("copy its code beside the gate file, or install it")


def test_a_dependency_that_is_not_installed_is_told_apart(module, refused):
    module(body="import timm_that_nobody_has\n")

    error = refused("nets:build")

    assert error.fact == (
        "importing nets needs the module 'timm_that_nobody_has', which is not installed (nets.py:1)"
    )


def test_a_missing_function_is_told_with_what_was_meant(module, refused):
    module()

    error = refused("nets:biuld")

    assert error.fact == "the module nets has no 'biuld'"
    assert error.remedy == "did you mean 'build'?"


def test_a_missing_function_is_told_with_what_there_is(module, refused):
    module()

    assert refused("nets:zzz").remedy == "it has build"


def test_what_cannot_be_called_is_refused(module, refused):
    module(body="build = 3\n")

    assert refused("nets:build").fact == "is of type int, not a function"


@pytest.mark.parametrize(
    ("body", "fact"),
    [
        ("x = 1\nraise ValueError('no\\nGPU')\n", r"raised ValueError: no\nGPU (nets.py:2)"),
        ("import sys\nsys.exit(0)\n", "raised SystemExit: 0 (nets.py:2)"),
        ("def build(:\n    pass\n", "raised SyntaxError: "),
        ("from json import nothing\n", "raised ImportError: cannot import name 'nothing'"),
    ],
)
def test_a_module_that_raises_is_told_with_its_line(module, refused, body, fact):
    module(body=body)

    error = refused("nets:build")

    assert error.fact.startswith(f"importing nets {fact}")
    assert "Traceback" not in str(error)


def test_a_module_that_raised_is_imported_afresh_when_it_is_mended(module, refused):
    module(body="1 / 0\n")
    refused("nets:build")

    function = load_callable("nets:build", base=module(), purpose="x")

    assert function() == 1


def test_a_syntax_error_names_its_line(module, refused):
    module(body="x = 1\ndef build(:\n    pass\n")

    assert refused("nets:build").fact.endswith("(nets.py:2)")


def test_a_function_that_raises_is_told_with_the_users_own_line(module):
    module("pkg/__init__.py", "")
    base = module(
        "pkg/nets.py",
        "import json\ndef build():\n    return parse()\ndef parse():\n    return json.loads('{')\n",
    )
    function = load_callable("pkg.nets:build", base=base, purpose="x")

    with pytest.raises(FactoryError) as caught:
        call(function, {}, base=base, where="model.factory")

    assert caught.value.where == "model.factory"
    assert caught.value.fact.startswith("raised JSONDecodeError: Expecting property name")
    assert caught.value.fact.endswith("(pkg/nets.py:5)")


def test_a_function_that_exits_is_told(module):
    base = module(body="def build():\n    raise SystemExit('usage: nets')\n")
    function = load_callable("nets:build", base=base, purpose="x")

    with pytest.raises(FactoryError, match="raised SystemExit: usage: nets"):
        call(function, {}, base=base, where="model.factory")


@pytest.fixture
def heeding_ctrl_c():
    """Ctrl-C interrupts, also where the tests run in the background and it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeding_ctrl_c")
def test_ctrl_c_in_user_code_is_not_taken_for_its_fault(module):
    body = "import signal\ndef build():\n    signal.raise_signal(signal.SIGINT)\n"
    base = module(body=body)
    function = load_callable("nets:build", base=base, purpose="x")

    with pytest.raises(KeyboardInterrupt):
        call(function, {}, base=base, where="model.factory")


def test_arguments_that_do_not_fit_are_told_with_those_that_do(module):
    base = module()
    function = load_callable("nets:build", base=base, purpose="x")

    with pytest.raises(FactoryError) as caught:
        call(function, {"widht": 3}, base=base, where="model.factory")

    assert "unexpected keyword argument 'widht'" in caught.value.fact
    assert caught.value.remedy == "it takes width"


def test_a_type_error_inside_the_function_is_not_taken_for_wrong_arguments(module):
    base = module(body="def build():\n    return 1 + 'a'\n")
    function = load_callable("nets:build", base=base, purpose="x")

    with pytest.raises(FactoryError, match=r"raised TypeError: .*\(nets.py:2\)"):
        call(function, {}, base=base, where="model.factory")


def test_what_user_code_prints_stays_off_standard_output(module, capsys):
    base = module(body="print('importing')\ndef build():\n    print('building')\n")

    call(load_callable("nets:build", base=base, purpose="x"), {}, base=base, where="x")

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "importing\nbuilding\n"


def test_a_message_from_outside_is_one_line_without_control_characters(tmp_path):
    words = describe_error(ValueError("a\x1b[2J\nb" + "c" * 1000), tmp_path)

    assert "\x1b" not in words
    assert "\n" not in words
    assert len(words) < 300


BY_NAME = """\
import helper_of_foes

def build():
    return helper_of_foes.load("shapes.deep")
"""


@pytest.fixture
def installed(tmp_path_factory, monkeypatch):
    """Install a package that imports what it is given the name of."""
    folder = tmp_path_factory.mktemp("installed")
    body = "import importlib\n\ndef load(name):\n    return importlib.import_module(name).ONE\n"
    (folder / "helper_of_foes.py").write_text(body)
    monkeypatch.syspath_prepend(folder)
    yield
    sys.modules.pop("helper_of_foes", None)


@pytest.mark.usefixtures("installed")
def test_a_package_that_is_given_a_name_does_not_find_it_and_the_way_out_is_told(module):
    base = module(body=BY_NAME)
    module("shapes/deep.py", "ONE = 1\n")
    function = load_callable("nets:build", base=base, purpose="model.factory")

    with pytest.raises(FactoryError) as caught:
        call(function, {}, base=base, where="model.factory")

    assert "No module named 'shapes'" in caught.value.fact
    assert caught.value.remedy.startswith("import shapes in the factory's own module")


@pytest.mark.usefixtures("installed")
def test_that_way_out_leads_out(module):
    base = module(body=f"import shapes.deep\n{BY_NAME}")
    module("shapes/deep.py", "ONE = 1\n")
    function = load_callable("nets:build", base=base, purpose="model.factory")

    assert call(function, {}, base=base, where="model.factory") == 1
