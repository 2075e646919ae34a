"""A convolutional network reads handwritten digits: the training script everybody starts from.

    python examples/mnist_cnn.py --data-dir DATA    MNIST, found in DATA or fetched into it
    python examples/mnist_cnn.py                    the small digits that come with chainrule

Expect 99 % of the test images after the 2 epochs on MNIST (two minutes on one core), and 97 %
of the small digits after `--epochs 4` (five seconds).
"""

import argparse

import chainrule as torch
import chainrule.nn as nn
import chainrule.nn.functional as F
import chainrule.optim as optim
from chainrule import datasets, transforms
from chainrule.data import digits
from chainrule.optim.lr_scheduler import StepLR
from chainrule.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    """Two convolutions, each halved by pooling, and two linear layers."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3, padding=1)
        self.dropout1 = nn.Dropout2d(0.1)
        self.dropout2 = nn.Dropout(0.25)
        self.fc1 = nn.Linear(64 * 7 * 7, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # (n, 32, 14, 14)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # (n, 64, 7, 7)
        x = torch.flatten(self.dropout1(x), 1)
        x = F.relu(self.fc1(x))
        x = self.fc2(self.dropout2(x))
        return F.log_softmax(x, dim=1)


def load_data(data_dir):
    """Training and test images, 28 x 28: those of MNIST, or the small digits enlarged."""
    if data_dir is None:
        train_set, _, test_set = digits()
        for part in (train_set, test_set):
            images, labels = part.tensors
            images = F.interpolate(images, size=(28, 28), mode="bilinear")
            yield TensorDataset((images - 0.3) / 0.35, labels)
        return
    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    )
    for train in (True, False):
        yield datasets.MNIST(data_dir, train=train, download=True, transform=transform)


def train(args, model, device, loader, optimizer, epoch):
    model.train()
    for step, (data, target) in enumerate(loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        if step % args.log_interval == 0:
            print(f"Epoch {epoch}, step {step}/{len(loader)}\tLoss: {loss.item():.6f}")
            if args.dry_run:
                break


def test(model, device, loader):
    """The share of the images that the model reads rightly."""
    model.eval()
    loss, correct = 0, 0
    with torch.no_grad():
        for data, target in loader:
            data, target = data.to(device), target.to(device)
            output = model(data)
            loss += F.nll_loss(output, target, reduction="sum").item()
            pred = output.argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
    n = len(loader.dataset)
    print(f"Test: average loss {loss / n:.4f}, accuracy {correct}/{n} ({correct / n:.2%})")
    return correct / n


def main(argv=None):
    parser = argparse.ArgumentParser(description="A convolutional network reads digits")
    parser.add_argument("--data-dir", help="the folder of MNIST (default: the small digits)")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--test-batch-size", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--lr", type=float, default=1.0, help="learning rate")
    parser.add_argument("--gamma", type=float, default=0.7, help="learning rate, per epoch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log-interval", type=int, default=100, help="steps between lines")
    parser.add_argument("--dry-run", action="store_true", help="one step of each epoch only")
    parser.add_argument("--save-model", action="store_true", help="write mnist_cnn.pt")
    args = parser.parse_args(argv)

    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_set, test_set = load_data(args.data_dir)
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=args.test_batch_size)

    model = Net().to(device)
    optimizer = optim.Adadelta(model.parameters(), lr=args.lr)
    scheduler = StepLR(optimizer, step_size=1, gamma=args.gamma)
    for epoch in range(1, args.epochs + 1):
        train(args, model, device, train_loader, optimizer, epoch)
        accuracy = test(model, device, test_loader)
        scheduler.step()

    if args.save_model:
        torch.save(model.state_dict(), "mnist_cnn.pt")
    return accuracy


if __name__ == "__main__":
    main()
