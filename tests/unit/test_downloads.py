"""Tables of pages as CSV."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from leukorepro.report.output import Output
from leukorepro.report.pages.downloads import add_tables, read_table

TABLE = """<table class="x"><caption><div>A <b>caption</b></div></caption>
<thead><tr><th rowspan="2">Item</th><th colspan="2">Accuracy (%)</th>
<th rowspan="2"><span class="sr">Source</span></th></tr>
<tr><th>published</th><th>ours</th></tr></thead>
<tbody><tr><th rowspan="2">A &amp; &lt;B&gt;<span class="sub">a reading</span></th>
<td><data value="0.98123">98.1</data><small>90.0&ndash;99.1</small></td><td>&ge; 7<br></td><td><i></i>one</td></tr>
<tr><td colspan="2">not run</td><td><span class="none">&ndash;<span class="sr">not measured</span></span></td></tr>
</tbody></table>"""


def test_a_table_is_read_as_it_is_shown() -> None:
    frame = read_table(TABLE)
    assert list(frame.columns) == ["Item", "Accuracy (%): published", "Accuracy (%): ours", "Source"]
    assert frame.to_numpy().tolist() == [
        ["A & <B> (a reading)", "98.1 (90.0\N{EN DASH}99.1)", "≥ 7", "one"],
        ["A & <B> (a reading)", "not run", "not run", "\N{EN DASH}"],
    ]


def test_each_table_is_written_but_where_its_numbers_are_linked_to(tmp_path: Path) -> None:
    linked = TABLE.replace("caption</b>", 'caption</b> <a href="data/atteia2022/verdicts.csv">Numbers (CSV)</a>')
    body = f'<section id="one"><h2 id="one-title">x</h2>{TABLE}{TABLE}</section><section id="two">{linked}</section>'
    output = Output(tmp_path)
    written = add_tables(body, "page", output)
    assert written.count('href="data/tables/page/one.csv"') == 1
    assert written.count('href="data/tables/page/one-2.csv"') == 1
    assert written.count("This table as CSV") == 2
    frame = pd.read_csv(tmp_path / "data" / "tables" / "page" / "one-2.csv")
    assert frame.equals(read_table(TABLE))
