"""Groups of commands of which one is meant where none is named: `pilot photos` for `pilot draw photos`."""

from typing import Any

import typer
from typer.core import TyperGroup


def group(usual: str, help: str) -> typer.Typer:
    """usual: the command that is meant where the first word is none of the group's."""

    class WithUsual(TyperGroup):
        def parse_args(self, ctx: typer.Context, args: list[str]) -> Any:
            named = bool(args) and (args[0] in self.commands or args[0] == "--help")
            return super().parse_args(ctx, args if named else [usual, *args])

    return typer.Typer(help=help, cls=WithUsual, rich_markup_mode=None)


pilot = group("draw", "Time some items before planning: `pilot POOL` draws them, `pilot import` reads their times.")
rates = group("list", "What labels take and cost: tables with their sources.")
