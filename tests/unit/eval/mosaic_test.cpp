// The grid pointing game: mosaics pixel by pixel, and who is let into them.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>

#include "relprop/evaluate.h"
#include "unit/eval/toy_case.h"

namespace relprop::eval::test {
namespace {

namespace fs = std::filesystem;

double share(const Measured& m) {
  EXPECT_EQ(m.skipped, "");
  return m.scores.empty() ? -1 : m.scores[0].value;
}

// A network that is sure of any picture; companions are constant pictures of 1, 2, 3, …
class Mosaic : public testing::Test {
 protected:
  Mosaic() : toy_(2, 12, 18) {
    toy_->answer = [](const float*) { return Answer{1, 0.9, true}; };
    toy_->companions = [this](std::size_t count, double confidence, std::uint64_t seed) {
      asked_ = confidence, seed_ = seed;
      std::vector<std::vector<float>> inputs;
      for (std::size_t k = 0; k < std::min(count, available_); ++k)
        inputs.emplace_back(toy_.picture().size(), static_cast<float>(k + 1));
      return inputs;
    };
    toy_->explain = [this](std::int64_t, const Fill& fill) {
      mosaic_.assign(toy_.picture().size(), -99);
      fill(0, mosaic_.data());
      return std::vector<Plane>{Plane{12, 18, relevance_(mosaic_)}};
    };
  }

  ToyCase toy_;
  std::size_t available_ = 100;
  double asked_ = 0;
  std::uint64_t seed_ = 0;
  Picture mosaic_;
  // 1 in the companions' cells, and a half where a pixel is the picture's own, which never is a whole number.
  std::function<std::vector<float>(const Picture&)> relevance_ = [](const Picture& x) {
    std::vector<float> r;
    for (std::size_t i = 0; i < x.size() / 2; ++i) r.push_back(x[i] == std::round(x[i]) ? 1.0f : 0.5f);
    return r;
  };
};

TEST_F(Mosaic, TheShareIsThatOfTheOwnCell) {
  EXPECT_NEAR(share(toy_.measure("grid-pointing-game")), 0.5 / 3.5, 1e-12);
  EXPECT_NEAR(share(toy_.measure("grid-pointing-game:cells=3")), 0.5 / 8.5, 1e-12);
  relevance_ = [](const Picture& x) { return std::vector<float>(x.size() / 2, 0.25f); };
  EXPECT_NEAR(share(toy_.measure("grid-pointing-game")), 1.0 / 4, 1e-12);
}

TEST_F(Mosaic, HasNoPlaceForPicturesOfSeveralClassesOrMoreCellsThanPixels) {
  ToyCase tiny(2, 2, 9);
  tiny->answer = toy_->answer;
  EXPECT_EQ(tiny.measure("grid-pointing-game:cells=3").skipped,
            "the network's input has no room for 3 cells along a side");
  toy_->oneClass = false;
  EXPECT_EQ(toy_.measure("grid-pointing-game").skipped, "the picture has several classes");
}

TEST_F(Mosaic, NegativeRelevanceDoesNotCount) {
  relevance_ = [](const Picture& x) {
    std::vector<float> r;
    for (std::size_t i = 0; i < x.size() / 2; ++i) r.push_back(x[i] == std::round(x[i]) ? -5.0f : 2.0f);
    return r;
  };
  EXPECT_EQ(share(toy_.measure("grid-pointing-game")), 1);
}

// 12×18 in cells of 6×9: every pixel of a cell is the mean of 2×2, in both channels.
TEST_F(Mosaic, PicturesAreShrunkByTheMeanOfWhatAPixelCovers) {
  toy_.measure("grid-pointing-game");
  std::size_t own = 0;
  while (mosaic_[own] == std::round(mosaic_[own])) ++own;
  for (std::size_t c = 0; c < 2; ++c)
    for (std::size_t y = 0; y < 6; ++y)
      for (std::size_t x = 0; x < 9; ++x) {
        const std::size_t from = c * 216 + 2 * y * 18 + 2 * x;
        const Picture& p = toy_.picture();
        EXPECT_NEAR(mosaic_[own + c * 216 + y * 18 + x], (p[from] + p[from + 1] + p[from + 18] + p[from + 19]) / 4,
                    1e-6);
      }
}

// 12 rows in 5 cells: 2 or 3 rows each, together all; a constant picture stays constant.
TEST_F(Mosaic, CellsOfUnevenSizeFillTheMosaic) {
  toy_.measure("grid-pointing-game:cells=5");
  EXPECT_EQ(std::count(mosaic_.begin(), mosaic_.end(), -99.0f), 0);
  std::set<float> whole;
  for (const float v : mosaic_)
    if (std::abs(v - std::round(v)) < 1e-6f && v > 0.5f) whole.insert(std::round(v));
  EXPECT_EQ(whole.size(), 24u);
}

TEST_F(Mosaic, PlaceAndCompanyDependOnThePictureAndTheSeed) {
  toy_.measure("grid-pointing-game");
  const Picture first = mosaic_;
  toy_.measure("grid-pointing-game");
  EXPECT_EQ(mosaic_, first);
  std::set<std::uint64_t> seeds;
  std::set<Picture> mosaics;
  for (int run = 0; run < 20; ++run) {
    toy_->runSeed = static_cast<std::uint64_t>(run);
    toy_.measure("grid-pointing-game");
    seeds.insert(seed_), mosaics.insert(mosaic_);
  }
  EXPECT_EQ(seeds.size(), 20u);
  EXPECT_EQ(mosaics.size(), 4u);  // the four places
}

TEST_F(Mosaic, SkipsWhatCannotBePlayed) {
  available_ = 2;
  EXPECT_EQ(toy_.measure("grid-pointing-game").skipped,
            "too few pictures of other classes that the network is sure of");
  available_ = 3;
  relevance_ = [](const Picture& x) { return std::vector<float>(x.size() / 2, -1.0f); };
  EXPECT_EQ(toy_.measure("grid-pointing-game").skipped, "the map has no positive relevance");
  EXPECT_EQ(toy_.measure("grid-pointing-game:confidence=0.95").skipped, "the network is not sure of the target");
  toy_->answer = [](const float*) { return Answer{1, 0.9, false}; };
  EXPECT_EQ(toy_.measure("grid-pointing-game").skipped, "the network is not sure of the target");
}

TEST(GridPointingGame, RefusesWhatIsNoGridAndNoProbability) {
  expectError("grid-pointing-game:cells=1", "metric grid-pointing-game, cells", "'1'", "a whole number from 2 to 8");
  expectError("grid-pointing-game:confidence=1.5", "metric grid-pointing-game, confidence", "1.5",
              "a number from 0 to 1");
}

// On the bundled network: a trained network's relevance finds the cell, random numbers do not.
TEST(GridPointingGame, FindsTheCellOnTheBundledNetwork) {
  const fs::path examples = fs::path(__FILE__).parent_path() / "../../../examples";
  const Model model = Model::load(examples / "model/shapes.onnx");
  const Dataset data = Dataset::open("voc:" + (examples / "pictures").string());
  EvaluateOptions o;
  o.methods = {"rap", "random"}, o.metrics = {"grid-pointing-game"};
  o.preprocess = readPreprocess((examples / "model/shapes.preprocess.json").string());
  o.labels = readLabels((examples / "model/shapes.labels.txt").string());
  o.threads = 1;
  std::map<std::string, std::vector<double>> runs[2];
  for (auto& shares : runs) {
    Store store = Store::inMemory();
    Evaluation evaluation(model, data, o);
    std::vector<std::size_t> units(evaluation.units().size());
    std::iota(units.begin(), units.end(), std::size_t{0});
    if (&shares == &runs[1]) std::reverse(units.begin(), units.end());
    evaluate(evaluation, store, units);
    for (const Result& r : store.results())
      for (const NamedScore& s : r.scores) shares[r.key.method.substr(0, r.key.method.find(':'))].push_back(s.value);
  }
  EXPECT_EQ(runs[0], runs[1]);  // whatever the order
  const auto mean = [&](const char* method) {
    const std::vector<double>& v = runs[0].at(method);
    return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
  };
  EXPECT_GE(runs[0].at("rap").size(), 4u);
  EXPECT_NEAR(mean("random"), 0.25, 0.03);
  EXPECT_GT(mean("rap"), 0.35);
}

}  // namespace
}  // namespace relprop::eval::test
