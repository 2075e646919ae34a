"""`chainrule evaluate`: how well a trained network reads the test images."""

from __future__ import annotations

import argparse
from pathlib import Path

from chainrule.cli import execution
from chainrule.cli.run_folder import RunFolder
from chainrule.cli.train import accuracy_line


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "evaluate", help="score a trained network", description=__doc__
    )
    parser.add_argument("folder", metavar="RUN", help="the folder of a run")
    parser.add_argument("--data-dir", help="the folder with the files of mnist")
    execution.add_to(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the test accuracy."""
    how = execution.asked(arguments)
    folder = RunFolder(Path(arguments.folder))
    recipe = folder.read_recipe()
    model = folder.read_model(recipe)
    print(accuracy_line(model, recipe.load(arguments.data_dir), how))
    return 0
