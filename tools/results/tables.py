#!/usr/bin/python3
"""Prints the tables of docs/results.md from the stores that tools/results/run made, beside the papers' figures.

    tools/results/tables.py WORK PART [--network NETWORK...] [--score SCORE...] [--halves | --against METHOD | --wide [scores]]

A row is a method: theirs (papers.json), ours ± standard error, median, mean of natural logarithms ± standard error (of
ratios), n, and where theirs lies: within ours ± 1.96 standard errors, below or above. Of a network that the paper does not
have, theirs is that of the paper's, in brackets, and lies nowhere. With
--halves the means of every other picture and of the rest stand there instead, so that a choice made on one half can be
confirmed on the other. With --against it is the mean difference of METHOD to the others, of ratios of their logarithms, paired by
picture, with a 95 % percentile bootstrap interval that is widened for the number of others (Bonferroni). With --wide
columns are networks, a table a score, or scores, a table a network.
"""
import argparse
import json
import math
import pathlib
import random
import re
import sqlite3
import statistics
import sys

import parts

PAPERS = json.loads((pathlib.Path(__file__).parent / "papers.json").read_text())
RATIOS = ("all", "pos")
LOWER = RATIOS + ("morf", "deletion", "drop")  # is better
ASKED = list(dict.fromkeys(method for part in parts.PARTS for method in part.methods))


def fields(text):
    """name:key=value,… in parts; a value may have a colon."""
    name, _, rest = text.partition(":")
    return name, dict(one.split("=", 1) for one in rest.split(",")) if rest else {}


def complete_of(asked, complete, all_asked):
    """The complete string of a method as it was asked for, of those in the store: the one that has what was asked for and
    that no other method of its name asked for."""
    name, keys = fields(asked)
    others = [fields(one)[1] for one in all_asked if fields(one)[0] == name and one != asked]
    for text in complete:
        its_name, its_keys = fields(text)
        if its_name != name or any(its_keys.get(key) != value for key, value in keys.items()):
            continue
        more = [other for other in others if len(other) > len(keys) and all(its_keys.get(k) == v for k, v in other.items())]
        if not more:
            return text
    return None


def of_method(by_method, asked):
    """What belongs to a method as it was asked for, of {complete method: …}; {} where there is nothing."""
    return by_method.get(complete_of(asked, by_method, ASKED), {})


def stores_of(work, networks, data="imagenet"):
    """{network: its store, to read}, of the networks that have one."""
    paths = {network: parts.store_of(work, network, data) for network in networks}
    return {network: sqlite3.connect(f"file:{path}?mode=ro", uri=True) for network, path in paths.items() if path.exists()}


def protocol_of(store, metric):
    """The complete protocol of a metric as a part asks for it; None where the store has none."""
    known = {re.sub("@[0-9]+", "", text): text for text, in store.execute("select name from protocols")}
    asked = [one for part in parts.PARTS for one in part.metrics]
    return known.get(complete_of(metric, known, asked))


def scores_of(store, metric, score):
    """{complete method: {picture: value}}"""
    rows = store.execute(
        "select method, picture || '/' || target, value from scores_flat where protocol = ? and score = ?",
        (protocol_of(store, metric), score)).fetchall()
    found = {}
    for method, picture, value in rows:
        if value is not None and math.isfinite(value):
            found.setdefault(method, {})[picture] = value
    return found


def mean_error(values):
    return statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def shown(pair):
    return f"{pair[0]:.3f} ± {pair[1]:.3f}"


def theirs_of(network, method, metric, score):
    """The figure and the network it is of, or None."""
    # Steps of integrated gradients are not part of the method's name in a paper.
    name = "integrated-gradients" if method.startswith("integrated-gradients:steps") else method
    for its in (network, "resnet50", "vgg16"):
        for figure in PAPERS:
            if (figure["network"], figure["method"], figure["metric"]) == (its, name, metric) and score in figure["scores"]:
                return figure["scores"][score], its
    return None


def theirs_text(theirs, network):
    if theirs is None:
        return "–"
    return f"{theirs[0]:.3f}" if theirs[1] == network else f"({theirs[0]:.3f} {theirs[1]})"


def place(theirs, network, mean, error):
    if theirs is None or theirs[1] != network:
        return ""
    theirs = theirs[0]
    if abs(theirs - mean) <= 1.96 * error:
        return "within"
    return "below ours" if theirs < mean else "above ours"


def logarithms(values):
    logs = [math.log(value) for value in values if value > 0]
    return shown(mean_error(logs)) if logs else "–"


def row_of(network, method, metric, score, values):
    theirs = theirs_of(network, method, metric, score)
    mean, error = mean_error(values)
    cells = [theirs_text(theirs, network), shown((mean, error)), f"{statistics.median(values):.3f}"]
    if score in RATIOS:
        cells.append(logarithms(values))
    return cells + [str(len(values)), place(theirs, network, mean, error)]


def halves_of(values_by_picture):
    ordered = [value for _, value in sorted(values_by_picture.items())]
    return [shown(mean_error(half)) for half in (ordered[::2], ordered[1::2])] + [str(len(ordered))]


def differences(ours, others, ratio):
    """Of the pictures that both have."""
    scale = math.log if ratio else float
    common = [picture for picture in ours if picture in others]
    return [scale(ours[one]) - scale(others[one]) for one in common if not ratio or min(ours[one], others[one]) > 0]


def interval(values, candidates, resamples=5000):
    """Of the mean, at a level of 95 % for all candidates together."""
    random_numbers, n = random.Random(0), len(values)
    means = sorted(statistics.fmean(random_numbers.choices(values, k=n)) for _ in range(resamples))
    outside = int(resamples * 0.025 / candidates)
    return means[outside], means[-1 - outside]


def print_differences(part, network, metric, score, store, method):
    values = scores_of(store, metric, score)
    ours = of_method(values, method)
    rows = {other: differences(ours, of_method(values, other), score in RATIOS)
            for other in part.methods if other != method}
    rows = {other: its for other, its in rows.items() if len(its) > 1}
    if not rows:
        return
    print(f"\n**{network}, {metric} {score}{', logs' if score in RATIOS else ''}: `{method}` less …**\n\n| method | difference | n |\n|---|---:|---:|")
    for other, its in rows.items():
        low, high = interval(its, len(rows))
        print(f"| `{other}` | {statistics.fmean(its):+.3f} [{low:+.3f}, {high:+.3f}] | {len(its)} |")


def print_table(part, network, metric, score, store, halves):
    values = scores_of(store, metric, score)
    ratio = ["mean of logs"] if score in RATIOS else []
    head = ["method", "first half", "second half", "n"] if halves else ["method", "theirs", "ours", "median", *ratio, "n", "theirs lies"]
    rows = []
    for method in part.methods:
        its = of_method(values, method)
        if len(its) > 1:
            cells = halves_of(its) if halves else row_of(network, method, metric, score, list(its.values()))
            rows.append([f"`{method}`", *cells])
    if not rows:
        return
    print(f"\n**{network}, {metric} {score}**\n\n| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def values_by_method(part, metric, score, store):
    """{method: values}, of the methods that have any."""
    values = scores_of(store, metric, score)
    its = {method: list(of_method(values, method).values()) for method in part.methods}
    return {method: found for method, found in its.items() if len(found) > 1}


def print_wide(title, part, columns):
    """Columns: (head, score, values by method). Bold is the best mean."""
    columns = [column for column in columns if column[2]]
    if not columns:
        return
    counts = [max(len(found) for found in its.values()) for _, _, its in columns]
    best = [(min if score in LOWER else max)(its, key=lambda method, its=its: statistics.fmean(its[method]))
            for _, score, its in columns]
    heads = " | ".join(f"{head}, {count}" for (head, _, _), count in zip(columns, counts))
    print(f"\n**{title}**\n\n| method | {heads} |\n|---|{'---:|' * len(columns)}")
    for method in part.methods:
        texts = []
        for (_, _, its), count, first in zip(columns, counts, best):
            mean, error = mean_error(its[method]) if method in its else (None, None)
            few = f" ({len(its[method])})" if method in its and len(its[method]) != count else ""
            number = "–" if mean is None else f"**{mean:.3f}**" if method == first else f"{mean:.3f}"
            texts.append(number if mean is None else f"{number} ± {error:.3f}{few}")
        if any(text != "–" for text in texts):
            print(f"| `{method}` | {' | '.join(texts)} |")


def print_by_network(part, asked, stores):
    """A table a score, its columns networks."""
    for metric, score in asked:
        print_wide(f"{metric} {score}", part, [(network, score, values_by_method(part, metric, score, store))
                                               for network, store in stores.items()])


def print_by_score(part, asked, stores):
    """A table a network, its columns scores."""
    for network, store in stores.items():
        print_wide(network, part, [(f"{metric} {score}", score, values_by_method(part, metric, score, store))
                                   for metric, score in asked])


def scores_in(store, metric):
    return [row[0] for row in store.execute("select distinct score from scores_flat where protocol = ?",
                                            (protocol_of(store, metric),))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("part", choices=[part.name for part in parts.PARTS])
    parser.add_argument("--network", nargs="+")
    parser.add_argument("--score", nargs="+")
    parser.add_argument("--halves", action="store_true")
    parser.add_argument("--against", metavar="METHOD")
    parser.add_argument("--wide", nargs="?", choices=("networks", "scores"), const="networks", help="what columns are")
    args = parser.parse_args()
    part = parts.named(args.part)
    networks = args.network or part.networks
    stores = stores_of(args.work, networks, part.data)
    for network in networks:
        if network not in stores:
            print(f"{network}: no {parts.store_of(args.work, network, part.data)}", file=sys.stderr)
    if args.wide:
        asked = dict.fromkeys((metric, score) for metric in part.metrics for store in stores.values()
                              for score in scores_in(store, metric) if not args.score or score in args.score)
        (print_by_score if args.wide == "scores" else print_by_network)(part, asked, stores)
        return
    for network, store in stores.items():
        for metric in part.metrics:
            for score in scores_in(store, metric):
                if args.score and score not in args.score:
                    continue
                if args.against:
                    print_differences(part, network, metric, score, store, args.against)
                else:
                    print_table(part, network, metric, score, store, args.halves)


if __name__ == "__main__":
    main()
