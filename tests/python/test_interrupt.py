"""Ctrl-C and whoever else wants to stop a computation."""
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import support

support.needs("numpy")
import relprop

SLOW = "occlusion:window=2,stride=1"  # some thousand forward passes
SECOND = 8 if support.SANITIZED else 2  # what a busy machine makes of one


def interrupted(code, *arguments, after="begun"):
    """Runs code, sends SIGINT a moment after it has printed `after`; seconds until it says more, and what it says."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline()
        if after not in line:
            raise AssertionError(process.communicate(timeout=60))
        time.sleep(0.3)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        first = process.stdout.readline()
        seconds = time.monotonic() - begun
        out, err = process.communicate(timeout=60)
        return seconds, first + out, err
    finally:
        process.kill()
        process.wait()


BEGIN = """
import sys, relprop
net = relprop.load(sys.argv[1])
net.explain(sys.argv[2], "gradient")
print("begun", flush=True)
try:
    {work}
except KeyboardInterrupt as stopped:
    print("stopped", type(stopped).__name__, flush=True)
    print("goes on", net.explain(sys.argv[2], "gradient").target.index)
"""


class CtrlC(support.TemporaryFolderTest):
    def check(self, work):
        seconds, out, err = interrupted(BEGIN.format(work=work), support.MODEL, support.PICTURE, self.folder)
        self.assertIn("stopped KeyboardInterrupt", out, err)
        self.assertIn("goes on", out, err)
        self.assertLess(seconds, SECOND)

    def test_ends_an_explanation(self):
        self.check(f"net.explain(sys.argv[2], '{SLOW}')")

    def test_ends_its_own_call_and_no_other(self):
        """Both use one plan in turn. Whoever presses twice does not wait for the call, which still has its input."""
        code = """
import os, signal, sys, threading, time
import numpy as np, relprop
net = relprop.load(sys.argv[1])
options = dict(method=sys.argv[3], threads=1, batch=1)
net.explain(sys.argv[2], **options)
begun = threading.Event()
def other():
    net.explain(np.full((2, 3, 96, 96), 0.5, np.float32), progress=lambda done, total: begun.set(), **options)
    print("other done", flush=True)
def press():
    for _ in range(2):
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)
thread = threading.Thread(target=other)
thread.start()
begun.wait()
threading.Thread(target=press).start()
try:
    net.explain(np.zeros((64, 3, 96, 96), np.float32), **options)
except KeyboardInterrupt:
    print("stopped", flush=True)
thread.join()
print("goes on", net.explain(sys.argv[2], **options).map.shape)
"""
        done = support.python(code, support.MODEL, support.PICTURE, "occlusion:window=8,stride=3")
        for said in ("stopped", "other done", "goes on (96, 96)"):
            self.assertIn(said, done.stdout, done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_ends_a_stream(self):
        self.check(f"list(net.explain_many([sys.argv[2]] * 1000, '{SLOW}'))")

    def test_ends_an_evaluation_that_goes_on_afterwards(self):
        data = "voc:" + str(support.EXAMPLES / "pictures")
        store = str(self.folder / "runs.db")
        self.check(f"net.evaluate('{data}', ['gradient', '{SLOW}'], store='{store}')")
        if os.path.exists(store):
            relprop.Store(store).table()
        self.assertEqual([name for name in os.listdir(self.folder) if ".part" in name], [])

    def test_whenever_it_comes_the_process_ends_as_it_should(self):
        code = """
import signal, sys, relprop
relprop.load(sys.argv[1]).explain(sys.argv[2], "rap")
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[3]), 5)  # again: Python drops what comes while an object is finalized
while True:
    relprop.load(sys.argv[1]).explain(sys.argv[2], "rap")
"""
        for delay in (0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1):
            done = support.python(code, support.MODEL, support.PICTURE, delay)
            self.assertEqual(done.returncode, -signal.SIGINT, done.stderr)  # as of every program that Ctrl-C ends

    def test_leaves_no_half_of_a_file(self):
        support.needs("h5py")
        self.check(f"relprop.export_virelay(sys.argv[3], net, [sys.argv[2]] * 1000, method='{SLOW}', batch=1)")
        self.assertEqual(os.listdir(self.folder), [])


class Progress(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = relprop.load(support.MODEL)

    def test_is_told_and_may_stop(self):
        told = []

        def stop_soon(done, total):
            told.append((done, total))
            return len(told) > 3

        with self.assertRaises(relprop.Cancelled):
            self.net.explain(support.PICTURE, SLOW, progress=stop_soon)
        self.assertEqual(len(told), 4)
        self.assertTrue(all(0 <= done <= total for done, total in told), told)

    def test_may_use_the_model_but_not_what_it_is_told_of(self):
        def ask(done, total):
            self.assertEqual(self.net.forward(support.PICTURE).shape, (10,))
            self.net.explain(support.PICTURE, SLOW)

        with self.assertRaisesRegex(relprop.InvalidArgument, "progress function"):
            self.net.explain(support.PICTURE, SLOW, progress=ask)

    def test_is_a_function_or_whether(self):
        for wrong in (3, "yes", []):
            with self.assertRaisesRegex(relprop.InvalidArgument, "progress"):
                self.net.explain(support.PICTURE, "gradient", progress=wrong)

    def test_what_it_raises_arrives(self):
        def fail(done, total):
            raise ZeroDivisionError("mine")

        with self.assertRaisesRegex(ZeroDivisionError, "mine"):
            self.net.explain(support.PICTURE, SLOW, progress=fail)
        self.assertEqual(self.net.explain(support.PICTURE, "gradient").relevance.shape, (3, 96, 96))

    def test_another_thread_is_not_stopped_by_ctrl_c(self):
        results = []
        thread = threading.Thread(
            target=lambda: results.append(self.net.explain(support.PICTURE, "occlusion:window=16,stride=8"))
        )
        thread.start()
        thread.join()
        self.assertEqual(results[0].map.shape, (96, 96))

    def test_a_bar_without_tqdm(self):
        code = """
import sys
sys.modules["tqdm"] = sys.modules["tqdm.auto"] = None
import relprop
list(relprop.load(sys.argv[1]).explain_many([sys.argv[2]] * 3, "gradient", progress=True))
"""
        done = support.python(code, support.MODEL, support.PICTURE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("3/3", done.stderr)
