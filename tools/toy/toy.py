"""The network of docs/toy.md: one row of weights for each neuron."""
INPUT = [2, 2, 1, 1]
HIDDEN = [[2, 2, -2, 0], [4, 0, -1, -1]]
OUTPUT = [[2, -1]]


def activations():
    """Of inputs, hidden neurons and the output."""
    hidden = [max(sum(w * x for w, x in zip(row, INPUT)), 0) for row in HIDDEN]
    return [INPUT, hidden, [sum(w * h for w, h in zip(row, hidden)) for row in OUTPUT]]
