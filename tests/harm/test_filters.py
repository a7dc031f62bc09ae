"""What people put into `--where` so that it does more than ask: refused in one line, and nothing is read, written, sent
for or filled. What `tests/runs/filters` refuses already stands there.
"""

import os
import socket

import pyarrow as pa
import pytest

from datasel_core.errors import BadRequest
from datasel_core.pools.pool import Pool
from datasel_core.runs.candidates import matching

N = 40
OTHER, QUERY = "opens something other than the pool", "holds a query on something other than the pool"
NONE, SYNTAX = "which is no function", "syntax error"
CLOCK, LOT, LARGE = (
    "depends on when or where it is asked",
    "gives other rows each time",
    "times as large; at most 1,000",
)
WIDE, COLUMN, MANY = "whose length another value gives; write it as a number", "there is no column", "more than one row"

REFUSED: dict[str, list[str]] = {
    # Files, in every way that a table can be named.
    QUERY: [
        *(
            f"id in (select 1 from {name}('{{secret}}'))"
            for name in ("read_blob", "read_json", "read_json_auto", "read_ndjson", "parquet_scan", "parquet_metadata")
        ),
        "id in (select 1 from parquet_schema('{secret}'))",
        "id in (select 1 from sniff_csv('{secret}'))",
        "id in (from '{secret}')",
        "id in (select 1 from 'http://127.0.0.1:9/x.csv')",
        "id in (select 1 from 's3://bucket/x.parquet')",
        "id in (select 1 from read_csv('https://127.0.0.1:9/x'))",
        "id in (select 1 from 'ls |')",
        "id in (select 1 from query('select 1'))",
        "id in (select 1 from query_table('pool'))",
        "id in (select 1 from duckdb_secrets())",
        "id in (select 1 from duckdb_databases())",
        "id in (select 1 from pragma_database_list())",
        "id in (select 1 from json_execute_serialized_sql(json_serialize_sql('select 1')))",
        "id in (select id from pool p, lateral (select 1))",
        "id in (select id from (select * from pool))",
        "id in (select id from pool union select 'x')",
        "id in (select id from pool tablesample 10 rows)",
        "id = (select id from pool where id = (select content from read_text('{secret}')))",
        "if(true, (select content from read_text('{secret}')), 'a') = 'canary'",
    ],
    OTHER: [
        "read_blob('{secret}') is not null",
        "try(read_text('{secret}')) is null",
        "list_transform([1], lambda x: read_text('{secret}')) is null",
        "\"read_text\"('{secret}') = 'a'",
        "ReAd_TeXt('{secret}') = 'a'",
        "read_text/**/('{secret}') = 'a'",
        "'{secret}'.read_text() = 'a'",
        "query_table('pool') = 1",
        "which_secret('s3://x', 's3') is null",
    ],
    # What the program, the machine or the clock says.
    NONE: [
        "main.getenv('HOME') = 'a'",
        "system.main.getenv('HOME') = 'a'",
        "system.main.read_text('{secret}') = 'a'",
        "id.getenv() = 'a'",
        "case when true then getenv('HOME') end = 'a'",
        "list_transform(['HOME'], lambda x: getenv(x)) is null",
        "set_config('threads', '1') = 'a'",
        "from_substrait('x') is null",
        "load_aws_credentials() is null",
        "st_read('{secret}') is null",
        "file_exists('/etc/passwd')",
        "http_get('http://127.0.0.1') is null",
    ],
    CLOCK: [
        "current_setting('home_directory') = 'a'",
        "current_setting('secret_directory') = 'a'",
        "now()::varchar = 'a'",
        "transaction_timestamp() is null",
        "strftime(current_date, '%Y') = 'a'",
    ],
    LOT: [
        "random()",
        "hash(random()) > 1",
        "currval('s') > 1",
        "write_log('a') is null",
        "sleep_ms(1000) is null",
        "amount > (select max(amount) filter (where random() < 2) from pool)",
    ],
    # Statements, and ends of conditions.
    SYNTAX: [
        "install httpfs",
        "load httpfs",
        "attach 'x.db' as y",
        "export database 'x'",
        "copy pool to 'x.csv'",
        "copy (select 1) to 'x.csv'",
        "call pragma_version()",
        "prepare q as select 1",
        "explain select 1",
        "create table t (a int)",
        "create macro lower(x) as 'y'",
        "drop table pool",
        "from pool",
        "summarize pool",
        "show tables",
        "select 1",
        "with t as (select 1) select * from t",
        "true;",
        "true --\n; drop table pool",
        "true */",
        "true) --",
        "(true",
        "' or '1'='1",
        "true\u037e drop",
        "amount between 1 and",
        "((((",
    ],
    "unterminated": ["/*", "true /*", "/* /* */ true", "') or true --", '" or 1=1'],
    COLUMN: [
        "begin",
        "checkpoint",
        "vacuum",
        "tr\0ue",
        "\u202etrue",
        "U&'\\0041' = id",
        "@@version = 1",
    ],
    MANY: ["row_number() over () = 1", "count(*) over () > 1", "amount = $x", "amount = ?1"],
    # Memory and time.
    LARGE: [
        "length(repeat('a', 1000000000)) > 1",
        "rpad('a', 2147483647, 'x') = 'a'",
        "list_resize([1], 1000000000) is null",
        "len(generate_series(1, 1000000000)) > 1",
        "bitstring('1', 1000000000) is null",
        "to_base(amount, 2, 1000000000) = 'a'",
        "bar(amount, 0, 10, 1000000000) = 'a'",
        "format('{{:999999999}}', amount) = 'a'",
        f"printf('%{'9' * 5000}d', amount) = 'a'",
        "levenshtein(repeat(text, 1000), repeat(text, 1000)) > 1",
        "list_transform(range(1000), lambda x: range(1000)) is null",
        "id in (select unnest(range(1000000000)) from pool)",
        "try_cast(id as int[90000][9]) is null",
        "null::int[1001] is null",
    ],
    WIDE: [
        "printf('%*d', 999999999, amount) = 'a'",
        "printf('%.*f', 999999999, amount) = 'a'",
        "format('{{:{{}}}}', id, 999999999) = 'a'",
        "format('{{:>{{1}}}}', id, 999999999) = 'a'",
    ],
}
HARMLESS = {
    "exists (from pool)": N,
    "$$x$$ = id": 0,
    "\ufefftrue": N,
    "id similar to '((a+)+)+b'": 0,
    "regexp_matches(text, '(x+x+)+y')": 0,
    "amount = 1e999": 0,
    f"amount < {'9' * 5000}": N,
    "parse_filename('/etc/passwd') = 'passwd'": N,
    "printf('%d * 2 %%', amount) = '3 * 2 %'": 1,
    "format('{{}} {}', amount) = '{} 3'": 1,
    "id::varchar(2000) = 's3'": 1,
    "null::int[1000] is null": N,
}
CASES = [(where, said) for said, those in REFUSED.items() for where in those]


@pytest.fixture(scope="module")
def pool():
    texts = ["x" * at for at in range(N)]
    ids = [f"s{at}" for at in range(N)]
    table = pa.table({"id": ids, "amount": list(range(N)), "text": texts, "content": ids})
    return Pool("p", "images", None, {"table_sha256": "0"}, table)


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A folder with a secret beside it; nobody answers on any network, and who asks is heard."""
    secret, here = tmp_path / "secret.txt", tmp_path / "here"
    secret.write_text("canary\n")
    here.mkdir()
    monkeypatch.chdir(here)
    asked = []
    monkeypatch.setattr(socket.socket, "connect", lambda *given: asked.append(given))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: asked.append(given))
    environment = _environment()
    yield secret
    assert asked == []
    assert list(here.iterdir()) == []
    assert secret.read_text() == "canary\n"
    assert _environment() == environment


def _environment():
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


@pytest.mark.parametrize(("where", "said"), CASES, ids=lambda text: ascii(text)[1:60])
def test_more_than_a_question_is_refused_in_one_line(pool, alone, where, said):
    with pytest.raises(BadRequest) as caught:
        matching(pool, where.replace("{secret}", str(alone)).replace("{{", "{").replace("}}", "}"))
    text = str(caught.value)
    assert text.startswith("--where ")
    assert said in text.partition(" does not work (")[2]
    assert "canary" not in text.replace("'canary'", "")
    assert len(text) < 1000
    assert "\n" not in text


@pytest.mark.parametrize("where", HARMLESS, ids=lambda text: ascii(text)[1:60])
def test_what_only_looks_odd_is_answered(pool, alone, where):
    assert matching(pool, where).sum() == HARMLESS[where]


def test_there_are_many():
    assert len({where for where, _ in CASES}) == len(CASES) >= 110
