"""Rules: the same rows by mask, SQL and query; conditions on one column become one."""

from __future__ import annotations

import json
import sqlite3

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xaikit as xk
from xaikit.tables.rules import Rule

Condition = xk.Condition
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({
    "age": RNG.integers(20, 60, 80).astype(float), "job title": RNG.choice(["clerk", "cook", "o'neil"], 80),
    "fee": RNG.normal(size=80).round(2)})
FRAME.loc[::7, "age"] = np.nan
FRAME.loc[::9, "job title"] = None

CONDITIONS = st.one_of(
    st.tuples(st.sampled_from(["age", "fee"]), st.sampled_from([-0.5, 0.0, 25.0, 35.0, 47.0]), st.booleans(),
              st.sampled_from([False, True, "only"])).map(
        lambda c: Condition(c[0], missing="only") if c[3] == "only" else
        Condition(c[0], **{"low" if c[2] else "high": c[1]}, missing=c[3])),
    st.lists(st.sampled_from(["clerk", "cook", "o'neil", "no one"]), min_size=1, max_size=2, unique=True).map(
        lambda levels: Condition("job title", levels=levels)))
RULES = st.lists(CONDITIONS, max_size=4).map(lambda conditions: (conditions, Rule(conditions)))


@given(RULES)
def test_a_rule_holds_where_all_its_conditions_do(made):
    conditions, rule = made
    want = np.all([np.ones(len(FRAME), dtype=bool), *(c.mask(FRAME) for c in conditions)], axis=0)
    np.testing.assert_array_equal(rule.applies(FRAME), want)
    assert len({c.column for c in rule.conditions}) == len(rule)
    connection = sqlite3.connect(":memory:")
    FRAME.assign(place=range(len(FRAME))).to_sql("t", connection, index=False)
    got = [i for (i,) in connection.execute(f"SELECT place FROM t WHERE {rule.to_sql()} ORDER BY place")]
    connection.close()
    assert got == np.flatnonzero(want).tolist()
    if len(rule):
        assert FRAME.query(rule.to_pandas_query()).index.tolist() == got


@given(RULES)
def test_a_rule_comes_back_from_json(made):
    rule = made[1]
    again = Rule.from_dict(json.loads(json.dumps(rule.to_dict())))
    assert again == rule
    assert hash(again) == hash(rule)
    assert repr(rule) == f"Rule({rule.words()})"


def test_words_keep_the_order_of_the_columns():
    rule = Rule([Condition("b", low=1), Condition("a", levels=["x"]), Condition("b", high=2), Condition("c", missing="only")])
    assert rule.words() == "1 < b <= 2 and a = x and c missing"


def test_an_array_has_columns_by_number_or_by_the_names_given():
    rule = Rule([Condition("x1", low=0.5)])
    assert rule.applies(np.eye(2)).tolist() == [False, True]
    assert Rule([Condition("p", low=0.5)]).applies(np.eye(2), columns=iter(["p", "q"])).tolist() == [True, False]


def test_what_makes_no_rule():
    with pytest.raises(TypeError, match="a rule is made of conditions, got str"):
        Rule(["age > 3"])
    with pytest.raises(ValueError, match="which no query says"):
        Rule().to_pandas_query()
    with pytest.raises(ValueError, match=r"expected a rule with 'conditions', got the keys \['rule'\]"):
        Rule.from_dict({"rule": []})
    with pytest.raises(KeyError, match="no column is named 'nothing'"):
        Rule([Condition("nothing", low=1)]).applies(FRAME)
