"""The pictures of the lectures, of small networks that are trained here within seconds.

    python examples/pictures.py                     write them all into the folder pictures
    python examples/pictures.py grad_cam saliency   some of them
    python examples/pictures.py --text grad_cam     draw it in the terminal

Figures need matplotlib, pip install "chainrule[pictures]"; --text needs nothing.
"""

import argparse
import functools
from pathlib import Path

import chainrule as cr
from chainrule import data, nn, optim, pictures
from chainrule.nn import functional as F
from chainrule.train import Trainer
from chainrule.utils.data import DataLoader, TensorDataset

LOSS = nn.CrossEntropyLoss()
LETTERS = "abcdefgh"
WORD = "facegbdh"
DIGITS = [f"a {digit}" for digit in range(10)]


@functools.cache
def classifier():
    """Points of two moons, a small network that tells them apart, and the way it learned to."""
    cr.manual_seed(0)
    dataset = data.moons(200, noise=0.2)
    model = nn.Sequential(
        nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2), nn.Tanh(), nn.Linear(2, 2)
    )
    path = pictures.WeightPath(every=5)
    Trainer(
        model, LOSS, optim.Adam(model.parameters(), lr=0.02),
        DataLoader(dataset, batch_size=50, shuffle=True), epochs=80, callbacks=[path],
    ).fit()  # fmt: skip
    return model, *dataset.tensors, path


@functools.cache
def reader():
    """A convolutional network that reads digits of 16 x 16 pixels, and images with labels."""
    cr.manual_seed(0)
    images, labels = data.digits()[0].tensors
    images = F.interpolate(images, size=(16, 16), mode="bilinear")
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(4 * 32, 10),
    )  # fmt: skip
    batches = DataLoader(TensorDataset(images, labels), batch_size=64, shuffle=True)
    Trainer(model, LOSS, optim.Adam(model.parameters(), lr=5e-3), batches, epochs=6).fit()
    return model, images[:512], labels[:512]


class Reverser(nn.Module):
    """Writes a word backwards: each place has to look at the one opposite."""

    def __init__(self, width=32):
        super().__init__()
        self.letters = nn.Embedding(len(LETTERS), width)
        self.places = nn.Embedding(len(LETTERS), width)
        self.layer = nn.TransformerEncoderLayer(width, 2, 2 * width, 0.0, batch_first=True)
        self.out = nn.Linear(width, len(LETTERS))

    def forward(self, x):
        return self.out(self.layer(self.letters(x) + self.places(cr.arange(x.shape[1]))))


@functools.cache
def reverser():
    """The model, trained, and a word."""
    cr.manual_seed(0)
    model = Reverser()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)

    @cr.compile
    def step(words):
        loss = LOSS(model(words).flatten(0, 1), words.flip(1).flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for _ in range(300):
        step(cr.randint(0, len(LETTERS), (64, len(LETTERS))))
    return model, cr.tensor([[LETTERS.index(letter) for letter in WORD]])


@functools.cache
def overfitted():
    """The history of a network with far more weights than the few noisy points it is given."""
    cr.manual_seed(0)
    train, test = data.moons(60, noise=0.35), data.moons(400, noise=0.35)
    model = nn.Sequential(
        nn.Linear(2, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 2)
    )
    batches, validation = DataLoader(train, batch_size=20, shuffle=True), DataLoader(test, 400)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    return Trainer(model, LOSS, optimizer, batches, validation, epochs=60).fit()


def of_landscape(**options):
    """The loss of the classifier, over some plane."""
    model, points, labels, path = classifier()
    if options.pop("with_path", False):
        options["path"] = path
    return (model, LOSS, points, labels), options


def of_image(count=3, **options):
    model, images, _ = reader()
    return (model, images[10 : 10 + count]), options


def digit_features():
    """What the last layer of the reader gets to see, and the digits."""
    model, images, labels = reader()
    with cr.no_grad():
        return (model[:-2].eval()(images), labels), {}


TWO_WEIGHTS = (("4.weight", (0, 0)), ("4.weight", (1, 1)))

#: name → the picture, the function for its numbers, and the arguments of both
PICTURES = {
    "decision_boundary": (
        pictures.decision_boundary, pictures.decision_regions, lambda: (classifier()[:3], {}),
    ),
    "feature_space": (
        pictures.feature_space, pictures.hidden_features, lambda: (classifier()[:3], {}),
    ),
    "neuron_line": (
        pictures.neuron_line, pictures.neuron_lines, lambda: ((([2.0, -1.0], 0.5),), {}),
    ),
    "activation_functions": (
        pictures.activation_functions, pictures.activation_curves, lambda: ((), {}),
    ),
    "loss_landscape": (pictures.loss_landscape, pictures.loss_surface, of_landscape),
    "loss_landscape_path": (
        pictures.loss_landscape, pictures.loss_surface, lambda: of_landscape(with_path=True),
    ),
    "loss_landscape_weights": (
        pictures.loss_landscape, pictures.loss_surface,
        lambda: of_landscape(weights=TWO_WEIGHTS, span=6.0),
    ),
    "optimizer_race": (
        pictures.optimizer_race, pictures.optimizer_paths, lambda: (("beale",), {}),
    ),
    "optimizer_race_saddle": (
        pictures.optimizer_race, pictures.optimizer_paths, lambda: (("saddle",), {}),
    ),
    "learning_rates": (pictures.learning_rates, pictures.descent, lambda: ((), {})),
    "learning_rate_curves": (
        pictures.learning_rate_curves, pictures.training_runs,
        lambda: ((nn.Linear(2, 2), LOSS, *classifier()[1:3]), {}),
    ),
    "filters": (pictures.filters, pictures.filter_weights, lambda: ((reader()[0],), {})),
    "feature_maps": (
        pictures.feature_maps, pictures.activation_maps, lambda: of_image(1),
    ),
    "feature_visualization": (
        pictures.feature_visualization, pictures.preferred_inputs,
        lambda: ((reader()[0], range(10), reader()[1]), {}),
    ),
    "grad_cam": (pictures.grad_cam, pictures.grad_cam_map, of_image),
    "saliency": (pictures.saliency, pictures.saliency_map, lambda: of_image(samples=20)),
    "occlusion": (pictures.occlusion, pictures.occlusion_map, of_image),
    "embedding_projection": (
        pictures.embedding_projection, pictures.projected, digit_features,
    ),
    "attention_maps": (
        pictures.attention_maps, pictures.attention_weights, lambda: (reverser(), {}),
    ),
    "fitting_curves": (
        pictures.fitting_curves, pictures.loss_curves, lambda: ((overfitted(),), {}),
    ),
}  # fmt: skip

#: what is written into a figure besides
NAMES = {
    "decision_boundary": {"classes": ["upper moon", "lower moon"]},
    "attention_maps": {"tokens": WORD},
    "embedding_projection": {"classes": list("0123456789")},
    "feature_visualization": {"names": DIGITS},
    "grad_cam": {"classes": DIGITS},
    "saliency": {"classes": DIGITS},
    "occlusion": {"classes": DIGITS},
}


def text(numbers):
    return "\n".join(map(str, numbers)) if isinstance(numbers, list) else str(numbers)


def main(argv=None):
    parser = argparse.ArgumentParser(description="The pictures of the lectures")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    parser.add_argument("--text", action="store_true", help="draw in the terminal")
    parser.add_argument("--folder", default="pictures", help="where figures are written")
    parser.add_argument("--dpi", type=int, default=110, help="pixels per inch")
    args = parser.parse_args(argv)
    if unknown := set(args.names) - set(PICTURES):
        parser.error(f"no picture is called {', '.join(sorted(unknown))}")
    for name in args.names or PICTURES:
        draw, compute, arguments = PICTURES[name]
        positional, options = arguments()
        if args.text:
            print(f"\n{name}\n\n{text(compute(*positional, **options))}")
            continue
        figure = draw(*positional, **options, **NAMES.get(name, {}))
        Path(args.folder).mkdir(parents=True, exist_ok=True)
        path = Path(args.folder) / f"{name}.png"
        figure.savefig(path, dpi=args.dpi)
        print(path)


if __name__ == "__main__":
    main()
