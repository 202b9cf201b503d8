"""Reads the stores that tools/results/run made: what in them belongs to a part, a metric and a method as these were asked for.

Scores of several networks, data sets, targets or precisions are never read as one.
"""
import argparse
import math
import re
import sqlite3
import sys

import parts
from command import fail

ASKED = list(dict.fromkeys(method for part in parts.PARTS for method in part.methods))
PROTOCOLS = list(dict.fromkeys(part.protocol(metric) for part in parts.PARTS for metric in part.metrics))


def fields(text):
    """name:key=value,… in parts, without the version of a metric; a value may have a colon."""
    name, _, rest = text.partition(":")
    return re.sub("@[0-9]+$", "", name), dict(one.split("=", 1) for one in rest.split(",")) if rest else {}


def method_name(text):
    """A type of argparse."""
    try:
        if fields(text)[0]:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"'{text}' is not NAME or NAME:KEY=VALUE,…")


def has(keys, asked):
    return all(keys.get(key) == value for key, value in asked.items())


def fits(asked, complete, others):
    """Whether a complete string has what was asked for, in the precision that was asked for, and nothing that one of the
    others asked for beside that."""
    complete = re.sub(r" \| patterns=[0-9a-f]+$", "", complete)
    if " | " in complete:  # maps by rules of their own or in bfloat16, which no part asks for
        return False
    name, keys = fields(asked)
    if re.sub("@[0-9]+$", "", complete.partition(":")[0]) != name:  # others may have commas in their values
        return False
    its_keys = fields(complete)[1]
    if not has(its_keys, keys) or its_keys.get("precision", "f32") != keys.get("precision", "f32"):
        return False
    return not any(len(other) > len(keys) and has(its_keys, other)
                   for other_name, other in map(fields, others) if other_name == name)


def complete_of(asked, complete, all_asked):
    """The complete string of a method or metric as it was asked for, of those in the store; None where there is none."""
    found = [text for text in complete if fits(asked, text, [one for one in all_asked if one != asked])]
    if len(found) > 1:
        raise SystemExit(f"'{asked}' may be each of {' and '.join(found)}: give each a store of its own")
    return found[0] if found else None


def of_method(by_method, asked):
    """What belongs to a method as it was asked for, of {complete method: …}; {} where there is nothing."""
    return by_method.get(complete_of(asked, by_method, ASKED), {})


def methods_there(all_by_method, more=()):
    """What is asked for in a part, or in `more`, of which any {complete method: …} has something."""
    return [asked for asked in dict.fromkeys((*ASKED, *more)) if any(of_method(one, asked) for one in all_by_method)]


class Store:
    """One network's store, to read; of its networks the one whose key begins with `model`."""
    def __init__(self, path, model=""):
        self.path, self.model = path, model
        self.database = sqlite3.connect(path.resolve().as_uri() + "?mode=ro", uri=True)
        self.protocols = [name for name, in self.database.execute("select name from protocols")]

    def query(self, text, values=()):
        try:
            return self.database.execute(text, values).fetchall()
        except sqlite3.Error as error:
            fail(f"{self.path}: {error}")

    def rows(self, view, columns, where="1", values=(), any_data=False):
        """Of one network, and of one data set unless any will do; ends the program where there are more."""
        sources, rows = set(), []
        for key, path, data, *row in self.query(
                f"select model, model_path, dataset, {columns} from {view} where substr(model, 1, ?) = ? and {where}",
                (len(self.model), self.model, *values)):
            sources.add((key, path, "" if any_data else f", data set {data}"))
            rows.append(row)
        if len({(key, data) for key, _, data in sources}) > 1:
            raise SystemExit("\n    ".join([f"{self.path}: what was asked for is there of more than one network or data set",
                                            *(f"model {key} ({path}){data}" for key, path, data in sorted(sources))]) +
                             "\n--model KEY chooses a network; give each data set a store of its own")
        return rows

    def of_part(self, view, columns, part, metric, where="1", values=()):
        """The rows of a part's metric, of its kind of data and its target."""
        return self.rows(view, columns, f"protocol = ? and target = ? and dataset like ? and {where}",
                         (protocol_of(self, part, metric), part.target, f"{part.data}:%", *values))


def stores_of(work, networks, data="imagenet", model=""):
    """{network: its store}, of the networks that have one."""
    found = {}
    for network in networks:
        path = parts.store_of(work, network, data)
        if not path.exists():
            print(f"{network}: no {path}", file=sys.stderr)
            continue
        try:
            found[network] = Store(path, model)
        except sqlite3.DatabaseError as error:
            print(f"{network}: {path} is left out, {error}", file=sys.stderr)
    check_model(work, found, model)
    return found


def check_model(work, stores, model):
    """Ends the program where no store has a network whose key begins so."""
    if not model or not stores:
        return
    there = dict(row for store in stores.values() for row in store.query("select distinct model, model_path from scores_flat"))
    if not any(key.startswith(model) for key in there):
        fail(f"no network whose key begins with '{model}' in {work}; there are "
             f"{', '.join(f'{key} ({path})' for key, path in there.items()) or 'none'}")


def protocol_of(store, part, metric):
    """The complete protocol of a metric as a part asks for it; None where the store has none."""
    return complete_of(part.protocol(metric), store.protocols, PROTOCOLS)


def scores_in(store, part, metric):
    return list(dict.fromkeys(score for score, in store.of_part("scores_flat", "score", part, metric)))


def scores_of(store, part, metric, score):
    """{complete method: {picture: value}}"""
    found = {}
    for method, picture, value in store.of_part("scores_flat", "method, picture, value", part, metric, "score = ?", (score,)):
        if value is not None and math.isfinite(value):
            found.setdefault(method, {})[picture] = value
    return found
