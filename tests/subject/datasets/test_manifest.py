import pytest

from gate.errors import DataError, UsageError
from gate.subject.datasets.records import Entry


@pytest.fixture
def listed(tmp_path, pets):
    """Write a manifest beside the pictures; returns its path."""

    def write(text, encoding="utf-8"):
        file = tmp_path / "test.csv"
        file.write_bytes(text.encode(encoding))
        return file

    return write


FOUR = (
    "image,label\npets/cat/1.png,cat\npets/cat/2.png,cat\npets/dog/1.png,dog\npets/dog/2.png,dog\n"
)


def test_a_manifest_gives_its_images_in_its_order(listed, opened):
    listed("image,label\npets/dog/1.png,dog\npets/cat/1.png,cat\n")

    data = opened(path="test.csv")

    assert data.format == "csv"
    assert data.classes == ("cat", "dog")
    assert list(data.entries) == [Entry("pets/dog/1.png", 1), Entry("pets/cat/1.png", 0)]


def test_images_are_found_beside_the_manifest_not_beside_the_gate_file(tmp_path, pets, opened):
    (pets / "test.csv").write_text("image,label\ncat/1.png,cat\ndog/1.png,dog\n")

    sample = opened(path="pets/test.csv").read(1)

    assert sample.stored == (pets / "dog/1.png").read_bytes()
    assert sample.label == 1


def test_declared_columns_are_used(listed, opened):
    listed(
        "file,diagnosis,uid,patient,scanner,site\n"
        "pets/cat/1.png,cat,u1,p1,A,north\n"
        "pets/dog/1.png,dog,u2,,B,\n"
    )

    data = opened(
        path="test.csv",
        image="file",
        label="diagnosis",
        id="uid",
        group="patient",
        slices=["scanner", "site"],
    )

    assert data.slice_columns == ("scanner", "site")
    assert data.group_column == "patient"
    assert list(data.entries) == [
        Entry("u1", 0, "p1", ("A", "north")),
        Entry("u2", 1, None, ("B", None)),
    ]


def test_labels_that_are_no_names_are_read_as_positions_and_this_is_said(listed, opened):
    listed(FOUR.replace(",cat", ",1").replace(",dog", ",0"))

    data = opened(path="test.csv", classes=("background", "tumour"))

    assert [entry.label for entry in data.entries] == [1, 1, 0, 0]
    assert data.assumed == ("labels are read as positions in classes: 0 = background, 1 = tumour",)


def test_integers_that_name_classes_at_other_positions_are_asked_for(listed, opened, says):
    listed(FOUR.replace(",cat", ",1").replace(",dog", ",0"))

    with says(UsageError, where="test.csv, line 2", fact="integers", remedy="integers: names"):
        opened(path="test.csv", classes=("1", "0"))


def test_integers_that_are_said_to_be_names_are_never_positions(listed, opened):
    listed(FOUR.replace(",cat", ",1").replace(",dog", ",0"))

    data = opened(path="test.csv", classes=("1", "0"), integers="names")

    assert [entry.label for entry in data.entries] == [0, 0, 1, 1]
    assert data.assumed == ()


@pytest.mark.parametrize(
    ("cat", "dog", "classes"),
    [
        ("1", "2", ("background", "tumour")),  # out of range
        ("-1", "0", ("background", "tumour")),
        ("01", "00", ("background", "tumour")),
        ("0", "tumour", ("background", "tumour")),  # half of them are names
    ],
)
def test_labels_that_could_mean_two_things_are_refused(listed, opened, says, cat, dog, classes):
    listed(FOUR.replace(",cat", f",{cat}").replace(",dog", f",{dog}"))

    with says(DataError, where="test.csv, line", fact="is not one of the 2 classes"):
        opened(path="test.csv", classes=classes)


def test_positions_that_a_program_wrote_as_floats_are_positions(listed, opened):
    listed(FOUR.replace(",cat", ",1.0").replace(",dog", ",0.0"))

    data = opened(path="test.csv", classes=("background", "tumour"))

    assert [entry.label for entry in data.entries] == [1, 1, 0, 0]


def test_a_class_that_is_called_as_a_float_is_written_is_that_class(listed, opened):
    listed(FOUR.replace(",cat", ",1.0").replace(",dog", ",2.0"))

    assert opened(path="test.csv", classes=("1.0", "2.0")).classes == ("1.0", "2.0")


def test_labels_and_ids_are_compared_without_what_nobody_sees(listed, opened):
    listed(FOUR.replace(",cat", ", ca\u200bt ").replace(",dog", ",dog\ufeff"))

    data = opened(path="test.csv", classes=("cat", "dog"))

    assert [entry.label for entry in data.entries] == [0, 0, 1, 1]


def test_groups_are_those_that_people_mean_and_slices_keep_their_words(listed, opened):
    listed(
        "image,label,patient,site\npets/cat/1.png,cat,1000.0,None\npets/cat/2.png,cat,nan,\n"
        "pets/dog/1.png,dog,1000\u200b,nan\npets/dog/2.png,dog,1001, a \n"
    )

    data = opened(path="test.csv", group="patient", slices=["site"])

    assert [entry.group for entry in data.entries] == ["1000", None, "1000", "1001"]
    assert [entry.slices for entry in data.entries] == [("None",), (None,), ("nan",), ("a",)]


def test_two_ids_that_only_an_invisible_character_tells_apart_are_one_twice(listed, opened, says):
    listed("image,label,uid\npets/cat/1.png,cat,a\npets/dog/1.png,dog,a\u200b\n")

    with says(DataError, where="test.csv, line 3", fact="'a' stands already in line 2"):
        opened(path="test.csv", id="uid")


def test_the_file_is_opened_under_the_name_that_is_written(tmp_path, listed, opened, encoded):
    (tmp_path / "pets" / "Ko\u0308ln.png").write_bytes(encoded(9))
    listed("image,label\npets/Ko\u0308ln.png,cat\npets/dog/1.png,dog\n")

    data = opened(path="test.csv")

    assert data.entries[0].id == "pets/K\xf6ln.png"
    assert data.read(0).stored == encoded(9)


def test_an_unknown_label_is_named_with_its_line_and_what_was_meant(listed, opened, says):
    listed(FOUR.replace("2.png,dog", "2.png,dgo"))

    with says(DataError, where="test.csv, line 5", fact="label 'dgo'", remedy="'dog'"):
        opened(path="test.csv", classes=("cat", "dog"))


@pytest.mark.parametrize(
    ("keys", "fact", "remedy"),
    [
        ({"label": "lable"}, "no column 'lable'", "did you mean 'label'"),
        ({"image": "IMAGE"}, "no column 'IMAGE'", "did you mean 'image'"),
        ({"group": "zzz"}, "no column 'zzz'", "set group to one of its columns: image, label"),
        ({"slices": ["zzz"]}, "no column 'zzz'", "set slices to"),
        ({"id": "zzz"}, "no column 'zzz'", "set id to"),
    ],
)
def test_a_missing_column_is_named_with_those_there_are(listed, opened, says, keys, fact, remedy):
    listed(FOUR)

    with says(DataError, where="test.csv", fact=fact, remedy=remedy):
        opened(path="test.csv", **keys)


def test_an_id_that_occurs_twice_is_refused_with_both_lines(listed, opened, says):
    listed(FOUR + "./pets/cat/1.png,dog\n")

    with says(DataError, where="line 6", fact="'pets/cat/1.png' stands already in line 2"):
        opened(path="test.csv")


def test_a_row_without_label_is_refused(listed, opened, says):
    listed(FOUR.replace("2.png,dog", "2.png, "))

    with says(DataError, where="line 5", fact="column 'label' is empty here .1 such row"):
        opened(path="test.csv")


def test_a_missing_file_is_listed_and_unreadable(listed, opened, unreadable):
    listed(FOUR + "pets/dog/3.png,dog\n")

    data = opened(path="test.csv")

    assert len(data.entries) == 5
    assert unreadable(data, "pets/dog/3.png") == "the file does not exist"


def test_a_folder_in_place_of_an_image_is_unreadable(listed, opened, unreadable):
    listed(FOUR + "pets/dog,dog\n")

    assert unreadable(opened(path="test.csv"), "pets/dog") == "is a folder, not an image"


def test_that_no_file_is_there_is_told_at_once(listed, opened, says):
    listed(FOUR.replace("pets/", "animals/"))

    with says(DataError, where="line 2", fact="none of its 4 images exists.*animals/cat/1.png"):
        opened(path="test.csv")


def test_paths_with_backslashes_are_told_so(listed, opened, says):
    listed(FOUR.replace("/", "\\"))

    with says(DataError, fact="none of its 4 images", remedy="forward slashes"):
        opened(path="test.csv")


def test_absolute_paths_are_read_and_said(listed, opened, pets, encoded):
    listed(FOUR.replace("pets/", f"{pets}/"))

    data = opened(path="test.csv")

    assert data.read(0).stored == (pets / "cat/1.png").read_bytes()
    assert data.assumed[0].startswith("4 absolute image paths in the manifest")


def test_absolute_paths_with_ids_of_their_own_need_no_word(listed, opened, pets):
    listed(f"image,label,uid\n{pets}/cat/1.png,cat,a\n{pets}/dog/1.png,dog,b\n")

    assert opened(path="test.csv", id="uid").assumed == ()


def test_paths_may_leave_the_folder_of_the_manifest(tmp_path, pets, opened):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "test.csv").write_text(FOUR.replace("pets/", "../pets/"))

    data = opened(path="lists/test.csv")

    assert data.entries[0].id == "../pets/cat/1.png"
    assert data.read(0).stored == (pets / "cat/1.png").read_bytes()


def test_a_path_with_a_null_byte_is_unreadable_not_a_crash(tmp_path, pets):
    from gate.subject.datasets.files import read_bytes
    from gate.subject.datasets.records import UnreadableImage

    with pytest.raises(UnreadableImage, match="cannot be read"):
        read_bytes(tmp_path / "a\0b.png")


def test_a_file_too_long_for_an_image_is_not_read(tmp_path):
    from gate.subject.datasets.files import LARGEST_FILE, read_bytes
    from gate.subject.datasets.records import UnreadableImage

    with (tmp_path / "huge.png").open("wb") as stream:
        stream.truncate(LARGEST_FILE + 1)  # sparse: takes no room

    with pytest.raises(UnreadableImage, match="too long"):
        read_bytes(tmp_path / "huge.png")


@pytest.mark.parametrize(("key", "value"), [("images", "x"), ("labels", "y")])
def test_keys_of_arrays_are_refused(listed, opened, says, key, value):
    listed(FOUR)

    with says(DataError, where="test.csv", fact=f"csv, which has no '{key}'", remedy="csv takes"):
        opened(path="test.csv", **{key: value})


def test_a_parquet_manifest_gives_what_the_csv_gives(tmp_path, listed, opened):
    pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    from pyarrow import parquet

    listed(
        "image,label,patient,scanner\npets/cat/1.png,0,7,A\npets/cat/2.png,0,,\npets/dog/1.png,1,8,B\n"
    )
    table = pyarrow.table(
        {
            "image": ["pets/cat/1.png", "pets/cat/2.png", "pets/dog/1.png"],
            "label": pyarrow.array([0, 0, 1], pyarrow.int64()),
            "patient": pyarrow.array([7.0, None, 8.0], pyarrow.float64()),
            "scanner": pyarrow.array(["A", None, "B"]).dictionary_encode(),
        }
    )
    parquet.write_table(table, tmp_path / "test.parquet")
    keys = {"classes": ("cat", "dog"), "group": "patient", "slices": ["scanner"]}

    from_csv, from_parquet = (opened(path=p, **keys) for p in ("test.csv", "test.parquet"))

    assert from_parquet.format == "parquet"
    assert list(from_parquet.entries) == list(from_csv.entries)
    assert from_parquet.assumed == from_csv.assumed


def test_a_column_that_holds_no_paths_is_told_apart_from_a_missing_one(tmp_path, opened, says):
    pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    from pyarrow import parquet

    columns = {"image": [["x"], ["y"]], "label": ["cat", "dog"]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "test.parquet")

    with says(DataError, where="test.parquet", fact="'image' holds list.*not text", remedy="path"):
        opened(path="test.parquet")


@pytest.mark.parametrize("mark", [";", "\t", "|"])
@pytest.mark.parametrize("before", ["", "\ufeff"])
def test_what_separates_cells_is_told_by_the_header(listed, opened, mark, before):
    listed(before + FOUR.replace(",", mark))

    assert [entry.label for entry in opened(path="test.csv").entries] == [0, 0, 1, 1]


def test_commas_go_before_all_that_a_name_may_hold(listed, opened):
    listed(FOUR.replace("image,label", "image,label;of|whom"))

    assert len(opened(path="test.csv", label="label;of|whom").entries) == 4


def test_excel_says_itself_what_separates_cells(listed, opened):
    listed("sep=;\n" + FOUR.replace(",", ";"))

    assert len(opened(path="test.csv").entries) == 4


def test_a_row_of_another_width_is_named_by_its_line(listed, opened, says):
    listed("sep=;\n\n" + FOUR.replace(",", ";") + "a;b;c\n")

    with says(DataError, where="test.csv, line 8", fact="has 3 cells, the header has 2"):
        opened(path="test.csv")


SPLITS = (
    "image,label,split\npets/cat/1.png,cat,train\npets/cat/2.png,cat,test\n"
    "pets/dog/1.png,dog,test\npets/dog/2.png,dog,val\n"
)


def test_rows_are_chosen_by_a_column(listed, opened):
    listed(SPLITS)

    ids = [entry.id for entry in opened(path="test.csv", where={"split": "test"}).entries]

    assert ids == ["pets/cat/2.png", "pets/dog/1.png"]


def test_several_values_and_columns_choose_rows_that_fit_all(listed, opened):
    listed(SPLITS)

    data = opened(path="test.csv", where={"split": ["test", "val"], "label": "dog"})
    assert "those where split: test, val; label: dog" in data.assumed[0]

    assert [entry.id for entry in data.entries] == ["pets/dog/1.png", "pets/dog/2.png"]


def test_rows_of_several_splits_are_asked_for(listed, opened, says):
    listed(SPLITS)

    with says(UsageError, where="test.csv", fact="train, test, val", remedy="where: {split:"):
        opened(path="test.csv")


@pytest.mark.parametrize("used", [{"slices": ["split"]}, {"group": "split"}])
def test_a_column_of_splits_that_is_used_is_not_asked_for(listed, opened, used):
    listed(SPLITS)

    assert len(opened(path="test.csv", **used).entries) == 4


def test_a_column_of_one_split_is_not_asked_for(listed, opened):
    listed(SPLITS.replace(",train", ",test").replace(",val", ",test"))

    assert len(opened(path="test.csv").entries) == 4


def test_a_value_that_no_row_has_is_told_with_those_that_are(listed, opened, says):
    listed(SPLITS)

    with says(DataError, where="test.csv", fact="'tset' in the column 'split'", remedy="'test'"):
        opened(path="test.csv", where={"split": "tset"})


def test_integers_choose_rows_as_they_are_written(listed, opened):
    rows = FOUR.replace("label\n", "label,fold\n").replace("cat\n", "cat,0\n")
    listed(rows.replace("dog\n", "dog,1\n"))

    assert len(opened(path="test.csv", where={"fold": 1}).entries) == 2


def test_names_may_lack_folder_and_extension(pets, opened):
    (pets / "test.csv").write_text("image,label\n1,cat\n2,dog\n")

    data = opened(path="pets/test.csv", folder="cat", extension="png")

    assert [entry.id for entry in data.entries] == ["1", "2"]
    assert data.read(1).stored == (pets / "cat/2.png").read_bytes()


def test_names_with_and_without_an_extension_are_never_one_file(pets, opened, unreadable):
    (pets / "test.csv").write_text("image,label\n1,cat\n1.png,dog\n")

    data = opened(path="pets/test.csv", folder="cat", extension=".png")

    assert list(data.files) == ["cat/1.png", "cat/1.png.png"]
    assert "does not exist" in unreadable(data, "1.png")


def test_two_rows_that_name_one_id_are_refused_whatever_is_added(pets, opened, says):
    (pets / "test.csv").write_text("image,label\n1,cat\n./1,dog\n")

    with says(DataError, where="line 3", fact="'1' stands already in line 2"):
        opened(path="pets/test.csv", folder="cat", extension=".png")


def test_blanks_around_cells_are_nobodys(listed, opened):
    listed(FOUR.replace(",", " , ").replace("cat\n", "cat \n"))

    data = opened(path="test.csv", classes=("cat", "dog"))

    assert [entry.label for entry in data.entries] == [0, 0, 1, 1]
    assert data.read(0).image is not None


def test_a_blank_that_is_the_file_s_own_is_kept(pets, opened, encoded):
    (pets / "cat/1.png ").write_bytes(encoded(7))
    (pets / "test.csv").write_text('image,label\n"cat/1.png ",cat\ndog/1.png,dog\n')

    assert opened(path="pets/test.csv").read(0).stored == encoded(7)


def test_rows_that_where_leaves_out_are_told_and_none_where_it_takes_all(listed, opened):
    listed(
        "image,label,hard\npets/cat/1.png,cat,no\npets/dog/1.png,dog,no\npets/dog/2.png,dog,yes\n"
    )

    easy = opened(path="test.csv", where={"hard": "no"})
    every = opened(path="test.csv", where={"hard": ["no", "yes"]})

    assert "2 of 3 rows are judged, those where hard: no" in easy.assumed
    assert not any("rows are judged" in each for each in every.assumed)
