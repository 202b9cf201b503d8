"""Projects for ViRelAy: files as its documentation says, and as its reader goes through them."""
import json
import os

import support

support.needs("numpy", "h5py")
import h5py
import numpy as np
import relprop


class Projects(support.TemporaryFolderTest):
    @classmethod
    def setUpClass(cls):
        cls.net = relprop.load(support.MODEL)
        cls.pictures = support.PICTURES[:5]

    def opened(self, name):
        file = h5py.File(self.folder / name, "r")
        self.addCleanup(file.close)
        return file

    def test_databases_hold_what_was_computed(self):
        labels = [3, 1, 4, 1, 5]
        project = relprop.export_virelay(self.folder, self.net, self.pictures, labels, method="gradient", batch=2)
        self.assertEqual(project, str(self.folder / "project.yaml"))
        data, attributions = self.opened("input.h5"), self.opened("attribution.h5")
        shapes = {name: (one.shape, one.dtype) for name, one in [*data.items(), *attributions.items()]}
        self.assertEqual(sorted(attributions), ["attribution", "index", "label", "prediction"])
        self.assertEqual(shapes["data"], ((5, 3, 96, 96), np.float32))
        self.assertEqual(shapes["attribution"], ((5, 3, 96, 96), np.float32))
        self.assertEqual(shapes["prediction"], ((5, 10), np.float32))
        self.assertEqual(shapes["index"], ((5,), np.uint32))
        self.assertEqual(list(data["label"]), labels)
        self.assertEqual(list(attributions["label"]), labels)
        self.assertEqual(list(attributions["index"]), [0, 1, 2, 3, 4])
        one = self.net.explain(self.pictures[2], "gradient", target=4)
        np.testing.assert_allclose(attributions["attribution"][2], one.relevance, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(attributions["prediction"][2], one.scores, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(np.round(data["data"][2] * 255).transpose(1, 2, 0), one.photo)

    def test_the_program_writes_the_same_of_a_store(self):
        """`relprop export --format virelay` has no h5py: its files are read here, and compared with this package's."""
        store, project = self.folder / "runs.db", self.folder / "program"
        data = ("--data", f"voc:{support.EXAMPLES / 'pictures'}", "--methods", "lrp-zplus", "--keep")
        support.program("evaluate", support.MODEL, *data, "--store", store)
        support.program("export", store, "--format", "virelay", "--model", support.MODEL, "-o", project)
        labels = list(self.opened("program/input.h5")["label"])
        relprop.export_virelay(self.folder / "own", self.net, support.PICTURES, labels, method="lrp-zplus")
        for file in ("input.h5", "attribution.h5"):
            theirs, ours = self.opened(f"program/{file}"), self.opened(f"own/{file}")
            self.assertEqual(sorted(theirs), sorted(ours))
            for name, array in theirs.items():
                self.assertEqual(array.dtype, ours[name].dtype, name)
                expected = ours[name][:]
                if name == "attribution":  # a store keeps the sum over channels
                    expected = expected.sum(axis=1, keepdims=True)
                scale = np.abs(expected).max()
                np.testing.assert_allclose(array[:], expected, rtol=1e-4, atol=1e-5 * scale, err_msg=name)
        texts = [(self.folder / folder / "label-map.json").read_text() for folder in ("program", "own")]
        self.assertEqual(*map(json.loads, texts))

    def test_without_labels_the_prediction_is_explained(self):
        relprop.export_virelay(self.folder, self.net, iter(self.pictures), method="gradient")
        predicted = [int(np.argmax(row)) for row in self.opened("attribution.h5")["prediction"]]
        self.assertEqual(list(self.opened("attribution.h5")["label"]), predicted)
        self.assertEqual(list(self.opened("input.h5")["label"]), predicted)

    def test_the_project_names_its_files(self):
        support.needs("yaml")
        import yaml

        relprop.export_virelay(self.folder, self.net, self.pictures, [0] * 5, method="lrp-zplus", name='sh"apes: all')
        project = yaml.safe_load((self.folder / "project.yaml").read_text())["project"]
        self.assertEqual((project["name"], project["model"]), ('sh"apes: all', "shapes.onnx"))
        self.assertEqual(
            project["attributions"],
            {"attribution_method": "lrp-zplus", "attribution_strategy": "true_label", "sources": ["attribution.h5"]},
        )
        dataset = project["dataset"]
        self.assertEqual((dataset["type"], dataset["input_width"], dataset["input_height"]), ("hdf5", 96, 96))
        labels = json.loads((self.folder / project["label_map"]).read_text())
        self.assertEqual(labels[3], {"index": 3, "word_net_id": None, "name": "star"})
        for file in (dataset["path"], *project["attributions"]["sources"]):
            self.assertTrue((self.folder / file).exists(), file)

    def test_what_fails_leaves_nothing(self):
        broken = [*self.pictures, "no/such.jpg"]
        with self.assertRaises(relprop.FileNotFound):
            relprop.export_virelay(self.folder, self.net, broken, method="gradient")
        with self.assertRaises(relprop.InvalidArgument):
            relprop.export_virelay(self.folder, self.net, self.pictures, [1, 2], method="gradient")
        with self.assertRaises(relprop.InvalidArgument):
            relprop.export_virelay(self.folder, self.net, [])
        with self.assertRaises(relprop.InvalidArgument):
            relprop.export_virelay(self.folder, self.net, self.pictures, strategy="true_label")
        for batch in (0, -1, 1.5):
            with self.assertRaises(relprop.InvalidArgument) as caught:
                relprop.export_virelay(self.folder, self.net, self.pictures, batch=batch)
            self.assertEqual(caught.exception.where, "batch")
        for folder in ("a\0b", "\ud800", 3):
            with self.assertRaises(relprop.InvalidArgument) as caught:
                relprop.export_virelay(folder, self.net, self.pictures, method="gradient")
            self.assertEqual(caught.exception.where, "folder")
        self.assertEqual(os.listdir(self.folder), [])
        (self.folder / "file").write_text("")
        with self.assertRaises(relprop.FileWriteFailed):
            relprop.export_virelay(self.folder / "file", self.net, self.pictures, method="gradient")
