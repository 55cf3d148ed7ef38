"""``mixlaw.testing`` as authors of plugins meet it."""

import subprocess
import sys

import pytest

from mixlaw import testing
from mixlaw.errors import DataError, RunError
from mixlaw.testing.conformance import attempt, empty_folder, refusal, require


@pytest.mark.parametrize("kind", ["emitter", "executor", "importer", "law", "recipe", "tracker"])
def test_every_kind_has_a_documented_check(kind):
    check = getattr(testing, f"check_{kind}")
    for part in ("Checked are", "Args:", "Raises:\n        ConformanceError"):
        assert part in check.__doc__


def test_a_name_that_is_none_is_an_attribute_error():
    with pytest.raises(AttributeError, match="check_nothing"):
        testing.check_nothing  # noqa: B018


@pytest.mark.parametrize("check", ["check_law", "check_emitter", "check_tracker"])
def test_checks_that_need_no_training_load_nothing_heavy(check):
    code = (
        f"import sys; from mixlaw.testing import {check}; "
        "print({'torch', 'transformers', 'pandas', 'pytest'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "set()\n", result.stderr


def raises(error):
    raise error


@pytest.mark.parametrize(
    ("error", "complaint"),
    [
        (RunError("it failed"), "exit code 1, not 2"),
        (DataError("one\ntwo"), "more than one line"),
        (DataError("another reason"), "without saying 'this reason'"),
    ],
)
def test_a_refusal_is_one_line_with_exit_code_2_and_its_reason(error, complaint):
    with (
        pytest.raises(testing.ConformanceError, match=complaint),
        refusal("A wrong log", "this reason"),
    ):
        raises(error)


def test_what_is_not_refused_is_named():
    with (
        pytest.raises(testing.ConformanceError, match="A wrong log is not refused"),
        refusal("A wrong log"),
    ):
        pass


def test_an_attempt_gives_a_result_or_none():
    assert attempt(lambda: 3, "Three") == 3
    assert attempt(lambda: raises(DataError("no")), "A wrong log") is None
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: 1 / 0, "An accident")


def test_a_folder_of_an_earlier_check_is_refused(tmp_path):
    empty_folder(tmp_path, "check")
    with pytest.raises(testing.ConformanceError, match="empty folder"):
        empty_folder(tmp_path, "check")


def test_a_check_that_fails_is_a_failed_assertion():
    with pytest.raises(AssertionError, match="The sentence."):
        require(False, "The sentence.")
