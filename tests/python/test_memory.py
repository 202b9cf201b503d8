"""Whose memory an array is: nothing is copied in vain, nothing is lost, and threads do not disturb each other."""
import gc
import threading
import time
import unittest
import weakref

import support

support.needs("numpy")
import numpy as np
import relprop
from relprop import _library


def batch_of(seed, count=2):
    return np.random.default_rng(seed).normal(size=(count, 3, 96, 96)).astype(np.float32)


def address_given(function, call):
    """Where the array lay that relprop_FUNCTION was given while `call` ran."""
    seen, original = [], _library.handle_of

    def watched(name, *arguments):
        if name == function:
            seen.append(arguments[1]._obj.data)
        return original(name, *arguments)

    _library.handle_of = watched
    try:
        call()
    finally:
        _library.handle_of = original
    return seen


class Copies(unittest.TestCase):
    def test_a_contiguous_float32_batch_is_not_copied(self):
        net, x = relprop.load(support.MODEL), batch_of(0)
        address = x.ctypes.data
        self.assertEqual(address_given("explain", lambda: net.explain(x, "gradient")), [address])
        self.assertEqual(address_given("explain", lambda: net.explain(x, ["gradient", "lrp-zplus"])), [address] * 2)
        self.assertEqual(address_given("explain", lambda: net.explain(x[1], "gradient")), [x[1].ctypes.data])
        self.assertEqual(address_given("forward", lambda: net.forward(x)), [address])

    def test_one_with_gaps_or_of_other_numbers_is(self):
        net, x = relprop.load(support.MODEL), batch_of(0)
        expected = net.explain(x, "gradient").relevance.tobytes()
        wide = np.zeros((2, 3, 96, 192), np.float32)
        wide[..., ::2] = x
        for other in (wide[..., ::2], np.asfortranarray(x), x.astype(">f4"), x.astype(np.float64), x[::-1][::-1]):
            self.assertEqual(net.explain(other, "gradient").relevance.tobytes(), expected)

    def test_results_are_views_that_may_be_written_to(self):
        r = relprop.load(support.MODEL).explain(support.PICTURE, "gradient")
        self.assertIsNotNone(r.relevance.base)
        self.assertIs(r.relevance, r.relevance)
        before = r.sum
        r.relevance[:] = 0
        self.assertEqual(r.sum, before)


def kept_by(call):
    """What a call that fails raises, and what it keeps of what it was given a moment later."""

    def told(done, total):
        raise KeyError("mine")

    x, kind = batch_of(0), None
    given = {"input": weakref.ref(x), "progress": weakref.ref(told)}
    try:
        call(x, told)
    except Exception as error:
        kind = type(error)
    del x, told
    for _ in range(100):  # another thread has just done the call
        kept = [name for name, one in given.items() if one() is not None]
        if not kept:
            break
        time.sleep(0.02)
    return kind, kept


def in_a_thread(call):
    result = []
    thread = threading.Thread(target=lambda: result.append(call()))
    thread.start()
    thread.join()
    return result[0]


class Lifetimes(unittest.TestCase):
    def test_an_array_keeps_what_it_is_a_view_of(self):
        net = relprop.load(support.MODEL)
        expected = net.explain(batch_of(0), "gradient")[1].relevance.copy()
        view = net.explain(batch_of(0), "gradient")[1].relevance[1:, ::2]
        net.close()
        del net
        gc.collect()
        other = relprop.load(support.MODEL)
        for seed in range(5):
            other.explain(batch_of(seed), "gradient")
        np.testing.assert_array_equal(view, expected[1:, ::2])

    def test_it_is_freed_with_the_last_view(self):
        r = relprop.load(support.MODEL).explain(batch_of(0), "gradient")
        handle = weakref.ref(r[0]._result)
        view = r[0].relevance[0]
        del r
        gc.collect()
        self.assertIsNotNone(handle())
        del view
        gc.collect()
        self.assertIsNone(handle())

    def test_a_closed_model_says_so(self):
        with relprop.load(support.MODEL) as net:
            r = net.explain(support.PICTURE, "gradient")
        net.close()
        for call in (
            lambda: net.explain(support.PICTURE),
            lambda: net.forward(batch_of(0)),
            lambda: net.evaluate("voc:" + str(support.EXAMPLES / "pictures")),
        ):
            with self.assertRaises(relprop.InvalidArgument):
                call()
        self.assertGreater(np.abs(r.map).sum(), 0)

    def test_a_call_that_fails_keeps_nothing(self):
        """Neither its input nor the progress function, not even until the collector comes."""
        net, data = relprop.load(support.MODEL), f"voc:{support.EXAMPLES}/pictures"
        gc.disable()
        self.addCleanup(gc.enable)
        for call, kind in (
            (lambda x, told: net.explain(x, "gradient", progress=told), KeyError),
            (lambda x, told: net.explain(x, ["gradient", "occlusion:window=48,stride=24"], progress=told), KeyError),
            (lambda x, told: list(net.explain_many([x[0]], "gradient", progress=told)), KeyError),
            (lambda x, told: net.evaluate(data, "gradient", progress=told, limit=1), KeyError),
            (lambda x, told: net.explain(x, "gradient", target=4711, progress=told), relprop.UnknownTarget),
            (lambda x, told: net.explain(x * np.nan, "gradient", progress=told), relprop.NonFiniteInput),
            (lambda x, told: net.forward(np.full_like(x, np.nan)), relprop.NonFiniteInput),
        ):
            for run in (lambda one: one(), in_a_thread):
                self.assertEqual(run(lambda: kept_by(call)), (kind, []))

    def test_a_model_goes_while_its_explainers_are_kept(self):
        for _ in range(3):
            relprop.load(support.TOY).explain(np.ones((1, 4), np.float32), "lrp-0")
        gc.collect()


def resident():
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


class Leaks(unittest.TestCase):
    LIMIT = 5 << 20

    def grows(self, repeat, count):
        for _ in range(count // 5):
            repeat()
        gc.collect()
        before = resident()
        for _ in range(count):
            repeat()
        gc.collect()
        return resident() - before

    @unittest.skipIf(support.SANITIZED, "the sanitizer keeps what is freed")
    def test_a_thousand_explanations_and_loads(self):
        x = np.ones((1, 4), np.float32)
        net, data = relprop.load(support.TOY), support.TOY.read_bytes()

        def explain():
            r = net.explain(x, "lrp-0", target=[0])
            return r.relevance, r[0].ledger, r[0].prediction

        self.assertLess(self.grows(explain, 1000), self.LIMIT)
        self.assertLess(self.grows(lambda: relprop.load(data).explain(x, "lrp-0").relevance, 1000), self.LIMIT)

    @unittest.skipIf(support.SANITIZED, "the sanitizer keeps what is freed")
    def test_a_thousand_errors_and_pictures(self):
        net = relprop.load(support.TOY)
        small = np.ones((4, 4), np.float32)

        def fail():
            with self.assertRaises(relprop.UnknownMethod):
                net.explain(np.ones((1, 4), np.float32), "no-such-method")

        self.assertLess(self.grows(fail, 1000), self.LIMIT)
        self.assertLess(self.grows(lambda: relprop.render(small).png, 1000), self.LIMIT)


class Threads(unittest.TestCase):
    def test_four_threads_give_the_bits_of_one(self):
        net = relprop.load(support.MODEL)
        questions = [(method, seed) for method in ("gradient", "lrp-zplus", "rap") for seed in (0, 1)]
        ask = lambda method, seed: net.explain(batch_of(seed), method, target=seed).relevance.tobytes()
        expected = {question: ask(*question) for question in questions}
        wrong, calls = [], 10 if support.SANITIZED else 50

        def work(first):
            for i in range(calls):
                question = questions[(first + i) % len(questions)]
                try:
                    if ask(*question) != expected[question]:
                        wrong.append(question)
                except Exception as error:
                    wrong.append(error)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_errors_stay_with_their_threads(self):
        net, seen = relprop.load(support.TOY), []

        def work(name):
            for _ in range(30):
                try:
                    net.explain(np.ones((1, 4), np.float32), name)
                except relprop.UnknownMethod as error:
                    seen.append(name in str(error))

        threads = [threading.Thread(target=work, args=(f"no-method-{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(seen, [True] * 120)

    def test_a_forked_child_can_explain(self):
        code = """
import os, sys, relprop
net = relprop.load(sys.argv[1])
expected = net.explain(sys.argv[2], "rap").relevance.tobytes()
child = os.fork()
if child == 0:
    os._exit(0 if net.explain(sys.argv[2], "rap").relevance.tobytes() == expected else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
        done = support.python(code, support.MODEL, support.PICTURE)
        self.assertEqual(done.returncode, 0, done.stderr)
