"""Two convolutional networks play a game: one forges digits, the other tells them from real.

The discriminator learns to say which pictures are real. The generator, which never sees one,
turns random numbers into pictures and learns from the discriminator's gradient what would have
looked more real.

    python examples/dcgan.py --data-dir DATA    MNIST, found in DATA or fetched into it
    python examples/dcgan.py                    the small digits that come with chainrule

Expect digits one can read after 3 epochs on MNIST (three minutes on one core) or 40 on the
small digits (one minute). Neither loss goes to zero: that the two keep each other busy is the
sign of health.
Source: Radford, Metz & Chintala 2016, https://arxiv.org/abs/1511.06434
"""

import argparse

import chainrule as torch
import chainrule.nn as nn
import chainrule.nn.functional as F
import chainrule.optim as optim
from chainrule import datasets, transforms
from chainrule.data import digits
from chainrule.utils.data import DataLoader, TensorDataset


class Generator(nn.Module):
    """Random numbers (n, latent, 1, 1) to pictures (n, 1, 16, 16) with pixels from -1 to 1."""

    def __init__(self, latent, width):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(latent, 2 * width, 4, stride=1, padding=0, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(inplace=True),  # (n, 2 width, 4, 4)
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),  # (n, width, 8, 8)
            nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1, bias=False),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    """Pictures (n, 1, 16, 16) to the probability of each that it is real (n,)."""

    def __init__(self, width):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, width, 4, stride=2, padding=1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),  # (n, width, 8, 8)
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2, inplace=True),  # (n, 2 width, 4, 4)
            nn.Conv2d(2 * width, 1, 4, stride=1, padding=0, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.main(x).view(-1)


def weights_init(module):
    """The initial weights of the paper: N(0, 0.02), scales N(1, 0.02)."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight.data, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight.data, 1.0, 0.02)
        nn.init.constant_(module.bias.data, 0)


def load_data(data_dir):
    """Pictures of 16 x 16 pixels from -1 to 1."""
    if data_dir is None:
        images, labels = digits()[0].tensors
        images = F.interpolate(images, size=(16, 16), mode="bilinear")
        return TensorDataset(2 * images - 1, labels)
    transform = transforms.Compose(
        [transforms.Resize((16, 16)), transforms.ToTensor(), transforms.Normalize(0.5, 0.5)]
    )
    return datasets.MNIST(data_dir, train=True, download=True, transform=transform)


def train(generator, discriminator, device, loader, optimizers, latent):
    """One epoch; the losses of discriminator and generator at every step."""
    optimizer_g, optimizer_d = optimizers
    criterion = nn.BCELoss()
    history = []
    for real, _ in loader:
        real = real.to(device)
        ones = torch.ones(real.size(0), device=device)
        zeros = torch.zeros_like(ones)
        fake = generator(torch.randn(real.size(0), latent, 1, 1, device=device))

        # the discriminator: real is 1, forged is 0
        discriminator.zero_grad()
        loss_real = criterion(discriminator(real), ones)
        loss_real.backward()
        loss_fake = criterion(discriminator(fake.detach()), zeros)
        loss_fake.backward()
        optimizer_d.step()

        # the generator: what it forged should be taken for real
        generator.zero_grad()
        loss_g = criterion(discriminator(fake), ones)
        loss_g.backward()
        optimizer_g.step()
        history.append((loss_real.item() + loss_fake.item(), loss_g.item()))
    return history


def show(images):
    """Print pictures side by side, ink as dark characters."""
    for rows in images.transpose(0, 1):
        print("   ".join("".join(2 * " .:-=+*#%@"[int(9.99 * v)] for v in row) for row in rows))


def main(argv=None):
    parser = argparse.ArgumentParser(description="A generative adversarial network of digits")
    parser.add_argument("--data-dir", help="the folder of MNIST (default: the small digits)")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, help="default: 3 on MNIST, 40 on small digits")
    parser.add_argument("--lr", type=float, default=2e-4, help="learning rate of both")
    parser.add_argument("--beta1", type=float, default=0.5, help="of Adam")
    parser.add_argument("--latent", type=int, default=64, help="random numbers per picture")
    parser.add_argument("--width", type=int, default=32, help="channels of the widest pictures")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dataset = load_data(args.data_dir)
    loader = DataLoader(dataset, batch_size=args.batch_size, shuffle=True, drop_last=True)

    generator = Generator(args.latent, args.width).to(device)
    discriminator = Discriminator(args.width).to(device)
    generator.apply(weights_init)
    discriminator.apply(weights_init)
    optimizers = [
        optim.Adam(model.parameters(), lr=args.lr, betas=(args.beta1, 0.999))
        for model in (generator, discriminator)
    ]
    fixed_noise = torch.randn(256, args.latent, 1, 1, device=device)
    for epoch in range(1, 1 + (args.epochs or (40 if args.data_dir is None else 3))):
        history = train(generator, discriminator, device, loader, optimizers, args.latent)
        loss_d, loss_g = torch.tensor(history).mean(0).tolist()
        with torch.no_grad():
            fake = generator(fixed_noise).cpu()
        print(
            f"Epoch {epoch}: Loss_D {loss_d:.3f}, Loss_G {loss_g:.3f}, "
            f"pixels {fake.mean():.3f} ± {fake.std():.3f}"
        )
    show((fake[:3, 0] + 1) / 2)  # (3, 16, 16)
    return fake


if __name__ == "__main__":
    main()
