#!/usr/bin/python3
"""Writes the thousand synsets of ILSVRC's classification task, in class order, as C++ numbers.

    tools/export/synsets.py LIST [FILE]     (default: src/explainer/imagenet_synsets.inc of this repository)

LIST: any list of a synset a line, with or without words behind it, such as ILSVRC's LOC_synset_mapping.txt. Class numbers are
the ranks of the synsets, so no more than the identifiers themselves is taken, sorted.
"""
import pathlib
import re
import sys

HEADER = """\
// Written by tools/export/synsets.py: the synsets of ILSVRC 2012's thousand classes in class order, WordNet 3.0's numbers of
// the nouns, without the n in front.
"""


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    path = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else root / "src/explainer/imagenet_synsets.inc"
    found = re.findall(r"^n(\d{8})\b", pathlib.Path(sys.argv[1]).read_text(), re.MULTILINE)
    assert len(found) == len(set(found)) == 1000 and found == sorted(found), "a thousand synsets in their order"
    lines = [", ".join(str(int(number)) for number in found[i : i + 12]) for i in range(0, 1000, 12)]
    path.write_text(HEADER + ",\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
