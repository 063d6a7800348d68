"""Tables of a paper are read from the paper's own file, and no digit is invented."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from leukorepro.audits.reading.paper import read_paper
from leukorepro.audits.reading.rows import TableRead
from leukorepro.cli.app import app
from leukorepro.config.study.published import read_published
from leukorepro.core.errors import UserError
from leukorepro.metrics.headings import WORDS, metric_of
from leukorepro.metrics.registry import METRICS, Source

ROOT = Path(__file__).parents[2]

FLAT = (
    "Table 2: Scores of two networks\n\n\tResNet-50\t\tVGG16\t\nClassifier\tAcc. (%)\tF1-score\tAcc. (%)\tF1-score\n"
    "KNN\t91.2\t0.905\t<b>100</b>\t0.99\nSVM\t90\t0.88\t12 3%\t0.90 ± 0.02\n"
)
FLAT_ROWS = {
    ("2", "ResNet-50/KNN", "accuracy", "0.912"),
    ("2", "ResNet-50/KNN", "f1", "0.905"),
    ("2", "VGG16/KNN", "accuracy", "1.00"),
    ("2", "VGG16/KNN", "f1", "0.99"),
    ("2", "ResNet-50/SVM", "accuracy", "0.90"),
    ("2", "ResNet-50/SVM", "f1", "0.88"),
    ("2", "VGG16/SVM", "f1", "0.90"),
}
MARKDOWN = (
    "**Table II.** Precision and recall of ResNet-50.\n\n|  | Precision | Recall | Support |\n|---|:--:|---|---|\n"
    "| Healthy | 0.80 | 0.74 | 1,024 |\n| Leukemia | 0.88 | 0.91 | 20 |\n| Macro avg | 0.84 | | |\n"
    "| Weighted avg | | 0.825 | |\n"
)
HTML = """<p>As Table 1 shows.</p><table><caption>Table 3. Networks</caption>
<tr><th rowspan=2>Method</th><th rowspan=2>Network</th><th colspan=2>Testing</th></tr>
<tr><th>Sens.</th><th>AUC</th></tr>
<tr><td rowspan=2>Fine tuning</td><td>A</td><td>98,5&nbsp;%</td><td>0.991</td></tr>
<tr><td>B</td><td>7.25 %</td><td>.975 (0.96 to 0.99)</td></tr></table>"""
LATEX = r"""\begin{table}\caption{Numbers of \textbf{two} models}\begin{tabular}{lcc} \toprule % 0.123
Metric & A & B \\ \midrule
Accuracy (\%) & \textbf{98.50} & 97.1 \\
Specificity (\%) & 88.0 & \multicolumn{1}{c}{99.9} \\ \bottomrule
\end{tabular}\end{table}"""


def rows_of(tables: list[TableRead]) -> set[tuple[str, str, str, str]]:
    """What the rows say, without notes."""
    return {(one.table, one.item, one.metric, one.value) for table in tables for one in table.values}


def written(folder: Path, name: str, text: str) -> Path:
    """A paper's file."""
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_flattened_text(tmp_path: Path) -> None:
    (table,) = read_paper(written(tmp_path, "paper.txt", FLAT))
    assert rows_of([table]) == FLAT_ROWS
    assert table.left_out == ["'12 3%' of SVM, VGG16 / Acc. (%)"]


def test_classes_and_means_over_them_stand_in_the_metrics_name(tmp_path: Path) -> None:
    assert rows_of(read_paper(written(tmp_path, "paper.md", MARKDOWN))) == {
        ("II", "ResNet-50", "healthy_precision", "0.80"),
        ("II", "ResNet-50", "healthy_recall", "0.74"),
        ("II", "ResNet-50", "leukemia_precision", "0.88"),
        ("II", "ResNet-50", "leukemia_recall", "0.91"),
        ("II", "ResNet-50", "macro_precision", "0.84"),
        ("II", "ResNet-50", "weighted_recall", "0.825"),
        ("II", "Healthy", "size", "1024"),
        ("II", "Leukemia", "size", "20"),
    }


def test_cells_of_html_that_span_others(tmp_path: Path) -> None:
    assert rows_of(read_paper(written(tmp_path, "paper.html", HTML))) == {
        ("3", "A", "sensitivity", "0.985"),
        ("3", "A", "auroc", "0.991"),
        ("3", "B", "sensitivity", "0.0725"),
        ("3", "B", "auroc", "0.975"),
    }


def test_latex_whose_rows_are_metrics(tmp_path: Path) -> None:
    assert rows_of(read_paper(written(tmp_path, "paper.tex", LATEX))) == {
        ("1", "A", "accuracy", "0.9850"),
        ("1", "B", "accuracy", "0.971"),
        ("1", "A", "specificity", "0.880"),
        ("1", "B", "specificity", "0.999"),
    }


def as_pdf(path: Path, text: str, *, ruled: bool) -> Path:
    """A PDF of the tables of a flattened text, and its lines with `Table` in front, as reportlab sets them."""
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

    story: list[Any] = []
    style = getSampleStyleSheet()["Normal"]
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        cells = re.sub(r"</?\w>", "", line).split("\t")
        if len(cells) > 1:
            rows.append([cell if len(cell) < 60 else f"{cell[:58]}." for cell in cells])
            continue
        if rows:
            width = max(map(len, rows))
            grid = [("GRID", (0, 0), (-1, -1), 0.5, "black")] if ruled else []
            filled = [[*row, *[""] * (width - len(row))] for row in rows]
            story += [Table(filled, style=[("FONTSIZE", (0, 0), (-1, -1), 6), *grid]), Spacer(1, 30)]
            rows = []
        if re.match(r"\W*tab(le|\.) ", line, re.IGNORECASE) or (line and not line.startswith(("$", "#"))):
            story.append(Paragraph(line[:300].replace("&", "&amp;").replace("<", "&lt;"), style))
    SimpleDocTemplate(str(path), pagesize=landscape(A4)).build(story)
    return path


@pytest.mark.parametrize("ruled", [True, False], ids=["ruled", "not ruled"])
def test_pdf(tmp_path: Path, ruled: bool) -> None:
    (table,) = read_paper(as_pdf(tmp_path / "paper.pdf", FLAT, ruled=ruled))
    assert rows_of([table]) == FLAT_ROWS
    assert {value.page for value in table.values} == {"1"}


def test_pdf_without_text(tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "scan.pdf"))
    canvas.rect(10, 10, 300, 300)
    canvas.save()
    with pytest.raises(UserError, match="has no text, as a scanned paper"):
        read_paper(tmp_path / "scan.pdf")


def test_rows_are_taken_by_the_reader_of_published_numbers(tmp_path: Path) -> None:
    """The command's file goes into an audit as it is; every row is marked as not confirmed."""
    import pandas as pd

    file, out = written(tmp_path, "paper.txt", FLAT), tmp_path / "rows.csv"
    done = CliRunner().invoke(app, ["audit", "read", str(file), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "'12 3%'" in done.output
    assert len(read_published(out)) == len(FLAT_ROWS)
    assert set(pd.read_csv(out)["confirmed"]) == {"no"}
    facts, found, page = (tmp_path / name for name in ("facts.yaml", "audit.json", "audit.html"))
    facts.write_text("test: {positive: 120, negative: 130}\naveraging: pooled\n")
    options = ["--facts", str(facts), "--out", str(found), "--page", str(page)]
    done = CliRunner().invoke(app, ["audit", "table", str(out), *options])
    assert done.exit_code == 0, done.output
    items = json.loads(found.read_text())["tables"]["2"]["items"]
    assert {item: row["status"] for item, row in items.items()} == {
        "ResNet-50/KNN": "possible",  # 228 of 250 are right
        "VGG16/KNN": "impossible",  # an accuracy of 1.00 beside an F1 of 0.99
        "ResNet-50/SVM": "possible",
        "VGG16/SVM": "possible",
    }
    assert "Table 2, VGG16/KNN" in page.read_text()


@pytest.mark.parametrize("form", ["paper.txt", "paper.pdf"])
def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path, form: str) -> None:
    """Neither what was confirmed of the rows read, nor rows typed by hand; and the paper is not read at all."""
    paper, out = written(tmp_path, form, FLAT), tmp_path / "rows.csv"  # as .pdf it cannot be read
    for before in ("table,item,metric,value,confirmed\n2,KNN,accuracy,0.912,yes\n", "", "anything"):
        out.write_text(before)
        done = CliRunner().invoke(app, ["audit", "read", str(paper), "--out", str(out)])
        assert done.exit_code == 2
        assert f"{out}: is there already" in " ".join(done.output.split())
        assert out.read_text() == before


def test_words_are_of_metrics_that_are_known() -> None:
    """Every word for a known metric is read as it, and no two metrics share one."""
    known = {key: many for key, many in WORDS.items() if key in METRICS and METRICS[key].is_printed}
    words = [word for many in known.values() for word in many]
    assert len(words) == len(set(words))
    for key, many in known.items():
        front = "train_" if METRICS[key].source is Source.LOSSES else ""
        assert {metric_of(f"{front} {word}") for word in many} == {front + key}


# The five papers

RESULTS = {
    "atteia2022": ("000_f68b94774e85e9be", ["1"]),
    "hasanaath2024": ("001_e6193a157949fd44", ["2", "3", "4", "5", "6"]),
    "alhammadi2024": ("002_6c79d9e242821886", ["1"]),
    "rezayi2021": ("003_6f46155f37525ed1", ["1", "2", "3", "4", "5", "6"]),
    "hayat2022": ("004_673ff6e82ff61c1f", ["II", "III", "IV"]),
}
"""File of every paper, and the tables that print its results."""

SAME = {
    "proposedconvolution": "cnn",
    "proposedconvolutionalneuralnetwork": "cnn",
    "proposedcnn": "cnn",
    "convolutionalautoencodercnn": "caecnn",
    "cnngrubilstmmsvm": "34cnngrubilstmmsvm",
    "finetunedvgg16svmbinaryclassification": "35vgg16svm",
    "densenet121svmbinaryclassification": "35densenet121svm",
    "resnet50svmthreeclassclassification": "35resnet50svm",
    "convolutionalneuralnetworkscnns": "36cnn",
    "inceptionv3resnet101": "inceptionresnet",
    "inceptionv3resnet101finetuned": "inceptionresnetfinetuned",
    "incepresnet101": "inceptionresnet",
    "incepresnet101finetuned": "inceptionresnetfinetuned",
}
"""Names that our table of published numbers has shorter than the paper."""


def spelled(item: str) -> str:
    """An item's name, to compare: letters and digits only; fine tuning last, and feature extraction not named."""
    parts = [re.sub("[^a-z0-9]", "", part) for part in item.lower().split("/")]
    parts = ["finetuned" if part == "finetuning" else part for part in parts if part != "featureextraction"]
    name = "".join(sorted(parts, key=lambda part: part == "finetuned"))
    return SAME.get(name, name)


def recall(tables: list[TableRead], key: str, number: str) -> float:
    """Share of a table's published values that were read with the right item, metric and value."""
    published = read_published(ROOT / "config" / "published" / f"{key}.csv")
    wanted = published[published["table"] == number]
    found = {
        (spelled(one.item), one.metric, float(one.value))
        for table in tables
        for one in table.values
        if one.table == number
    }
    hits = [(spelled(row.item), row.metric, row.value) in found for row in wanted.itertuples()]
    return sum(hits) / len(hits)


@pytest.mark.parametrize("key", RESULTS)
@pytest.mark.parametrize("form", ["txt", "pdf"])
def test_five_papers(key: str, form: str, shared: Path, tmp_path: Path) -> None:
    """At least 90 % of the values of every table of results, and no digit that the text does not have."""
    name, numbers = RESULTS[key]
    file = shared.parent / "papers" / f"{name}.txt"
    if not file.is_file():
        pytest.skip(f"{file} is not there")
    text = file.read_text(encoding="utf-8")
    if form == "pdf":
        file = as_pdf(tmp_path / "paper.pdf", "\n".join(near_tables(text)), ruled=True)
    tables = read_paper(file)
    for number in numbers:
        assert recall(tables, key, number) >= 0.9, number
    for value in (value for table in tables for value in table.values):
        digits = re.match(r"[\d.,]+", value.printed)
        assert digits is not None
        assert digits[0] in text
        number = Decimal(digits[0].replace(",", ""))
        assert Decimal(value.value) in (number, number / 100)


def near_tables(text: str) -> list[str]:
    """Lines of tables, and the captions: a PDF of them is quickly made."""
    return [line for line in text.splitlines() if "\t" in line or re.match(r"\W*tab(le|\.)\s", line, re.I) or not line]
