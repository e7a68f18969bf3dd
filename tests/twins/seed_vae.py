#!/usr/bin/env python3
"""Ten steps of the reference VAE in PyTorch, float64: what tests/twin_test.cc holds the engine against.

    tests/twins/seed_vae.py > tests/twins/seed_vae.json

Weights, rows and noise are the same functions of their index on both sides, so nothing but results is stored: the loss
of each step, and of each weight after them its first four values, its sum and its sum of squares.
"""
import json

import torch

ROWS, INPUTS, HIDDEN, LATENT, STEPS = 32, 100, 32, 20, 10


def numbers(shape, stream, scale):
    """scale * u, u a fixed scramble of the index in [-1/2, 1/2]; exact in float32 for the scales used here."""
    i = torch.arange(torch.Size(shape).numel(), dtype=torch.int64)
    return (((i * 7919 + stream * 104729) % 1021).double() / 1024 - 0.5).reshape(shape) * scale


def main():
    shapes = {}
    for name, inputs, outputs in (("encoder/0", INPUTS, HIDDEN), ("encoder/mean", HIDDEN, LATENT),
                                  ("encoder/logvar", HIDDEN, LATENT), ("decoder/0", LATENT, HIDDEN),
                                  ("decoder/out", HIDDEN, INPUTS)):
        shapes[name + "/weight"], shapes[name + "/bias"] = (inputs, outputs), (outputs,)
    w = {name: numbers(shape, 100 + k, 0.5).requires_grad_() for k, (name, shape) in enumerate(shapes.items())}
    adam = torch.optim.Adam(w.values(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    dense = lambda name, x: x @ w[name + "/weight"] + w[name + "/bias"]
    losses = []
    for step in range(STEPS):
        x, eps = numbers((ROWS, INPUTS), step, 1.0) + 0.5, numbers((ROWS, LATENT), 50 + step, 4.0)
        h = torch.relu(dense("encoder/0", x))
        mean, logvar = dense("encoder/mean", h), dense("encoder/logvar", h)
        z = mean + torch.exp(logvar / 2) * eps
        out = dense("decoder/out", torch.relu(dense("decoder/0", z)))
        kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum(1)
        loss = (((out - x) ** 2).sum(1) + kl).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    weights = {name: {"first": v.flatten()[:4].tolist(), "sum": v.sum().item(), "squares": (v * v).sum().item()}
               for name, v in w.items()}
    print(json.dumps({"made_by": f"tests/twins/seed_vae.py, PyTorch {torch.__version__}, float64", "losses": losses,
                      "weights": weights}, indent=1))


main()
