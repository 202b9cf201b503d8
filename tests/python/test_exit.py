"""The end of the interpreter while threads compute: quiet, with the code that was meant, and not for ever."""
import sys
import time
import unittest

import support

support.needs("numpy")

BEGIN = """
import atexit, sys, threading, time
{before}
import numpy as np, relprop
net, picture = relprop.load(sys.argv[1]), sys.argv[2]
x, SLOW = np.zeros((3, 96, 96), np.float32), "occlusion:window=4,stride=1"
begun = threading.Event()
def daemon(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
def for_ever(call):
    while True:
        call()
"""
AT_ONCE = 60 if support.SANITIZED else 8  # seconds: two on a machine that does nothing else


class Exits(unittest.TestCase):
    def run_alone(self, code, before=""):
        """In a Python of its own, which has to end by itself, well, and without a word; what the code prints."""
        done = support.python(BEGIN.format(before=before) + code, support.MODEL, support.PICTURE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.strip()

    def ends(self, code, said="", before=""):
        self.assertEqual(self.run_alone(code, before), said)

    def ends_at_once(self, code):
        begun = float(self.run_alone(code + "\nprint(time.monotonic())"))
        self.assertLess(time.monotonic() - begun, AT_ONCE)


class Daemons(Exits):
    def test_that_compute(self):
        for call in (
            "net.explain(x, SLOW)",
            "net.explain(x, SLOW, progress=lambda done, total: False)",
            "net.explain(x, 'gradient')",
            "net.forward(np.zeros((200, 3, 96, 96), np.float32))",
            "list(net.explain_many([x] * 100, 'gradient'))",
            f"net.evaluate('voc:{support.EXAMPLES}/pictures', 'rap', progress=lambda done, total: False)",
            "relprop.load(sys.argv[1]).explain(picture, 'rap').picture()",
        ):
            with self.subTest(call):
                work = f"for_ever(lambda: {call})"
                self.ends(f"for _ in range(3): daemon(lambda: {work})\ntime.sleep(0.5)")

    def test_in_a_pool(self):
        self.ends(
            "from multiprocessing.pool import ThreadPool\n"
            "pool = ThreadPool(3)\n"
            "pool.map_async(lambda _: net.explain(x, SLOW, progress=lambda done, total: begun.set()), range(100))\n"
            "begun.wait()"
        )

    def test_whose_progress_waits_for_ever(self):
        for wait in ("queue.SimpleQueue().get()", "waiting.acquire()", "time.sleep(1000)"):
            with self.subTest(wait):
                progress = f"lambda done, total: begun.set() or {wait}"
                self.ends_at_once(
                    f"import queue\nwaiting = threading.Lock()\nwaiting.acquire()\n"
                    f"daemon(lambda: net.explain(x, SLOW, progress={progress}))\nbegun.wait()"
                )

    def test_whose_progress_goes_on_for_ever(self):
        for step in ("pass", "time.sleep(0.01)"):
            with self.subTest(step):
                self.ends_at_once(
                    f"def progress(done, total):\n    begun.set()\n    while True: {step}\n"
                    "daemon(lambda: net.explain(x, SLOW, progress=progress))\nbegun.wait()"
                )

    def test_that_ctrl_c_left_behind(self):
        self.ends_at_once(
            "import signal\nsignal.signal(signal.SIGALRM, signal.default_int_handler)\n"
            "wait = lambda done, total: signal.setitimer(signal.ITIMER_REAL, 0.1) and time.sleep(1000)\n"
            "try: net.explain(x, SLOW, progress=wait)\nexcept KeyboardInterrupt: pass"
        )

    def test_that_somebody_waits_for(self):
        """What a thread does last it still does, and who joins it does not wait in vain."""
        before = """
@atexit.register
def join():
    thread.join(30)
    print("goes on" if thread.is_alive() else "joined")
"""
        code = """
def work():
    try:
        for_ever(lambda: net.explain(x, SLOW, progress=lambda done, total: begun.set()))
    finally:
        print("left")
thread = daemon(work)
begun.wait()
"""
        self.ends(code, "left\njoined", before)

    def test_that_come_too_late(self):
        before = """
@atexit.register
def late():
    def work():
        try:
            net.explain(x, "gradient", progress=lambda done, total: print("told"))
        except BaseException as error:
            print(type(error).__name__, error)
    for daemon in (True, False):
        try:
            thread = threading.Thread(target=work, daemon=daemon)
            thread.start()
            thread.join()
        except RuntimeError:  # from Python 3.12 on there are none at all
            pass
"""
        if sys.version_info < (3, 12):
            said = "call: the interpreter ends (expected calls before that, or of the thread that ends it)"
            self.ends("", f"SystemExit \nCancelled {said}", before)

    def test_whose_maps_are_read_when_it_ends(self):
        self.ends("r = net.explain(x, 'gradient')\ndaemon(lambda: for_ever(lambda: r.picture('heat').png))\ntime.sleep(0.3)")


class AtExit(Exits):
    CALLS = """
def last():
    print(net.explain(x, "gradient").map.shape, net.forward(x).shape, relprop.load(sys.argv[1]).classes)
    told = []
    net.explain(x, "occlusion:window=32,stride=16", progress=lambda *how: told.append(how))
    print(told[-1], len(list(net.explain_many([x] * 5, "gradient", batch=2))))
"""
    SAID = "(96, 96) (10,) 10\n(25, 25) 5"

    def test_functions_of_before_the_import(self):
        self.ends("", self.SAID, self.CALLS + "\natexit.register(last)")

    def test_functions_of_after_it(self):
        self.ends(self.CALLS + "\natexit.register(last)", self.SAID)

    def test_functions_beside_threads_that_compute(self):
        for before, code in (("atexit.register(lambda: last())", ""), ("", "atexit.register(last)\n")):
            code += "daemon(lambda: for_ever(lambda: net.explain(x, SLOW)))\ntime.sleep(0.3)"
            with self.subTest(before):
                self.ends(self.CALLS + code, self.SAID, before)

    def test_a_stream_that_was_read_before(self):
        code = "stream = net.explain_many([x] * 6, 'gradient', batch=1)\nnext(stream)\n"
        self.ends(code + "atexit.register(lambda: print(len(list(stream))))", "5")
