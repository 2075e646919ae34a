"""A classifier of handwritten digits in six lines."""

from chainrule import data, metrics, nn, optim, train

digits, _, test = (data.DataLoader(part, batch_size=32, shuffle=True) for part in data.digits())
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = optim.Adam(model.parameters(), lr=0.002)
train.Trainer(model, nn.CrossEntropyLoss(), optimizer, digits, epochs=10).fit()
print(train.evaluate(model, test, nn.CrossEntropyLoss(), {"accuracy": metrics.Accuracy()}))
