"""The table of what is found is as it was measured: nothing that was turned in small images."""

from gate.report.copies_found import SMALLEST, copies_found


def test_each_edit_has_a_share_at_each_size():
    found = copies_found()

    assert found.sizes == (28, 32, 64, 96)
    assert len(dict(found.rows)) == len(found.rows)
    for _, shares in found.rows:
        assert len(shares) == len(found.sizes)
        assert all(0 <= share <= 1 for share in shares)


def test_turned_copies_are_found_only_where_they_are_looked_for():
    found = copies_found()
    turned = dict(found.rows)["turned by 10°"]

    for size, share in zip(found.sizes, turned, strict=True):
        assert (share > 0.5) == (size >= SMALLEST)
