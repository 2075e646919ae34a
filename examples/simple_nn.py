"""A PyTorch program with its import lines changed: three linear layers read digits."""

import chainrule as torch
import chainrule.nn as nn
import chainrule.optim as optim
from chainrule.data import digits
from chainrule.utils.data import DataLoader


class SimpleNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_classes):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, hidden_size)
        self.fc3 = nn.Linear(hidden_size, num_classes)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = x.view(x.size(0), -1)
        x = self.relu(self.fc1(x))
        x = self.relu(self.fc2(x))
        return self.fc3(x)


def train(model, loader, criterion, optimizer, device):
    model.train()
    running_loss = 0.0
    for inputs, labels in loader:
        inputs, labels = inputs.to(device), labels.to(device)
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item() * inputs.size(0)
    return running_loss / len(loader.dataset)


def evaluate(model, loader, device):
    model.eval()
    correct = 0
    with torch.no_grad():
        for inputs, labels in loader:
            outputs = model(inputs.to(device))
            _, predicted = torch.max(outputs, 1)
            correct += (predicted == labels.to(device)).sum().item()
    return correct / len(loader.dataset)


def main(num_epochs=10):
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_set, _, test_set = digits()
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=256, shuffle=False)

    model = SimpleNN(input_size=64, hidden_size=64, num_classes=10).to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=0.002)
    print(model)

    for epoch in range(num_epochs):
        loss = train(model, train_loader, criterion, optimizer, device)
        print(f"Epoch [{epoch + 1}/{num_epochs}], Loss: {loss:.4f}")

    accuracy = evaluate(model, test_loader, device)
    print(f"Accuracy on the test images: {accuracy:.1%}")
    return accuracy


if __name__ == "__main__":
    main()
