"""A group of commands in which the errors of the library name the options of the command line.

The library knows parameters, not flags. Its messages put them in backticks, as in "`n_ctx` is 0"; the
group replaces each by the option of the invoked command that has this parameter: "--n-ctx is 0".
"""

from collections.abc import Iterable
from typing import Any

from typer.core import TyperGroup

from localcollab.errors import PARAMETER, LocalcollabError


class CommandGroup(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except LocalcollabError as error:
            if ctx.invoked_subcommand is not None:
                _, command, _ = self.resolve_command(ctx, [ctx.invoked_subcommand])
                error.args = (name_options(str(error), command.params if command else ()),)
            raise


def name_options(message: str, parameters: Iterable[Any]) -> str:
    """`parameters`: click's, of one command. What no option sets keeps its name and its backticks."""
    options = {parameter.name: _shown(parameter) for parameter in parameters}
    return PARAMETER.sub(lambda found: options.get(found[1], found[0]), message)


def _shown(parameter: Any) -> str:
    """The long option; an argument in capitals, as in the usage line."""
    long = [name for name in parameter.opts if name.startswith("--")]
    return str(long[0] if long else parameter.name.upper())
