"""heatmap.py MODEL PICTURE MAP: whether Python's map of a picture has the bits of the map that the program saved."""

import sys

import numpy
import relprop

model, picture, saved = sys.argv[1:]
relevance = relprop.load(model).explain(picture, method="rap").relevance
expected = numpy.load(saved)
assert relevance.dtype == expected.dtype, (relevance.dtype, expected.dtype)
assert relevance.reshape(expected.shape).tobytes() == expected.tobytes(), numpy.abs(relevance.reshape(expected.shape) - expected).max()
print("relprop from", relprop.__file__, "explains", picture, "with the same bits as the program")
