"""A recipe as a person types it."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from datasel_core.base.registry import every
from datasel_core.errors import BadRequest
from datasel_core.runs.mixtures.recipe import Recipe, parse_quota, parse_recipe, parse_share, parse_weights
from datasel_core.workspace.files import read_json
from datasel_core.workspace.layout import Workspace


class Options(BaseModel):
    """What stands on a command line, or in a file that says the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: list[str] = Field(
        [],
        description="70%=facility_location; may be given more than once, to 100 %. Parameters follow: "
        "30%=tsds:alpha=0.5:target=failures.",
    )
    target: str | None = Field(None, description="Pool of examples, for shares that choose towards one.")
    at_least: str | None = Field(None, description="A minimum, such as '5 per group': of every value of a column.")
    at_most: str | None = Field(None, description="A cap, such as '3 per video'.")
    weights: str | None = Field(
        None, description="What each group gets: 'priority per group', by a column, or 'a=2,b=1 per group'."
    )
    unit: str | None = Field(None, description="A column whose values are bought as a whole, such as a video.")
    counted: Literal["samples", "units"] = Field(
        "samples", description="What the budget counts where units are bought."
    )
    together: bool = Field(False, description="Quotas count what was chosen earlier, too.")
    recipe: str | None = Field(None, description="A JSON file that says all of this; nothing else is said then.")

    def made(self, workspace: Workspace) -> Recipe:
        """Raises BadRequest in one line."""
        if self.recipe is not None:
            if self.share or self.at_least or self.at_most or self.weights or self.unit:
                raise BadRequest("--recipe names a file that says everything; give no shares or quotas beside it.")
            path = workspace.allowed(self.recipe)
            values = read_json(path)
            if values is None:
                raise BadRequest(f"There is no file {self.recipe}; --recipe names a JSON file with shares.")
            return parse_recipe(_shared(values, self.target), Path(path).name)
        quota = {
            name: parse_quota(said, name.replace("_", "-"))
            for name, said in (("at_least", self.at_least), ("at_most", self.at_most))
            if said is not None
        }
        weights = {"weights": parse_weights(self.weights)} if self.weights else {}
        shares = [parse_share(text, self.target) for text in self.share]
        plain = {"unit": self.unit, "counted": self.counted, "together": self.together}
        return parse_recipe({"shares": shares, **quota, **weights, **plain})


def _shared(values: Any, target: str | None) -> Any:
    """The same, with the target for those shares that need one and name none."""
    if not isinstance(values, dict) or target is None or not isinstance(values.get("shares"), list):
        return values
    shares = [{"target": target, **share} if _is_needy(share) else share for share in values["shares"]]
    return {**values, "shares": shares}


def _is_needy(share: Any) -> bool:
    method = every("method").get(share.get("method")) if isinstance(share, dict) else None
    return bool(method and method.needs_target)
