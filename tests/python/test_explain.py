"""Loading and explaining: every kind of input, targets, methods, what a result is made of."""
import os
import unittest

import support

support.needs("numpy")
import numpy as np
import relprop

METHODS = ["gradient", "lrp-zplus"]


class Loading(support.TemporaryFolderTest):
    def test_a_path_and_bytes_are_the_same_network(self):
        by_path = relprop.load(support.MODEL)
        by_bytes = relprop.load(
            support.MODEL.read_bytes(), name="shapes", preprocess=str(support.MODEL)[:-5] + ".preprocess.json"
        )
        x = np.linspace(-1, 1, 2 * 3 * 96 * 96, dtype=np.float32).reshape(2, 3, 96, 96)
        self.assertEqual(by_path.forward(x).tobytes(), by_bytes.forward(x).tobytes())
        self.assertEqual(by_path.description["hash"], by_bytes.description["hash"])

    def test_what_a_model_tells_of_itself(self):
        net = relprop.load(str(support.MODEL))
        self.assertEqual(net.input_shape, (None, 3, 96, 96))
        self.assertEqual(net.layout, "nchw")
        self.assertEqual(net.classes, 10)
        self.assertEqual(net.labels[3], "star")
        self.assertAlmostEqual(net.preprocess["mean"][0], 0.5009)
        self.assertEqual(net.default_method, "rap")
        for part in ("shapes.onnx", "N×3×96×96", "nchw", "10 classes", "circle", "0.5009", "shapes.preprocess.json"):
            self.assertIn(part, repr(net))

    def test_labels_and_preprocessing_for_all_calls(self):
        names = self.folder / "names.txt"
        names.write_text("\n".join(f"name {i}" for i in range(10)))
        net = relprop.load(support.MODEL, labels=names, preprocess="unit")
        self.assertEqual(net.labels[9], "name 9")
        r = net.explain(support.PICTURE, "gradient", target="name 4")
        self.assertEqual((r.target.index, r.target.label), (4, "name 4"))
        own = relprop.load(support.MODEL)
        self.assertNotEqual(r.scores.tobytes(), own.explain(support.PICTURE, "gradient").scores.tobytes())

    def test_methods_are_those_of_networks(self):
        names = relprop.load(support.MODEL).methods().column("name")
        self.assertIn("rap", names)
        self.assertNotIn("bow-lrp", names)
        self.assertIn("bow-lrp", relprop.methods().column("name"))

    def test_a_path_that_is_not_utf8(self):
        odd = os.fsencode(self.folder) + b"/n\xff.onnx"
        with open(odd, "wb") as file:
            file.write(support.MODEL.read_bytes())
        self.assertEqual(relprop.load(os.fsdecode(odd)).classes, 10)
        with self.assertRaises(relprop.FileNotFound):
            relprop.load(os.fsdecode(odd + b"\xfe"))


class Inputs(support.TemporaryFolderTest):
    @classmethod
    def setUpClass(cls):
        cls.net = relprop.load(support.MODEL)
        cls.expected = cls.net.explain(support.PICTURE, "lrp-zplus")

    def same(self, result):
        self.assertIsInstance(result, relprop.Explanation)
        self.assertEqual(result.relevance.tobytes(), self.expected.relevance.tobytes())

    def test_a_path_as_text_as_object_and_its_bytes(self):
        self.same(self.net.explain(str(support.PICTURE), "lrp-zplus"))
        self.same(self.net.explain(support.PICTURE.read_bytes(), "lrp-zplus"))
        self.assertEqual(self.expected.name, str(support.PICTURE))

    def test_a_path_that_is_not_utf8(self):
        odd = os.fsencode(self.folder) + b"/p\xff.jpg"
        with open(odd, "wb") as file:
            file.write(support.PICTURE.read_bytes())
        self.same(self.net.explain(os.fsdecode(odd), "lrp-zplus"))

    def test_pixels_that_are_of_the_networks_size(self):
        pixels = np.array(self.expected.photo)
        self.assertEqual((pixels.shape, pixels.dtype), ((96, 96, 3), np.uint8))
        self.same(self.net.explain(pixels, "lrp-zplus"))
        wide = np.zeros((96, 192, 3), np.uint8)
        wide[:, ::2] = pixels
        self.same(self.net.explain(wide[:, ::2], "lrp-zplus"))  # with gaps, which have to be copied

    def test_normalised_floats_of_one_input(self):
        mean, std = (np.array(self.net.preprocess[name]) for name in ("mean", "std"))
        x = ((self.expected.photo / 255.0 - mean) / std).astype(np.float32).transpose(2, 0, 1)
        r = self.net.explain(x, "lrp-zplus")
        self.assertIsInstance(r, relprop.Explanation)
        np.testing.assert_allclose(r.relevance, self.expected.relevance, rtol=1e-3, atol=1e-4)
        self.assertIsNone(r.photo)
        double = self.net.explain(np.ascontiguousarray(x).astype(np.float64), "lrp-zplus")
        self.assertEqual(double.relevance.tobytes(), r.relevance.tobytes())

    def test_a_file_of_numpy(self):
        x = np.random.default_rng(0).normal(size=(2, 3, 96, 96)).astype(np.float32)
        np.save(self.folder / "x.npy", x)
        by_file, by_array = (self.net.explain(one, "lrp-zplus") for one in (self.folder / "x.npy", x))
        self.assertEqual(by_file.relevance.tobytes(), by_array.relevance.tobytes())
        self.assertEqual(by_file[1].name, f"{self.folder / 'x.npy'}[1]")

    def test_a_list_of_all_kinds(self):
        x = np.random.default_rng(0).normal(size=(2, 3, 96, 96)).astype(np.float32)
        r = self.net.explain([support.PICTURE, np.array(self.expected.photo), x, x[0]], "lrp-zplus")
        self.assertEqual((r.axes, r.shape, len(r)), (("input",), (5,), 5))
        self.same(r[0])
        self.same(r[1])
        self.assertEqual(r[2].relevance.tobytes(), r[4].relevance.tobytes())
        self.assertNotEqual(r[2].relevance.tobytes(), r[3].relevance.tobytes())
        self.assertIsNone(r[3].photo)

    def test_many_pictures_as_one_array(self):
        pixels = np.stack([self.expected.photo, np.zeros((96, 96, 3), np.uint8)])
        r = self.net.explain(pixels, "lrp-zplus")
        self.assertEqual(r.shape, (2,))
        self.same(r[0])

    def test_the_scores_are_those_of_forward(self):
        x = np.random.default_rng(0).normal(size=(3, 3, 96, 96)).astype(np.float32)
        scores = self.net.forward(x)
        self.assertEqual((scores.shape, scores.dtype), ((3, 10), np.float32))
        self.assertEqual(self.net.forward(support.PICTURE).shape, (10,))
        np.testing.assert_allclose(self.net.explain(x, "gradient").scores, scores, rtol=1e-5, atol=1e-5)


class Questions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = relprop.load(support.MODEL)
        cls.batch = np.random.default_rng(1).normal(size=(3, 3, 96, 96)).astype(np.float32)

    def test_axes_are_what_is_asked_in_the_plural(self):
        r = self.net.explain(self.batch, METHODS, target=[3, 9])
        self.assertEqual((r.axes, r.shape, len(r)), (("method", "input", "target"), (2, 3, 2), 12))
        self.assertEqual(r.relevance.shape, (2, 3, 2, 3, 96, 96))
        self.assertEqual(r.map.shape, (2, 3, 2, 96, 96))
        self.assertEqual([one.index for one in r.target], [3, 9] * 6)
        self.assertEqual([one.method for one in r], ["gradient"] * 6 + ["lrp-zplus"] * 6)
        one = r.at(method=1, input=2, target=0)
        alone = self.net.explain(self.batch[2], "lrp-zplus", target=3)
        np.testing.assert_allclose(one.relevance, alone.relevance, rtol=1e-4, atol=1e-5)
        self.assertEqual(r.at(method=1).axes, ("input", "target"))
        self.assertEqual(r.at(method=1).relevance.tobytes(), r.relevance[1].tobytes())
        with self.assertRaises(relprop.InvalidArgument):
            r.at(picture=1)

    def test_each_input_its_own_target(self):
        r = self.net.explain(self.batch, "gradient", target=[[1], [4], [7]])
        self.assertEqual([one.index for one in r.target], [1, 4, 7])
        for i, target in enumerate((1, 4, 7)):
            together = self.net.explain(self.batch, "gradient", target=target)
            self.assertEqual(together[i].relevance.tobytes(), r[i].relevance.tobytes())
        with self.assertRaises(relprop.InvalidArgument):
            self.net.explain(self.batch, "gradient", target=[[1], [4]])

    def test_a_list_for_all_inputs_has_each_target_once(self):
        for target, expected in (
            ([1, 1, 2], [1, 2]),
            ([2, 1, 2, "1"], [2, 1]),
            ([3, "star", "3"], [3]),
            (np.array([1, 1]), [1]),
        ):
            r = self.net.explain(self.batch, "gradient", target=target)
            self.assertEqual(r.shape, (3, len(expected)))
            self.assertEqual([one.index for one in r.at(input=0).target], expected)
        own = self.net.explain(self.batch, "gradient", target=[[1, 1], [2, 2], [2, 3]])
        self.assertEqual([one.index for one in own.target], [1, 1, 2, 2, 2, 3])
        with self.assertRaises(relprop.InvalidArgument):  # True is no class, although Python has it equal to 1
            self.net.explain(self.batch, "gradient", target=[1, True])

    def test_names_ranks_and_what_speaks_against(self):
        self.assertEqual(self.net.explain(self.batch[0], "gradient", target="star").target.index, 3)
        top = self.net.explain(self.batch[0], "gradient", target="top:3")
        self.assertEqual(top.axes, ("target",))
        order = np.argsort(-self.net.forward(self.batch[0]))[:3]
        self.assertEqual([one.index for one in top.target], list(order))
        against = self.net.explain(self.batch[0], "gradient", target="not:star")
        plain = self.net.explain(self.batch[0], "gradient", target=3)
        np.testing.assert_array_equal(against.relevance, -plain.relevance)
        self.assertEqual(str(against.target)[:10], "not 3 star")

    def test_relevance_that_is_put_in(self):
        scores = self.net.forward(self.batch[0])
        whole = self.net.explain(self.batch[0], "lrp-zplus", target=scores)
        self.assertAlmostEqual(whole.seed, float(scores.sum(dtype=float)), places=4)
        self.assertIsNone(whole.target.index)
        parts = [self.net.explain(self.batch[0], "gradient", target=np.eye(10)[i]).relevance for i in (2, 5)]
        both = self.net.explain(self.batch[0], "gradient", target=np.eye(10)[2] + np.eye(10)[5])
        np.testing.assert_allclose(both.relevance, parts[0] + parts[1], rtol=1e-4, atol=1e-6)

    def test_a_contrast(self):
        rather = self.net.explain(self.batch[0], "lrp-zplus", target=3, contrast=9)
        others = self.net.explain(self.batch[0], "lrp-zplus", target=3, contrast=True)
        plain = self.net.explain(self.batch[0], "lrp-zplus", target=3, contrast=False)
        scores = plain.scores
        self.assertAlmostEqual(plain.seed, float(scores[3]), places=4)
        self.assertAlmostEqual(rather.seed, float(scores[3] - scores[9]), places=4)
        self.assertAlmostEqual(others.seed, 0, places=4)
        self.assertIn("against 9", str(rather.target))
        self.assertIn("against all others", str(others.target))

    def test_options_have_the_command_lines_names(self):
        squared = self.net.explain(self.batch[0], "gradient", abs=True)
        plain = self.net.explain(self.batch[0], "gradient")
        np.testing.assert_array_equal(squared.relevance, np.abs(plain.relevance))
        inner = self.net.explain(self.batch[0], "gradient", from_="/stem/conv/Conv:2")
        self.assertEqual(inner.target.index, 2)
        self.assertTrue(np.isfinite(inner.relevance).all())
        at = self.net.explain(self.batch[0], "lrp-zplus", at=["/stem/conv/Conv"])
        self.assertEqual(list(at.at), ["/stem/conv/Conv"])
        self.assertAlmostEqual(float(at.at["/stem/conv/Conv"].sum(dtype=float)), at.said["at"][0]["sum"], places=2)

    def test_a_plan_is_kept_for_other_questions(self):
        net = relprop.load(support.MODEL)
        for target in (1, "star", "not:2", None, self.net.forward(self.batch[0])):
            net.explain(self.batch, "gradient", target=target)
        net.explain(self.batch, "gradient", target=[[5], [6], [7]])
        self.assertEqual(len(net._explainers), 1)
        net.explain(self.batch, "gradient", target=[1, 2])
        self.assertEqual(len(net._explainers), 2)
        for gamma in range(20):
            net.explain(self.batch[0], f"lrp-gamma:gamma={gamma}")
        self.assertLessEqual(len(net._explainers), 8)

    def test_attributions_as_captum_has_them(self):
        one = self.net.attribute(self.batch, 4, "gradient")
        self.assertEqual(one.shape, self.batch.shape)
        each = self.net.attribute(self.batch, np.array([4, 5, 4]), "gradient")
        np.testing.assert_array_equal(each[0], one[0])
        self.assertFalse(np.array_equal(each[1], one[1]))
        self.assertEqual(self.net.attribute(self.batch).shape, self.batch.shape)
        shared = self.net.attribute(self.batch, 4, "grad-cam")
        self.assertEqual(shared.shape, self.batch.shape)
        np.testing.assert_allclose(
            shared.sum(1), self.net.explain(self.batch, "grad-cam", target=4).map, rtol=1e-4, atol=1e-6
        )

    def test_attributions_are_of_the_shape_of_what_is_given(self):
        whole = self.net.attribute(self.batch, 4, "gradient")
        for method in ("gradient", "grad-cam"):
            for inputs in (self.batch, self.batch[:1], self.batch[0], list(self.batch), self.batch.astype(float)):
                self.assertEqual(self.net.attribute(inputs, 4, method).shape, np.shape(inputs))
        np.testing.assert_array_equal(self.net.attribute(list(self.batch), 4, "gradient"), whole)
        table = np.ones((2, 4), np.float32)
        self.assertEqual(relprop.load(support.TOY).attribute(table, method="lrp-0").shape, table.shape)

    def test_attributions_of_what_has_another_shape_are_refused(self):
        pixels, where = np.zeros((96, 96, 3), np.uint8), str(support.PICTURE)
        files = (where, support.PICTURE, support.PICTURE.read_bytes(), [where], [self.batch[0], support.PICTURE])
        for inputs in (pixels, np.stack([pixels] * 2), [self.batch[0], pixels], *files, self.batch.astype(int)):
            with self.subTest(f"{inputs!r:.30}"), self.assertRaises(relprop.InvalidArgument) as caught:
                self.net.attribute(inputs, method="gradient", target=1)
            self.assertIn("floats", caught.exception.expected)
            self.assertIn("explain", caught.exception.hint)
        self.assertEqual(caught.exception.where, "input")
        for inputs in ([self.batch, self.batch], [self.batch[0], self.batch[:1]], self.batch[None], self.batch[0, 0]):
            with self.assertRaises(relprop.ShapeMismatch):
                self.net.attribute(inputs, method="gradient", target=1)

    def test_attributions_are_of_one_target_an_input(self):
        for target in ("top:2", "star,cross", "1,2"):
            for inputs in (self.batch, self.batch[0]):
                with self.subTest(target), self.assertRaises(relprop.InvalidArgument) as caught:
                    self.net.attribute(inputs, target, "gradient")
                self.assertEqual((caught.exception.where, caught.exception.got), ("target", "2 targets of each input"))
        for target in ([1, 2], [1, 2, 3, 4], [[1], [2], [3]], ["top:2", 1, 2], [None, 1, 2], 1.5, [1.0, 2.0, 3.0], []):
            with self.subTest(target), self.assertRaises(relprop.InvalidArgument):
                self.net.attribute(self.batch, target, "gradient")
        with self.assertRaises(relprop.InvalidArgument) as caught:
            self.net.attribute(self.batch, 1, ["gradient", "lrp-zplus"])
        self.assertEqual(caught.exception.where, "method")
        star = self.net.attribute(self.batch, 3, "gradient")
        for target in ("star", "3", np.int64(3), np.array(3), ["star", 3, "3"], (3, 3, 3)):
            np.testing.assert_array_equal(self.net.attribute(self.batch, target, "gradient"), star)
        top = self.net.attribute(self.batch, "top:1", "gradient")
        np.testing.assert_array_equal(top, self.net.attribute(self.batch, None, "gradient"))


class Results(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.r = relprop.load(support.MODEL).explain(support.PICTURE, "lrp-epsilon")

    def test_what_the_map_is(self):
        r = self.r
        self.assertEqual((r.relevance.shape, r.relevance.dtype), ((3, 96, 96), np.float32))
        self.assertEqual((r.map.shape, r.map.dtype), ((96, 96), np.float32))
        np.testing.assert_allclose(r.map, r.relevance.sum(axis=0, dtype=float), rtol=1e-4, atol=1e-5)
        self.assertAlmostEqual(r.sum, float(r.relevance.sum(dtype=float)), places=4)
        self.assertAlmostEqual(r.conservation, abs(r.sum - r.seed) / abs(r.seed), places=6)

    def test_what_the_network_says(self):
        r = self.r
        self.assertEqual(r.prediction.index, int(np.argmax(r.scores)))
        self.assertEqual(r.scores[r.prediction], r.scores.max())
        self.assertEqual(r.prediction, r.target)
        shares = np.exp(r.scores - r.scores.max())
        self.assertAlmostEqual(r.prediction.probability, shares.max() / shares.sum(), places=5)
        self.assertEqual(len(r.top5), 5)
        self.assertIn(r.prediction.label, str(r))

    def test_the_ledger_adds_up(self):
        ledger = self.r.ledger
        self.assertGreater(len(ledger), 5)
        for name in ("node", "op", "rule", "in", "out", "absorbed", "bias", "stabiliser"):
            self.assertIn(name, ledger.columns)
        kept = self.r.seed - sum(ledger.column("absorbed"))
        self.assertAlmostEqual(kept, self.r.sum, delta=1e-3 * abs(self.r.seed))

    def test_a_method_without_a_ledger(self):
        r = relprop.load(support.MODEL).explain(support.PICTURE, "occlusion:window=48,stride=48")
        self.assertIsNone(r.conservation)
        self.assertEqual(r.ledger, [])

    def test_a_network_of_tables_has_no_picture(self):
        r = relprop.load(support.TOY).explain(np.load(support.EXAMPLES / "toy/input.npy"), "lrp-0")
        with self.assertRaises(relprop.InvalidArgument):
            r[0].map
        self.assertIn("<img", r[0]._repr_html_())


class Library(unittest.TestCase):
    def test_what_it_has(self):
        self.assertIn("oneDNN", relprop.versions())
        self.assertEqual(relprop.__version__, relprop.versions()["relprop"])
        self.assertIn("outside-inside", relprop.metrics().column("name"))
        self.assertIn("rule", relprop.options()["explainer"])
