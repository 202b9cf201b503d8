#!/usr/bin/python3
"""Prints the tables of docs/results.md from the stores that tools/results/run made, beside the papers' figures.

    tools/results/tables.py WORK PART [--network NETWORK...] [--score SCORE...] [--model KEY]
                            [--halves | --against METHOD | --wide [scores]]

A row is a method: theirs (papers.json), ours ± standard error, median, mean of natural logarithms ± standard error (of
ratios; of those below 0.001, such as the best possible 0, that of 0.001), n, and where theirs lies: within ours ± 1.96 standard
errors, below or above. Of a network that the paper does not have, theirs is that of the paper's, in brackets, and lies nowhere.
With --halves the means of two halves of the pictures stand there instead, so that a choice made on one half can be confirmed on
the other; which half a picture is in, its file name says alone, so it is the same in every table. With --against it is the mean
difference of METHOD to the others, of ratios of their logarithms, paired by picture, with a 95 % percentile bootstrap interval
that is widened for the number of others (Bonferroni). With --wide columns are networks, a table a score, or scores, a table a
network; bold is the best mean of the methods that have at least 90 % of the pictures of the column's most, and in brackets
stands how many a method has where it is not the most. Of a store with several networks --model KEY chooses one.
"""
import argparse
import hashlib
import json
import math
import pathlib
import random
import statistics

import parts
from command import check_there, end_with, fail
from stores import fields, method_name, methods_there, of_method, scores_in, scores_of, stores_of

PAPERS = json.loads((pathlib.Path(__file__).parent / "papers.json").read_text())
RATIOS = ("all", "pos")
LOWER = RATIOS + ("morf", "deletion", "drop")  # is better
LEAST_RATIO = 0.001  # whose logarithm is that of smaller ones: 0 is the best score and has none of its own
ENOUGH = 90  # per cent of the pictures of the method that has most, below which a method cannot be the best of a column


def mean_error(values):
    """Mean and standard error; one value has none."""
    return statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def error_text(error):
    return "–" if error is None else f"{error:.3f}"


def shown(pair):
    return f"{pair[0]:.3f} ± {error_text(pair[1])}"


def have_enough(counts):
    """The methods of {method: number of pictures} that have enough of them to be the best."""
    return [method for method, count in counts.items() if 100 * count >= ENOUGH * max(counts.values())]


def theirs_of(part, network, method, metric, score):
    """The figure and the network it is of, or None."""
    # Steps of integrated gradients are not part of the method's name in a paper.
    name = "integrated-gradients" if method.startswith("integrated-gradients:steps") else method
    figures = [figure for figure in PAPERS if score in figure["scores"] and
               (figure["data"], figure["metric"], fields(figure["method"])) == (part.data, metric, fields(name))]
    for its in (network, "resnet50", "vgg16"):
        for figure in figures:
            if figure["network"] == its:
                return figure["scores"][score], its
    return None


def theirs_text(theirs, network):
    if theirs is None:
        return "–"
    return f"{theirs[0]:.3f}" if theirs[1] == network else f"({theirs[0]:.3f} {theirs[1]})"


def place(theirs, network, mean, error):
    if theirs is None or theirs[1] != network or error is None:
        return ""
    theirs = theirs[0]
    if abs(theirs - mean) <= 1.96 * error:
        return "within"
    return "below ours" if theirs < mean else "above ours"


def logarithm(ratio):
    return math.log(max(ratio, LEAST_RATIO))


def row_of(part, network, method, metric, score, values):
    theirs = theirs_of(part, network, method, metric, score)
    mean, error = mean_error(values)
    cells = [theirs_text(theirs, network), shown((mean, error)), f"{statistics.median(values):.3f}"]
    if score in RATIOS:
        cells.append(shown(mean_error([logarithm(value) for value in values])))
    return cells + [str(len(values)), place(theirs, network, mean, error)]


def half_of(picture):
    """0 or 1, by its file name alone: a picture is in the same half of every table, network and run."""
    return hashlib.sha256(picture.rpartition("/")[2].encode()).digest()[-1] & 1


def halves_of(values_by_picture):
    halves = [[value for picture, value in values_by_picture.items() if half_of(picture) == half] for half in (0, 1)]
    return [shown(mean_error(half)) if half else "–" for half in halves] + [str(len(values_by_picture))]


def differences(ours, others, ratio):
    """Of the pictures that both have."""
    scale = logarithm if ratio else float
    return [scale(ours[picture]) - scale(others[picture]) for picture in ours if picture in others]


def interval(values, candidates, resamples=5000):
    """Of the mean, at a level of 95 % for all candidates together."""
    random_numbers, n = random.Random(0), len(values)
    means = sorted(statistics.fmean(random_numbers.choices(values, k=n)) for _ in range(resamples))
    outside = int(resamples * 0.025 / candidates)
    return means[outside], means[-1 - outside]


def print_differences(part, network, metric, score, store, method):
    values = scores_of(store, part, metric, score)
    ours = of_method(values, method)
    rows = {other: differences(ours, of_method(values, other), score in RATIOS)
            for other in part.methods if other != method}
    rows = {other: its for other, its in rows.items() if its}
    if not rows:
        return False
    print(f"\n**{network}, {part.protocol(metric)} {score}{', logs' if score in RATIOS else ''}: `{method}` less …**\n\n"
          "| method | difference | n |\n|---|---:|---:|")
    candidates = sum(len(its) > 1 for its in rows.values())
    for other, its in rows.items():
        ends = "–, –" if len(its) < 2 else "{:+.3f}, {:+.3f}".format(*interval(its, candidates))
        print(f"| `{other}` | {statistics.fmean(its):+.3f} [{ends}] | {len(its)} |")
    return True


def print_table(part, network, metric, score, store, halves):
    values = scores_of(store, part, metric, score)
    ratio = ["mean of logs"] if score in RATIOS else []
    head = ["method", "first half", "second half", "n"] if halves else ["method", "theirs", "ours", "median", *ratio, "n", "theirs lies"]
    rows = []
    for method in part.methods:
        if its := of_method(values, method):
            cells = halves_of(its) if halves else row_of(part, network, method, metric, score, list(its.values()))
            rows.append([f"`{method}`", *cells])
    if not rows:
        return False
    print(f"\n**{network}, {part.protocol(metric)} {score}**\n\n| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    return True


def values_by_method(part, metric, score, store):
    """{method: values}, of the methods that have any."""
    values = scores_of(store, part, metric, score)
    its = {method: list(of_method(values, method).values()) for method in part.methods}
    return {method: found for method, found in its.items() if found}


def best_of(score, values):
    """The method with the best mean of {method: values}, of those with enough of them."""
    means = {method: statistics.fmean(values[method])
             for method in have_enough({method: len(its) for method, its in values.items()})}
    return (min if score in LOWER else max)(means, key=means.get)


def wide_cell(values, most, best):
    if not values:
        return "–"
    mean, error = mean_error(values)
    few = f" ({len(values)})" if len(values) != most else ""
    return f"{f'**{mean:.3f}**' if best else f'{mean:.3f}'} ± {error_text(error)}{few}"


def print_wide(title, part, columns):
    """Columns: (head, score, values by method)."""
    columns = [(head, its, max(map(len, its.values())), best_of(score, its)) for head, score, its in columns if its]
    if not columns:
        return False
    heads = " | ".join(f"{head}, {most}" for head, _, most, _ in columns)
    print(f"\n**{title}**\n\n| method | {heads} |\n|---|{'---:|' * len(columns)}")
    for method in part.methods:
        texts = [wide_cell(its.get(method), most, best == method) for _, its, most, best in columns]
        if any(text != "–" for text in texts):
            print(f"| `{method}` | {' | '.join(texts)} |")
    return True


def wide_tables(part, asked, stores, by_score):
    """(title, columns) of a table a score, its columns networks, or a table a network, its columns scores."""
    def column(head, network, metric, score):
        return head, score, values_by_method(part, metric, score, stores[network])
    if by_score:
        return [(network, [column(f"{part.protocol(metric)} {score}", network, metric, score) for metric, score in asked])
                for network in stores]
    return [(f"{part.protocol(metric)} {score}", [column(network, network, metric, score) for network in stores])
            for metric, score in asked]


def asked_of(part, stores, args):
    """[(network, metric, score)] of what is there; ends the program where a score that was asked for is not."""
    there = [(network, metric, score) for network, store in stores.items() for metric in part.metrics
             for score in scores_in(store, part, metric)]
    if not there:
        fail(f"nothing of {part.name} in {args.work}")
    check_there("score", args.score or (), dict.fromkeys(score for *_, score in there), f"of {part.name} in {args.work}")
    return [one for one in there if not args.score or one[2] in args.score]


def print_all_wide(part, asked, stores, by_score):
    pairs = dict.fromkeys((metric, score) for asks in part.metrics for _, metric, score in asked if metric == asks)
    return [print_wide(title, part, columns) for title, columns in wide_tables(part, pairs, stores, by_score)]


def print_long(part, asked, stores, args):
    for network, metric, score in asked:
        if args.against:
            yield print_differences(part, network, metric, score, stores[network], args.against)
        else:
            yield print_table(part, network, metric, score, stores[network], args.halves)


def nothing(part, asked, stores, args):
    """Ends the program, as nothing was printed."""
    if args.against:
        there = methods_there([scores_of(stores[network], part, metric, score) for network, metric, score in asked],
                              [args.against])
        check_there("method", [args.against], there, f"of {part.name} in {args.work}")
        fail(f"no picture has '{args.against}' and another method of {part.name} in {args.work}")
    fail(f"nothing of {part.name} in {args.work}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("part", choices=[part.name for part in parts.PARTS])
    parser.add_argument("--network", nargs="+")
    parser.add_argument("--score", nargs="+")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--halves", action="store_true")
    kind.add_argument("--against", type=method_name, metavar="METHOD")
    kind.add_argument("--wide", nargs="?", choices=("networks", "scores"), const="networks", help="what columns are")
    parser.add_argument("--model", metavar="KEY", default="", help="of a store with several networks the one whose key begins so")
    return parser.parse_args()


def main():
    args = arguments()
    part = parts.named(args.part)
    stores = stores_of(args.work, args.network or part.networks, part.data, args.model)
    asked = asked_of(part, stores, args)
    if args.wide:
        printed = print_all_wide(part, asked, stores, args.wide == "scores")
    else:
        printed = list(print_long(part, asked, stores, args))
    if not any(printed):
        nothing(part, asked, stores, args)


if __name__ == "__main__":
    end_with(main)
