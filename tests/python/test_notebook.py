"""examples/notebook.ipynb runs from top to bottom, and is kept without its outputs."""
import json
import os
import unittest

import support

support.needs("numpy", "matplotlib", "nbformat", "nbclient", "ipykernel")
import nbformat
from nbclient import NotebookClient

NOTEBOOK = support.EXAMPLES / "notebook.ipynb"


class Notebook(unittest.TestCase):
    def test_it_is_kept_without_outputs(self):
        for cell in json.loads(NOTEBOOK.read_text())["cells"]:
            if cell["cell_type"] == "code":
                self.assertEqual((cell["outputs"], cell["execution_count"]), ([], None))
        self.assertLess(NOTEBOOK.stat().st_size, 20_000)

    def test_it_runs(self):
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        nbformat.validate(notebook)
        os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(support.EXAMPLES)}}
        ).execute()
        shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
        self.assertGreaterEqual(sum("text/html" in output.get("data", {}) for output in shown), 2)
        self.assertGreaterEqual(sum("image/png" in str(output) for output in shown), 2)
