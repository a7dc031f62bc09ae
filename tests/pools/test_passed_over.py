"""What is said of files that are no samples."""

import pytest

from datasel_core.pools.passed_over import passed_over


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], []),
        (["a.heic"] * 12, ["12 .heic were passed over: install pillow-heif."]),
        (
            ["x/A.HEIC", "b.heic", "c"],
            ["2 .heic were passed over: install pillow-heif.", "1 without a suffix was passed over."],
        ),
        (["Thumbs.db", "a.db"], ["1 .db was passed over.", "1 Thumbs.db was passed over: Windows made it."]),
        (["README.md", "sub/readme"], ["1 README.md was passed over: about.", "1 readme was passed over: about."]),
        (["a.tar.gz", "b.gz"], ["1 .gz was passed over: packed.", "1 .tar.gz was passed over: packed."]),
        (["a.b\nc"], ["1 .b c was passed over."]),
        (["bad\udcff.\udcff"], ["1 .\\udcff was passed over."]),
    ],
)
def test_a_line_for_each_sort(names, said):
    remedies = {".heic": "install pillow-heif", "thumbs.db": "Windows made it", "readme": "about", ".gz": "packed"}
    assert passed_over(names, remedies) == said
