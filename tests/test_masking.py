"""No text of ours tells what a URL keeps secret, in whatever form the URL stands in it."""

import pickle

import pytest

from gate.errors import DataError, DocumentError, Fault
from gate.masking import is_address, mask, mask_argument, mask_name, mask_url, without_query

SECRET = "hunter2-hunter2"
HIDES_IT = {
    "a query": "https://host/a?jwt={}",
    "a query of two": "https://host/a?v=1&jwt={}&w=2",
    "a fragment": "https://host/a#{}",
    "a user": "https://{}@host/a",
    "a password": "ftp://me:{}@host/a",
    "a password with a slash": "ftp://me:x/{}@host/a",
    "a password that was cut": "ftp://me:{}",
    "a password in front of a container": "abfs://me:{}@account/a",
    "a scheme in capitals": "HTTPS://host/a?jwt={}",
    "a chain": "simplecache::https://host/a?jwt={}",
    "a path made of it": "https:/host/a?jwt={}",
    "blanks in the path": "https://host/a b/c d?jwt={}",
    "in quotes": "got '403' of url='https://host/a?jwt={}', and no more",
    "a quote in it": "url='https://host/a?x='y&jwt={}'",
    "encoded": "https%3A%2F%2Fhost%2Fa%3Fjwt%3D{}",
    "encoded in small letters": "https%3a%2f%2fme%3a{}%40host%2fa",
    "encoded twice": "https%253A%252F%252Fhost%252Fa%253Fjwt%253D{}",
    "the path alone, of urllib3": "Max retries exceeded with url: /a?jwt={} (Caused by x)",
    "two URLs": "s3://a/b?x=1 moved to s3://c/d?jwt={}",
    "slashes as JSON may write them": r'{{"url": "https:\/\/me:{}@host\/a?jwt=1"}}',
    "a query behind such slashes": r"https:\/\/host\/a?jwt={}",
    "a question mark in the path": "https://host/a%3Fjwt%3D{}",
    "a question mark in the path, half encoded": "s3://bucket/a%3fjwt={}",
    "a cluster": "RAY_ADDRESS=ray://me:{}@127.0.0.1:10001",
}


@pytest.mark.parametrize("text", HIDES_IT.values(), ids=HIDES_IT)
def test_the_secret_of_a_url_is_not_told(text):
    said = mask(text.format(SECRET))

    assert SECRET not in said
    assert "***" in said
    assert mask(said) == said


@pytest.mark.parametrize("text", HIDES_IT.values(), ids=HIDES_IT)
def test_no_error_tells_it_also_from_another_process(text):
    told = text.format(SECRET)

    for error in (
        DataError(told, told, told),
        DocumentError([Fault("gate.yaml", 1, 1, told, told, told)]),
        pickle.loads(pickle.dumps(DataError(told, told, told))),
    ):
        assert SECRET not in str(error)
        assert SECRET not in repr(error.args)


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/a b.csv",
        "s3://bucket/what%3F.png",
        "s3://bucket/who%3F/a=b/c.png",
        "https://host:8443/a.csv, line 3",
        "abfs://container@account.dfs.core.windows.net/a",
        "sftp://me@host/a",
        "hf://datasets/owner/set@main/a.png",
        "http://[::1]:8080/a",
        "file:///data/a:b@c.csv",
        "did you mean 's3://bucket/a'?",
        "is https://host/a there? look",
        "C:/images?x#y",
        "a#1?.png",
        "gate.yaml:3:42: what?",
    ],
)
def test_what_is_no_secret_stays(text):
    assert mask(text) == text


def test_a_whole_url_hides_also_what_blanks_and_quotes_would_end():
    for url in (f'https://host/a?x=a b"{SECRET}', f"https://me:a {SECRET}@host/a"):
        assert SECRET not in mask_url(url)
        assert SECRET not in mask_argument(f"html={url}")


def test_an_argument_that_is_no_url_stays():
    assert mask_argument("--train=a?b#c") == "--train=a?b#c"


def test_names_that_differ_in_their_queries_alone_stay_different():
    names = {mask_name(f"https://host/tile?x={number}") for number in range(50)}

    assert len(names) == 50
    assert mask_name("https://host/tile") == "https://host/tile"


def test_a_short_value_of_a_query_is_no_secret_that_would_eat_words():
    assert without_query("level 1 failed", "https://host/a?v=1") == "level 1 failed"


def test_a_folder_that_is_called_like_a_scheme_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert is_address("run:/1")
    (tmp_path / "run:").mkdir()
    assert not is_address("run:/1")
    assert not is_address("out/s3:/x")
