"""A published table of two sizes with the larger one held out: one size is left, and it says so."""

import pytest

from mixlaw.errors import NotIdentifiedError
from mixlaw.fit.api import fit_laws
from mixlaw.runs.table import read_runs

LARGER = 310e6


def test_one_size_left_is_a_status_and_no_answer_for_the_other(data_table):
    frame = read_runs(data_table("slimpajama_small.csv"))
    frame = frame[frame["flag"] == ""]
    last = frame["tokens"] >= 0.6 * frame.groupby("run_id")["tokens"].transform("max")
    known = frame[last & (frame["n_params"] < 0.9 * LARGER) & (frame["eval_set"] == "book")]
    assert known["n_params"].nunique() == 1
    fit = fit_laws(known, "dcpt", eval_sets=["book"], n_draws=40)
    said = [status.message for status in fit.statuses if status.code == "no-size-information"]
    assert len(said) == 1
    assert "only the size" in said[0]
    wanted = frame[(frame["n_params"] > 0.9 * LARGER) & (frame["eval_set"] == "book")].iloc[[-1]]
    shares = {corpus: wanted[f"share.{corpus}"] for corpus in fit.corpora}
    with pytest.raises(NotIdentifiedError, match="at least three sizes"):
        fit.predict("book", LARGER, wanted["tokens"], shares)
    carried = fit.predict("book", LARGER, wanted["tokens"], shares, carry_size=True).estimate[0]
    # Size lowers the loss: what is carried over from the smaller size is an upper bound.
    assert wanted["loss"].iloc[0] < carried < 1.2 * wanted["loss"].iloc[0]
