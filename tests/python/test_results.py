"""tools/results/run: the runs behind docs/results.md, on the bundled network and pictures."""
import array
import contextlib
import csv
import hashlib
import io
import json
import math
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
sys.path.insert(0, str(RUN.parent))
import parts  # noqa: E402


def unread(command):
    """The exit code and the standard error of a command whose output nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as output:
        done = subprocess.run(list(map(str, command)), stdout=output, stderr=subprocess.PIPE, text=True, timeout=300)
    return done.returncode, done.stderr


def confirms(picture):
    """Whether a picture is in the half that confirms."""
    return int(hashlib.sha256(picture.split("/")[-1].encode()).hexdigest(), 16) % 2 == 1


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

    def test_what_cannot_be_run_is_a_failure(self):
        voc = ("--voc", support.EXAMPLES / "pictures")
        def told(*options):
            return self.run_tool(*options, code=1).stderr.splitlines()
        self.assertEqual(told(*voc, "--only", "segmentation", "--network", "resnet18", "--program", self.folder / "none"),
                         [f"tools/results/run: {self.folder / 'none'}: No such file or directory"])
        for only_listed in ((), ("--list",)):
            said = told("--only", "segmentation", "--network", "resnet18", *only_listed)
            self.assertEqual(said, ["segmentation, resnet18: left out, no voc", "tools/results/run: nothing to run: all was left out"])
        self.assertEqual(told(*voc, "--only", "srg", "--network", "resnet50"),
                         ["tools/results/run: nothing to run on resnet50: srg is for squeezenet1.1, resnet18"])
        self.assertEqual(unread([RUN, self.work, "--networks", self.networks, *voc, "--network", "resnet18", "--only", "segmentation",
                                 "--list"]), (141, ""))

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
        with contextlib.closing(sqlite3.connect(store)) as database, database:  # as the part asks for them
            database.execute("update pictures set dataset = 'imagenet:imagenet', target = 'true+correct'")
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
        self.assertIn("no curve 'nothing' of rap-figure-7", done.stderr)
        self.assertIn("; there are accuracy, ", done.stderr)
        done = draw("accuracy", "--method", "rap", "nothing")
        self.assertIn("no method 'nothing' of rap-figure-7", done.stderr)
        self.assertRegex(done.stderr, "; there are rap, gradient, grad-cam$")
        svg = self.folder / "none/curves.svg"
        done = draw("accuracy", "--network", "resnet18")
        self.assertEqual((done.returncode, done.stderr), (1, f"tools/results/curves: {svg}: No such file or directory\n"))

    def test_panels_are_drawn_for_every_figure(self):
        def panels(*photos, program=os.environ["RELPROP_PROGRAM"]):
            command = [sys.executable, RUN.parent / "panels", self.work, *photos, "--networks", self.networks, "--program", program,
                       "--labels", support.MODEL.with_suffix(".labels.txt"), "--network", "resnet18", "mobilenet_v2"]
            return subprocess.run(list(map(str, command)), capture_output=True, text=True)
        photo = self.folder / "a.b.jpg"
        photo.write_bytes(support.PICTURE.read_bytes())
        done = panels(photo)
        self.assertEqual(done.returncode, 0, done.stderr)
        drawn = sorted(path.relative_to(self.work) for path in self.work.rglob("*") if path.is_file())
        self.assertEqual(list(map(str, drawn)), [f"resnet18/a.b.{figure}.png" for figure in ("classes", "layers", "methods")])
        done = panels(self.folder / "none.jpg")
        self.assertEqual((done.returncode, done.stderr.count("there is no such file")), (1, 1))
        done = panels(photo, program=self.folder / "none")
        left_out = f"mobilenet_v2: left out, no {self.networks / 'mobilenet_v2.onnx'}\n"
        self.assertEqual((done.returncode, done.stderr),
                         (1, f"{left_out}tools/results/panels: {self.folder / 'none'}: No such file or directory\n"))

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
        one = self.photos("one", [("a.jpg", "3 4")])
        self.assertIn("val.txt: 'a.jpg 3 4' is not FILE LABEL", self.run_tool("--imagenet", one, "--only", "id", code=1).stderr)

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
        self.assertIn(f"| {sum(confirms(path.stem) for path in (voc / 'JPEGImages').iterdir())} |", confirmed)

    @unittest.skipUnless(support.MULTIPLIES_BF16, "the processor does not multiply bfloat16 itself")
    def test_metrics_are_named_as_a_store_names_them(self):
        told = json.loads(support.program("metrics", "--json"))
        self.assertEqual({one["name"] for one in told if "precision" in one["parameters"]}, set(parts.ASK_THE_NETWORK))
        self.work.mkdir()
        part = parts.named("id-bf16")
        support.program("evaluate", support.MODEL, "--data", f"voc:{support.EXAMPLES / 'pictures'}", *part.options, "--target",
                        "predicted", "-m", "random", "--metrics", ",".join((*part.metrics, "auc")), "--limit", 1, "--store", self.work / "a.db")
        rows = list(csv.DictReader(io.StringIO(support.program("export", self.work / "a.db", "--csv"))))
        self.assertEqual({"bf16" in row["protocol"] for row in rows if row["protocol"].startswith("auc")}, {False})
        (protocol,) = {row["protocol"] for row in rows if row["protocol"].startswith("id-score")}
        asked = part.protocol(part.metrics[0])
        self.assertTrue(set(asked.partition(":")[2].split(",")) <= set(protocol.partition(":")[2].split(",")), asked)


class Stores(support.TemporaryFolderTest):
    """The tools on stores of our own making, for which every number is known."""
    RATIO = "outside-inside@1:region=any"

    def store(self, rows, file="resnet18.db", **everywhere):
        """Adds (method, picture, value) as the part rap-table has them, but for what is said otherwise."""
        its = {"model": "aa", "dataset": "imagenet:imagenet", "target": "true+correct", "protocol": self.RATIO, "score": "all", **everywhere}
        with contextlib.closing(sqlite3.connect(self.folder / file)) as store, store:
            store.execute("create table if not exists protocols (name)")
            store.execute("create table if not exists scores_flat (model, model_path, dataset, picture, target, method, protocol, score, value)")
            store.execute("create table if not exists costs_flat (model, model_path, dataset, method, explain_seconds)")
            if not store.execute("select 1 from protocols where name = ?", (its["protocol"],)).fetchall():
                store.execute("insert into protocols values (?)", (its["protocol"],))
            store.executemany("insert into scores_flat values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [
                (its["model"], its["model"] + ".onnx", its["dataset"], picture, its["target"], method, its["protocol"], its["score"], value)
                for method, picture, value in rows])
            store.executemany("insert into costs_flat values (?, ?, ?, ?, ?)", [
                (its["model"], "", its["dataset"], method, seconds) for method, _, _ in rows for seconds in (0.5, None)])

    def tool(self, name, *options, code=0):
        command = [sys.executable, RUN.parent / name, self.folder, *options]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stdout if code == 0 else done.stderr

    def cells(self, told, method):
        return [cell.strip() for cell in re.search(rf"^\| `{re.escape(method)}` \|(.*)\|$", told, re.M)[1].split("|")]

    def pictures(self, count):
        return [f"{i:03}.JPEG" for i in range(count)]

    def test_the_best_ratio_of_all_has_a_logarithm(self):
        self.store([(method, picture, value) for method, values in (("rap", (0, 0.5)), ("grad-cam", (0.5, 0.5)))
                    for picture, value in zip("ab", values)])
        least, half = math.log(0.001), math.log(0.5)
        logs = self.cells(self.tool("tables.py", "rap-table", "--network", "resnet18"), "rap")[3]
        self.assertEqual(logs, f"{(least + half) / 2:.3f} ± {(half - least) / 2:.3f}")
        against = self.cells(self.tool("tables.py", "rap-table", "--network", "resnet18", "--against", "rap"), "grad-cam")
        self.assertEqual((against[0].split()[0], against[1]), (f"{(least - half) / 2:+.3f}", "2"))
        board = self.tool("leaderboard", "--network", "resnet18")
        self.assertEqual(self.cells(board, "rap")[1:], [f"{(least + half) / 2:.3f} (1)", "500"])
        self.store([("rap:shifts=4", picture, 0) for picture in self.pictures(20)] +
                   [("rap", picture, 0.01 if i % 2 else 0.1) for i, picture in enumerate(self.pictures(20))])
        chosen = self.tool("choose", "--network", "resnet18")
        counted = sum(map(confirms, self.pictures(20)))
        self.assertRegex(chosen, rf"outside-inside all \| \+[234]\.\d+ \[.*\] \| {counted} \| better")

    def test_a_family_that_some_variants_lack_does_not_choose(self):
        its = {"protocol": "id-score@1:profile=lrp-resnet,step=500,start=black", "score": "id", "target": "true"}
        values = {"rap": (0.5, 0.6), "rap:shifts=4": (0.4, 0.45), "rap:first=flat": (0.45, 0.5)}
        self.store([(m, picture, v[i % 2]) for m, v in values.items() for i, picture in enumerate(self.pictures(40))])
        self.store([(m, picture, v[i % 2]) for m, v in values.items() if m != "rap:first=flat"
                    for i, picture in enumerate(self.pictures(40))], **its)
        told = self.tool("choose", "--network", "resnet18")
        shifts, flat = (self.cells(told.split(" on the rest")[0], m) for m in ("rap:shifts=4", "rap:first=flat"))
        self.assertEqual(shifts[0], shifts[1], "the mean is that of outside-inside")
        self.assertLess(float(shifts[2]), 0, "a lower id is worse")
        self.assertEqual(flat[2], "–")

    def test_precisions_are_not_mixed(self):
        single, half = "id-score@1:profile=lrp-resnet,step=500,start=black", "id-score@1:profile=lrp-resnet,step=500,start=black,precision=bf16"
        def told(part, **how):
            return self.tool("tables.py", part, "--network", "resnet50", "--score", "id", **how)
        its = {"file": "resnet50.db", "score": "id", "target": "true"}
        self.store([("rap", picture, 0.25) for picture in "ab"], protocol=half, **its)
        self.assertIn("nothing of id-resnet50", told("id-resnet50", code=1))
        self.assertIn("no scores", self.tool("leaderboard", "--network", "resnet50", code=1))
        self.assertEqual(self.cells(told("id-bf16"), "rap")[1], "0.250 ± 0.000")
        self.store([("rap", picture, 0.75) for picture in "ab"], protocol=single, **its)
        self.assertEqual(self.cells(told("id-bf16"), "rap")[1], "0.250 ± 0.000")
        self.assertEqual(self.cells(told("id-resnet50"), "rap")[1], "0.750 ± 0.000")
        self.assertEqual(self.cells(self.tool("leaderboard", "--network", "resnet50"), "rap")[1], "0.750 (1)")
        self.store([("rap", picture, 0.5) for picture in "ab"], protocol=single.replace("@1", "@2"), **its)
        both = told("id-resnet50", code=1)
        self.assertIn(single, both)
        self.assertIn(single.replace("@1", "@2"), both)

    def test_maps_in_another_precision_are_not_the_methods(self):
        self.store([("rap:first=zbox", "a", 0.25), ("rap:first=zbox | precision=bf16", "a", 0.75)])
        self.assertEqual(self.cells(self.tool("tables.py", "rap-table", "--network", "resnet18"), "rap")[1], "0.250 ± –")

    def test_methods_that_cannot_be_told_apart_are_named(self):
        self.store([("rap:seed=logit", "a", 0.25), ("rap:seed=one", "a", 0.75)])
        told = self.tool("tables.py", "rap-table", "--network", "resnet18", code=1)
        self.assertIn("rap:seed=logit and rap:seed=one", told)

    def test_networks_are_not_mixed(self):
        self.store([("rap", "a", 0.25)])
        self.store([("rap", "a", 0.75)], model="bb")
        for tool in (("tables.py", "rap-table"), ("leaderboard",), ("choose",)):
            self.assertRegex(self.tool(*tool, "--network", "resnet18", code=1), r"model aa \(aa.onnx\).*\n.*model bb")
        for model, value in (("a", "0.250"), ("bb", "0.750")):
            told = self.tool("tables.py", "rap-table", "--network", "resnet18", "--model", model)
            self.assertEqual(self.cells(told, "rap")[1:3], [f"{value} ± –", value])

    def test_data_sets_and_targets_are_not_mixed(self):
        self.store([("rap", "a", 0.25)])
        for other in ({"dataset": "voc:VOC2012"}, {"target": "predicted"}):
            self.store([("rap", "a", 0.75)], **other)
        self.assertEqual(self.cells(self.tool("tables.py", "rap-table", "--network", "resnet18"), "rap")[1], "0.250 ± –")
        self.store([("rap", "a", 0.75)], dataset="imagenet:v2")
        told = self.tool("tables.py", "rap-table", "--network", "resnet18", code=1)
        self.assertIn("data set imagenet:imagenet", told)
        self.assertIn("data set imagenet:v2", told)

    def test_halves_are_of_the_names(self):
        names = self.pictures(40)
        self.store([(method, name, float(confirms(name)) + (method == "rap-signed") * i % 3 / 30)
                    for method in ("rap", "rap-signed") for i, name in enumerate(names)])
        def halves(file):
            return self.cells(self.tool("tables.py", "rap-table", "--network", file, "--halves"), "rap")
        self.assertEqual(halves("resnet18"), ["0.000 ± 0.000", "1.000 ± 0.000", "40"])
        self.store([("rap", "folder/" + name, float(confirms(name))) for name in ["before.JPEG", *names[1:]]], "resnet50.db")
        self.assertEqual(halves("resnet50"), ["0.000 ± 0.000", "1.000 ± 0.000", "40"])
        chosen = self.tool("choose", "--network", "resnet18")
        self.assertIn(f"| {sum(map(confirms, names))} |", chosen)

    def test_one_picture_has_no_error(self):
        self.store([("rap", "000.JPEG", 0.25), ("grad-cam", "000.JPEG", 0.5)])
        self.assertEqual(self.cells(self.tool("tables.py", "rap-table", "--network", "resnet18"), "rap"),
                         ["(0.164 resnet50)", "0.250 ± –", "0.250", f"{math.log(0.25):.3f} ± –", "1", ""])
        self.assertEqual(self.cells(self.tool("tables.py", "rap-table", "--network", "resnet18", "--wide"), "rap"), ["**0.250** ± –"])
        against = self.cells(self.tool("tables.py", "rap-table", "--network", "resnet18", "--against", "rap"), "grad-cam")
        self.assertEqual(against, [f"{math.log(0.5):+.3f} [–, –]", "1"])
        self.assertEqual(sorted(self.cells(self.tool("tables.py", "rap-table", "--network", "resnet18", "--halves"), "rap")[:2]),
                         ["0.250 ± –", "–"])

    def test_a_method_without_enough_pictures_is_not_the_best(self):
        names = self.pictures(10)
        self.store([("rap", name, 0.5) for name in names] + [("grad-cam", name, 0.4) for name in names[:9]] +
                   [("lrp-resnet", name, 0.1) for name in names[:8]])
        wide = self.tool("tables.py", "rap-table", "--network", "resnet18", "--wide")
        self.assertEqual([self.cells(wide, method) for method in ("rap", "grad-cam", "lrp-resnet")],
                         [["0.500 ± 0.000"], ["**0.400** ± 0.000 (9)"], ["0.100 ± 0.000 (8)"]])
        board = self.tool("leaderboard", "--network", "resnet18")
        self.assertEqual([self.cells(board, method)[:2] for method in ("grad-cam", "rap", "lrp-resnet")],
                         [["1.0", f"{math.log(0.4):.3f} (1, n 9)"], ["2.0", f"{math.log(0.5):.3f} (2)"], ["3.0", f"{math.log(0.1):.3f} (3, n 8)"]])

    def test_figures_are_found_in_any_order_of_keys_and_of_their_own_photos_alone(self):
        method = "lrp-resnet:residual=symmetric,identity_skip=off"
        its = {"file": "resnet50.db", "score": "id", "target": "true", "protocol": "id-score@1:profile=lrp-resnet,precision=bf16"}
        self.store([(method, picture, 0.5) for picture in "ab"], **its)
        self.assertEqual(self.cells(self.tool("tables.py", "id-bf16"), method)[0], "0.510")
        self.store([("rap", "a", 0.5)], "resnet50.cub.db", dataset="cub:birds", target="predicted")
        self.assertEqual(self.cells(self.tool("tables.py", "cub", "--network", "resnet50"), "rap")[0], "–")

    def test_a_method_in_few_columns_is_not_among_the_others(self):
        def board(columns):
            for protocol, score, methods in columns:
                self.store([(method, "a", i / 10) for i, method in enumerate(methods)], protocol=protocol, score=score)
            return self.tool("leaderboard", "--network", "resnet18")
        half = board([(self.RATIO, "all", ("rap", "grad-cam")), ("auc@1", "auc", ("rap", "grad-cam", "gradient"))])
        self.assertEqual([self.cells(half, method)[0] for method in ("gradient", "grad-cam", "rap")], ["1.0", "2.0", "2.0"])
        self.assertNotIn("fewer than half", half)
        all_others, few = board([(self.RATIO, "pos", ("rap", "grad-cam"))]).split("Measured in fewer than half of the 3 columns")
        self.assertEqual(re.findall(r"^\| `(.*?)` \| (.*?) \|", all_others, re.M), [("rap", "1.7"), ("grad-cam", "2.0")])
        self.assertEqual(re.findall(r"^\| `(.*?)` \| (.*?) \|", few, re.M), [("gradient", "1.0 of 1")])

    def test_one_kind_of_table_at_a_time(self):
        self.store([("rap", name, 0.5) for name in self.pictures(20)])
        for options in (("--wide", "--halves"), ("--halves", "--against", "rap"), ("--wide", "scores", "--against", "rap")):
            self.assertIn("not allowed with", self.tool("tables.py", "rap-table", *options, code=2))
        both = self.tool("tables.py", "rap-table", "--network", "resnet18", "--halves", "--score", "all")
        self.assertEqual(self.cells(both, "rap"), ["0.500 ± 0.000", "0.500 ± 0.000", "20"])

    def test_what_is_not_there_is_said_and_what_is(self):
        self.store([(method, "a", 0.5) for method in ("rap", "rap-signed", "grad-cam")])
        no_score, no_method, no_model = (rf"no {one} in {self.folder}; there are {there}\n" for one, there in (
            ("score 'nosuch' of rap-table", "all"), ("method 'nosuch'(?: of rap-table)?", "rap, rap-signed, grad-cam"),
            ("network whose key begins with 'zz'", r"aa \(aa.onnx\)")))
        table = ("tables.py", "rap-table")
        for told, tool, *options in ((no_method, *table, "--against", "nosuch"), (no_score, *table, "--score", "nosuch"),
                                     (no_score, *table, "--score", "all", "nosuch"), (no_score, *table, "--wide", "--score", "nosuch"),
                                     (no_model, *table, "--model", "zz"), (no_model, "leaderboard", "--model", "zz"),
                                     (no_model, "choose", "--model", "zz"), (no_method, "choose", "--variant", "nosuch"),
                                     (no_method, "choose", "--reference", "nosuch"),
                                     ("the reference itself", "choose", "--variant", "rap")):
            self.assertRegex(self.tool(tool, *options, "--network", "resnet18", code=1), told)
        self.assertIn("'rap:x' is not NAME or", self.tool(*table, "--against", "rap:x", code=2))

    def test_a_choice_that_nothing_confirms_is_a_failure(self):
        names = [name for name in self.pictures(20) if not confirms(name)]
        self.store([(method, name, 0.5) for method in ("rap", "rap-signed") for name in names])
        self.assertIn("no two pictures with 'rap-signed' and 'rap'", self.tool("choose", "--network", "resnet18", code=1))

    def test_rounding_is_no_spread(self):
        names = self.pictures(20)
        self.store([(method, name, value * (i + 1)) for method, value in (("rap", 0.3), ("rap-signed", 0.1))
                    for i, name in enumerate(names)])
        self.assertEqual(self.cells(self.tool("choose", "--network", "resnet18"), "rap-signed"), ["+0.000", "+0.000"])

    def test_an_output_that_nobody_reads_is_no_failure(self):
        self.store([(method, name, 0.5) for method in ("rap", "rap-signed") for name in self.pictures(20)])
        for tool, *options in (("tables.py", "rap-table"), ("tables.py", "rap-table", "--wide"), ("leaderboard",), ("choose",)):
            self.assertEqual(unread([RUN.parent / tool, self.folder, *options, "--network", "resnet18"]), (141, ""))

    def test_what_was_not_run_is_said(self):
        options = {"tables.py": ["rap-table"], "leaderboard": [], "choose": [], "curves": ["rap-figure-7", "accuracy", "-o", self.folder / "a.svg"]}
        def told(tool):
            return self.tool(tool, *options[tool], "--network", "resnet18", code=1)
        for tool in options:
            self.assertIn("resnet18: no ", told(tool))
        with contextlib.closing(sqlite3.connect(self.folder / "resnet18.db")) as store:
            store.execute("create table others (a)")
        for tool in options:
            self.assertIn("resnet18.db is left out, no such table", told(tool))
        with contextlib.closing(sqlite3.connect(self.folder / "resnet18.db")) as store, store:
            store.execute("create table protocols (name)")
            store.execute("insert into protocols values (?)", (self.RATIO,))
        for tool in ("tables.py", "leaderboard", "choose"):
            self.assertRegex(told(tool), f"^tools/results/{tool}: {self.folder}/resnet18.db: no such table: scores_flat$")
        (self.folder / "resnet18.db").unlink()
        self.store([])
        for tool in ("tables.py", "leaderboard", "choose"):
            self.assertIn(str(self.folder), told(tool))


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

    def test_an_input_of_another_kind_is_said(self):
        row = {"methods": 1, "protocols": 1, "messages": 1, "pictures": 1, "hand_out_ms": 1, "take_in_ms": 1}
        for told in ("", "x", "{}", "[1]", '{"rank": []}', json.dumps({"rank": [row]})):
            done = subprocess.run([sys.executable, str(RUN.parent / "ranks")], capture_output=True, text=True, input=told, timeout=300)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, r"^tools/results/ranks: standard input is not the line of JSON .*\n$")
        self.assertIn("'0' is not above 0", subprocess.run(
            [sys.executable, str(RUN.parent / "ranks"), "--seconds", "0"], capture_output=True, text=True).stderr)


if __name__ == "__main__":
    unittest.main()
