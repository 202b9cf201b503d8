"""Measuring in process, and reading what was measured, as the command line has it."""
import csv
import io
import json
import unittest

import support

support.needs("numpy")
import relprop

DATA = "voc:" + str(support.EXAMPLES / "pictures")
METHODS = ["gradient", "lrp-zplus"]
METRICS = ["outside-inside", "pointing-game"]


class Measuring(support.TemporaryFolderTest):
    @classmethod
    def setUpClass(cls):
        cls.net = relprop.load(support.MODEL)

    def test_scores_are_those_of_the_program(self):
        mine, theirs = self.folder / "mine.db", self.folder / "theirs.db"
        told = []
        scores = self.net.evaluate(DATA, METHODS, METRICS, store=mine, limit=4, progress=lambda *how: told.append(how))
        support.program(
            "evaluate",
            support.MODEL,
            "--data",
            DATA,
            "--methods",
            ",".join(METHODS),
            "--metrics",
            ",".join(METRICS),
            "--limit",
            4,
            "--store",
            theirs,
        )
        self.assertEqual(*(support.program("export", store, "--csv").splitlines()[:1] for store in (mine, theirs)))
        numbers = lambda store: sorted(
            (row["method"], row["protocol"], row["score"], row["value"])
            for row in csv.DictReader(io.StringIO(support.program("export", store, "--csv")))
        )
        self.assertEqual(numbers(mine), numbers(theirs))
        self.assertGreater(len(numbers(mine)), 8)
        self.assertEqual({row["method"].partition(":")[0] for row in scores}, set(METHODS))
        self.assertGreater(scores.done, 0)
        self.assertTrue(told and told[-1][0] <= told[-1][1])

    def test_without_a_store_the_scores_are_the_same(self):
        kept = self.net.evaluate(DATA, "gradient", "outside-inside", store=self.folder / "runs.db", limit=3)
        loose = self.net.evaluate(DATA, methods="gradient", metrics="outside-inside", limit=3)
        self.assertEqual([row["mean"] for row in kept], [row["mean"] for row in loose])
        self.assertEqual(len(kept), len(loose))

    def test_a_store_that_is_read_later(self):
        path = self.folder / "runs.db"
        scores = self.net.evaluate(DATA, METHODS, METRICS, store=path, limit=3)
        store = relprop.Store(path)
        table = store.table("outside-inside")
        self.assertEqual({row["method"].partition(":")[0] for row in table}, set(METHODS))
        self.assertEqual(len(store.table()), len(scores))
        self.assertTrue(all(row["pictures"] for row in table))
        with self.assertRaises(relprop.UnknownMetric) as caught:
            store.table("no-such-metric")
        self.assertIn("pointing-game", caught.exception.expected)
        exported = json.loads(support.program("export", path, "--json"))
        self.assertEqual(len(store.results()), len(exported))

    def test_what_is_wrong_is_named(self):
        for kind, how in (
            (relprop.UnknownMetric, {"metrics": "no-such"}),
            (relprop.UnknownMethod, {"methods": "no-such"}),
            (relprop.InvalidArgument, {"colour": 1}),
            (relprop.InvalidArgument, {"target": "sideways"}),
            (relprop.InvalidArgument, {"methods": []}),
            (relprop.InvalidArgument, {"metrics": []}),
            (relprop.InvalidArgument, {"store": ""}),
        ):
            with self.subTest(how), self.assertRaises(kind):
                self.net.evaluate(DATA, limit=1, **how)
        with self.assertRaises(relprop.Error):
            self.net.evaluate("voc:/no/such/folder")
        with self.assertRaises(relprop.InvalidArgument):
            self.net.evaluate("nonsense")

    def test_patterns_that_no_method_reads_are_refused(self):
        with self.assertRaises(relprop.InvalidArgument) as caught:
            self.net.evaluate(DATA, methods=["gradient", "rap"], limit=1, patterns="pa.npz")
        self.assertEqual(caught.exception.where, "patterns")
        self.assertIn("pa.npz", caught.exception.got)
        self.assertIn("pattern-net or pattern-attribution", caught.exception.expected)
        with self.assertRaises(relprop.FileNotFound):
            self.net.evaluate(DATA, methods=["gradient", "pattern-net"], limit=1, patterns="no-such.npz")

    def test_it_may_be_stopped_and_gone_on_with(self):
        path = self.folder / "runs.db"
        with self.assertRaises(relprop.Cancelled):
            self.net.evaluate(
                DATA, "gradient", "outside-inside", store=path, limit=4, progress=lambda done, total: done >= 2
            )
        whole = self.net.evaluate(DATA, "gradient", "outside-inside", store=path, limit=4)
        self.assertEqual(
            [row["mean"] for row in whole],
            [row["mean"] for row in self.net.evaluate(DATA, "gradient", "outside-inside", limit=4)],
        )


class Tables(unittest.TestCase):
    def test_text_and_html(self):
        table = relprop.Table([{"a": 1, "b": 0.123456}, {"a": "x<y", "c": None}])
        self.assertEqual(table.columns, ["a", "b", "c"])
        self.assertEqual(table.column("b"), [0.123456, None])
        self.assertEqual(str(table).splitlines()[1], "1    0.1235")
        self.assertIn("<td>x&lt;y</td>", table._repr_html_())
        self.assertEqual(str(relprop.Table()), "")

    def test_a_column_that_no_row_has_is_refused(self):
        table = relprop.Table([{"a": 1}, {"b": None}])
        self.assertEqual((table.column("a"), table.column("b")), ([1, None], [None, None]))
        for name in ("nosuch", "A", 0, None):
            with self.subTest(name), self.assertRaises(relprop.InvalidArgument) as caught:
                table.column(name)
            error = caught.exception
            self.assertEqual((error.where, error.got, error.expected), ("column", repr(name), "one of a, b"))
        self.assertEqual(relprop.Table().column("nosuch"), [])
