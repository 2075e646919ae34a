"""Adversarial examples: noise that no one would notice makes a good classifier blind.

The gradient of the loss with respect to the *image* says in which direction each pixel makes
things worse. The fast gradient sign method takes one step of size epsilon in that direction:

    x' = x + epsilon · sign(∂L/∂x)

    python examples/adversarial.py --data-dir DATA    MNIST, found in DATA or fetched into it
    python examples/adversarial.py                    the small digits that come with chainrule

Expect the accuracy on MNIST to fall from 98 % to below 10 % at epsilon 0.3, and on the small
digits from 96 % to 0, while noise of the same size and random sign hardly hurts: it leaves 97 %
and 84 %.
Source: Goodfellow, Shlens & Szegedy 2015, https://arxiv.org/abs/1412.6572
"""

import argparse

import chainrule as torch
import chainrule.nn as nn
import chainrule.nn.functional as F
import chainrule.optim as optim
from chainrule import datasets, transforms
from chainrule.data import digits
from chainrule.utils.data import DataLoader

EPSILONS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)  # of a pixel's range from 0 to 1


def load_data(data_dir):
    """Training and test images with pixels from 0 to 1."""
    if data_dir is None:
        train_set, _, test_set = digits()
        return train_set, test_set
    to_tensor = transforms.ToTensor()
    return (
        datasets.MNIST(data_dir, train=True, download=True, transform=to_tensor),
        datasets.MNIST(data_dir, train=False, download=True, transform=to_tensor),
    )


def classifier(side):
    """A small convolutional network for images of side x side pixels."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * (side // 4) ** 2, 10),
    )  # fmt: skip


def train(model, device, loader, epochs):
    """Fit the classifier; the loss of every step."""
    model.train()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(epochs):
        for data, target in loader:
            loss = F.cross_entropy(model(data.to(device)), target.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def fgsm_attack(model, data, target, epsilon):
    """The images, each pixel moved by epsilon to where the loss grows."""
    data = data.clone().requires_grad_()
    loss = F.cross_entropy(model(data), target)
    model.zero_grad()
    loss.backward()
    return torch.clamp(data.detach() + epsilon * data.grad.sign(), 0, 1)


def random_noise(model, data, target, epsilon):
    """The images, each pixel moved by epsilon up or down by chance: for comparison."""
    return torch.clamp(data + epsilon * torch.randn_like(data).sign(), 0, 1)


def accuracy(model, device, loader, attack, epsilon):
    """The share of the images still read rightly after the attack."""
    model.eval()
    correct = 0
    for data, target in loader:
        data, target = data.to(device), target.to(device)
        attacked = attack(model, data, target, epsilon)
        with torch.no_grad():
            correct += (model(attacked).argmax(1) == target).sum().item()
    return correct / len(loader.dataset)


def main(argv=None):
    parser = argparse.ArgumentParser(description="The fast gradient sign method")
    parser.add_argument("--data-dir", help="the folder of MNIST (default: the small digits)")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, help="default: 1 on MNIST, 10 on small digits")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_set, test_set = load_data(args.data_dir)
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)

    image, _ = train_set[0]
    model = classifier(side=image.shape[-1]).to(device)
    train(model, device, train_loader, args.epochs or (10 if args.data_dir is None else 1))

    print("epsilon   gradient sign   random sign")
    results = []
    for epsilon in EPSILONS:
        attacked = accuracy(model, device, test_loader, fgsm_attack, epsilon)
        shaken = accuracy(model, device, test_loader, random_noise, epsilon)
        results.append((epsilon, attacked, shaken))
        print(f"{epsilon:7.2f}   {attacked:13.1%}   {shaken:11.1%}")
    return results


if __name__ == "__main__":
    main()
