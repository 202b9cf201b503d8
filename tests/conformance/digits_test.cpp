// The networks for handwritten digits that come along, and one that others trained: why a 3, and why not a 9.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "relprop/explain.h"
#include "relprop/image.h"
#include "support/shared.h"

namespace relprop::test {
namespace {

namespace fs = std::filesystem;

const fs::path kDigits = fs::path(RELPROP_EXAMPLES) / "digits";
constexpr int kSide = 28, kPixels = kSide * kSide;
const Target kThree = Target::of(3), kNine = Target::of(9);

struct Digit {
  int what;
  std::string place;  // among those held out, three digits
  Image picture;
};

// pictures/<what it is>_<place>.png, in order; all, or those of one class.
std::vector<Digit> heldOut(int what = -1) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kDigits / "pictures")) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<Digit> all;
  for (const fs::path& file : files) {
    const std::string name = file.stem().string();
    const int digit = name.at(0) - '0';
    if (what < 0 || digit == what) all.push_back({digit, name.substr(2), readImage(file)});
  }
  return all;
}

int ink(const Image& picture, int i) {
  return picture.pixels.at(static_cast<std::size_t>(3 * i));
}

// Left and above the middle, where a 9 has ink in most pictures and this picture has none: the gap of a 3 that the
// loop of a 9 would close.
std::vector<int> gapOf(const Image& picture) {
  const std::vector<Digit> nines = heldOut(9);
  std::vector<int> gap;
  for (int i = 0; i < kPixels; ++i) {
    const auto inked =
        std::count_if(nines.begin(), nines.end(), [&](const Digit& d) { return ink(d.picture, i) > 127; });
    if (i / kSide <= 14 && i % kSide <= 13 && 2 * inked > std::ssize(nines) && ink(picture, i) < 64) gap.push_back(i);
  }
  return gap;
}

double sumOver(const std::vector<int>& pixels, const Explanation& e) {
  double sum = 0;
  for (const int i : pixels) sum += double{e.relevance.data.at(static_cast<std::size_t>(i))};
  return sum;
}

// Prepared as the network's own metadata says, whatever lies beside it.
class DigitNetwork {
 public:
  explicit DigitNetwork(const fs::path& path, const Preprocess& preprocess)
      : model(Model::load(path)), preprocess_(preprocess) {}
  static DigitNetwork shipped(const std::string& name) {
    const fs::path path = kDigits / (name + ".onnx");
    return DigitNetwork(path, findPreprocess(Model::load(path)).preprocess.value());
  }

  Tensor input(const Image& picture) const { return prepareImage(picture, preprocess_, 1, kSide, kSide).input; }
  std::vector<Explanation> explain(const Image& picture, const std::string& method, std::vector<Target> targets) const {
    return Explainer(model, {.method = method, .targets = std::move(targets), .threads = 1}).explain(input(picture));
  }

  const Model model;

 private:
  Preprocess preprocess_;
};

class Digits : public ::testing::TestWithParam<std::string> {
 protected:
  DigitNetwork network_ = DigitNetwork::shipped(GetParam());
};

TEST_P(Digits, TheFileIsSmallAndSaysWhatItIs) {
  EXPECT_LE(fs::file_size(network_.model.path()), 300'000u);
  EXPECT_GE(std::stod(network_.model.metadata().at("held_out_accuracy")), 0.98);
  const std::vector<std::uint8_t> bytes = readFile(network_.model.path());
  const Model alone = Model::fromBytes(std::as_bytes(std::span(bytes)));
  EXPECT_THAT(findPreprocess(alone).from, ::testing::HasSubstr("metadata"));
  EXPECT_EQ(findPreprocess(alone).preprocess->mean, findPreprocess(network_.model).preprocess->mean);
  EXPECT_EQ(findLabels(alone).names, findLabels(network_.model).names);
  EXPECT_EQ(findLabels(alone).names.at(3), "three");
}

// Right and wrong just as the tool that trained the network found, which shares no code with the engine.
TEST_P(Digits, HeldOutDigitsAreNamedAsWhenTrained) {
  const std::string wrong = network_.model.metadata().at("held_out_wrong");
  const std::vector<Digit> digits = heldOut();
  ASSERT_EQ(digits.size(), 30u);
  Explainer explainer(network_.model, {.method = "gradient", .threads = 1});
  int right = 0;
  for (const Digit& d : digits) {
    const std::vector<float> scores = explainer.forward(network_.input(d.picture)).data;
    const bool named = std::max_element(scores.begin(), scores.end()) - scores.begin() == d.what;
    EXPECT_EQ(named, wrong.find(d.place) == std::string::npos) << d.what << "_" << d.place;
    right += named;
  }
  EXPECT_GE(right, 28);
}

TEST_P(Digits, RelevanceSumsToTheScore) {
  for (const int what : {3, 4, 8, 9})
    for (const char* method : {"lrp-epsilon:bias=spread", "lrp-zplus:bias=spread", "rap"})
      for (const Explanation& e : network_.explain(heldOut(what).at(0).picture, method, {kThree, kNine})) {
        double magnitude = 0;
        for (const float r : e.relevance.data) magnitude += std::abs(double{r});
        EXPECT_NEAR(e.sum, e.seed, 1e-4 * magnitude) << what << " " << method << " " << e.target;
      }
}

// The picture of Bach et al.: what is not there speaks against the 9, for the 3, and is right to.
TEST_P(Digits, TheGapOfAThreeSpeaksAgainstANine) {
  for (const Digit& three : heldOut(3)) {
    const std::vector<int> gap = gapOf(three.picture);
    ASSERT_GE(gap.size(), 8u);
    const auto maps = network_.explain(three.picture, "lrp-epsilon", {kThree, kNine, Target::of(3).against(9)});
    EXPECT_GT(sumOver(gap, maps[0]), 0);
    EXPECT_LT(sumOver(gap, maps[1]), 0);
    EXPECT_GT(sumOver(gap, maps[2]), 0);

    Tensor closed = network_.input(three.picture);
    for (const int i : gap) closed.data.at(static_cast<std::size_t>(i)) = 1;
    const std::vector<float> before = maps[0].logits;
    const std::vector<float> after = Explainer(network_.model, {.threads = 1}).forward(closed).data;
    EXPECT_GT(after.at(9), before.at(9)) << "with the gap closed it is more of a 9";
    EXPECT_LT(after.at(3), before.at(3)) << "and less of a 3";
  }
}

// In a 9 there is ink at the same place.
TEST_P(Digits, TheInkOfALoopSpeaksMoreForANineThanAGapDoes) {
  const auto meanOver = [&](const std::vector<int>& pixels, const Image& picture) {
    return sumOver(pixels, network_.explain(picture, "lrp-epsilon", {kNine})[0]) / static_cast<double>(pixels.size());
  };
  double loops = 0, gaps = 0;
  for (const Digit& three : heldOut(3)) gaps += meanOver(gapOf(three.picture), three.picture);
  for (const Digit& nine : heldOut(9)) {
    std::vector<int> loop;
    for (const int i : gapOf(heldOut(3).at(0).picture))
      if (ink(nine.picture, i) > 127) loop.push_back(i);
    ASSERT_GE(loop.size(), 8u);
    loops += meanOver(loop, nine.picture);
  }
  EXPECT_GT(loops, gaps / 4) << "at most a quarter as much against";
}

INSTANTIATE_TEST_SUITE_P(All, Digits, ::testing::Values("lenet", "dense"), [](const auto& p) { return p.param; });

// The epsilon rule is linear in what it is given, so a contrast is the difference of both maps.
TEST(DigitContrast, IsTheDifferenceOfTwoMaps) {
  const Image picture = heldOut(3).at(0).picture;
  const auto maps =
      DigitNetwork::shipped("dense").explain(picture, "lrp-epsilon", {kThree, kNine, Target::of(3).against(9)});
  for (std::size_t i = 0; i < kPixels; ++i)
    ASSERT_NEAR(maps[2].relevance.data[i], maps[0].relevance.data[i] - maps[1].relevance.data[i], 1e-4) << i;
}

// A published network whose black is 0: a product with 0 has no share, so the epsilon rule is silent about the gap, and
// what is left is the ink, which is a 3's.
TEST(DigitsOfOthers, BlackAtZeroIsSilent) {
  RELPROP_NEEDS_SHARED();
  Preprocess bytes;
  bytes.scale = 1, bytes.mean = {0}, bytes.std = {1};
  const DigitNetwork network(sharedFolder() / "wild/cntk_mnist/model.onnx", bytes);
  for (const Digit& three : heldOut(3)) {
    const auto maps = network.explain(three.picture, "lrp-epsilon", {kThree, kNine});
    EXPECT_EQ(maps[0].top5.at(0).index, 3);
    for (int i = 0; i < kPixels; ++i)
      if (ink(three.picture, i) == 0)
        for (const Explanation& e : maps) ASSERT_EQ(e.relevance.data.at(static_cast<std::size_t>(i)), 0.0f) << i;
    EXPECT_GT(maps[0].sum, 0);
    EXPECT_GT(maps[0].sum, maps[1].sum);
  }
}

}  // namespace
}  // namespace relprop::test
