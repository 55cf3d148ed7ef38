"""The commands: import, export, and the lists of what can be read and written."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from mixlaw import plugins
from mixlaw.cli import main
from mixlaw.importers.assembly.description import EXAMPLE, load_description
from mixlaw.runs.table import read_runs

SAMPLES = Path(__file__).parents[1] / "data" / "logs"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as leaving:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return int(leaving.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_import_writes_a_table_that_reads_back(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"runs{suffix}"
    describe = SAMPLES / "hf-trainer" / "runs.yaml"
    code, stdout, _ = run(capsys, "import", "auto", "--describe", describe, "--out", out, "--json")
    document = json.loads(stdout)
    assert code == 0
    assert document["schema"] == "mixlaw.import/1"
    assert document["runs"] == ["r30", "r70"]
    assert document["rows"] == len(read_runs(out)) == 20
    assert document["flagged"] == {}


def test_the_same_logs_give_the_same_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name
        shutil.copytree(SAMPLES / "megatron", folder)
        code, _, _ = run(capsys, "import", "megatron", "--describe", folder / "runs.yaml",
                         "--out", folder / "runs.csv")  # fmt: skip
        assert code == 0
    assert (tmp_path / "one/runs.csv").read_bytes() == (tmp_path / "two/runs.csv").read_bytes()


@pytest.mark.parametrize("kind", ["importers", "emitters"])
def test_lists_have_an_example_of_every_plugin(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, stdout, stderr = run(capsys, kind)
    assert code == 0
    assert "next: mixlaw" in stderr
    code, as_json, _ = run(capsys, kind, "--json")
    entries = json.loads(as_json)
    assert [entry["name"] for entry in entries] == list(plugins.available(kind))
    for entry in entries:
        assert entry["example"].strip() in stdout


def test_the_description_that_is_shown_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs.yaml").write_text(EXAMPLE)
    assert load_description(tmp_path / "runs.yaml").runs["r30"].n_params == 70e6
    assert EXAMPLE in run(capsys, "importers")[1]
    log = SAMPLES / "hf-trainer" / "r30" / "trainer_state.json"
    code, _, stderr = run(capsys, "import", "auto", log, "--out", tmp_path / "runs.csv")
    assert code == 2
    assert "in --describe FILE ('mixlaw importers' shows one)" in stderr


def test_an_unknown_importer_is_named_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    code, stdout, stderr = run(capsys, "import", "tensorbord", "x")
    assert (code, stdout) == (2, "")
    assert "Did you mean 'tensorboard'?" in stderr


def exported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, *more: str
) -> list[dict[str, str]]:
    runs, out = tmp_path / "runs.csv", tmp_path / "out.csv"
    describe = SAMPLES / "megatron" / "runs.yaml"
    assert run(capsys, "import", "megatron", "--describe", describe, "--out", runs)[0] == 0
    code, _, stderr = run(capsys, "export", runs, "--out", out, *more)
    assert code == 0
    assert "fit each one apart" in stderr
    with out.open() as file:
        return list(csv.DictReader(file))


def test_export_for_chinchilla(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = exported(capsys, tmp_path, "--to", "chinchilla", "--eval-set", "general")
    assert list(rows[0])[:4] == ["C", "N", "D", "loss"]
    for row in rows:
        assert float(row["C"]) == 6 * float(row["N"]) * float(row["D"])
        assert float(row["D"]) == 300 * 2048
    truth = (SAMPLES / "megatron" / "truth.csv").read_text()
    assert all(f"614400,general,{row['loss']}" in truth for row in rows)


def test_export_for_simple_scaling_laws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = exported(capsys, tmp_path, "--to", "simple-scaling-laws")
    assert [row["training_run_id"] for row in rows] == ["r30", "r70"]
    assert {"model_size__n_params", "dataset_size__n_tokens"} < set(rows[0])
    truth = (SAMPLES / "megatron" / "truth.csv").read_text()
    for row in rows:
        for name in ("domain", "general"):
            line = f"{row['training_run_id']},614400,{name},{row[f'test_loss__{name}']}"
            assert line in truth


def test_export_to_an_unknown_tool_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs.csv"
    describe = SAMPLES / "megatron" / "runs.yaml"
    run(capsys, "import", "megatron", "--describe", describe, "--out", runs)
    code, _, stderr = run(capsys, "export", runs, "--to", "chinchila", "--out", tmp_path / "x.csv")
    assert code == 2
    assert "Did you mean 'chinchilla'?" in stderr
    assert not (tmp_path / "x.csv").exists()
