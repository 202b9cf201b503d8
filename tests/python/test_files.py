"""Files that are written are there as a whole or not at all, where they are meant to be, and as readable as before."""
import os
import re
import stat
import threading

import support

support.needs("numpy")
import numpy as np
import relprop


def mode_of(path):
    return stat.filemode(os.lstat(path).st_mode)


class Writing:
    """What every function that writes promises. Of each the test has `name`, of a file, and `write`."""

    def setUp(self):
        super().setUp()
        self.path = self.folder / self.name

    def check(self, path=None):
        self.write()
        self.assertGreater((path or self.path).stat().st_size, 100)
        self.assertEqual([name for name in os.listdir(self.folder) if ".part." in name], [])

    def refused(self, *parts):
        with self.assertRaises(relprop.FileWriteFailed) as caught:
            self.write()
        self.assertEqual(caught.exception.where, str(self.path))
        for part in parts:
            self.assertIn(part, str(caught.exception))
        self.assertEqual([name for name in os.listdir(self.folder) if ".part." in name], [])

    def test_a_new_file_has_the_usual_mode(self):
        before = os.umask(0o027)
        self.addCleanup(os.umask, before)
        self.check()
        self.assertEqual(mode_of(self.path), "-rw-r-----")

    def test_a_file_that_is_replaced_keeps_its_mode_and_group(self):
        for mode in (0o600, 0o640, 0o4666, 0o400):
            self.path.write_text("old")
            os.chmod(self.path, mode)
            if os.getuid() == 0:
                os.chown(self.path, 1, 2)
            before = os.stat(self.path)
            self.check()
            after = os.stat(self.path)
            self.assertEqual(after.st_mode & 0o7777, mode & 0o777)
            self.assertEqual((after.st_uid, after.st_gid), (before.st_uid, before.st_gid))
            self.path.unlink()

    def test_a_link_stays_and_what_it_points_to_is_replaced(self):
        (self.folder / "elsewhere").mkdir()
        target = self.folder / "elsewhere" / "target"
        self.path.symlink_to("second")
        (self.folder / "second").symlink_to("elsewhere/target")
        self.check(target)  # which was not there
        before = target.stat().st_ino
        self.check(target)
        self.assertNotEqual(target.stat().st_ino, before)
        self.assertEqual((os.readlink(self.path), os.listdir(target.parent)), ("second", ["target"]))

    def test_a_link_that_leads_nowhere(self):
        self.path.symlink_to(self.name)
        self.refused()
        self.assertTrue(self.path.is_symlink())

    def test_a_pipe_is_refused_and_stays(self):
        os.mkfifo(self.path)
        self.refused("a pipe", "give the path of a file")
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path).st_mode))

    def test_a_device_is_refused_and_stays(self):
        for kind in (stat.S_IFCHR, stat.S_IFBLK):
            try:
                os.mknod(self.path, 0o600 | kind, os.makedev(1, 3) if kind == stat.S_IFCHR else os.makedev(7, 255))
            except PermissionError:
                self.skipTest("only root makes devices")
            before = os.stat(self.path)
            self.refused("a device")
            self.assertEqual(os.stat(self.path), before)
            self.path.unlink()

    def test_an_open_file_is_refused(self):
        """The text of such a link may be the name of nothing, or of another file."""
        with open(self.folder / "gone", "w+") as file:
            os.unlink(self.folder / "gone")
            self.path.symlink_to(f"/proc/self/fd/{file.fileno()}")
            self.refused("an open file")
        self.assertEqual(os.listdir(self.folder), [self.name])

    def test_a_folder_is_refused(self):
        self.path.mkdir()
        self.refused()
        self.assertEqual(os.listdir(self.folder), [self.name])


class Pictures(Writing, support.TemporaryFolderTest):
    name = "map.png"

    def setUp(self):
        super().setUp()
        self.picture = relprop.render(np.ones((40, 40), np.float32), zoom=4)

    def write(self):
        self.picture.save(self.path)

    def test_threads_that_save_to_one_path(self):
        failures = []

        def save():
            for _ in range(40):
                try:
                    self.write()
                except relprop.Error as error:
                    failures.append(error)

        threads = [threading.Thread(target=save) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.path.read_bytes(), self.picture.png)
        self.assertEqual(os.listdir(self.folder), [self.name])

    def test_what_a_killed_process_left_is_removed_by_the_library(self):
        """Both give temporary files the same names."""
        code = """
import os, signal, sys
import numpy as np, relprop
from relprop import _files
_files._put = lambda file, target: os.kill(os.getpid(), signal.SIGKILL)
relprop.render(np.ones((4, 4), np.float32)).save(sys.argv[1])
"""
        self.assertEqual(support.python(code, self.path).returncode, -9)
        (left,) = os.listdir(self.folder)
        self.assertRegex(left, r"^\.map\.png\.part\.\d+\.\d+$")
        support.program("explain", support.MODEL, support.PICTURE, "-m", "gradient", "--out", self.folder)
        self.assertNotIn(left, os.listdir(self.folder))

    def test_a_name_that_is_taken_is_passed_over(self):
        number = int(re.search(r"\d+", repr(relprop._files._numbers))[0])
        taken = self.folder / f".map.png.part.{os.getpid()}.{number}"
        taken.write_text("of another")
        self.write()
        self.assertEqual((taken.read_text(), self.path.read_bytes()), ("of another", self.picture.png))

    def test_names_of_all_kinds(self):
        for name in ("ä" * 127, b"\xff".decode(errors="surrogateescape"), "-"):
            self.picture.save(self.folder / name)
            self.assertEqual((self.folder / name).read_bytes(), self.picture.png)
        for path in ("", "/", ".", f"{self.folder}/", f"{self.folder}/new/", f"{self.folder}/new/.", "x" * 300, "no/../no.png"):
            with self.subTest(path), self.assertRaises(relprop.FileWriteFailed) as caught:
                self.picture.save(path)
            self.assertEqual(caught.exception.where, path)
        self.assertEqual(len(os.listdir(self.folder)), 3)


class Projects(Writing, support.TemporaryFolderTest):
    name = "input.h5"

    @classmethod
    def setUpClass(cls):
        support.needs("h5py")
        cls.net = relprop.load(support.MODEL)

    def write(self):
        relprop.export_virelay(self.folder, self.net, support.PICTURES[:2], method="gradient")
