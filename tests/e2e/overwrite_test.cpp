// What a command writes: never over what it reads, and never one result over another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "program.h"
#include "relprop/image.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

// A field of a protobuf message: what has a length, or a number.
std::string protoNumber(std::size_t value) {
  std::string bytes;
  for (; value >= 128; value /= 128) bytes += static_cast<char>(value % 128 + 128);
  return bytes + static_cast<char>(value);
}
std::string protoField(std::size_t number, const std::string& bytes) {
  return protoNumber(number * 8 + 2) + protoNumber(bytes.size()) + bytes;
}
std::string protoField(std::size_t number, std::size_t value) {
  return protoNumber(number * 8) + protoNumber(value);
}

std::string protoValue(const std::string& name, const std::vector<std::size_t>& extents) {
  std::string shape;
  for (const std::size_t extent : extents) shape += protoField(1, protoField(1, extent));
  return protoField(1, name) + protoField(2, protoField(1, protoField(1, std::size_t{1}) + protoField(2, shape)));
}

std::string protoNode(const std::string& op, const std::vector<std::string>& inputs, const std::string& output) {
  std::string bytes;
  for (const std::string& input : inputs) bytes += protoField(1, input);
  return bytes + protoField(2, output) + protoField(4, op);
}

// 3×8×8 → 2 scores, whose weights lie in the file `weights` beside it.
void writeNetwork(const std::string& path, const std::string& weights) {
  constexpr std::size_t features = 3 * 8 * 8, classes = 2;
  writeText(fs::path(path).parent_path() / weights, std::string(features * classes * sizeof(float), '\0'));
  const std::string tensor = protoField(1, features) + protoField(1, classes) + protoField(2, std::size_t{1}) +
                             protoField(8, "w") + protoField(13, protoField(1, "location") + protoField(2, weights)) +
                             protoField(14, std::size_t{1});
  const std::string graph = protoField(1, protoNode("Flatten", {"x"}, "flat")) +
                            protoField(1, protoNode("MatMul", {"flat", "w"}, "y")) + protoField(2, "g") +
                            protoField(5, tensor) + protoField(11, protoValue("x", {1, 3, 8, 8})) +
                            protoField(12, protoValue("y", {1, classes}));
  writeText(path, protoField(1, std::size_t{8}) + protoField(8, protoField(1, "") + protoField(2, std::size_t{17})) +
                      protoField(7, graph));
}

class OverwriteTest : public testing::Test {
 protected:
  OverwriteTest() {
    fs::copy_file(exampleModel(), model());
    for (const char* beside : {".labels.txt", ".preprocess.json"})
      fs::copy_file(exampleModel().replace_extension(beside), fs::path(model()).replace_extension(beside));
  }
  std::string model() const { return folder_ / "m.onnx"; }
  std::string pictureAs(const std::string& name) const {
    fs::copy_file(examplePicture(), folder_ / name);
    return folder_ / name;
  }
  std::string tensorAs(const std::string& name, std::int64_t rows) const {
    relprop::writeFile(folder_ / name, relprop::encodeNpy(relprop::Tensor({rows, 3, 96, 96}, 0.5f)));
    return folder_ / name;
  }
  // Refused before anything is written; `file` stays what it was.
  void expectKept(const std::string& file, const Arguments& arguments) const {
    const std::string before = readText(file);
    const std::vector<std::string> names = namesIn(folder_.path());
    const Outcome outcome = relprop(arguments);
    EXPECT_EQ(outcome.code, 1) << testing::PrintToString(arguments);
    EXPECT_THAT(outcome.err, HasSubstr("an input of this command"));
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(readText(file), before) << testing::PrintToString(arguments);
    EXPECT_EQ(namesIn(folder_.path()), names);
  }

  TemporaryFolder folder_;
};

TEST_F(OverwriteTest, AFileIsNotWrittenOverWhatItIsMadeOf) {
  const std::string picture = pictureAs("x.jpg"), labels = folder_ / "m.labels.txt";
  fs::create_symlink("m.onnx", folder_.path() / "link");
  for (const std::string& out : {model(), folder_ / "link", folder_ / "./m.onnx"}) {
    expectKept(model(), {"tune", model(), "-o", out, "--rounds", "1", "--threads", "1"});
    expectKept(model(), {"bench", model(), "-m", "gradient", "--rounds", "1", "--trace", out});
    expectKept(model(), {"patterns", model(), picture, "-o", out});
  }
  expectKept(picture, {"patterns", model(), folder_.path(), "-o", picture});
  expectKept(labels, {"tune", model(), "-o", labels});
}

TEST_F(OverwriteTest, WeightsBesideTheNetworkAreKept) {
  const std::string network = folder_ / "e.onnx", weights = folder_ / "w.data", rows = folder_ / "a.npy";
  writeNetwork(network, "w.data");
  relprop::writeFile(rows, relprop::encodeNpy(relprop::Tensor({1, 3, 8, 8}, 0.5f)));
  ASSERT_EQ(relprop({"inspect", network, "-m", "gradient"}).code, 0);
  expectKept(weights, {"tune", network, "-o", weights, "--rounds", "1"});
  expectKept(weights, {"patterns", network, rows, "-o", weights});
  expectKept(weights, {"bench", network, "-m", "gradient", "--rounds", "1", "--trace", weights});
  const std::string map = folder_ / "a.gradient.npy", compared = folder_ / "x.gradient.compare.png";
  writeNetwork(network, "a.gradient.npy");
  expectKept(map, {"explain", network, rows, "-m", "gradient", "--save", "npy", "-o", folder_.path()});
  writeNetwork(network, "x.gradient.compare.png");
  expectKept(compared, {"compare", network, network, pictureAs("x.jpg"), "-m", "gradient", "--preprocess", "unit", "-o",
                        folder_.path()});
}

TEST_F(OverwriteTest, WhatMethodsNameIsKept) {
  const std::string x = pictureAs("x.jpg"), here = folder_.path(), one = tensorAs("x.rap.npy", 1);
  const std::string method = "deeplift:baseline=" + one, pictures = "expected-gradients:samples=1,baselines=" + here;
  expectKept(one, {"explain", model(), x, "-m", method, "-m", "rap", "--save", "npy", "-o", here});
  expectKept(one, {"bench", model(), "-m", method, "--rounds", "1", "--trace", one});
  const std::string heat = pictureAs("x.rap.png"), compared = pictureAs("x.rap.compare.png");
  expectKept(heat, {"explain", model(), x, "-m", pictures, "-m", "rap", "-o", here});
  expectKept(compared, {"compare", model(), model(), x, "-m", pictures, "-m", "rap", "-o", here});
}

TEST_F(OverwriteTest, AStoreIsNotWrittenOverByItsTables) {
  const std::string store = folder_ / "s.db";
  ASSERT_EQ(relprop({"evaluate", model(), "--data", "voc:" + exampleData().string(), "--limit", "1", "--methods",
                     "gradient", "--store", store, "-q"})
                .code,
            0);
  expectKept(store, {"report", store, "--markdown", "-o", store});
  // SQLite's own files have what the store will have; none of them has to be there yet.
  for (const std::string end : {"-wal", "-shm", "-journal"}) {
    expectKept(store, {"report", store, "--markdown", "-o", store + end});
    expectKept(store, {"report", store, "--markdown", "-o", folder_ / "./s.db" + end});
  }
  // A store is added to: that one of them is the whole is no loss.
  EXPECT_EQ(relprop({"merge", store, "-o", store}).out, store + ": 1 results\n");
}

TEST_F(OverwriteTest, ABagIsNotWrittenOverWhatItIsMadeOf) {
  for (const char* name : {"svm.model", "words.npy", "list.json"}) writeText(folder_ / name, "something");
  const std::string svm = folder_ / "svm.model", words = folder_ / "words.npy", list = folder_ / "list.json";
  for (const std::string& out : {svm, words}) expectKept(out, {"bow", "import", svm, "--vocabulary", words, "-o", out});
  expectKept(list, {"bow", "train", "coco:" + list, "-o", list});
}

TEST_F(OverwriteTest, ADataSetIsNotWrittenOverByABag) {
  E2E_SKIP_SANITIZED("trainings are not: BowTest.TrainsOnADataSetAndMeasures");
  const fs::path data = folder_.path() / "pictures";
  fs::copy(exampleData(), data, fs::copy_options::recursive);
  for (const char* part : {"JPEGImages/val_00001.jpg", "Annotations/val_00001.xml"}) {
    ASSERT_TRUE(fs::exists(data / part));
    expectKept(data / part, {"bow", "train", "voc:" + data.string(), "-o", data / part});
  }
  const std::string bag = data / "a.bow";
  const Arguments train = {"bow",    "train", "voc:" + data.string(), "-o", bag, "--words", "16", "--sample", "2000",
                           "--size", "64",    "--min-photos",         "1",  "-q"};
  for (int i = 0; i < 2; ++i) EXPECT_EQ(relprop(train).code, 0) << "a bag makes way for a bag";
  const fs::path photos = folder_.path() / "photos";
  for (const char* name : {"a/words-00000.png", "b/photo.jpg"}) {
    fs::create_directories((photos / name).parent_path());
    fs::copy_file(examplePicture(), photos / name);
  }
  expectKept(photos / "a/words-00000.png",
             {"bow", "words", bag, "--data", "folder:" + photos.string(), "-o", photos / "a"});
}

TEST_F(OverwriteTest, WhatAProjectIsMadeOfIsKept) {
  const std::string store = folder_ / "input.h5", labels = folder_ / "label-map.json", here = folder_.path();
  ASSERT_EQ(relprop({"evaluate", model(), "--data", "voc:" + exampleData().string(), "--limit", "1", "--methods",
                     "gradient", "--store", store, "--keep", "-q"})
                .code,
            0);
  expectKept(store, {"export", store, "--format", "virelay", "--model", model(), "-o", here});
  fs::rename(store, folder_ / "s.db");
  writeText(labels, "one\n");
  expectKept(labels,
             {"export", folder_ / "s.db", "--format", "virelay", "--model", model(), "--labels", labels, "-o", here});
  const std::string network = folder_ / "attribution.h5";
  fs::remove(labels);
  fs::copy_file(model(), network);
  expectKept(network, {"export", folder_ / "s.db", "--format", "virelay", "--model", network, "-o", here});
}

TEST_F(OverwriteTest, PicturesAreNotWrittenOverByTheirHeatmaps) {
  const std::string x = pictureAs("x.jpg"), heat = pictureAs("x.gradient.png"), here = folder_.path();
  expectKept(heat, {"explain", model(), x, heat, "-m", "gradient", "-o", here});
  expectKept(heat, {"explain", model(), here, "-m", "gradient", "-o", here});
  const std::string panel = pictureAs("x.panel.png"), strip = pictureAs("x.rap.layers.png");
  expectKept(panel, {"explain", model(), x, panel, "--methods", "rap,gradient", "--view", "panel", "-o", here});
  expectKept(strip, {"explain", model(), x, strip, "-m", "rap", "--layers", "-o", here});
  const std::string compared = pictureAs("x.gradient.compare.png");
  expectKept(compared, {"compare", model(), model(), x, compared, "-m", "gradient", "-o", here});
  // What is not read is written over as ever.
  const Outcome outcome = relprop({"explain", model(), x, "-m", "gradient", "-o", here});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(readText(heat), readText(examplePicture()));
}

// How many rows a tensor has is known once it is read: its results fail, and the picture stays.
TEST_F(OverwriteTest, RowsAreNotWrittenOverPicturesEither) {
  const std::string rows = tensorAs("a.npy", 2), picture = pictureAs("a.1.gradient.png"), before = readText(picture);
  const Outcome outcome = relprop({"explain", model(), rows, picture, "-m", "gradient", "-o", folder_.path()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("an input of this command"));
  EXPECT_EQ(readText(picture), before);
  EXPECT_TRUE(fs::exists(folder_ / "a.1.gradient.gradient.png"));
}

TEST_F(OverwriteTest, NoTwoResultsShareAName) {
  const std::string rows = tensorAs("a.npy", 2), picture = pictureAs("a.0.png"), out = folder_ / "out";
  const Outcome maps = relprop({"explain", model(), rows, picture, "-m", "gradient", "-o", out});
  EXPECT_EQ(maps.code, 0) << maps.err;
  EXPECT_THAT(maps.out, HasSubstr("a.0.gradient-2.png"));
  EXPECT_THAT(namesIn(out), ElementsAre("a.0.gradient-2.png", "a.0.gradient.png", "a.1.gradient.png"));
  fs::remove_all(out);
  const Outcome compared = relprop({"compare", model(), model(), rows, picture, "-m", "gradient", "-o", out});
  EXPECT_EQ(compared.code, 0) << compared.err;
  EXPECT_THAT(namesIn(out),
              ElementsAre("a.0.gradient.compare-2.png", "a.0.gradient.compare.png", "a.1.gradient.compare.png"));
}

}  // namespace
}  // namespace e2e
