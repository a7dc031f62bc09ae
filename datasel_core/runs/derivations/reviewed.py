"""A selection that people went through: what they left out, and what took its place."""

from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa

from datasel_core.analysis.opinions import Decision, counted, opinions
from datasel_core.base.declare import Field
from datasel_core.base.registry import every
from datasel_core.runs.derivations.derivation import Derivation, derivation

PART, LOG, FILLED = "of-1", "decisions", "refills"
"""The tables beside the manifest: the ids that were reviewed, in pick order; all that was said of them, in the order in
which it came, people by pseudonyms; and what stands in the places of those that were left out.
"""


@derivation("reviewed", version=1, title="reviewed")
class Reviewed(Derivation):
    """An earlier selection without what people left out of it; others stand in these places, or nothing does."""

    selections: list[dict[str, Any]] = Field(
        alias="of", description="The one that was reviewed: ids_sha256, n, method."
    )
    rule: Literal["latest", "any", "all"] = Field("latest", description="What counts where people differ.")
    reviewers: int = Field(description="How many people decided.")
    decided: int = Field(description="Samples that somebody decided; the others stay.")
    dropped: int = Field(description="Samples that were left out.")
    refilled: int = Field(description="Places of these where another sample stands now.")

    def again(self, tables: Mapping[str, pa.Table]) -> list[str]:
        log = [Decision("", "", one["sample"], one["reviewer"], one["decision"]) for one in tables[LOG].to_pylist()]
        filled = {one["place"]: one["id"] for one in tables[FILLED].to_pylist()}
        said, ids = opinions(log), tables[PART]["id"].to_pylist()
        stays = [counted(said.get(id, {}), self.rule) in ("", "keep") for id in ids]
        kept = [id if stays[at] else filled.get(at + 1) for at, id in enumerate(ids)]
        return [id for id in kept if id]

    def parts(self) -> list[Mapping[str, Any]]:
        return list(self.selections)

    def called(self, budget: int | str) -> str:
        return f"review of {self.selections[0]['n']:,}, {budget}"

    def words(self) -> str:
        titles, [part] = {**every("method"), **every("derivation")}, self.selections
        id = part["method"]["id"]
        return f"review of {part['n']:,} by {titles[id].title if id in titles else id}, {self.dropped:,} left out"
