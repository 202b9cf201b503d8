#!/usr/bin/python3
"""Trains a small residual network on the shapes data set and writes the bundled example.

    tools/shapes/make.py -o DATA
    tools/shapes/train.py DATA [-o examples] [--epochs N] [--seed N] [--threads N]

Writes OUT/model/shapes.onnx with shapes.preprocess.json and shapes.labels.txt, and OUT/pictures, a handful of
validation pictures as a Pascal VOC data set of its own. Runs on the CPU. Needs torch, onnx, numpy and Pillow.
"""
import argparse
import collections
import json
import pathlib
import shutil
import time
import xml.etree.ElementTree as ElementTree

import numpy as np
import onnx
import torch
from PIL import Image
from torch import nn

import make
import onnxrun

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
PICTURES = 8


# --- the network ----------------------------------------------------------------------------------------------------

def conv_bn(inputs, outputs, kernel, stride):
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    # The keys become part of the ONNX node names.
    return nn.Sequential(collections.OrderedDict(conv=conv, bn=nn.BatchNorm2d(outputs)))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = conv_bn(inputs, outputs, 3, stride)
        self.relu = nn.ReLU()
        self.second = conv_bn(outputs, outputs, 3, 1)
        self.projection = conv_bn(inputs, outputs, 1, stride) if stride != 1 or inputs != outputs else None
        self.out = nn.ReLU()

    def forward(self, x):
        skip = x if self.projection is None else self.projection(x)
        return self.out(self.second(self.relu(self.first(x))) + skip)


class ShapesNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.stem = conv_bn(3, 24, 5, 2)
        self.stem_relu = nn.ReLU()
        self.stem_pool = nn.MaxPool2d(3, 2, 1)
        self.block1 = Block(24, 24, 1)
        self.block2 = Block(24, 48, 2)
        self.block3 = Block(48, 96, 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(96, classes)

    def forward(self, x):
        x = self.stem_pool(self.stem_relu(self.stem(x)))
        x = self.block3(self.block2(self.block1(x)))
        return self.classifier(self.flatten(self.pool(x)))


# --- the data -------------------------------------------------------------------------------------------------------

def read_stems(data, split):
    return (data / "ImageSets/Main" / f"{split}.txt").read_text().split()


def read_class(data, stem):
    name = ElementTree.parse(data / "Annotations" / f"{stem}.xml").findtext("object/name")
    return make.CLASSES.index(name)


def read_split(data, split):
    """Pictures (N×3×H×W bytes) and class indices."""
    stems = read_stems(data, split)
    pictures = np.stack([np.asarray(Image.open(data / "JPEGImages" / f"{stem}.jpg")) for stem in stems])
    classes = [read_class(data, stem) for stem in stems]
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous(), torch.tensor(classes)


def describe_input(pictures):
    """The preprocessing, from the training pictures' own mean and deviation."""
    values = pictures.float().transpose(0, 1).flatten(1) / 255
    rounded = [[round(v, 4) for v in stat.tolist()] for stat in (values.mean(1), values.std(1))]
    return {"channels": "RGB", "scale": 1 / 255, "mean": rounded[0], "std": rounded[1]}


def normalise(pictures, preprocess):
    mean, std = (torch.tensor(preprocess[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    return (pictures.float() * preprocess["scale"] - mean) / std


def augment(x, generator):
    """One random flip, turn, shift and order of the colours for the whole batch: cheap, and batches are many."""
    def draw(bound):
        return int(torch.randint(bound, (1,), generator=generator))

    x = torch.rot90(x, draw(4), (2, 3))
    x = x.flip(3) if draw(2) else x
    shifts = (draw(9) - 4, draw(9) - 4)
    x = nn.functional.pad(x, (4, 4, 4, 4), mode="replicate")
    x = x[:, :, 4 + shifts[0]:, 4 + shifts[1]:][:, :, :make.SIDE, :make.SIDE]
    x = x[:, torch.randperm(3, generator=generator)]
    return x * (0.8 + 0.4 * torch.rand(len(x), 1, 1, 1, generator=generator))


# --- training -------------------------------------------------------------------------------------------------------

def train(model, pictures, classes, preprocess, args):
    generator = torch.Generator().manual_seed(args.seed)
    steps = -(-len(pictures) // args.batch)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.rate, epochs=args.epochs, steps_per_epoch=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for epoch in range(args.epochs):
        start, total = time.time(), 0.0
        model.train()
        for chosen in torch.randperm(len(pictures), generator=generator).split(args.batch):
            x = augment(normalise(pictures[chosen], preprocess), generator)
            loss = loss_of(model(x), classes[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        mean = total / len(pictures)
        print(f"epoch {epoch + 1}/{args.epochs}: loss {mean:.4f}, {time.time() - start:.0f} s", flush=True)
    model.eval()


def predict(run, pictures, preprocess):
    with torch.no_grad():
        return torch.cat([run(normalise(part, preprocess)) for part in pictures.split(200)])


def report(logits, classes):
    right = logits.argmax(1) == classes
    for index, name in enumerate(make.CLASSES):
        print(f"  {name}: {right[classes == index].float().mean():.3f}")
    print(f"validation accuracy {right.float().mean():.4f} ({int(right.sum())} of {len(right)})")
    return right.float().mean().item()


# --- the files ------------------------------------------------------------------------------------------------------

def drop_identities(graph):
    """torch stores equal tensors once and hands them on through Identity nodes; name the tensor itself instead. (The
    BatchNorm biases on both sides of a sum start equal and have equal gradients, so they stay equal.)"""
    source = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    kept = [node for node in graph.node if node.op_type != "Identity"]
    for node in kept:
        for i, name in enumerate(node.input):
            node.input[i] = source.get(name, name)
    del graph.node[:]
    graph.node.extend(kept)


def export(model, path, metadata):
    # TrainingMode.EVAL would merge BatchNorm into the convolutions; PRESERVE keeps the nodes, and as the model is in
    # eval mode they are inference nodes.
    torch.onnx.export(
        model, torch.zeros(1, 3, make.SIDE, make.SIDE), str(path), training=torch.onnx.TrainingMode.PRESERVE,
        opset_version=13, do_constant_folding=False, input_names=["input"], output_names=["logits"],
        dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
    file = onnx.load(str(path))
    drop_identities(file.graph)
    onnx.helper.set_model_props(file, metadata)
    onnx.checker.check_model(file, full_check=True)
    onnx.save(file, str(path))


def verify(path, logits, pictures, preprocess):
    """The exported file, run by its own nodes, gives the trained network's logits."""
    file = onnx.load(str(path))
    ops = [node.op_type for node in file.graph.node]
    assert ops.count("BatchNormalization") == ops.count("Conv") and file.opset_import[0].version == 13
    assert path.stat().st_size <= 1_000_000
    again = predict(lambda x: onnxrun.run(path, x), pictures, preprocess)
    difference = (again - logits).abs().max().item()
    assert difference < 1e-3, difference
    print(f"{path}: {path.stat().st_size} bytes, logits within {difference:.1e} of the trained network's")


def choose_pictures(logits, classes):
    """The first surely and rightly named validation picture of each of the first classes."""
    right = (logits.argmax(1) == classes) & (logits.softmax(1).amax(1) > 0.8)
    found = [torch.nonzero(right & (classes == index)).flatten().tolist() for index in range(PICTURES)]
    return [candidates[0] for candidates in found if candidates]


def copy_pictures(data, stems, root):
    shutil.rmtree(root, ignore_errors=True)
    make.make_folders(root)
    for stem in stems:
        for folder, suffix in (("JPEGImages", "jpg"), ("Annotations", "xml"), ("SegmentationClass", "png")):
            shutil.copyfile(data / folder / f"{stem}.{suffix}", root / folder / f"{stem}.{suffix}")
    make.write_sets(root, "val", sorted(stems))


def main():
    parser = argparse.ArgumentParser(description="trains the bundled example network")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("-o", "--out", type=pathlib.Path, default=EXAMPLES)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=8e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)

    pictures, classes = read_split(args.data, "train")
    preprocess = describe_input(pictures)
    model = ShapesNet(len(make.CLASSES))
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(pictures)} training pictures", flush=True)
    train(model, pictures, classes, preprocess, args)

    pictures, classes = read_split(args.data, "val")
    logits = predict(model, pictures, preprocess)
    accuracy = report(logits, classes)

    folder = args.out / "model"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "shapes.onnx"
    labels = "\n".join(make.CLASSES)
    export(model, path, {
        "classes": str(len(make.CLASSES)), "validation_accuracy": f"{accuracy:.4f}",
        "relprop.preprocess": json.dumps(preprocess), "relprop.labels": labels})
    (folder / "shapes.preprocess.json").write_text(json.dumps(preprocess) + "\n")
    (folder / "shapes.labels.txt").write_text(labels + "\n")
    verify(path, logits, pictures, preprocess)
    stems = read_stems(args.data, "val")
    copy_pictures(args.data, [stems[i] for i in choose_pictures(logits, classes)], args.out / "pictures")


if __name__ == "__main__":
    main()
