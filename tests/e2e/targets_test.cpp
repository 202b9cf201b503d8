// What is explained: several classes at once, contrasts, relevance from a file, inner nodes.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "example.h"

namespace e2e {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class TargetsTest : public ExampleTest {
 protected:
  std::string vectorFile(const relprop::Tensor& values) const {
    relprop::writeFile(folder_ / "seed.npy", relprop::encodeNpy(values));
    return folder_ / "seed.npy";
  }
  // One error on standard error, no results.
  void expectRefused(const Arguments& options, int code, const std::string& message) {
    Outcome outcome = explain(options);
    EXPECT_EQ(outcome.code, code) << testing::PrintToString(options) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(message)) << testing::PrintToString(options);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(namesIn(out()), ElementsAre());
  }
  // ‖a − b‖ / ‖b‖
  static double distance(const std::vector<float>& a, const std::vector<float>& b) {
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
      difference += std::pow(double{a[i]} - double{b[i]}, 2);
      norm += std::pow(double{b[i]}, 2);
    }
    return std::sqrt(difference / norm);
  }
};

TEST_F(TargetsTest, TheHighestClassesAreNamedInOrder) {
  Outcome outcome = explain({"--target", "top:3", "--save", "png,npy,json", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::vector<json> maps = objects(outcome);
  ASSERT_EQ(maps.size(), 3u);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_EQ(maps[k]["target"], maps[k]["top5"][k]);
  EXPECT_THAT(namesIn(out()), ElementsAre("val_00000.rap.json", "val_00000.rap.npy", "val_00000.rap.top1.png",
                                          "val_00000.rap.top2.png", "val_00000.rap.top3.png"));
  EXPECT_EQ(tensorIn("val_00000.rap.npy").shape, (relprop::Shape{3, 3, 96, 96}));
  EXPECT_EQ(reportIn("val_00000.rap.json")["targets"].size(), 3u);
}

TEST_F(TargetsTest, SeveralTargetsGiveWhatEachGivesAlone) {
  explain({"--target", "2,star", "--save", "npy"});
  relprop::Tensor both = tensorIn("val_00000.rap.npy");
  ASSERT_EQ(both.shape, (relprop::Shape{2, 3, 96, 96}));
  std::size_t half = both.data.size() / 2;
  for (const char* target : {"2", "star"}) {
    explain({"--target", target, "--save", "npy"});
    relprop::Tensor alone = tensorIn("val_00000.rap.npy");
    auto from = both.data.begin() + (target[0] == '2' ? 0 : static_cast<std::ptrdiff_t>(half));
    EXPECT_LT(distance({from, from + static_cast<std::ptrdiff_t>(half)}, alone.data), 1e-5) << target;
  }
}

TEST_F(TargetsTest, OneLineATarget) {
  Outcome outcome = explain({"--target", "ring, 7", "--target", "top:1", "--target", "argmax"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 3) << "the highest class was asked for twice";
  for (const char* part : {"explained: 4 ring", "explained: 7 heart", "rap.ring.png", "rap.7.png", "rap.top1.png"})
    EXPECT_THAT(outcome.out, HasSubstr(part));
}

TEST_F(TargetsTest, RowsOfATensorEachHaveTheirTargets) {
  relprop::Tensor input({2, 3, 96, 96}, 0.25f);
  relprop::writeFile(folder_ / "input.npy", relprop::encodeNpy(input));
  Outcome outcome = explainFiles({folder_ / "input.npy"}, {"--target", "1,2", "--save", "png,npy,json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(namesIn(out()), ElementsAre("input.0.rap.1.png", "input.0.rap.2.png", "input.1.rap.1.png",
                                          "input.1.rap.2.png", "input.rap.json", "input.rap.npy"));
  EXPECT_EQ(tensorIn("input.rap.npy").shape, (relprop::Shape{4, 3, 96, 96}));
  json report = reportIn("input.rap.json");
  EXPECT_EQ(report["rows"][1]["targets"][1]["target"]["index"], 2);
}

TEST_F(TargetsTest, TheBeginningOfANameIsEnough) {
  json map = objects(explain({"--target", "HEA", "--json"})).at(0);
  EXPECT_EQ(map["target"]["label"], "heart");
}

TEST_F(TargetsTest, AnAmbiguousNameListsItsClasses) {
  expectRefused({"--target", "CR"}, 1, "5 cross, 6 crescent");
}

TEST_F(TargetsTest, AWholeNameIsNotAmbiguous) {
  writeText(folder_ / "labels.txt", "a\nring\nringlet\nb\nc\nd\ne\nf\ng\nh\n");
  json map = objects(explain({"--labels", folder_ / "labels.txt", "--target", "ring", "--json"})).at(0);
  EXPECT_EQ(map["target"]["index"], 1);
}

TEST_F(TargetsTest, ANameMayHoldCommas) {
  writeText(folder_ / "labels.txt", "tench, Tinca tinca\nring\nc\nd\ne\nf\ng\nh\ni\nj\n");
  std::vector<json> maps = objects(explain({"--labels", folder_ / "labels.txt", "--target", "tench, Tinca", "--json"}));
  ASSERT_EQ(maps.size(), 1u);
  EXPECT_EQ(maps[0]["target"]["index"], 0);
}

TEST_F(TargetsTest, BadTargets) {
  expectRefused({"--target", "haert"}, 1, "did you mean 'heart'?");
  expectRefused({"--target", "top:0"}, 1, "K from 1 to 10");
  expectRefused({"--target", "top:2000"}, 1, "K from 1 to 10");
  expectRefused({"--target", "top:11"}, 1, "K from 1 to 10");
  expectRefused({"--target", "top:many"}, 1, "K from 1 to 10");
  expectRefused({"--target", "3,10"}, 1, "from 0 to 9");
  expectRefused({"--target", "3,,4"}, 1, "a target on each side of a comma");
  expectRefused({"--target", "missing.npy"}, 1, "missing.npy");
}

TEST_F(TargetsTest, AContrastTakesAwayWhatSpeaksForOthersToo) {
  explain({"--target", "0", "-m", "gradient", "--save", "npy"});
  relprop::Tensor zero = tensorIn("val_00000.gradient.npy");
  explain({"--target", "4", "-m", "gradient", "--save", "npy"});
  relprop::Tensor four = tensorIn("val_00000.gradient.npy");
  Outcome outcome = explain({"--target", "0", "-m", "gradient", "--save", "npy", "--contrast", "ring"});
  EXPECT_THAT(outcome.out, HasSubstr("explained: 0 circle 0.97 against 4 ring"));
  for (std::size_t i = 0; i < zero.data.size(); ++i) zero.data[i] -= four.data[i];
  EXPECT_LT(distance(tensorIn("val_00000.gradient.npy").data, zero.data), 1e-4);
}

TEST_F(TargetsTest, AContrastWithoutAClassIsAgainstAllOthers) {
  json plain = objects(explain({"-m", "lrp-zplus", "--json"})).at(0);
  json contrast = objects(explain({"-m", "lrp-zplus", "--json", "--contrast"})).at(0);
  EXPECT_EQ(contrast["target"]["against"], "others");
  EXPECT_NEAR(contrast["seed"], 0, 1e-5) << "as much is taken from the others as is given to the target";
  EXPECT_TRUE(contrast["conservation"].is_null());
  EXPECT_NE(contrast["sum"], plain["sum"]);
}

TEST_F(TargetsTest, BadContrasts) {
  expectRefused({"--target", "circle", "--contrast", "0"}, 1, "which is the target");
  expectRefused({"--contrast", "0"}, 1, "which is the target");
  expectRefused({"--contrast", "10"}, 1, "from 0 to 9");
  expectRefused({"-m", "rap", "--contrast"}, 1, "a seed whose sum is 0");
  expectRefused({"--contrast", "haert"}, 1, "did you mean 'heart'?");
  expectRefused({"--target", "seed.npy", "--contrast"}, 2, "cannot be combined");
}

TEST_F(TargetsTest, RelevanceFromAFileIsPutInAsItIs) {
  relprop::Tensor seed({1, 10});
  seed.data[3] = 2;
  Outcome outcome = explain({"--target", vectorFile(seed), "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  json map = objects(outcome).at(0);
  EXPECT_EQ(map["seed"], 2);
  EXPECT_NEAR(map["sum"], 2, 1e-4);
  EXPECT_EQ(map["target"]["file"], "seed");
}

TEST_F(TargetsTest, BadRelevanceFiles) {
  expectRefused({"--target", vectorFile(relprop::Tensor({7}, 1))}, 1, "expected 10, one for each class");
  expectRefused({"--target", vectorFile(relprop::Tensor({10}, NAN))}, 1, "finite");
  writeText(folder_ / "text.npy", "no numbers");
  expectRefused({"--target", folder_ / "text.npy"}, 1, "text.npy");
}

TEST_F(TargetsTest, ANodeIsExplainedAsAWholeOrByChannel) {
  json whole = objects(explain({"--from", "/block2/out/Relu", "--json"})).at(0);
  EXPECT_EQ(whole["from"], "/block2/out/Relu");
  EXPECT_EQ(whole["target"]["channels"], "all");
  EXPECT_LT(whole["conservation"], 1e-4);
  double sum = 0;
  std::string channels = "0";
  for (int c = 1; c < 48; ++c) channels.append(",").append(std::to_string(c));
  for (const json& map : objects(explain({"--from", "/block2/out/Relu", "--target", channels, "--json"})))
    sum += map["seed"].get<double>();
  EXPECT_NEAR(whole["seed"], sum, 1e-4 * sum);
  json one = objects(explain({"--from", "/block2/out/Relu:5", "--json"})).at(0);
  EXPECT_EQ(one["target"]["channel"], 5);
  EXPECT_NEAR(one["seed"], one["target"]["sum"], 1e-4);
}

TEST_F(TargetsTest, BadNodes) {
  expectRefused({"--from", "/block2/out/Rellu"}, 1, "did you mean '/block2/out/Relu'?");
  expectRefused({"--from", "/block2/out/Relu:48"}, 1, "0 to 47");
  expectRefused({"--from", "/block2/out/Relu", "--target", "circle"}, 1, "no class names");
  expectRefused({"--from", "/block2/out/Relu:3", "--target", "4"}, 2, "both say what is explained");
  expectRefused({"--from", "/block2/out/Relu", "--contrast"}, 2, "needs one channel");
  expectRefused({"--from", "/block?/out/Relu"}, 1, "may be /block1/out/Relu, /block2/out/Relu, /block3/out/Relu");
}

TEST_F(TargetsTest, InnerLayersAreSavedSummedAndDrawn) {
  Outcome outcome = explain({"--at", "/block?/out/Relu", "--save", "png,npy,json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(namesIn(out()), ElementsAre("val_00000.rap.-block1-out-Relu.npy", "val_00000.rap.-block2-out-Relu.npy",
                                          "val_00000.rap.-block3-out-Relu.npy", "val_00000.rap.json",
                                          "val_00000.rap.layers.png", "val_00000.rap.npy", "val_00000.rap.png"));
  relprop::Tensor layer = tensorIn("val_00000.rap.-block2-out-Relu.npy");
  EXPECT_EQ(layer.shape, (relprop::Shape{1, 48, 12, 12}));
  json report = reportIn("val_00000.rap.json");
  double sum = 0;
  for (float value : layer.data) sum += double{value};
  EXPECT_EQ(report["at"][1]["node"], "/block2/out/Relu");
  EXPECT_NEAR(report["at"][1]["sum"], sum, 1e-6 * std::abs(sum));
  EXPECT_NEAR(sum, report["seed"], 1e-4 * std::abs(sum)) << "rap conserves at every layer";
}

TEST_F(TargetsTest, AStripHasALayerOfEachSize) {
  json map = objects(explain({"--layers", "--json", "-m", "lrp-zplus"})).at(0);
  std::vector<std::int64_t> sizes;
  for (const json& layer : map["at"]) sizes.push_back(layer["shape"][2]);
  EXPECT_THAT(sizes, ElementsAre(6, 12, 24, 48));
  relprop::Image strip = relprop::readImage(map["files"]["layers"].get<std::string>());
  EXPECT_GT(strip.width, 6 * 192) << "the photo, four layers, the input";
  EXPECT_LT(strip.height, 2 * 192);
}

TEST_F(TargetsTest, LayersThatCannotBeShown) {
  expectRefused({"--at", "nowhere"}, 1, "nowhere");
  expectRefused({"--layers", "--save", "npy"}, 2, "--layers draws a picture");
  expectRefused({"--layers", "--at", "/classifier/Gemm"}, 1, "no feature map");
  expectRefused({"--layers", "-m", "rise:samples=2"}, 1, "no single walk through the layers");
  Outcome vector = explain({"--at", "/classifier/Gemm", "--save", "png,npy"});
  EXPECT_EQ(vector.code, 0) << vector.err;
  EXPECT_EQ(tensorIn("val_00000.rap.-classifier-Gemm.npy").shape, (relprop::Shape{1, 10}));
}

}  // namespace
}  // namespace e2e
