// relprop explain with the bundled network: what is printed and written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pictures.h"
#include "program.h"
#include "relprop/image.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class ExplainTest : public testing::Test {
 protected:
  // The program's answer to `explain MODEL picture… options… --out <folder>/out`.
  Outcome explain(Arguments pictures, const Arguments& options = {}) {
    Arguments arguments = {"explain", exampleModel()};
    arguments.insert(arguments.end(), pictures.begin(), pictures.end());
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"--out", out()});
    return relprop(arguments);
  }
  std::string out() const { return folder_ / "out"; }
  // The example picture under another name.
  std::string copyAs(const std::string& name) const {
    fs::create_directories(fs::path(folder_ / name).parent_path());
    fs::copy_file(examplePicture(), folder_ / name);
    return folder_ / name;
  }
  // `rows` normalised inputs that differ.
  std::string tensor(std::int64_t rows) const {
    relprop::Tensor input({rows, 3, 96, 96});
    for (std::size_t i = 0; i < input.data.size(); ++i)
      input.data[i] = std::sin(0.01f * static_cast<float>(i) + static_cast<float>(i % 7));
    relprop::writeFile(folder_ / "input.npy", relprop::encodeNpy(input));
    return folder_ / "input.npy";
  }
  json report(const std::string& name) const { return json::parse(readText(fs::path(out()) / name)); }

  TemporaryFolder folder_;
};

TEST_F(ExplainTest, OnePictureGivesALineAndAHeatmap) {
  Outcome outcome = explain({examplePicture()});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out,
              testing::MatchesRegex("val_00000\\.jpg: [0-9]+ [a-z]+ [01]\\.[0-9]+ \\(logit [-0-9.]+\\) · heatmap "
                                    ".*/out/val_00000\\.rap\\.png · conservation [0-9.]+e-[0-9]+\n"));
  EXPECT_THAT(namesIn(out()), ElementsAre("val_00000.rap.png"));
  relprop::Image heat = relprop::readImage(out() + "/val_00000.rap.png");
  EXPECT_EQ(heat.width, 96);
  EXPECT_EQ(heat.height, 96);
}

TEST_F(ExplainTest, GradientsHaveNoConservation) {
  EXPECT_THAT(explain({examplePicture()}, {"--method", "gradient"}).out, testing::Not(HasSubstr("conservation")));
}

TEST_F(ExplainTest, MethodStringsBecomeFileNames) {
  explain({examplePicture()}, {"--method", "lrp-gamma:gamma=0.5,residual=ratio"});
  EXPECT_THAT(namesIn(out()), ElementsAre("val_00000.lrp-gamma-gamma-0.5-residual-ratio.png"));
}

TEST_F(ExplainTest, ShortcutsAreKeysOfTheMethod) {
  Outcome outcome = explain({examplePicture()}, {"-m", "lrp-zplus", "--residual", "symmetric", "--batchnorm", "pass",
                                                 "--identity-skip", "off", "--json", "--save", "none"});
  json result = json::parse(outcome.out);
  for (const char* key : {"residual=symmetric", "batchnorm=pass", "identity_skip=off"})
    EXPECT_THAT(result["method"].get<std::string>(), HasSubstr(key));
  EXPECT_THAT(namesIn(out()), ElementsAre());
}

TEST_F(ExplainTest, AllFilesOfAPicture) {
  Outcome outcome = explain({examplePicture()}, {"--save", "png,npy,json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(namesIn(out()), ElementsAre("val_00000.rap.json", "val_00000.rap.npy", "val_00000.rap.png"));
  relprop::Tensor relevance = relprop::readNpy(out() + "/val_00000.rap.npy");
  EXPECT_EQ(relevance.shape, (relprop::Shape{1, 3, 96, 96}));
  json written = report("val_00000.rap.json");
  double sum = 0;
  for (float value : relevance.data) sum += static_cast<double>(value);
  EXPECT_NEAR(written["sum"], sum, 1e-4 * std::abs(sum));
  EXPECT_LT(written["conservation"], 1e-4);
  EXPECT_GT(written["layers"].size(), 5u);
  EXPECT_THAT(written["model"]["hash"].get<std::string>(), testing::StartsWith("xxh3:"));
  for (const char* key : {"input", "method", "rules", "preprocess", "versions", "prediction", "top5", "target", "seed"})
    EXPECT_TRUE(written.contains(key)) << key;
  EXPECT_EQ(written["top5"].size(), 5u);
}

TEST_F(ExplainTest, EveryLayerOfRapConserves) {
  explain({examplePicture()}, {"--save", "json"});
  json written = report("val_00000.rap.json");
  for (const auto& layer : written["layers"])
    EXPECT_LE(std::abs(layer["absorbed"].get<double>()), 1e-4 * std::abs(written["seed"].get<double>())) << layer;
}

TEST_F(ExplainTest, JsonOnStandardOutputIsOneObjectALine) {
  Outcome outcome = explain({examplePicture(), copyAs("second.jpg")}, {"--json", "-m", "rap", "-m", "gradient"});
  EXPECT_EQ(outcome.code, 0);
  std::istringstream lines(outcome.out);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    json result = json::parse(line);
    EXPECT_TRUE(fs::exists(result["files"]["png"].get<std::string>())) << line;
    EXPECT_EQ(result["prediction"]["label"], result["top5"][0]["label"]);
  }
  EXPECT_EQ(count, 4);
}

TEST_F(ExplainTest, TensorRowsGiveOneTensorAndOneReport) {
  Outcome outcome = explain({tensor(3)}, {"--save", "png,npy,json", "--json", "--batch", "2"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 3);
  EXPECT_THAT(namesIn(out()),
              ElementsAre("input.0.rap.png", "input.1.rap.png", "input.2.rap.png", "input.rap.json", "input.rap.npy"));
  EXPECT_EQ(relprop::readNpy(out() + "/input.rap.npy").shape, (relprop::Shape{3, 3, 96, 96}));
  EXPECT_EQ(report("input.rap.json")["rows"].size(), 3u);
}

TEST_F(ExplainTest, BatchesDoNotChangeTheResult) {
  std::string input = tensor(3);
  explain({input}, {"--save", "npy", "--batch", "1"});
  relprop::Tensor single = relprop::readNpy(out() + "/input.rap.npy");
  explain({input}, {"--save", "npy", "--batch", "2"});
  relprop::Tensor paired = relprop::readNpy(out() + "/input.rap.npy");
  ASSERT_EQ(single.shape, paired.shape);
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < single.data.size(); ++i) {
    difference += std::pow(static_cast<double>(single.data[i]) - static_cast<double>(paired.data[i]), 2);
    norm += std::pow(static_cast<double>(single.data[i]), 2);
  }
  EXPECT_LE(std::sqrt(difference), 5e-5 * std::sqrt(norm));
}

TEST_F(ExplainTest, ViewsThatNeedAPhotoRefuseTensors) {
  Outcome outcome = explain({tensor(1)}, {"--view", "overlay"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("--view heat"));
  EXPECT_THAT(namesIn(out()), ElementsAre());
}

TEST_F(ExplainTest, EveryViewIsAPicture) {
  for (const char* view : {"heat", "overlay", "split", "panel"}) {
    Outcome outcome = explain({examplePicture()}, {"--view", view, "--zoom", "2", "--percentile", "99"});
    EXPECT_EQ(outcome.code, 0) << view << outcome.err;
    EXPECT_GE(relprop::readImage(out() + "/val_00000.rap.png").width, 192) << view;
  }
}

TEST_F(ExplainTest, APanelHasAColumnForEachMethod) {
  Outcome outcome = explain({examplePicture()}, {"-m", "rap", "-m", "lrp-zplus", "-m", "gradient", "--view", "panel"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(namesIn(out()), ElementsAre("val_00000.gradient.png", "val_00000.lrp-zplus.png", "val_00000.panel.png",
                                          "val_00000.rap.png"));
  relprop::Image panel = relprop::readImage(out() + "/val_00000.panel.png");
  EXPECT_GT(panel.width, 4 * 96);
  EXPECT_GT(panel.width, 3 * panel.height);
}

TEST_F(ExplainTest, NumbersHaveARangeThatNanIsNotIn) {
  for (const char* option : {"--percentile", "--require-conservation"})
    for (const char* value : {"0", "nan", "-1", "1e9", "much"}) {
      const Outcome outcome = explain({examplePicture()}, {option, value});
      EXPECT_EQ(outcome.code, 2) << option << " " << value;
      EXPECT_THAT(outcome.err, HasSubstr(std::string(option) + ": '" + value + "' is no number ")) << outcome.err;
    }
  EXPECT_EQ(explain({examplePicture()}, {"--require-conservation", "1e-3", "--percentile", "100"}).code, 0);
}

TEST_F(ExplainTest, OptionsThatNothingWouldShowAreWrongUsage) {
  const std::vector<Arguments> wrong = {{"--view", "panel", "--save", "npy"},
                                        {"--zoom", "4", "--save", "json"},
                                        {"--percentile", "50", "--save", "none", "--json"},
                                        {"--at", "*", "--save", "none"},
                                        {"--save", "none,png"}};
  for (const Arguments& options : wrong) {
    const Outcome outcome = explain({examplePicture()}, options);
    EXPECT_EQ(outcome.code, 2) << testing::PrintToString(options);
    EXPECT_THAT(outcome.err, HasSubstr(options.front() + ": ")) << testing::PrintToString(options);
    EXPECT_THAT(namesIn(out()), ElementsAre()) << testing::PrintToString(options);
  }
  const Outcome sums = explain({examplePicture()}, {"--at", "*", "--save", "none", "--json"});
  EXPECT_EQ(sums.code, 0) << sums.err;
  EXPECT_FALSE(json::parse(sums.out)["at"].empty());
}

TEST_F(ExplainTest, PatternsAreForMethodsThatUseThem) {
  const std::string file = folder_ / "p.npz";
  const Outcome unused = explain({examplePicture()}, {"-m", "rap", "--patterns", file});
  EXPECT_EQ(unused.code, 1);
  EXPECT_THAT(unused.err, HasSubstr("pattern-net or pattern-attribution"));
  const Outcome inspected = relprop({"inspect", exampleModel(), "-m", "rap", "--patterns", file});
  EXPECT_EQ(inspected.code, 1);
  EXPECT_THAT(inspected.err, HasSubstr("pattern-net or pattern-attribution"));
  const Outcome missing = relprop({"inspect", exampleModel(), "-m", "pattern-net", "--patterns", file});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("p.npz: there is no such file"));
  const Outcome rule = relprop({"inspect", exampleModel(), "-m", "rap", "--rule", "top=pattern", "--patterns", file});
  EXPECT_EQ(rule.code, 1);
  EXPECT_THAT(rule.err, HasSubstr("p.npz: there is no such file"));
}

TEST_F(ExplainTest, EmptyNamesAreQuoted) {
  for (const char* command : {"inspect", "bench"})
    EXPECT_THAT(relprop({command, ""}).err, HasSubstr("error: '': no such file")) << command;
  const Outcome model = relprop({"explain", "", examplePicture(), "-o", out()});
  EXPECT_EQ(model.code, 1);
  EXPECT_THAT(model.err, HasSubstr("'': no such file"));
  const Outcome folder = relprop({"explain", exampleModel(), examplePicture(), "-o", ""});
  EXPECT_EQ(folder.code, 2);
  EXPECT_THAT(folder.err, HasSubstr("--out: '' is no value"));
}

TEST_F(ExplainTest, TargetsByIndexAndByName) {
  json byName = json::parse(explain({examplePicture()}, {"--target", "Heart", "--json"}).out);
  json byIndex = json::parse(explain({examplePicture()}, {"--target", "7", "--json"}).out);
  EXPECT_EQ(byName["target"]["index"], 7);
  EXPECT_EQ(byName["target"], byIndex["target"]);
  EXPECT_EQ(byName["sum"], byIndex["sum"]);
}

TEST_F(ExplainTest, UnknownTargetsAreRefused) {
  EXPECT_THAT(explain({examplePicture()}, {"--target", "haert"}).err, HasSubstr("did you mean 'heart'?"));
  EXPECT_EQ(explain({examplePicture()}, {"--target", "10"}).code, 1);
  EXPECT_EQ(explain({examplePicture()}, {"--target=-1"}).code, 1);
}

TEST_F(ExplainTest, EqualStemsDoNotOverwriteOneAnother) {
  Outcome outcome = explain({copyAs("a/same.jpg"), copyAs("b/same.jpg"), copyAs("b/same.jpeg")});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(namesIn(out()), ElementsAre("same.jpeg.rap.png", "same.jpg-2.rap.png", "same.jpg.rap.png"));
  EXPECT_THAT(outcome.err, HasSubstr("same.jpg-2"));
}

TEST_F(ExplainTest, AFolderGivesThePicturesRightInsideIt) {
  copyAs("photos/B.JPG");
  copyAs("photos/a.jpeg");
  copyAs("photos/inner/c.jpg");
  copyAs("photos/.hidden.jpg");
  writeText(folder_ / "photos/notes.txt", "no picture");
  Outcome outcome = explain({folder_ / "photos"}, {"--batch", "2"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(namesIn(out()), ElementsAre("B.rap.png", "a.rap.png"));
  EXPECT_THAT(outcome.err,
              HasSubstr("photos: left out: 1 file that is no JPEG, PNG, WebP or .npy by its name, 1 subfolder\n"));
  EXPECT_THAT(outcome.err, HasSubstr("2 explained, 0 failed"));
}

TEST_F(ExplainTest, QuietSaysNothing) {
  Outcome outcome = explain({examplePicture(), copyAs("second.jpg")}, {"--quiet"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST_F(ExplainTest, TheReferenceLoopsAgree) {
  json fast = json::parse(explain({examplePicture()}, {"--json", "-m", "lrp-zplus"}).out);
  json plain = json::parse(explain({examplePicture()}, {"--json", "-m", "lrp-zplus", "--reference"}).out);
  double sum = fast["sum"];
  EXPECT_NEAR(sum, plain["sum"], 1e-3 * std::abs(sum));
}

}  // namespace
}  // namespace e2e
