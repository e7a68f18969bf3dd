"""The encoder of bench/encode.cc (allconv: four 3x3 convolutions, a layer to the code) in PyTorch and ONNX Runtime.

    python bench/encode_twin.py FOLDER_OF_MNIST [--engine eager|compile|onnxruntime] [--threads 1] [--width 32] [--batch 250]

Encodes the 10,000 test pictures, `--batch` a call, and one picture a call, scaling from 0..255 included. Prints one JSON line: the
median over repetitions of the former, the median and the 99th percentile of the latter. Weights are random: speed alone is compared.
Convolutions of stride 2 are padded by one on each side, where ours pad the far side only: the same work. The engine onnxruntime needs
the packages onnxruntime, onnx and numpy, the others torch and numpy.
"""
import argparse
import gzip
import json
import os
import pathlib
import time

import numpy as np


def layers(width):
    """(inputs, outputs, stride) of the convolutions."""
    return [(1, width, 1), (width, width, 2), (width, 2 * width, 1), (2 * width, 2 * width, 2)]


def by_torch(width, threads, compiled):
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    stack = []
    for inputs, outputs, stride in layers(width):
        stack += [nn.Conv2d(inputs, outputs, 3, stride, 1), nn.ReLU()]
    net = nn.Sequential(*stack, nn.Flatten(), nn.Linear(49 * 2 * width, 20)).eval().to(memory_format=torch.channels_last)

    def forward(x):
        return net((x / 255).view(-1, 1, 28, 28))

    forward = torch.compile(forward) if compiled else forward

    def encode(rows):
        with torch.inference_mode():
            return forward(torch.from_numpy(rows)).numpy()

    return encode


def by_onnxruntime(width, threads):
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    random, nodes, weights, at = np.random.default_rng(0), [], [], "scaled"

    def weight(name, value):
        weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def drawn(*shape):
        return (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    nodes.append(helper.make_node("Div", ["rows", weight("white", np.float32(255))], ["divided"]))
    nodes.append(helper.make_node("Reshape", ["divided", weight("shape", np.array([-1, 1, 28, 28], np.int64))], [at]))
    for i, (inputs, outputs, stride) in enumerate(layers(width)):
        names = [at, weight(f"w{i}", drawn(outputs, inputs, 3, 3)), weight(f"b{i}", np.zeros(outputs, np.float32))]
        nodes.append(helper.make_node("Conv", names, [f"c{i}"], strides=[stride, stride], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"c{i}"], [f"r{i}"]))
        at = f"r{i}"
    nodes.append(helper.make_node("Flatten", [at], ["flat"]))
    ends = ["flat", weight("w", drawn(20, 49 * 2 * width)), weight("b", np.zeros(20, np.float32))]
    nodes.append(helper.make_node("Gemm", ends, ["code"], transB=1))
    graph = helper.make_graph(nodes, "encoder", [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 784])],
                              [helper.make_tensor_value_info("code", TensorProto.FLOAT, ["n", 20])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda rows: session.run(None, {"rows": rows})[0]


def times(warm, least, call):
    """Seconds of each of at least `least` calls, for at least three seconds, after `warm` untimed ones."""
    for _ in range(warm):
        call()
    seconds, began = [], time.perf_counter()
    while len(seconds) < least or time.perf_counter() - began < 3:
        at = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - at)
    return seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--engine", choices=["eager", "compile", "onnxruntime"], default="eager")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch", type=int, default=250)
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    raw = np.frombuffer(gzip.open(args.folder / "t10k-images-idx3-ubyte.gz").read(), np.uint8, offset=16)
    rows = raw.reshape(-1, 784).astype(np.float32)
    if args.engine == "onnxruntime":
        encode = by_onnxruntime(args.width, args.threads)
    else:
        encode = by_torch(args.width, args.threads, args.engine == "compile")
    at = -1

    def one():
        nonlocal at
        at = (at + 1) % len(rows)
        encode(rows[at : at + 1])

    every = times(2, 5, lambda: [encode(rows[k : k + args.batch]) for k in range(0, len(rows), args.batch)])
    single = times(100, 2000, one)
    print(json.dumps({"engine": args.engine, "workload": "encode", "width": args.width, "threads": args.threads, "rows": len(rows),
                      "all_ms": round(float(np.median(every)) * 1e3, 2), "one_us_median": round(float(np.median(single)) * 1e6, 1),
                      "one_us_p99": round(float(np.percentile(single, 99)) * 1e6, 1), "calls": len(single)}))


main()
