import hashlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from gate.errors import DataError, UsageError
from gate.subject.datasets.records import Entry

BLOCK = 512


@pytest.fixture
def packed(tmp_path):
    """Write members (name, content) into a tar by hand; content may be a changed TarInfo."""

    def write(name, members, **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w", **options) as tar:
            for member, content in members:
                if isinstance(content, tarfile.TarInfo):
                    content.name = member
                    tar.addfile(content)
                else:
                    info = tarfile.TarInfo(member)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        return path

    return write


@pytest.fixture
def shards(packed, encoded):
    """Write tars of labelled images, named as WebDataset's own writer names them."""

    def write(count=2, each=3, name="test-{:03}.tar"):
        for shard in range(count):
            packed(
                name.format(shard),
                [
                    member
                    for row in range(shard * each, shard * each + each)
                    for member in (
                        (f"{row:06}.cls", str(row % 2).encode()),
                        (f"{row:06}.jpg", encoded(row, kind="JPEG")),
                        (f"{row:06}.json", json.dumps({"who": f"p{row % 3}"}).encode()),
                    )
                ],
            )

    return write


def two(encoded, *, key="{}", ext="png", labels=(b"0", b"1")):
    return [
        member
        for row, label in enumerate(labels)
        for member in (
            (f"{key.format(row)}.{ext}", encoded(row)),
            (f"{key.format(row)}.cls", label),
        )
    ]


def test_shards_give_their_samples_in_order(shards, opened, encoded):
    shards()

    data = opened(path="test-{000..001}.tar")

    assert data.format == "webdataset"
    assert data.path == "test-{000..001}.tar"
    assert data.classes == ("0", "1")
    assert list(data.entries)[:2] == [Entry("000000", 0), Entry("000001", 1)]
    assert [data.read(row).stored for row in range(6)] == [
        encoded(row, kind="JPEG") for row in range(6)
    ]
    assert [data.read(row).label for row in range(6)] == [0, 1, 0, 1, 0, 1]


def test_the_rows_of_each_tar_are_known(shards, opened, packed, encoded):
    shards(each=3)
    packed("test-002.tar", two(encoded, key="x{}"))

    data = opened(path="test-{000..002}.tar")

    assert data.shards == (range(3), range(3, 6), range(6, 8))


def test_one_tar_alone_is_recognised_by_its_content(packed, encoded, opened):
    packed("test.data", two(encoded))

    assert opened(path="test.data").format == "webdataset"


def test_a_path_with_braces_that_exists_is_itself(packed, encoded, opened):
    packed("a{0..1}.tar", two(encoded))

    assert len(opened(path="a{0..1}.tar").entries) == 2


def test_the_sources_are_the_tars(shards, opened, tmp_path):
    shards()

    assert opened(path="test-{000..001}.tar").sources() == (
        tmp_path / "test-000.tar",
        tmp_path / "test-001.tar",
    )


ORACLE = """
import hashlib, io, json, sys
import webdataset
from PIL import Image

folder = sys.argv[1]
with webdataset.ShardWriter(folder + "/w-%02d.tar", maxcount=4, verbose=0) as writer:
    for row in range(10):
        picture = io.BytesIO()
        Image.new("RGB", (4, 4), (row, 0, 0)).save(picture, "PNG")
        sample = {"__key__": f"a.b/s{row:04}", "PNG": picture.getvalue(), "cls": row % 3}
        writer.write(sample | {"x.txt": "more"})
seen = webdataset.WebDataset(folder + "/w-{00..02}.tar", shardshuffle=False)
print(json.dumps([
    (each["__key__"], hashlib.sha256(each["png"]).hexdigest(), int(each["cls"])) for each in seen
]))
"""


@pytest.mark.skipif(
    importlib.util.find_spec("webdataset") is None, reason="an oracle that is not installed"
)
def test_samples_are_those_that_the_webdataset_package_sees(tmp_path, opened):
    # In a process of its own: it leaves files open.
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ORACLE, tmp_path], capture_output=True, check=True
    )

    data = opened(path="w-{00..02}.tar")

    seen = [
        [entry.id, hashlib.sha256(data.read(row).stored).hexdigest(), entry.label]
        for row, entry in enumerate(data.entries)
    ]
    assert seen == json.loads(ran.stdout)
    assert [len(rows) for rows in data.shards] == [4, 4, 2]


def test_labels_may_be_names(packed, encoded, opened):
    packed("t.tar", two(encoded, labels=(b"dog\n", b"cat")))

    assert opened(path="t.tar").classes == ("cat", "dog")
    assert [entry.label for entry in opened(path="t.tar").entries] == [1, 0]


def test_numbers_are_positions_in_declared_classes_and_this_is_said(packed, encoded, opened):
    packed("t.tar", two(encoded))

    data = opened(path="t.tar", classes=("cat", "dog"))

    assert data.classes == ("cat", "dog")
    assert data.assumed == ("labels are read as positions in classes: 0 = cat, 1 = dog",)


def test_numbers_without_declared_classes_count_from_zero(packed, encoded, opened):
    packed("t.tar", two(encoded, labels=(b"0", b"3")))

    assert opened(path="t.tar").classes == ("0", "1", "2", "3")


@pytest.mark.parametrize("said", [{"label": 1}, {"cls": 1}, {"label": "dog"}, {"cls": "dog"}])
def test_a_label_in_json_counts_where_there_is_no_cls(packed, encoded, opened, said):
    first = {key: 0 if value == 1 else "cat" for key, value in said.items()}
    packed(
        "t.tar",
        [
            ("0.png", encoded(0)),
            ("0.json", json.dumps(first).encode()),
            ("1.png", encoded(1)),
            ("1.json", json.dumps(said).encode()),
        ],
    )

    data = opened(path="t.tar", classes=("cat", "dog"))

    assert [entry.label for entry in data.entries] == [0, 1]


def test_other_names_of_image_and_label_are_declared(packed, encoded, opened):
    packed(
        "t.tar",
        [
            ("a.Input.PNG", encoded(0)),
            ("a.jpg", encoded(1)),
            ("a.jpeg", encoded(1)),
            ("a.diagnosis", b"benign"),
            ("b.input.png", encoded(2)),
            ("b.diagnosis", b"tumour"),
        ],
    )

    data = opened(path="t.tar", image="input.png", label="diagnosis")

    assert data.read(0).stored == encoded(0)
    assert data.classes == ("benign", "tumour")


def test_a_json_key_of_the_label_is_declared(packed, encoded, opened):
    packed(
        "t.tar",
        [
            ("0.png", encoded(0)),
            ("0.cls", b"7"),
            ("0.json", b'{"diagnosis": "benign"}'),
            ("1.png", encoded(1)),
            ("1.cls", b"8"),
            ("1.json", b'{"diagnosis": "tumour"}'),
        ],
    )

    assert opened(path="t.tar", label="diagnosis").classes == ("benign", "tumour")


def test_groups_and_slices_are_keys_of_json(packed, encoded, opened):
    said = [
        {"who": "p1", "age": 40, "site": "north", "zoom": 2.0},
        {"who": None, "age": 4.5, "deep": {"any": ["thing"]}},
    ]
    packed(
        "t.tar",
        [
            member
            for row, each in enumerate(said)
            for member in (
                (f"{row}.cls", str(row).encode()),
                (f"{row}.json", json.dumps(each).encode()),
                (f"{row}.png", encoded(row)),
            )
        ],
    )

    data = opened(path="t.tar", group="who", slices=["age", "site", "zoom"])

    assert list(data.entries) == [
        Entry("0", 0, "p1", ("40", "north", "2")),
        Entry("1", 1, None, ("4.5", None, None)),
    ]
    assert data.group_column == "who"
    assert data.slice_columns == ("age", "site", "zoom")


def test_groups_of_json_are_those_of_a_table_over_all_shards(packed, encoded, opened):
    said = ["1000.0", 1000, float("nan"), " 1001\u200b", "none", 2**53 + 1]
    for shard in (0, 1):
        packed(
            f"t-{shard}.tar",
            [
                member
                for row in range(3 * shard, 3 * shard + 3)
                for member in (
                    (f"{row}.cls", str(row % 2).encode()),
                    (f"{row}.json", json.dumps({"who": said[row], "at": said[row]}).encode()),
                    (f"{row}.png", encoded(row)),
                )
            ],
        )

    data = opened(path="t-{0..1}.tar", group="who", slices=["at"])

    groups = ["1000", "1000", None, "1001", None, "9007199254740993"]
    assert [entry.group for entry in data.entries] == groups
    assert [entry.slices[0] for entry in data.entries][4] == "none", "a slice may be called so"


def test_two_keys_that_only_an_invisible_character_tells_apart_are_one_twice(
    packed, encoded, opened, says
):
    packed("t.tar", [*two(encoded, key="a{}"), *two(encoded, key="a\u200b{}")])

    with says(DataError, where="t.tar, sample a", fact="stands already in t.tar"):
        opened(path="t.tar")


def test_groups_may_be_found_in_the_keys(packed, encoded, opened):
    packed("t.tar", two(encoded, key="p{}_0"))

    data = opened(path="t.tar", group_pattern=r"(p\d)_")

    assert [entry.group for entry in data.entries] == ["p0", "p1"]
    assert data.read(1).stored == encoded(1)


def test_a_leading_dot_of_the_path_is_no_part_of_the_key(packed, encoded, opened):
    packed("t.tar", two(encoded, key="./deep.er/{}"))

    assert [entry.id for entry in opened(path="t.tar").entries] == ["deep.er/0", "deep.er/1"]


def test_members_that_are_of_no_sample_are_counted(packed, encoded, opened):
    folder = tarfile.TarInfo()
    folder.type = tarfile.DIRTYPE
    packed(
        "t.tar",
        [
            ("dir", folder),
            ("README", b"x"),
            ("._0.png", b"x"),
            ("__meta__.json__", b"{}"),
            *two(encoded),
        ],
    )

    data = opened(path="t.tar")

    assert len(data.entries) == 2
    assert data.assumed == ("3 members of the tars without a key and an extension not read",)


def test_members_of_no_sample_that_are_images_are_named(packed, encoded, opened):
    packed("t-0.tar", [(".0.png", encoded(5)), ("._1.png", b"x"), *two(encoded)])
    packed("t-1.tar", [*two(encoded, key="x{}"), ("deep/.2.png", encoded(6)), (".3", encoded(7))])

    data = opened(path="t-{0..1}.tar")

    assert data.hidden() == (".0.png", "deep/.2.png", ".3")
    assert len(data.entries) == 4


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_are_read_in_every_form_of_tar(packed, encoded, opened, form):
    key = "d" * 80 + "/" + "n" * 90 + "{}"
    packed("t.tar", two(encoded, key=key), format=form)

    data = opened(path="t.tar")

    assert [entry.id for entry in data.entries] == [key.format(0), key.format(1)]
    assert data.read(1).stored == encoded(1)


def test_names_that_are_no_utf8_can_be_written_anywhere(packed, encoded, opened):
    packed("t.tar", two(encoded, key="\udce9{}"), format=tarfile.GNU_FORMAT, encoding="utf-8")

    assert opened(path="t.tar").entries[0].id == "\\xe90"


def test_names_lead_nowhere(packed, encoded, opened, tmp_path):
    packed("t.tar", two(encoded, key="../../etc/{}") + two(encoded, key="/etc/{}"))

    data = opened(path="t.tar")

    assert [entry.id for entry in data.entries] == [
        "../../etc/0",
        "../../etc/1",
        "/etc/0",
        "/etc/1",
    ]
    assert data.read(2).stored == encoded(0)
    assert [path.name for path in tmp_path.iterdir()] == ["t.tar"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "is a link in the tar"),
        (tarfile.LNKTYPE, "is a hard link in the tar"),
        (tarfile.CHRTYPE, "is a device in the tar"),
        (tarfile.BLKTYPE, "is a device in the tar"),
        (tarfile.FIFOTYPE, "is a pipe in the tar"),
    ],
)
def test_what_is_no_file_is_an_unreadable_image_and_never_opened(
    packed, encoded, opened, unreadable, kind, said
):
    odd = tarfile.TarInfo()
    odd.type = kind
    odd.linkname = "/etc/hostname"
    packed("t.tar", [*two(encoded), ("2.png", odd), ("2.cls", b"0")])

    data = opened(path="t.tar")

    assert said in unreadable(data, "2")
    assert data.read(1).stored == encoded(1)


def test_a_sparse_member_is_an_unreadable_image(packed, encoded, opened, unreadable, tmp_path):
    path = packed("t.tar", [*two(encoded), ("2.png", b"x" * 5), ("2.cls", b"0")])
    stored = bytearray(path.read_bytes())
    at = stored.index(b"2.png\0")
    header = tarfile.TarInfo.frombuf(bytes(stored[at : at + BLOCK]), "utf-8", "strict")
    header.type = tarfile.GNUTYPE_SPARSE
    stored[at : at + BLOCK] = header.tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(stored)

    assert "is a sparse file in the tar" in unreadable(opened(path="t.tar"), "2")


def test_one_damaged_image_is_unreadable_and_its_neighbours_are_not(
    packed, encoded, opened, unreadable
):
    packed(
        "t.tar",
        [
            *two(encoded),
            ("2.png", encoded(2)[:90]),
            ("2.cls", b"0"),
            ("3.png", b""),
            ("3.cls", b"1"),
        ],
    )

    data = opened(path="t.tar")

    assert "damaged" in unreadable(data, "2")
    assert "empty" in unreadable(data, "3")
    assert data.read(0).stored == encoded(0)


def test_many_threads_read_the_same(shards, opened, encoded):
    shards(count=3, each=4)
    data = opened(path="test-{000..002}.tar")
    rows = [row % 12 for row in range(120)]
    start = threading.Barrier(8)

    def read(row):
        if row < 8:
            start.wait(10)
        return data.read(rows[row]).stored

    with ThreadPoolExecutor(8) as readers:
        read_by_many = list(readers.map(read, range(120)))

    assert read_by_many == [encoded(row, kind="JPEG") for row in rows]


def test_the_index_of_many_samples_takes_little_memory(tmp_path, opened):
    header = tarfile.TarInfo()
    with (tmp_path / "t.tar").open("wb") as file:
        for row in range(4_000):
            for name, content in ((f"{row:06}.jpg", b""), (f"{row:06}.cls", b"%d" % (row % 2))):
                header.name, header.size = name, len(content)
                file.write(
                    header.tobuf(tarfile.USTAR_FORMAT)
                    + content.ljust(-(-len(content) // BLOCK) * BLOCK, b"\0")
                )
        file.write(bytes(2 * BLOCK))

    tracemalloc.start()
    data = opened(path="t.tar")
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(data.entries) == 4_000
    assert kept < 4_000 * 150
    assert peak < 4_000 * 400


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (lambda stored, end: stored[: end - 3 * BLOCK], "is damaged or cut off"),
        (lambda stored, end: stored[:end], "ends without the mark of its end"),
        (lambda stored, end: stored[: end + 100], "ends without the mark|damaged or cut off"),
        (lambda stored, end: stored[:end] + b"x" * 2 * BLOCK, "is damaged or cut off"),
        (lambda stored, end: stored[: end + 2 * BLOCK] + stored, "data after its end"),
        (lambda stored, end: b"", "is empty"),
        (lambda stored, end: b"hello, world", "is not a tar archive"),
        (lambda stored, end: bytes(20 * BLOCK), "holds no sample"),
        (lambda stored, end: bytes(2 * BLOCK), "holds no sample"),
        (lambda stored, end: bytes(BLOCK), "holds no sample"),
        (lambda stored, end: bytes(100), "is not a tar archive"),
    ],
)
def test_an_archive_that_is_no_whole_tar_is_refused(packed, encoded, opened, says, change, fact):
    path = packed("t.tar", two(encoded))
    stored = path.read_bytes()
    end = len(stored.rstrip(b"\0")) + -len(stored.rstrip(b"\0")) % BLOCK
    path.write_bytes(change(stored, end))

    with says(DataError, where=r"^t\.tar$", fact=fact):
        opened(path="t.tar")


def test_a_damaged_header_in_the_middle_is_not_taken_for_the_end(packed, encoded, opened, says):
    members = [*two(encoded), *two(encoded, key="x{}")]
    path = packed("t.tar", members)
    stored = bytearray(path.read_bytes())
    stored[stored.index(b"x0.png\0") + 150] ^= 1
    path.write_bytes(stored)

    with says(DataError, where=r"^t\.tar$", fact="is damaged", remedy="again"):
        opened(path="t.tar")


@pytest.mark.parametrize(
    "size", [b"\x80" + b"\0" * 3 + b"\xff" * 8, b"\xff" * 12, b"77777777777\0"]
)
def test_a_header_of_an_impossible_size_is_refused(packed, encoded, opened, says, size):
    path = packed("t.tar", two(encoded), format=tarfile.GNU_FORMAT)
    stored = bytearray(path.read_bytes())
    at = stored.index(b"1.png\0")
    stored[at + 124 : at + 136] = size
    stored[at + 148 : at + 156] = b" " * 8
    stored[at + 148 : at + 156] = b"%06o\0 " % sum(stored[at : at + BLOCK])
    path.write_bytes(stored)

    with says(DataError, where=r"^t\.tar$", fact="damaged"):
        opened(path="t.tar")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_asks_for_all_memory_is_refused(
    packed, encoded, opened, says, kind, tmp_path
):
    path = packed("t.tar", two(encoded))
    header = tarfile.TarInfo("long")
    header.type, header.size = kind, 1 << 33
    with path.open("r+b") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.truncate(1 << 34)  # a hole, so that it might be read

    with says(DataError, where=r"^t\.tar$", fact="header of 8,589,934,592 bytes"):
        opened(path="t.tar")


@pytest.mark.parametrize("packing", ["gz", "bz2", "xz"])
def test_a_compressed_tar_is_refused_with_the_reason(encoded, opened, says, tmp_path, packing):
    with tarfile.open(tmp_path / f"t.tar.{packing}", f"w:{packing}") as tar:
        tar.addfile(tarfile.TarInfo("0.cls"))

    with says(DataError, fact="is compressed with", remedy="images do not compress"):
        opened(path=f"t.tar.{packing}")


def test_a_missing_number_of_the_range_is_named(shards, opened, says, tmp_path):
    shards(count=4)
    (tmp_path / "test-002.tar").unlink()

    with says(DataError, where="^test-002.tar$", fact="1 of 5 shards missing|2 of 5", remedy="all"):
        opened(path="test-{000..004}.tar")


def test_a_range_of_which_nothing_exists_is_refused(opened, says):
    with says(DataError, where="^no-0.tar$", fact="2 of 2 shards missing", remedy="gate file"):
        opened(path="no-{0..1}.tar")


def test_braces_around_another_format_are_refused(opened, says, tmp_path):
    (tmp_path / "a.csv").write_text("image,label\n")
    (tmp_path / "b.csv").write_text("image,label\n")

    with says(DataError, where="^a.csv$", fact="not a tar"):
        opened(path="{a,b}.csv")


def test_a_program_in_place_of_a_path_is_a_path(opened, says, tmp_path):
    with says(DataError, where="^pipe:touch", fact="does not exist"):
        opened(path=f"pipe:touch {tmp_path}/ran")
    assert list(tmp_path.iterdir()) == []


PNG, JPG, CLS = ("0.png", b"x"), ("0.jpg", b"x"), ("0.cls", b"1")
OTHER = [("1.png", b"x"), ("1.cls", b"0")]


@pytest.mark.parametrize(
    ("members", "fact", "remedy"),
    [
        ([PNG], "has no label, only png", r"\.cls"),
        ([PNG, ("0.json", b"{}")], "no label", "label"),
        ([CLS], "has no image, only cls", "image"),
        ([("0.seg.png", b"x"), CLS], "only seg.png, cls", "image"),
        ([PNG, JPG, CLS], "2 images: png, jpg", "image"),
        ([PNG, ("0.PNG", b"x"), CLS], "2 images", "image"),
        ([PNG, CLS, CLS], "2 members .cls", "one"),
        ([PNG, ("0.cls", b"")], "holds ''", "class"),
        ([PNG, ("0.cls", b"a\nb")], "holds", "class"),
        ([PNG, ("0.cls", b"\xff")], "no UTF-8", "name"),
        ([PNG, ("0.cls", b"1" * 2_000_000)], "longer than", "writes"),
        ([PNG, ("0.json", b"{")], ".json cannot be read", "again"),
        ([PNG, ("0.json", b"[" * 100_000)], "cannot be read", "again"),
        ([PNG, ("0.json", b"[]")], "no object", "label"),
        ([PNG, ("0.json", b'{"label": 1.5}')], "float '1.5'", "integer"),
        ([PNG, ("0.json", b'{"label": true}')], "bool 'True'", "integer"),
        ([PNG, ("0.json", b'{"label": null}')], "NoneType", "integer"),
        ([PNG, ("0.json", b'{"label": 1, "cls": 2}')], "another cls", "label"),
        ([PNG, ("0.cls", b"-1"), *OTHER], "-1", "count"),
        ([*OTHER, PNG, CLS, ("1.txt", b"x")], "has no image, only txt", "beside each other"),
        ([*OTHER, PNG, CLS, *OTHER], "stands already in t.tar", "once"),
        ([*OTHER, PNG, ("0.json", b'{"label": 1}')], "'label', that of the samples", "one way"),
    ],
)
def test_a_sample_that_is_not_one_image_and_one_label_is_refused(
    packed, opened, says, members, fact, remedy
):
    packed("t.tar", members)

    with says(DataError, where=r"^t.tar, sample [01]$", fact=fact, remedy=remedy):
        opened(path="t.tar")


def test_a_label_that_is_a_link_is_refused(packed, encoded, opened, says):
    link = tarfile.TarInfo()
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    packed("t.tar", [("0.png", encoded(0)), ("0.cls", link)])

    with says(DataError, where="sample 0", fact=r"its \.cls is a link", remedy="itself"):
        opened(path="t.tar")


def test_a_key_that_two_shards_hold_is_refused(packed, encoded, opened, says):
    packed("a.tar", two(encoded))
    packed("b.tar", two(encoded))

    with says(DataError, where="b.tar, sample 0", fact="stands already in a.tar"):
        opened(path="{a,b}.tar")


def test_shards_that_are_labelled_in_two_ways_are_refused(packed, encoded, opened, says):
    packed("a.tar", two(encoded))
    packed("b.tar", [("x.png", encoded(0)), ("x.json", b'{"label": 1}')])

    with says(DataError, where="^b.tar$", fact="from 'label', those of a.tar from '.cls'"):
        opened(path="{a,b}.tar")


def test_a_json_key_that_no_sample_has_is_told_with_its_neighbour(shards, opened, says):
    shards()

    with says(DataError, fact="no sample has 'whom'", remedy="'who'"):
        opened(path="test-{000..001}.tar", group="whom")


def test_a_value_of_json_that_is_no_text_is_refused(packed, encoded, opened, says):
    packed("t.tar", [("0.png", encoded(0)), ("0.cls", b"0"), ("0.json", b'{"who": ["a"]}')])

    with says(DataError, where="sample 0", fact="list .* for 'who'", remedy="text"):
        opened(path="t.tar", group="who")


def test_half_a_letter_in_json_is_refused(packed, encoded, opened, says):
    packed("t.tar", [("0.png", encoded(0)), ("0.cls", b"0"), ("0.json", b'{"who": "\\ud800"}')])

    with says(DataError, where="sample 0", fact="for 'who'"):
        opened(path="t.tar", group="who")


def test_keys_of_other_formats_are_refused(shards, opened, says):
    shards(count=1)

    with says(DataError, fact="has no 'id'", remedy="webdataset takes"):
        opened(path="test-000.tar", id="x")


def test_a_tar_that_vanishes_or_changes_is_no_unreadable_image(shards, opened, says, tmp_path):
    shards()
    data = opened(path="test-{000..001}.tar")
    (tmp_path / "test-000.tar").unlink()
    os.truncate(tmp_path / "test-001.tar", 2000)

    with says(DataError, where="^test-000.tar$", fact="no longer") as caught:
        data.read(0)
    with says(DataError, where="^test-001.tar$", fact="changed"):
        data.read(5)
    assert type(caught.value) is DataError


def labelled(encoded, *labels):
    """Return members of samples whose labels lie in JSON."""
    return [
        member
        for row, label in enumerate(labels)
        for member in (
            (f"{row}.png", encoded(row)),
            (f"{row}.json", json.dumps({"label": label}).encode()),
        )
    ]


@pytest.mark.parametrize("kind", [str, lambda name: {"index": 7, "name": name}])
def test_labels_of_json_are_names(packed, opened, encoded, kind):
    packed("t.tar", labelled(encoded, kind("dog"), kind("10"), kind("2")))

    data = opened(path="t.tar", classes=("10", "2", "dog"))

    assert [entry.label for entry in data.entries] == [2, 0, 1]


def test_text_of_json_that_names_classes_is_no_integer(packed, opened, encoded):
    packed("t.tar", labelled(encoded, "10", "2"))

    assert [each.label for each in opened(path="t.tar", classes=("10", "2")).entries] == [0, 1]


@pytest.mark.parametrize("integers", [None, "positions"])
def test_integers_of_json_are_asked_for_where_they_may_be_names(
    packed, opened, encoded, says, integers
):
    packed("t.tar", labelled(encoded, 1, 0))

    if integers is None:
        with says(UsageError, where="t.tar, sample 0", remedy="integers: names"):
            opened(path="t.tar", classes=("1", "0"))
        return
    data = opened(path="t.tar", classes=("1", "0"), integers=integers)
    assert [entry.label for entry in data.entries] == [1, 0]


@pytest.mark.parametrize("label", [{"index": 1}, {"name": 3}, [1], None, True])
def test_what_is_no_label_of_json_is_refused(packed, opened, encoded, says, label):
    packed("t.tar", labelled(encoded, label, "cat"))

    with says(DataError, where="t.tar, sample 0"):
        opened(path="t.tar")
