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

TEST_F(OverwriteTest, AStoreIsNotWrittenOverByItsTables) {
  const std::string store = folder_ / "s.db";
  ASSERT_EQ(relprop({"evaluate", model(), "--data", "voc:" + exampleData().string(), "--limit", "1", "--methods",
                     "gradient", "--store", store, "-q"})
                .code,
            0);
  expectKept(store, {"report", store, "--markdown", "-o", store});
  // A store is added to: that one of them is the whole is no loss.
  EXPECT_EQ(relprop({"merge", store, "-o", store}).out, store + ": 1 results\n");
}

TEST_F(OverwriteTest, ABagIsNotWrittenOverWhatItIsMadeOf) {
  for (const char* name : {"svm.model", "words.npy", "list.json"}) writeText(folder_ / name, "something");
  const std::string svm = folder_ / "svm.model", words = folder_ / "words.npy", list = folder_ / "list.json";
  for (const std::string& out : {svm, words}) expectKept(out, {"bow", "import", svm, "--vocabulary", words, "-o", out});
  expectKept(list, {"bow", "train", "coco:" + list, "-o", list});
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
