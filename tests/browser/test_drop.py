"""A folder is dropped into the browser, and becomes a pool."""

from tests.browser.conftest import settled
from tests.conftest import paint


def test_a_folder_becomes_a_pool_with_its_groups(visit, tmp_path, workspace):
    for at in range(12):
        paint(tmp_path / "holiday" / ("sea" if at < 7 else "hills") / f"{at:02d}.jpg", at, (90, 60))
    page = visit()
    page.get_by_text("Or drop a folder").wait_for()
    settled(page)
    page.locator(".st-key-drop input[type=file]").nth(1).set_input_files(str(tmp_path / "holiday"))
    page.get_by_text("12 photos in 2 folders").wait_for()
    settled(page)
    page.get_by_role("button", name="Open it").click()
    page.get_by_text("12 of 12 photos").wait_for()
    assert workspace.uploads().is_dir()
