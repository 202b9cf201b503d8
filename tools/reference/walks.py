"""A case and the walk back through a network that methods are made of."""
import numpy as np


class Case:
    """What is explained: a picture, a class, the extremes a pixel can have, and patterns by node."""

    def __init__(self, networks, image, target, bounds, patterns):
        self.networks, self.image, self.target, self.patterns = networks, image, target, patterns
        self.low, self.high = bounds
        self.dtype = image.dtype

    def network(self, fold=True):
        return self.networks["fold" if fold else "pass"]

    def score(self, image):
        return self.network().scores(image)[self.target]

    def at(self, image):
        return Case(self.networks, image, self.target, (self.low, self.high), self.patterns)


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def seed(case, scores, kind):
    r = np.zeros_like(scores)
    r[case.target] = {"logit": scores[case.target], "one": 1, "probability": softmax(scores)[case.target]}[kind]
    return r


def walk(network, values, table, r):
    """Relevance of every value. `first` and `top` are rows of the first and the last layer with weights."""
    relevance = {network.output: r}
    weighted = [n for n in network.nodes if n.layer]
    for node in reversed(network.nodes):
        rule = table[node.op]
        for key, layer in (("first", weighted[0]), ("top", weighted[-1])):
            rule = table.get(key, rule) if node is layer else rule
        inputs = [values[name] for name in node.inputs]
        for name, part in zip(node.inputs, rule(node, inputs, values[node.output], relevance[node.output])):
            relevance[name] = relevance[name] + part if name in relevance else part
    return relevance


def walked(case, table, kind, fold=True):
    network = case.network(fold)
    values = network.run(case.image)
    return walk(network, values, table, seed(case, values[network.output], kind))[network.input]
