"""A variational autoencoder learns to write digits.

The encoder turns a picture into a cloud in a small space, the decoder a point of that space
back into a picture. The loss asks two things of them: that the picture comes back, and that the
clouds together fill the space like one normal distribution, so that any point drawn from that
distribution becomes a digit.

    loss = -E_q(z|x)[log p(x|z)]  +  KL(q(z|x) || N(0, 1))

    python examples/vae.py --data-dir DATA    MNIST, found in DATA or fetched into it
    python examples/vae.py                    the small digits that come with chainrule

Expect a test loss of about 106 per image after the 10 epochs on MNIST (one minute on one core),
where the mean picture alone would cost 206; on the small digits 26.7, and 25.8 with
`--epochs 50`, where it would cost 27.3.
Source: Kingma & Welling 2014, https://arxiv.org/abs/1312.6114
"""

import argparse

import chainrule as torch
import chainrule.nn as nn
import chainrule.nn.functional as F
import chainrule.optim as optim
from chainrule import datasets, transforms
from chainrule.data import digits
from chainrule.utils.data import DataLoader


class VAE(nn.Module):
    """Two linear layers up to mean and log-variance of a cloud, two back to a picture."""

    def __init__(self, pixels, hidden=400, latent=20):
        super().__init__()
        self.latent = latent
        self.fc1 = nn.Linear(pixels, hidden)
        self.fc_mean = nn.Linear(hidden, latent)
        self.fc_logvar = nn.Linear(hidden, latent)
        self.fc2 = nn.Linear(latent, hidden)
        self.fc3 = nn.Linear(hidden, pixels)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc_mean(h), self.fc_logvar(h)

    def reparameterize(self, mean, logvar):
        """A point of the cloud, written so that gradients reach its mean and its width."""
        std = torch.exp(0.5 * logvar)
        return mean + std * torch.randn_like(std)

    def decode(self, z):
        return torch.sigmoid(self.fc3(F.relu(self.fc2(z))))

    def forward(self, x):
        mean, logvar = self.encode(x.view(x.size(0), -1))
        return self.decode(self.reparameterize(mean, logvar)), mean, logvar


def loss_function(reconstruction, x, mean, logvar):
    """What the batch costs: how badly it came back, and how far the clouds are from N(0, 1)."""
    x = x.view(x.size(0), -1)
    cross_entropy = F.binary_cross_entropy(reconstruction, x, reduction="sum")
    divergence = -0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())
    return cross_entropy + divergence


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


def train(model, device, loader, optimizer):
    """One epoch; the loss per image of every step."""
    model.train()
    losses = []
    for x, _ in loader:
        x = x.to(device)
        optimizer.zero_grad()
        reconstruction, mean, logvar = model(x)
        loss = loss_function(reconstruction, x, mean, logvar)
        loss.backward()
        optimizer.step()
        losses.append(loss.item() / len(x))
    return losses


@torch.no_grad()
def test(model, device, loader):
    """The loss per image."""
    model.eval()
    total = 0
    for x, _ in loader:
        x = x.to(device)
        reconstruction, mean, logvar = model(x)
        total += loss_function(reconstruction, x, mean, logvar).item()
    return total / len(loader.dataset)


@torch.no_grad()
def draw(model, device, n):
    """n digits that nobody wrote, as squares of pixels."""
    model.eval()
    pixels = model.decode(torch.randn(n, model.latent, device=device)).cpu()
    side = round(pixels.size(1) ** 0.5)
    return pixels.view(n, side, side)


def show(images):
    """Print pictures side by side, ink as dark characters."""
    for rows in images.transpose(0, 1):
        print("   ".join("".join(2 * " .:-=+*#%@"[int(9.99 * v)] for v in row) for row in rows))


def main(argv=None):
    parser = argparse.ArgumentParser(description="A variational autoencoder of digits")
    parser.add_argument("--data-dir", help="the folder of MNIST (default: the small digits)")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=1e-3, help="learning rate")
    parser.add_argument("--latent", type=int, default=20, help="dimensions of the space")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)

    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_set, test_set = load_data(args.data_dir)
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=args.batch_size)

    image, _ = train_set[0]
    model = VAE(image.numel(), latent=args.latent).to(device)
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(1, args.epochs + 1):
        losses = train(model, device, train_loader, optimizer)
        test_loss = test(model, device, test_loader)
        mean_loss = sum(losses) / len(losses)
        print(f"Epoch {epoch}: train loss {mean_loss:.2f}, test loss {test_loss:.2f}")
    show(draw(model, device, n=2))
    return model, test_loss


if __name__ == "__main__":
    main()
