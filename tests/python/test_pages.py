"""Every block of Python in docs/python.md and README.md, run as it stands there."""
import os
import re
import shutil
import unittest

import support

support.needs("numpy")

BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
SETUP = "import matplotlib; matplotlib.use('Agg')\n"


class Pages(support.TemporaryFolderTest):
    def setUp(self):
        super().setUp()
        os.symlink(support.EXAMPLES, self.folder / "examples")
        # README's block has a reader's own names.
        shutil.copy(support.MODEL, self.folder / "resnet50.onnx")
        for kind in ("labels.txt", "preprocess.json"):
            shutil.copy(f"{str(support.MODEL)[:-5]}.{kind}", self.folder / f"resnet50.{kind}")
        shutil.copy(support.PICTURE, self.folder / "dog.jpg")

    def run_page(self, page, least, setup=""):
        blocks = BLOCK.findall((support.ROOT / page).read_text())
        self.assertGreaterEqual(len(blocks), least)
        code = setup + "\n".join(blocks)
        done = support.python(code, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_readme(self):
        support.needs("matplotlib")
        self.run_page("README.md", 1, SETUP)

    def test_the_guide(self):
        support.needs("matplotlib", "pandas", "h5py", "torch", "PIL")
        out = self.run_page("docs/python.md", 8, SETUP)
        self.assertIn("ShapeMismatch", out)
        self.assertTrue((self.folder / "project/project.yaml").exists())
        self.assertTrue((self.folder / "dog.png").exists())


if __name__ == "__main__":
    unittest.main()
