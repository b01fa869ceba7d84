"""A token in a URL, wherever one may stand: no stream, no file and no name of a file tells it."""

import pytest

from gate.cli import main
from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

TOKEN = "hunter2-hunter2"
URLS = (
    f"https://me:{TOKEN}@host.invalid/a b/x?jwt={TOKEN}&v=1#{TOKEN}",
    f"https://host.invalid/a/x?jwt={TOKEN}",
    f"ftp://me:x/{TOKEN}@host.invalid/a",
)
COMMANDS = (
    *("inspect URL", "overlap URL URL", "judge URL --policy baseline", "judge . --policy URL"),
    *("judge . --policy baseline --waivers URL", "judge . --policy baseline -o html=URL"),
    *("judge . --policy baseline -o URL", "judge . --policy baseline --out URL", "render URL"),
    *("init URL", "merge URL --policy baseline", "policy lint URL", "policy lint extends.yaml"),
    *("policy show URL", "policy diff URL URL", "policy test URL", "plan --policy URL"),
    *("explain URL", "explain --policy URL accuracy", "cache URL", "keygen URL", "URL", "run URL"),
    *("run gate.yaml", "run data.yaml", "run typo.yaml", "run --out URL data.yaml"),
    *("shard --index 0 --of 1 data.yaml", "shard --index 0 --of 1 --out URL data.yaml"),
)
HEAD = "apiVersion: gate/v1\nkind: Validation\nmodel: {checkpoint: m.pt, factory: 'n:build'}\n"
POLICY = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: x}\nextends: ['URL']\nrules: []\n"
FILES = {
    "gate.yaml": f"{HEAD}classes: [a, b]\ndata: {{test: {{path: 'URL'}}}}\npolicy: 'URL'\n",
    "data.yaml": f"{HEAD}classes: [a, b]\ndata: {{test: {{path: 'URL'}}}}\npolicy: baseline\n",
    "typo.yaml": f"{HEAD}clases: 'URL'\ndata: {{test: {{pth: 'URL'}}}}\npolicy: baseline\n",
    "extends.yaml": POLICY,
}


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A folder with evidence, and documents that name a URL; crash files go there as well."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    save(synthetic_evidence(SyntheticRun(test=((49, 1), (1, 49)))), tmp_path / "evidence.sqlite")
    return tmp_path


def told(folder):
    """Names and contents of everything that lies in the folder, but for our documents."""
    for path in folder.rglob("*"):
        yield path.name
        if path.is_file() and path.name not in FILES:
            yield path.read_bytes().decode("utf-8", "replace")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_tells_the_token_of_a_url(command, places, capfd):
    for url in URLS:
        for name, text in FILES.items():
            (places / name).write_text(text.replace("URL", url))

        status = main([each.replace("URL", url) for each in command.split()])

        out, err = capfd.readouterr()
        assert status in {0, 1, 2, 3, 4, 5, 6}
        assert TOKEN not in out + err
        assert [each for each in told(places) if TOKEN in each] == []


def test_a_cache_that_is_named_by_a_url_is_not_used(places, monkeypatch):
    from gate.measure.cache_location import cache_folder, usable

    monkeypatch.setenv("VALIDATE_MODEL_CACHE", URLS[1])
    said = []

    assert usable(cache_folder(), said.append) is None
    assert TOKEN not in str(said)
    assert [each for each in told(places) if TOKEN in each] == []


def test_the_file_of_a_crash_tells_no_token(places, monkeypatch, capfd):
    def broken(*_, **__):
        raise AssertionError(URLS[0]) from OSError(f"url: {URLS[1]}")

    monkeypatch.setattr("gate.report.judgement.build", broken)

    assert main(["judge", ".", "--policy", "baseline"]) == 70
    assert list(places.glob("validate-model-crash-*"))
    assert TOKEN not in "".join((*capfd.readouterr(), *told(places)))


def test_an_output_folder_is_on_this_machine(places, capfd):
    assert main(["judge", ".", "--policy", "baseline", "-o", "json=s3://bucket/r.json"]) == 2
    assert "is a URL, and files are written to this machine" in capfd.readouterr().err
