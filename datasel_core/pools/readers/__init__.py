"""Reading what people bring: tables, shards, texts, arrays."""
