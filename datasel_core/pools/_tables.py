"""Reading the tables people bring: CSV, JSONL, Parquet, with the columns that name samples as text."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.json as pj
import pyarrow.parquet as pq

from datasel_core.errors import BadInput

SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"})


def read_table(path: Path, text_columns: tuple[str, ...] = ("id",)) -> pa.Table:
    """All rows; `text_columns` come as text whatever they look like (an id 007 stays 007). Raises BadInput naming the line."""
    kind = path.suffix.lower()
    try:
        if kind in (".csv", ".tsv"):
            options = pc.ConvertOptions(column_types={name: pa.string() for name in text_columns}, strings_can_be_null=False)
            parse = pc.ParseOptions(delimiter="\t" if kind == ".tsv" else ",", newlines_in_values=True)
            table = pc.read_csv(path, parse_options=parse, convert_options=options)
        elif kind in (".jsonl", ".ndjson"):
            table = pj.read_json(path, parse_options=pj.ParseOptions(newlines_in_values=False))
        elif kind == ".parquet":
            table = pq.read_table(path)
        else:
            raise BadInput(f"{path.name} is no table; give a .csv, .tsv, .jsonl or .parquet file.")
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{path.name} could not be read: {str(error).splitlines()[0]}") from None
    if table.num_rows == 0:
        raise BadInput(f"{path.name} has no rows.")
    for name in text_columns:
        if name in table.column_names and not pa.types.is_string(table[name].type):
            at = table.column_names.index(name)
            table = table.set_column(at, name, table[name].cast(pa.string()))
    return table


def require_columns(table: pa.Table, path: Path, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise BadInput(f"{path.name} has no column {missing[0]}; it has: {', '.join(table.column_names)}.")
