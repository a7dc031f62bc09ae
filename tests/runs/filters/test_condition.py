"""The filter: what may be asked, how columns are written, and that every answer is that of a plain look at the rows."""

import datetime

import pyarrow as pa
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadRequest
from datasel_core.runs.candidates import matching
from datasel_core.runs.filters.condition import read
from tests.conftest import paint

ROWS = [
    {
        "id": f"s{at:02d}",
        "group": ("train", "val", "it's", None)[at % 4],
        "amount": at,
        "ratio": at / 4,
        "First Name": f"N{at % 3}",
        "file-name": f"f{at % 5}.txt",
        "order": at % 7,
        "and": at % 2 == 0,
        "weight (kg)": float(at % 6),
        "2nd": at % 3,
        "größe": "é" * (at % 4),
        "a": at,
        "b": 2,
        "a-b": 100 + at,
        "day": datetime.date(2020, 1, 1) + datetime.timedelta(days=at),
        "text": "x" * at,
    }
    for at in range(40)
]
COLUMNS = list(ROWS[0])


@pytest.fixture(scope="module")
def table():
    return pa.Table.from_pylist(ROWS)


@pytest.fixture
def pool(table):
    """A pool as a filter sees it: only its columns are asked."""
    return pool_of(table)


def pool_of(table):
    from datasel_core.pools.pool import Pool

    content = pa.array([str(at) for at in range(table.num_rows)])
    return Pool("p", "images", None, {"table_sha256": "0"}, table.append_column("content", content))


def yes(value):
    """SQL keeps what is true; unknown is not."""
    return value is True


ALLOWED = {
    # Names that SQL keeps for itself, with blanks and signs, in any capitals; quoted ones as ever.
    "group = 'train'": lambda r: r["group"] == "train",
    "GROUP = 'train' or Group = 'val'": lambda r: r["group"] in ("train", "val"),
    "\"group\" = 'train'": lambda r: r["group"] == "train",
    "group is null": lambda r: r["group"] is None,
    "group = 'it''s' -- group = 'val'": lambda r: r["group"] == "it's",
    "group in ('train', 'group') /* or group = 'val' */": lambda r: r["group"] == "train",
    "order > 3 and group = 'val'": lambda r: r["order"] > 3 and r["group"] == "val",
    "and and amount > 10": lambda r: r["and"] and r["amount"] > 10,
    "not and": lambda r: not r["and"],
    "amount > 30 and and and order < 3": lambda r: r["amount"] > 30 and r["and"] and r["order"] < 3,
    "First Name = 'N1'": lambda r: r["First Name"] == "N1",
    "first name = 'N1' and file-name = 'f2.txt'": lambda r: r["First Name"] == "N1" and r["file-name"] == "f2.txt",
    "upper(First Name) = 'N2'": lambda r: r["First Name"] == "N2",
    "weight (kg) >= 4": lambda r: r["weight (kg)"] >= 4,
    "2nd = 1": lambda r: r["2nd"] == 1,
    "größe = 'éé'": lambda r: r["größe"] == "éé",
    "length(größe) = 3 and group = 'é' or order = 0": lambda r: r["order"] == 0,
    "a-b > 20": lambda r: r["a"] - 2 > 20,
    '"a-b" > 120': lambda r: r["a-b"] > 120,
    "pool.amount < 3": lambda r: r["amount"] < 3,
    "pool.group = 'val'": lambda r: r["group"] == "val",
    # Expressions.
    "amount = 3": lambda r: r["amount"] == 3,
    "amount": lambda r: r["amount"] != 0,
    "row < 5": lambda r: r["amount"] < 5,
    "rowid >= 38": lambda r: r["amount"] >= 38,
    "true": lambda r: True,
    "amount between 3 and 5": lambda r: 3 <= r["amount"] <= 5,
    "amount not in (1, 2, 3)": lambda r: r["amount"] not in (1, 2, 3),
    "group like 't%'": lambda r: (r["group"] or "").startswith("t"),
    "group ilike 'T%' and id similar to 's0.*'": lambda r: (r["group"] or "").startswith("t") and r["id"] < "s1",
    "group is distinct from 'val'": lambda r: r["group"] != "val",
    "coalesce(group, 'none') = 'none'": lambda r: r["group"] is None,
    "case when amount > 20 then order = 1 else false end": lambda r: r["amount"] > 20 and r["order"] == 1,
    "cast(amount as varchar) = '7'": lambda r: r["amount"] == 7,
    "amount::double / 2 > 15": lambda r: r["amount"] / 2 > 15,
    "try_cast(group as int) is null": lambda r: True,
    "amount % 10 = 3 or -amount = -4": lambda r: r["amount"] % 10 == 3 or r["amount"] == 4,
    "regexp_matches(id, '[05]$')": lambda r: r["id"][-1] in "05",
    "id.lower() = 's07'": lambda r: r["id"] == "s07",
    "split_part(file-name, '.', 1) = 'f3'": lambda r: r["file-name"] == "f3.txt",
    "length(text) > 35": lambda r: r["amount"] > 35,
    "levenshtein(First Name, 'N1') = 0": lambda r: r["First Name"] == "N1",
    "greatest(amount, 20) = 20": lambda r: r["amount"] <= 20,
    "abs(ratio - 5) < 0.3": lambda r: abs(r["ratio"] - 5) < 0.3,
    "day >= date '2020-02-01'": lambda r: r["day"] >= datetime.date(2020, 2, 1),
    "extract(month from day) = 2": lambda r: r["day"].month == 2,
    "day + interval 3 day > date '2020-02-10'": lambda r: r["day"] > datetime.date(2020, 2, 7),
    "date_diff('day', date '2020-01-01', day) = 4": lambda r: r["amount"] == 4,
    "day::timestamptz < '2020-01-03'": lambda r: r["day"] < datetime.date(2020, 1, 3),
    "list_contains([1, 2, 30], amount)": lambda r: r["amount"] in (1, 2, 30),
    "amount = any([4, 5])": lambda r: r["amount"] in (4, 5),
    "list_contains(range(10), amount)": lambda r: r["amount"] < 10,
    "list_sum(list_transform([1, 2], lambda x: x + amount)) > 70": lambda r: 3 + 2 * r["amount"] > 70,
    "lpad(id, 5, '0') = '00s07'": lambda r: r["id"] == "s07",
    "{'k': amount}.k = 3": lambda r: r["amount"] == 3,
    "columns('^(a|b)$') > 1": lambda r: r["a"] > 1 and r["b"] > 1,
    "amount > (select avg(amount) from pool)": lambda r: r["amount"] > 19.5,
    "amount in (select max(amount) from pool p group by p.group)": lambda r: r["amount"] >= 36,
    "exists (select 1 from pool p where p.amount = pool.amount + 1)": lambda r: r["amount"] < 39,
    "hash(id) is not null": lambda r: True,
}


@pytest.mark.parametrize("where", ALLOWED)
def test_what_is_allowed_is_what_it_says(pool, where):
    assert matching(pool, where).tolist() == [bool(ALLOWED[where](row)) for row in ROWS]


VOLATILE, CLOCK = "gives other rows each time", "depends on when or where it is asked; write the value itself"
OTHER, NONE, QUERY = "opens something other than the pool", "is no function", "holds a query on something other than"
REFUSED = {
    "random() < 0.5": VOLATILE,
    "uuid()::varchar < 'a'": VOLATILE,
    "gen_random_uuid() is not null": VOLATILE,
    "setseed(0.5) is null": VOLATILE,
    "sleep_ms(100) is null": VOLATILE,
    "nextval('x') > 1": VOLATILE,
    "error('x')": VOLATILE,
    "amount > (select reservoir_quantile(amount, 0.5) from pool)": VOLATILE,
    "day < now()": CLOCK,
    "day < current_date": CLOCK,
    "day < today()": CLOCK,
    "day < current_timestamp": CLOCK,
    "day < get_current_timestamp()": CLOCK,
    "day < localtimestamp": CLOCK,
    "age(day) > interval 3 day": CLOCK,
    "current_setting('threads') > '1'": CLOCK,
    "current_user = 'a'": CLOCK,
    "user = 'a'": CLOCK,
    "user() = 'a'": CLOCK,
    "current_database() = 'memory'": CLOCK,
    "txid_current() > 3": CLOCK,
    "getvariable('x') > 3": CLOCK,
    "version() = 'v1'": "says something of the program",
    "json_serialize_sql('select 1') is not null": "says something of the program",
    "getenv('HOME') = '/'": NONE,
    "nothing_like_it(amount)": NONE,
    "main.lower(id) = 'a'": NONE,
    "pg_get_viewdef(3) = 'a'": QUERY,
    "read_csv('x.csv')": OTHER,
    "read_text('/etc/passwd') = 'a'": OTHER,
    "glob('*') = 'a'": OTHER,
    "query('select 1')": OTHER,
    "pragma_table_info('pool')": OTHER,
    "unnest([1]) = 1": "opens something other than the pool",
    "id in (select column0 from read_csv('x.csv'))": QUERY,
    "id in (select content from read_text('/etc/passwd'))": QUERY,
    "id in (select file from glob('*'))": QUERY,
    "id in (select id from 'x.parquet')": QUERY,
    "id in (select id from other)": QUERY,
    "id in (select name from duckdb_settings())": QUERY,
    "id in (select table_name from information_schema.tables)": QUERY,
    "amount > (select 1 from pool limit 1)": QUERY,
    "amount > (select amount from pool using sample 1)": QUERY,
    "amount in (select amount from pool order by random())": QUERY,
    "amount > (select count(*) from pool a, pool b, pool c, pool d)": QUERY,
    "amount > (select count(*) from pool a join pool b on true)": QUERY,
    "amount > (with recursive t as (select 1) select * from t)": QUERY,
    "amount in (select 1 union all select 2)": QUERY,
    "amount in (values (1))": QUERY,
    "avg(amount) > 3": "speaks of many rows; of all that is (SELECT avg(...) FROM pool)",
    "weighted_avg(a, b) > 3": "asks weighted_avg(), which asks sum(), which speaks of many rows",
    "row_number() over () < 3": "holds a window",
    "amount > ?": "holds a parameter",
    "amount > $1": "holds a parameter",
    "#1 > 3": "holds a positional reference",
    "amount > default": "holds a default",
    "list_reduce([1, 2], lambda x, y: x + y) = 3": "may go on for ever; list_sum",
    "list_contains(range(100000000000), amount)": "may make each row 100,000,000,001 times as large; at most 1,000",
    "list_contains(range(amount), 3)": "asks range(), whose length another value gives; write it as a number",
    "length(repeat(text, 1000000)) > 3": "1,000,000 times as large",
    "text.repeat(1000000) = 'a'": "1,000,000 times as large",
    "length(repeat(repeat(text, 500), 500)) > 3": "250,000 times as large",
    "lpad(id, 999999999, 'x') = 'a'": "999,999,999 times as large",
    "printf('%999999999d', amount) = 'a'": "999,999,999 times as large",
    "hex(hex(hex(hex(hex(hex(hex(hex(hex(hex(id)))))))))) = 'a'": "1,024 times as large",
    "replace(replace(replace(id, 's', text), 'x', text), 'x', text) = 'a'": "27,000 times as large",
    "true) union all select 0 --": "syntax error",
    "true) or (true": "syntax error",
    "true; drop table pool": "syntax error",
    "true limit 1": "syntax error",
    "true group by all": "syntax error",
    "true window w as ()": "syntax error",
    "amount > 1, true": "syntax error",
    "true; copy pool to 'x.csv'": "syntax error",
    "pragma database_list": "syntax error",
    "set threads = 1": "syntax error",
    "x'": "unterminated string literal",
    "": "it is empty",
    " \n": "it is empty",
    "--": "syntax error",
    "(" * 3000 + "amount" + ")" * 3000: "it is nested too deeply",
    "true or " * 20_000 + "true": "it has 160,004 characters; a condition has at most 100,000",
    "grup = 'train'": "there is no column grup; did you mean group?",
    'group = "train"': "there is no column train; text stands in single quotes, as in 'train'",
    "group = 'train' and grup = 3": "there is no column grup",
    "amount > zzzzzz": "(there is no column zzzzzz);",
    "amount > 1 and LIMIT = 'train'": "(there is no column LIMIT);",
    "upper(Table) = 'x' and group = 'train'": "(there is no column Table; did you mean ",
    "order = 1 and group = 'train' and limit in (order, table)": "(there is no column limit);",
    "left is null or limit = 1": "(there is no column left);",
    "groups = 1 or grant = 2 or having = 3": "(there is no column groups; did you mean group?);",
    "having = 'limit' -- limit": "(there is no column having; did you mean ",
    "not": "syntax error",
    "amount > 1 and": "syntax error",
    "order = 1 limit 1 2": "syntax error",
    "list_transform([1], lambda x: y) = [1]": "there is no column y",
    "amount = 'a'": "does not work (Could not convert string 'a'",
}


@pytest.mark.parametrize("where", REFUSED, ids=lambda where: where[:60])
def test_what_is_refused_says_why_in_one_line(pool, where):
    with pytest.raises(BadRequest) as caught:
        matching(pool, where)
    said = str(caught.value)
    assert REFUSED[where] in said
    assert said.startswith("--where ")
    assert "does not work (" in said
    assert said.endswith(f"give one condition on the columns {', '.join(COLUMNS)}.")
    assert "\n" not in said.replace("\\n", "")
    assert len(said) < 1000
    assert " Error: " not in said  # what DuckDB calls it says nothing to a person


def test_the_table_is_long():
    assert len(ALLOWED) + len(REFUSED) >= 120


def test_a_name_that_can_be_meant_in_two_ways_has_to_be_quoted():
    columns = ["a", "c", "a-b", "b-c"]
    with pytest.raises(BadRequest, match=r'can be read in two ways; write "a-b"-c > 3 or a-"b-c" > 3\); give one'):
        read("a-b-c > 3", columns)
    assert read('"a-b"-c > 3', columns).names == {"a-b", "c"}
    assert read("in in (in) and is is not null", ["in", "is"]).sql == '"in" in ("in") and "is" is not null'


def test_a_word_means_what_sql_says_wherever_that_makes_a_condition():
    """As few names as can be are put into quotes, so that nothing which worked without means something else now."""
    columns = ["null", "group", "true", "a", "b", "a-b"]
    assert read("group = null", columns).sql == '"group" = null'
    assert read("true", columns).names == set()
    assert read("a-b > 3", columns).names == {"a", "b"}
    assert read("a-b > 3", ["a", "a-b"]).sql == '"a-b" > 3'
    assert read("a-b > 3 and c-d > 3", ["a", "b", "a-b", "c-d"]).sql == 'a-b > 3 and "c-d" > 3'


def test_many_places_are_no_burden():
    where = " or ".join(f"group = 'the group {at}' /* group */" for at in range(300))
    assert read(where, ["group"]).sql == where.replace("group =", '"group" =')


def test_columns_that_differ_in_capitals_only_are_told_apart():
    pool = pool_of(pa.table({"id": ["x", "y"], "Size": [1, 2], "size": [2, 1], "size_1": [7, 8]}))
    assert matching(pool, "Size = 1").tolist() == [True, False]
    assert matching(pool, "size = 1").tolist() == [False, True]
    assert matching(pool, '"size" = 1 and SIZE = 2').tolist() == [False, True]
    assert matching(pool, "size_1 = 7 and 'size' = 'size'").tolist() == [True, False]


def test_labels_bring_a_function(workspace):
    labels = pa.array([["car", "bicyclist"], [], ["car"], None], pa.list_(pa.string()))
    pool = pool_of(pa.table({"id": list("abcd"), "group": list("xxyy"), "labels": labels}))
    assert matching(pool, "has('bicyclist')").tolist() == [True, False, False, False]
    assert matching(pool, "HAS ( 'car' ) and group = 'x'").tolist() == [True, False, False, False]
    assert matching(pool, "not has('car')").tolist() == [False, True, False, True]
    assert matching(pool, "labels.has('car') or 'has(' = id").tolist() == [True, False, True, False]
    assert matching(pool, "len(labels) = 2").tolist() == [True, False, False, False]
    with pytest.raises(
        BadRequest, match=r"asks has\(\), which is no function\); give one condition on the columns id, x"
    ):
        matching(pool_of(pa.table({"id": ["a"], "x": [["car"]]})), "has('car')")


def test_old_conditions_on_a_real_pool_mean_the_same(workspace, tmp_path):
    """The text itself enters keys and manifests; names are made safe only where it is asked."""
    from datasel_core.runs.engine import select
    from datasel_core.runs.reproduction import reproduce
    from datasel_core.runs.spec import Spec

    for at in range(6):
        paint(tmp_path / "in" / ("train", "val")[at % 2] / f"{at}.jpg", at)
    add_pool(workspace, "p", str(tmp_path / "in"), "images")
    old = select(workspace, Spec(pool="p", method="random", budget="2", where="\"group\" = 'val'"))
    new = select(workspace, Spec(pool="p", method="random", budget="2", where="group = 'val'"))
    assert old.ids == new.ids
    assert new.manifest["where"] == "group = 'val'"
    assert old.key != new.key
    assert reproduce(workspace, new.folder)["identical"]
