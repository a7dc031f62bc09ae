"""What other libraries raise becomes one line of ours; what this program does wrong stays what it is."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import torch

from datasel_core.base.trouble import first_line, in_words
from datasel_core.errors import BadParameter, DataselError, Failed, Stopped


def told(work):
    with pytest.raises(Failed) as caught, in_words("It could not be done", "Do another thing.", "Make room."):
        work()
    assert isinstance(caught.value, DataselError)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def of_timm():
    import timm

    timm.create_model("no such model")


THEIRS = {
    "torch": lambda: torch.zeros(2, 3) @ torch.zeros(4, 5),
    "timm": of_timm,
    "duckdb": lambda: duckdb.sql("select nothing"),
    "pyarrow": lambda: pa.array(["a"]).cast(pa.int64()),
}


@pytest.mark.parametrize("library", THEIRS)
def test_what_a_library_refuses_is_said_with_its_name_and_a_remedy(library):
    said = told(THEIRS[library])
    assert said.startswith(f"It could not be done: {library} refused it (")
    assert said.endswith("). Do another thing.")


def too_much():
    np.empty(1 << 50)


def too_much_of_torch():
    torch.empty(1 << 56, dtype=torch.uint8)


def too_much_of_a_gpu():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nSee the manual")


@pytest.mark.parametrize("work", [too_much, too_much_of_torch, too_much_of_a_gpu])
def test_memory_that_is_short_is_said(work):
    assert told(work) == "It could not be done: there was not enough memory. Make room."


@pytest.mark.parametrize("error", [Stopped("stopped"), BadParameter("wrong"), ZeroDivisionError(), KeyError("x")])
def test_ours_and_faults_stay_what_they_are(error):
    def work():
        raise error

    with pytest.raises(type(error)) as caught, in_words("It could not be done", "", ""):
        work()
    assert caught.value is error


def test_a_line_of_a_library_is_cut_where_it_lists_everything():
    assert first_line(ValueError("one:\n\n  two.\nthree")) == "one: two"
    assert first_line(ValueError()) == "ValueError"
    assert first_line(ValueError("x" * 999)) == "x" * 200 + " ..."
