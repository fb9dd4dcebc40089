"""Section 3: the table."""

from __future__ import annotations

import pandas as pd

from xaikit.reporting.data import STRONG
from xaikit.reporting.document import Bullets, Heading, Section, Table, Text
from xaikit.reporting.facts import Facts
from xaikit.tables.wording import plural

OPEN_ROWS = 30


def data(facts: Facts) -> Section:
    """Write the section."""
    many = len(facts.schema_table) > OPEN_ROWS
    blocks: list[object] = [
        Table("schema", f"The {plural(len(facts.columns), 'column')}, over all "
              f"{plural(len(facts.case.frame), 'row')}", facts.schema_table, folded=many),
        Heading("Strongly associated columns"),
    ]
    found = facts.associations
    if not found.pairs:
        blocks.append(Text(f"No two columns have an association of {STRONG} or more (over "
                           f"{plural(found.n_rows, 'row')})."))
    else:
        blocks.append(Bullets(tuple(f"Cluster: {facts.listed(c, 12)}." for c in found.clusters)))
        pairs = pd.DataFrame([{"column": p.first, "and": p.second, "association": p.signed,
                               "measure": p.measure} for p in found.pairs])
        blocks.append(Table("associations", f"Pairs with an association of {STRONG} or more, over "
                            f"{plural(found.n_rows, 'row')}", pairs, folded=len(pairs) > OPEN_ROWS,
                            among=facts.case.predictor.columns.names))
    if found.skipped:
        blocks.append(Text(f"Not compared, since they have too many levels: "
                           f"{facts.listed(found.skipped)}."))
    return Section("data", "Data", tuple(blocks))
