"""Tables that people have: one command imports them, and says what it took their columns for."""

import csv
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

from mixlaw.cli import main
from mixlaw.errors import ConfigError, DataError
from mixlaw.importers.assembly.api import import_runs
from mixlaw.importers.assembly.description import RunDescription, RunsDescription
from mixlaw.importers.assembly.keys import DOCUMENT, RUN
from mixlaw.runs.table import read_runs

#: Ten ways of spelling size, domain ratio, tokens, domain loss and general loss.
SPELLINGS = [
    ("model_size", "ratio", "tokens_B", "domain_val_loss", "general_val_loss"),
    ("size", "domain_ratio", "tokens (B)", "loss_domain", "loss_general"),
    ("N", "r", "D_billion", "L_domain", "L_general"),
    ("params", "mix", "budget_B", "val_loss_domain", "val_loss_general"),
    ("n_params", "domain_share", "train_tokens_B", "eval/domain_loss", "eval/general_loss"),
    ("Params", "Domain %", "Tokens (B)", "Domain CE", "General CE"),
    ("modelSize", "domainFraction", "tokensB", "valLossDomain", "valLossGeneral"),
    ("non_embedding_params", "domain_weight", "n_tokens_b", "domain.loss", "general.loss"),
    ("Model", "mixture_ratio", "training tokens (billions)", "domain_nll", "general_nll"),
    ("num_params", "pct_domain", "Gtok", "dom_xent", "gen_xent"),
]
SIZES, RATIOS, BUDGETS = {"70M": 70e6, "160M": 160e6, "410M": 410e6}, (0.1, 0.3, 0.5, 0.7), (1, 4)


def loss(size: float, ratio: float, tokens: float, eval_set: str) -> float:
    own = ratio if eval_set == "domain" else 1 - ratio
    return round(1.5 + 300 / size**0.34 + 400 / (tokens * 1e9) ** 0.3 / (own + 0.2) ** 0.4, 4)


def rows(percent: bool = False) -> list[list[str]]:
    return [
        [name, f"{100 * r:g}" if percent else f"{r:g}", f"{b}",
         *(str(loss(size, r, b, eval_set)) for eval_set in ("domain", "general"))]
        for name, size in SIZES.items() for r in RATIOS for b in BUDGETS
    ]  # fmt: skip


def write(path: Path, header, body, delimiter: str = ",", end: str = "\n") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows([header, *body])
    path.write_text(path.read_text().rstrip("\n") + end)
    return path


def check(frame: pd.DataFrame) -> None:
    """The rows of ``rows()``, whatever they were called."""
    assert len(frame) == 2 * len(rows())
    assert set(frame["flag"]) == {""}
    for row in frame.itertuples():
        ratio = frame.loc[row.Index, "share.domain"]
        assert frame.loc[row.Index, "share.general"] == pytest.approx(1 - ratio)
        assert row.loss == loss(row.n_params, round(ratio, 6), row.tokens / 1e9, row.eval_set)
    assert frame["run_id"].nunique() == len(SIZES) * len(RATIOS)
    assert not frame.duplicated(["run_id", "tokens", "eval_set"]).any()


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return int(leaving.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize("header", SPELLINGS, ids=lambda header: header[0])
def test_ten_spellings_of_a_notebook(header, tmp_path: Path) -> None:
    table = write(tmp_path / "wide.csv", header, rows("%" in header[1] or "pct" in header[1]))
    check(import_runs("auto", [table]).frame)


def test_the_guess_is_yaml_that_gives_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("wide.csv"), SPELLINGS[0], rows())
    code, guess, stderr = run(capsys, "import", "wide.csv")
    assert code == 0
    assert "next: mixlaw fit runs.csv" in stderr
    assert yaml.safe_load(guess)["columns"]["tokens"] == "tokens_B"
    before = Path("runs.csv").read_bytes()
    Path("runs.yaml").write_text(guess)
    assert run(capsys, "import", "wide.csv", "--describe", "runs.yaml")[0] == 0
    assert Path("runs.csv").read_bytes() == before
    check(read_runs("runs.csv"))


def test_fit_names_the_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("my wide.csv"), SPELLINGS[0], rows())
    code, _, stderr = run(capsys, "fit", "my wide.csv")
    assert code == 2
    assert "mixlaw import 'my wide.csv'" in stderr


def test_from_a_notebook_to_a_recommendation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("wide.csv"), SPELLINGS[0], rows())
    assert run(capsys, "import", "wide.csv")[0] == 0
    code, _, stderr = run(capsys, "fit", "runs.csv", "--law", "dcpt", "--draws", "20")
    assert code == 0
    (command,) = [line for line in stderr.splitlines() if line.startswith("next: ")]
    assert "--reference control" in command
    arguments = command.removeprefix("next: mixlaw ").split()
    assert run(capsys, *arguments, "--tokens", "4B")[0] in (0, 3)


@pytest.mark.parametrize(
    ("delimiter", "comma", "end"),
    [
        ("\t", False, "\n"),
        (";", True, "\n"),
        (";", False, ""),
        ("|", False, "\n"),
        (",", False, ""),
    ],
)
def test_dialects(delimiter: str, comma: bool, end: str, tmp_path: Path) -> None:
    body = [[cell.replace(".", ",") if comma else cell for cell in row] for row in rows()]
    check(
        import_runs("auto", [write(tmp_path / "t.csv", SPELLINGS[0], body, delimiter, end)]).frame
    )


@pytest.mark.parametrize(
    ("size", "count"),
    [("70M", 70e6), ("1,000,000", 1e6), ("7e7", 7e7), ("0.07B", 70e6), ("70 M", 70e6),
     ("1_000_000", 1e6), ("70000000.0", 70e6)],
)  # fmt: skip
def test_sizes_as_people_write_them(size: str, count: float, tmp_path: Path) -> None:
    header = ("model_size", "ratio", "tokens", "domain_loss")
    table = write(tmp_path / "t.csv", header, [[size, "30%", "1.5B", "2.5"]])
    frame = import_runs("auto", [table]).frame
    assert frame[["n_params", "tokens", "share.domain"]].to_numpy().tolist() == [
        [count, 1.5e9, 0.3]
    ]


def test_excel_and_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame(rows(), columns=SPELLINGS[0])
    frame.to_parquet(tmp_path / "t.parquet")
    check(import_runs("auto", [tmp_path / "t.parquet"]).frame)
    cells = [SPELLINGS[0], *rows()]
    body = "".join(
        f'<row r="{i}">'
        + "".join(f'<c r="{"ABCDE"[j]}{i}" t="inlineStr"><is><t>{cell}</t></is></c>'
                  for j, cell in enumerate(row))
        + "</row>"
        for i, row in enumerate(cells, start=1)
    )  # fmt: skip
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{space}"><sheetData>{body}</sheetData></worksheet>',
        )
    check(import_runs("auto", [tmp_path / "t.xlsx"]).frame)


def test_an_entity_in_a_spreadsheet_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    with pytest.raises(DataError, match="no plain Excel file"):
        import_runs("auto", [tmp_path / "t.xlsx"])


def test_a_unit_that_cannot_be_known_is_asked_for(tmp_path: Path) -> None:
    header = ("model_size", "ratio", "train tokens", "domain_loss", "general_loss")
    table = write(tmp_path / "t.csv", header, rows())
    with pytest.raises(ConfigError, match=r"in which unit is 'train tokens' \(1 to 4\)\?"):
        import_runs("auto", [table])
    check(import_runs("auto", [table], say=["units.tokens=B"]).frame)


def test_constants_without_a_column_are_said(tmp_path: Path) -> None:
    body = [[row[0], row[1], *row[3:]] for row in rows()[::2]]
    header = ("model_size", "ratio", "domain_loss", "general_loss")
    table = write(tmp_path / "t.csv", header, body)
    frame = import_runs("auto", [table], say=["tokens=20B", "seed=1"]).frame
    assert set(frame["tokens"]) == {20e9}
    assert set(frame["seed"]) == {1}
    (tmp_path / "runs.yaml").write_text(
        "defaults: {tokens: 20B, schedule: {kind: cosine, peak: 1e-3}}"
    )
    described = import_runs("auto", [table], tmp_path / "runs.yaml").frame
    assert set(described["tokens"]) == {20e9}
    assert described["schedule"].str.contains("cosine").all()


def test_a_column_that_is_no_loss_is_listed_with_the_key(tmp_path: Path) -> None:
    header = ("run_id", "n_params", "tokens", "domain_ratio", "bits_per_byte", "word_perplexity")
    table = write(tmp_path / "t.csv", header, [["r1", "1e8", "1e9", "0.3", "0.61", "8.8"]])
    with pytest.raises(DataError) as refusal:
        import_runs("table", [table])
    for said in ("'bits_per_byte' is bits per byte", "domain_ratio", "columns: {loss: COLUMN}"):
        assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("cells", "share"),
    [(("30", "70"), 0.3), (("0.333", "0.668"), 0.333 / 1.001), (("0.33", "0.66"), 1 / 3),
     (("33.3", "66.6"), 1 / 3)],
)  # fmt: skip
def test_shares_that_were_rounded_or_are_percent(cells, share: float, tmp_path: Path) -> None:
    header = ("model_size", "share_a", "share_b", "tokens", "loss_a", "loss_b")
    table = write(tmp_path / "t.csv", header, [["70M", *cells, "1B", "2.5", "2.6"]])
    frame = import_runs("auto", [table]).frame
    assert frame["share.a"].tolist() == pytest.approx([share, share])


def test_shares_that_rounding_does_not_explain_are_refused(tmp_path: Path) -> None:
    header = ("model_size", "share_a", "share_b", "tokens", "loss_a", "loss_b")
    table = write(tmp_path / "t.csv", header, [["70M", "0.300", "0.650", "1B", "2.5", "2.6"]])
    with pytest.raises(DataError, match="sum to 1 within 0.001"):
        import_runs("auto", [table])


def test_shares_that_change_within_a_run_are_named(tmp_path: Path) -> None:
    header = ("run_id", "n_params", "tokens", "domain_ratio", "domain_loss", "general_loss")
    body = [["a", "1e8", "1e9", "0.3", "2.5", "2.6"], ["a", "1e8", "2e9", "0.5", "2.4", "2.7"]]
    table = write(tmp_path / "t.csv", header, body)
    with pytest.raises(DataError, match="run 'a' has share.domain from 0.3 to 0.5"):
        import_runs("table", [table])
    path = '[[1e9, {"domain": 0.3, "general": 0.7}], [2e9, {"domain": 0.7, "general": 0.3}]]'
    table = write(tmp_path / "t.csv", (*header, "mixture_path"), [[*row, path] for row in body])
    frame = import_runs("table", [table]).frame
    assert frame["share.domain"].tolist() == pytest.approx([0.3, 0.3, 0.5, 0.5])


def test_all_keys_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    code, page, _ = run(capsys, "import", "--help-columns")
    assert code == 0
    assert set(DOCUMENT) == set(RunsDescription.model_fields)
    assert set(RUN) == set(RunDescription.model_fields)
    assert all(f"  {key}" in page for key in (*DOCUMENT, *RUN))
    assert max(map(len, page.splitlines())) <= 80


def test_the_input_is_never_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("runs.csv"), SPELLINGS[0], rows())
    assert run(capsys, "import", "runs.csv", "--out", "runs.csv")[0] == 2
    assert run(capsys, "import", "runs.csv")[0] == 0
    check(read_runs("runs-imported.csv"))
