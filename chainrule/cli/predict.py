"""`chainrule predict`: which digit a picture shows."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from chainrule.cli.run_folder import RunFolder
from chainrule.data.image import digit_image, read_image
from chainrule.tensor.creation import from_numpy
from chainrule.tensor.grad_mode import no_grad


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("predict", help="read pictures of digits", description=__doc__)
    parser.add_argument("folder", metavar="RUN", help="the folder of a run")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="a picture of one digit")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the class and its probability for each picture."""
    folder = RunFolder(Path(arguments.folder))
    recipe = folder.read_recipe()
    model = folder.read_model(recipe).eval()
    size, margin = recipe.source.image_size, recipe.source.margin
    images = [digit_image(read_image(path), size, margin) for path in arguments.images]
    with no_grad():
        probabilities = model(from_numpy(np.stack(images)[:, None])).softmax(1)
    for path, row in zip(arguments.images, probabilities.tolist(), strict=True):
        best = max(range(len(row)), key=row.__getitem__)
        print(f"{path}: {best} ({100 * row[best]:.1f} %)")
    return 0
