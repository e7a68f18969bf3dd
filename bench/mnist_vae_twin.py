"""The recipe of examples/mnist_vae.toml in PyTorch, its step compiled: the wall time that ours is held against.

    python bench/mnist_vae_twin.py FOLDER_OF_MNIST [--threads 2] [--eager]

Prints one JSON line: the test loss in nats a row (beta 1, one draw a row), seconds of training with the compiling, and seconds since
the process began.
"""
import argparse
import gzip
import json
import pathlib
import time

began = time.perf_counter()
import numpy as np
import torch
from torch import nn


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.mu, self.logvar = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.up, self.out = nn.Linear(20, 400), nn.Linear(400, 784)

    def forward(self, x):
        """The negative ELBO of x [n, 784], summed over rows."""
        h = torch.relu(self.hidden(x))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.exp(logvar / 2) * torch.randn_like(mu)
        logits = self.out(torch.relu(self.up(z)))
        reconstruction = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return reconstruction - 0.5 * torch.sum(1 + logvar - mu * mu - logvar.exp())


def images(path):
    raw = np.frombuffer(gzip.open(path).read(), np.uint8, offset=16)
    return torch.from_numpy(raw.reshape(-1, 784).astype(np.float32) / 255)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder", type=pathlib.Path), p.add_argument("--threads", type=int, default=2), p.add_argument("--eager", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    train, test = images(a.folder / "train-images-idx3-ubyte.gz"), images(a.folder / "t10k-images-idx3-ubyte.gz")
    model = Vae()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_of = model if a.eager else torch.compile(model, dynamic=False)
    start = time.perf_counter()
    for _ in range(10):
        for rows in torch.randperm(len(train)).split(128):
            optimizer.zero_grad()
            loss = loss_of(train[rows]) / len(rows)
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        nats = sum(model(rows).item() for rows in test.split(1000)) / len(test)
    print(json.dumps({"test_loss": nats, "train_seconds": seconds, "seconds": time.perf_counter() - began}))


main()
