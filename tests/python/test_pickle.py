"""Maps as pickles and copies: they carry their numbers, and what cannot be carried says so."""
import copy
import gc
import pickle

import support

support.needs("numpy")
import numpy as np
import relprop

# Another process, in which the numbers of handles stand for other results.
READ = """
import pickle, sys
import numpy, relprop
net = relprop.load(sys.argv[2])
others = [net.explain(numpy.zeros((3, 96, 96), numpy.float32), "gradient") for _ in range(8)]
one = pickle.load(open(sys.argv[1], "rb"))
print(one.relevance.tobytes() == one.at_home, one.target, one.ledger != [], others[0].map.shape == one.map.shape)
"""


class Pickles(support.TemporaryFolderTest):
    @classmethod
    def setUpClass(cls):
        cls.net = relprop.load(support.MODEL)

    def same(self, one, other):
        for name in ("relevance", "map", "scores", "input", "photo"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        self.assertEqual(list(one.at), list(other.at))
        for node, relevance in one.at.items():
            np.testing.assert_array_equal(relevance, other.at[node])
        self.assertEqual((one.said, one.warnings, str(one)), (other.said, other.warnings, str(other)))
        self.assertEqual(one.picture().png, other.picture().png)

    def test_a_map_comes_back_as_it_was(self):
        one = self.net.explain(support.PICTURE, "lrp-zplus", at="*")
        for read in (False, True):  # what was asked of it before changes nothing
            self.same(one, pickle.loads(pickle.dumps(one)))
            self.same(one, copy.deepcopy(one))
            self.same(one, copy.copy(one))
            self.same(one, pickle.loads(pickle.dumps(copy.deepcopy(one))))
            _ = read or (one.relevance, one.map, one.scores, one.at, one.said)

    def test_a_pickle_keeps_its_numbers_while_results_come_and_go(self):
        pictures = support.PICTURES[:3]
        maps = self.net.explain(pictures, "gradient", target=[3, 9])
        relevance, said = np.array(maps.relevance), [one.said for one in maps]
        kept = pickle.dumps(maps)
        del maps
        gc.collect()
        _others = [self.net.explain(picture, "lrp-zplus") for picture in pictures]
        back = pickle.loads(kept)
        self.assertEqual((back.axes, back.shape), (("input", "target"), (3, 2)))
        np.testing.assert_array_equal(back.relevance, relevance)
        self.assertEqual([one.said for one in back], said)

    def test_a_deep_copy_does_not_keep_the_others_of_its_call(self):
        maps = self.net.explain(support.PICTURES[:2], "gradient")
        alone = copy.deepcopy(maps[1])
        self.assertFalse(np.shares_memory(alone.relevance, maps[1].relevance))
        np.testing.assert_array_equal(alone.relevance, maps[1].relevance)

    def test_another_process_reads_the_same(self):
        one = self.net.explain(support.PICTURE, "lrp-zplus")
        one.at_home = one.relevance.tobytes()
        path = self.folder / "map.pickle"
        path.write_bytes(pickle.dumps(one))
        done = support.python(READ, path, support.MODEL)
        self.assertEqual(done.stdout.split("\n")[0], f"True {one.target} True True", done.stderr)

    def test_arrays_that_are_not_there_are_named(self):
        table = copy.deepcopy(self.net.explain(support.PICTURE, "gradient"))
        with self.assertRaises(relprop.InvalidArgument) as caught:
            table._result.array(0, "no-such")
        self.assertIn("relevance", caught.exception.expected)

    def test_what_belongs_to_the_process_is_refused(self):
        result = self.net.explain(support.PICTURE, "gradient")._result
        for one in (self.net, self.net._handle, result):
            for carry in (pickle.dumps, copy.copy, copy.deepcopy):
                if one is self.net and carry is copy.copy:
                    continue  # it shares the handle
                with self.subTest(one=type(one), carry=carry), self.assertRaises(TypeError) as caught:
                    carry(one)
                self.assertIn("belongs to this process", str(caught.exception))
