"""tools/results/run: the runs behind docs/results.md, on the bundled network and pictures."""
import array
import contextlib
import csv
import io
import json
import os
import re
import shlex
import sqlite3
import statistics
import subprocess
import sys
import unittest

import support

RUN = support.ROOT / "tools/results/run"


class Runs(support.TemporaryFolderTest):
    def setUp(self):
        super().setUp()
        self.networks, self.work = self.folder / "networks", self.folder / "work"
        self.networks.mkdir()
        for file in support.MODEL.parent.iterdir():
            (self.networks / file.name.replace("shapes", "resnet18")).symlink_to(file)

    def run_tool(self, *options, code=0):
        command = [sys.executable, RUN, self.work, "--networks", self.networks, "--program", os.environ["RELPROP_PROGRAM"],
                   "--labels", support.MODEL.with_suffix(".labels.txt"), *options]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def scores(self):
        return list(csv.DictReader(io.StringIO(support.program("export", self.work / "resnet18.db", "--csv"))))

    def photos(self, name, lines):
        """A folder in the layout of ILSVRC with (FILE, LABEL), all of them the same picture and box."""
        folder = self.folder / name
        for part in ("Data/CLS-LOC/val", "Annotations/CLS-LOC/val", "ImageSets/CLS-LOC"):
            (folder / part).mkdir(parents=True)
        for file, _ in lines:
            (folder / "Data/CLS-LOC/val" / file).write_bytes(support.PICTURE.read_bytes())
            (folder / "Annotations/CLS-LOC/val" / file.replace(".jpg", ".xml")).write_text(
                "<annotation><object><name>n01440764</name><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>30</xmax>"
                "<ymax>30</ymax></bndbox></object></annotation>")
        (folder / "ImageSets/CLS-LOC/val.txt").write_text("".join(f"{file} {label}\n" for file, label in lines))
        return folder

    def test_goes_on_where_it_was(self):
        voc = support.EXAMPLES / "pictures"
        self.run_tool("--voc", voc, "--only", "segmentation", "--limit", 2)
        first = self.scores()
        pictures = {row["picture"] for row in first}
        self.assertEqual(len(pictures), 2)
        self.assertIn("miou", {row["score"] for row in first})
        self.run_tool("--voc", voc, "--only", "segmentation", "--limit", 3)
        rows = self.scores()
        self.assertEqual(len({row["picture"] for row in rows}), 3)
        self.assertEqual([row for row in rows if row["picture"] in pictures], first)
        times = [line.split("\t") for line in (self.work / "times.tsv").read_text().splitlines()]
        self.assertEqual([line[:4] for line in times],
                         [["segmentation", "resnet18", "evaluate", "2"], ["segmentation", "resnet18", "evaluate", "3"]])

    def test_lists_the_command_of_every_cell_and_runs_none(self):
        lines = self.run_tool("--voc", support.EXAMPLES / "pictures", "--only", "segmentation", "--list").stdout.splitlines()
        self.assertFalse(self.work.exists())
        (command,) = map(shlex.split, lines)
        self.assertEqual(command[1], "evaluate")
        self.assertEqual(command[command.index("--store") + 1], str(self.work / "resnet18.db"))

    def test_tables_have_the_means_of_the_store(self):
        self.run_tool("--voc", support.EXAMPLES / "pictures", "--only", "segmentation", "--limit", 4)
        values = {}
        for row in self.scores():
            if row["score"] == "miou" and row["protocol"].endswith("=mean") and row["value"]:
                values.setdefault(row["method"].partition(":")[0], []).append(float(row["value"]))
        command = [sys.executable, RUN.parent / "tables.py", self.work, "segmentation", "--network", "resnet18", "--score", "miou"]
        told = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
        table = told.split("**resnet18, miou miou**")[1]
        for method in ("rap", "grad-cam", "random"):
            cells = [cell.strip() for cell in re.search(rf"\| `{method}` \|(.*)\|", table)[1].split("|")]
            self.assertGreater(len(values[method]), 1)
            mean, error = statistics.fmean(values[method]), statistics.stdev(values[method]) / len(values[method]) ** 0.5
            self.assertEqual(cells[1:4], [f"{mean:.3f} ± {error:.3f}", f"{statistics.median(values[method]):.3f}", str(len(values[method]))])
        self.assertIn("| `rap` | (0.556 vgg16) |", table)

    def test_a_wide_table_has_a_column_a_network(self):
        self.run_tool("--voc", support.EXAMPLES / "pictures", "--only", "segmentation", "--limit", 4)
        command = [sys.executable, RUN.parent / "tables.py", self.work, "segmentation", "--score", "miou"]
        def told(*options):
            done = subprocess.run([*map(str, command), *options], capture_output=True, text=True, check=True)
            return done.stdout.split("miou miou**")[1].split("\n**")[0]
        wide = dict(re.findall(r"\| `([^`]+)` \| ([^|]+) \|", told("--wide")))
        long = dict(re.findall(r"\| `([^`]+)` \| [^|]+ \| ([^|]+) \|", told()))
        self.assertEqual({method: cell.replace("*", "") for method, cell in wide.items()}, long)
        best = max(long, key=lambda method: float(long[method].split()[0]))
        self.assertEqual([method for method, cell in wide.items() if "**" in cell], [best])

    def test_columns_may_be_scores(self):
        self.run_tool("--voc", support.EXAMPLES / "pictures", "--only", "segmentation", "--limit", 4)
        command = [sys.executable, RUN.parent / "tables.py", self.work, "segmentation", "--network", "resnet18", "--wide"]
        def told(*options):
            return subprocess.run([*map(str, command), *options], capture_output=True, text=True, check=True).stdout
        rows = [[cell.strip() for cell in line.strip("|").split("|")]
                for line in told("scores", "--score", "accuracy", "miou").splitlines() if line.startswith("|")]
        self.assertEqual([head.rpartition(",")[0] for head in rows[0][1:]],
                         ["pixel-accuracy accuracy", "miou miou", "miou:threshold=best miou"])
        alone = dict(re.findall(r"\| (`[^`]+`) \| ([^|]+) \|", told("--score", "miou").split("**miou miou**")[1].split("\n**")[0]))
        self.assertEqual({row[0]: row[2] for row in rows[2:]}, alone)

    def test_differences_are_paired_by_picture(self):
        self.run_tool("--voc", support.EXAMPLES / "pictures", "--only", "segmentation", "--limit", 4)
        miou = {}
        for row in self.scores():
            if row["score"] == "miou" and row["protocol"].endswith("=mean") and row["value"]:
                miou.setdefault(row["method"].partition(":")[0], {})[row["picture"], row["target"]] = float(row["value"])
        command = [sys.executable, RUN.parent / "tables.py", self.work, "segmentation", "--network", "resnet18", "--score",
                   "miou", "--against", "rap"]
        told = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
        told = told.split("**resnet18, miou miou: `rap` less …**")[1].split("**")[0]
        for other in ("grad-cam", "random"):
            mean, low, high = map(float, re.search(rf"`{other}` \| (\S+) \[(\S+), (\S+)\]", told).groups())
            common = miou["rap"].keys() & miou[other].keys()
            exact = [miou["rap"][one] - miou[other][one] for one in common]
            self.assertAlmostEqual(mean, statistics.fmean(exact), delta=6e-4)
            self.assertTrue(min(exact) - 6e-4 <= low <= mean <= high <= max(exact) + 6e-4)
            self.assertLess(low, high)
        self.assertNotIn("`rap`", told)

    def test_curves_are_means_over_the_pictures_of_all_methods(self):
        self.work.mkdir()
        store = self.work / "resnet18.db"
        for methods, limit in (("rap,grad-cam", 3), ("gradient", 2)):
            support.program("evaluate", support.MODEL, "--data", f"voc:{support.EXAMPLES / 'pictures'}", "--target", "predicted",
                            "--methods", methods, "--metrics", "negative-perturbation", "--limit", limit, "--store", store)
        tool = [sys.executable, RUN.parent / "curves", self.work, "rap-figure-7"]
        svg = self.folder / "curves.svg"
        def draw(*options):
            return subprocess.run(list(map(str, [*tool, *options, "-o", svg])), capture_output=True, text=True)
        self.assertEqual(draw("accuracy").returncode, 0)
        drawn = svg.read_text()
        self.assertIn("resnet18, 2 pictures", drawn)
        lines = [[tuple(map(float, point.split(","))) for point in line.split()] for line in re.findall('polyline points="([^"]+)"', drawn)]
        self.assertEqual([len(line) for line in lines], [41] * 3)
        ends = [line[-1][1] for line in lines]  # in the order of the part: rap, gradient, grad-cam
        zero, one = (float(re.search(f'y="([0-9.]+)" text-anchor="end">{tick}<', drawn)[1]) - 4 for tick in (0, 1))
        with contextlib.closing(sqlite3.connect(store)) as database:
            rows = database.execute("select method, picture, y from curves_flat where curve = 'accuracy'").fetchall()
        both = {picture for method, picture, _ in rows if method.startswith("gradient")}
        for end, name in zip(ends, ("rap:", "gradient", "grad-cam")):
            last = [array.array("d", y)[-1] for method, picture, y in rows if method.startswith(name) and picture in both]
            self.assertAlmostEqual((end - zero) / (one - zero), statistics.fmean(last), delta=1e-3)
        svg.unlink()
        done = draw("nothing")
        self.assertEqual((done.returncode, svg.exists()), (1, False))
        self.assertIn("no curve 'nothing'", done.stderr)

    def test_panels_are_drawn_for_every_figure(self):
        def panels(*photos):
            command = [sys.executable, RUN.parent / "panels", self.work, *photos, "--networks", self.networks, "--program",
                       os.environ["RELPROP_PROGRAM"], "--labels", support.MODEL.with_suffix(".labels.txt"), "--network", "resnet18", "mobilenet_v2"]
            return subprocess.run(list(map(str, command)), capture_output=True, text=True)
        photo = self.folder / "a.b.jpg"
        photo.write_bytes(support.PICTURE.read_bytes())
        done = panels(photo)
        self.assertEqual(done.returncode, 0, done.stderr)
        drawn = sorted(path.relative_to(self.work) for path in self.work.rglob("*") if path.is_file())
        self.assertEqual(list(map(str, drawn)), [f"resnet18/a.b.{figure}.png" for figure in ("classes", "layers", "methods")])
        done = panels(self.folder / "none.jpg")
        self.assertEqual((done.returncode, done.stderr.count("there is no such file")), (1, 1))

    def test_the_leaderboard_ranks_by_the_means(self):
        self.run_tool("--voc", support.EXAMPLES / "pictures", "--only", "segmentation", "--limit", 4)
        command = [sys.executable, RUN.parent / "leaderboard", self.work, "--network", "resnet18"]
        told = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in told.splitlines() if line.startswith("|")]
        column = next(i for i, head in enumerate(rows[0]) if head.startswith("pixel-accuracy accuracy"))
        cells = [re.fullmatch(r"(\S+) \((\d+)\)", row[column]) for row in rows[2:] if row[column] != "–"]
        values = [float(cell[1]) for cell in cells]
        self.assertGreater(len(set(values)), 5)
        by_rank = [value for _, value in sorted((int(cell[2]), float(cell[1])) for cell in cells)]
        self.assertEqual(by_rank, sorted(values, reverse=True))
        means = [float(row[1]) for row in rows[2:]]
        self.assertEqual(means, sorted(means))

    def test_folders_of_photos_are_one_data_set(self):
        one = self.photos("one", [("a.jpg", 3), ("b.jpg", 1)])
        two = self.photos("two", [("b.jpg", 1), ("c.jpg", 2)])
        self.run_tool("--imagenet", one, two, "--only", "id", "--limit", 1)
        joined = self.work / "imagenet"
        self.assertEqual((joined / "ImageSets/CLS-LOC/val.txt").read_text(), "a.jpg 3\nb.jpg 1\nc.jpg 2\n")
        photos = joined / "Data/CLS-LOC/val"
        self.assertTrue((photos / "b.jpg").samefile(one / "Data/CLS-LOC/val/b.jpg"))
        self.assertTrue((joined / "Annotations/CLS-LOC/val/c.xml").samefile(two / "Annotations/CLS-LOC/val/c.xml"))

    def test_one_photo_has_one_class(self):
        one, two = self.photos("one", [("a.jpg", 3)]), self.photos("two", [("a.jpg", 4)])
        done = self.run_tool("--imagenet", one, two, "--only", "id", code=1)
        self.assertIn("a.jpg has the class 4 here and 3 in a folder before", done.stderr)

    def test_a_folder_without_a_list_is_named(self):
        done = self.run_tool("--imagenet", self.networks, "--only", "id", code=1)
        self.assertIn(f"{self.networks.resolve()}: no list of photos", done.stderr)

    def test_a_variant_is_chosen_on_one_half_and_confirmed_on_the_other(self):
        voc = support.EXAMPLES / "pictures"
        self.run_tool("--voc", voc, "--only", "variants-voc")
        command = [sys.executable, support.ROOT / "tools/results/choose", self.work]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        chosen, confirmed = done.stdout.split(" on the rest")
        rows = [re.findall(r"`([^`]+)` \| ([+-][0-9.]+)", line) for line in chosen.splitlines() if line.startswith("| `")]
        effects = [float(row[0][1]) for row in rows]
        self.assertGreaterEqual(len(rows), 6)
        self.assertEqual(effects, sorted(effects, reverse=True))
        self.assertIn("`" + rows[0][0][0] + "`", chosen.splitlines()[-1])
        counts = list(map(int, re.search(r"(\d+) cells better, (\d+) worse, (\d+) undecided", confirmed).groups()))
        self.assertEqual(sum(counts), 1)  # one network and one metric
        self.assertIn(f"| {len(list((voc / 'JPEGImages').iterdir())) // 2} |", confirmed)


class Ranks(unittest.TestCase):
    """tools/results/ranks: an owner that costs nothing leaves ranks alone, one that costs much is all there is."""
    def rates(self, hand_out, take_in, *options):
        rows = [{"methods": 1, "protocols": 1, "messages": m, "pictures": p, "hand_out_ms": hand_out(m, p), "take_in_ms": take_in}
                for m, p in ((1, 1), (64, 1), (1, 64))]
        done = subprocess.run([sys.executable, str(support.ROOT / "tools/results/ranks"), *options], capture_output=True, text=True,
                              input=json.dumps({"rank": rows}), timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [line.split("|")[1:-1] for line in done.stdout.splitlines()[2:]]
        return [(float(line[3]), int(line[5].strip(" %"))) for line in lines]

    def test_without_cost(self):
        (rate, busy), = self.rates(lambda m, p: 0, 0, "--ranks", "10", "--seconds", "0.5", "--pictures", "2000")
        self.assertLess(abs(rate - 20), 1)
        self.assertEqual(busy, 0)

    def test_a_picture_that_costs_ten_milliseconds(self):
        (few, _), (many, busy) = self.rates(lambda m, p: 0, 10, "--ranks", "10", "1000", "--seconds", "1", "--pictures", "3000")
        self.assertLess(abs(few - 10), 1)
        self.assertLessEqual(many, 100)
        self.assertGreater(many, 80)
        self.assertGreater(busy, 90)

    def test_the_disk_is_waited_for_once_for_all_that_wait(self):
        (rate, _), = self.rates(lambda m, p: 20 / (m * p), 0, "--ranks", "1000", "--seconds", "1", "--pictures", "5000")
        self.assertGreater(rate, 400)  # one at a time it would be 50


if __name__ == "__main__":
    unittest.main()
