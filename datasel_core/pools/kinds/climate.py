"""Simulations of climate: NetCDF files of CMIP and the like, or Zarr stores."""

import re
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import field_validator

from datasel_core.base.declare import Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.pools.kind import PoolKind, pool_kind
from datasel_core.pools.readers.climate.parts import Asked
from datasel_core.pools.readers.climate.scan import scan_climate
from datasel_core.pools.readers.climate.sources import is_climate
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

_BASELINE = re.compile(r"\s*(\d{1,4})\s*-\s*(\d{1,4})\s*")


@pool_kind("climate", version=1, title="Climate simulations")
class Climate(PoolKind):
    """Annual fields of climate simulations: NetCDF files as CMIP has them, a folder of these, or Zarr. A sample is one
    year of one run, called scenario/member/year.

    Fields are anomalies to a baseline, of each member to its own; those of idealised experiments, such as 1pctCO2, are
    to the historical run of their member, or else its control run. Brings `gmst`, the global-mean temperature; `field`,
    the anomalies of all cells; and `embedding`, the same weighted by area. Which run a file is says its attributes
    (experiment_id, variant_label, source_id), else its name.
    """

    groups: ClassVar[tuple[str, ...]] = ("scenario",)
    folder_options: ClassVar[str] = "Variable, baseline and what the files do not say"
    own: ClassVar[tuple[str, ...]] = ("scenario", "member", "year", "gmst")

    variable: str = Field("tas", min_length=1, description="Which variable is read, as CMIP calls it.")
    frequency: Literal["ann", "mon"] = Field(
        "ann",
        description="Which files are read where a run has both; of monthly ones the means of years.",
        json_schema_extra=spoken({"ann": "annual means", "mon": "monthly means, made annual"}),
    )
    baseline: str = Field("1850-1900", description="First and last year of what anomalies are against.")
    model: str | None = Field(None, description="Which climate model, where the files hold several.")
    units: str | None = Field(None, description="The units of files that say none, such as K or mm day-1.")

    @field_validator("baseline")
    @classmethod
    def _is_span(cls, value: str) -> str:
        found = _BASELINE.fullmatch(value)
        if found is None or int(found[1]) > int(found[2]):
            raise ValueError("it must be two years, the first one first, as in 1850-1900")
        return f"{int(found[1])}-{int(found[2])}"

    @property
    def encoder(self) -> str:
        """What the vectors are, so that those of other variables or baselines are never compared with them."""
        return f"anomalies of {self.variable} to {self.baseline}"

    @classmethod
    def reads(cls, source: Path, file: Path) -> bool:
        return super().reads(source, file) and (file == source or any(map(is_climate, (file, *file.parents))))

    def scan(self, source: Path, workspace: Workspace, progress: Progress) -> Scan:
        first, last = map(int, self.baseline.split("-"))
        asked = Asked(self.variable, self.frequency, self.model, self.units)
        return scan_climate(source, asked, (first, last), workspace, progress)
