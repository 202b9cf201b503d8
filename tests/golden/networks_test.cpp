// The real networks on real photos: accuracy as stated beside each model, conservation of RAP at every node.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "eval/statistics.h"
#include "relprop/bench.h"
#include "relprop/error.h"
#include "relprop/explain.h"
#include "support/shared.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;

struct Photo {
  fs::path path;
  int label;
};

std::vector<Photo> photos() {
  const fs::path root = test::sharedFolder() / "images/imagenet_val_100";
  std::ifstream list(root / "ImageSets/CLS-LOC/val.txt");
  std::vector<Photo> all;
  std::string name;
  for (int label; list >> name >> label;) {
    fs::path p = root / "Data/CLS-LOC/val" / name;
    if (!fs::exists(p)) p += ".JPEG";
    all.push_back({p, label});
  }
  return all;
}

class Network : public testing::TestWithParam<const char*> {
 protected:
  fs::path file(const char* suffix) const { return test::modelsFolder() / (std::string(GetParam()) + suffix); }
  Preprocess preprocess() const { return readPreprocess(file(".preprocess.json").string()); }
  Tensor prepared(const Photo& photo, const Explainer& explainer) const {
    const Shape s = explainer.inputShape();
    return prepareImage(readImage(photo.path), preprocess(), static_cast<int>(s[0]), static_cast<int>(s[1]),
                        static_cast<int>(s[2]))
        .input;
  }
};

TEST_P(Network, TopOneAccuracyIsWhatTheModelStates) {
  RELPROP_NEEDS_SHARED();
  RELPROP_SKIP_SANITIZED("a hundred forward passes of each network");
  const auto stated = nlohmann::json::parse(std::ifstream(file(".json")))["accuracy_on_images_imagenet_val_100"];
  Explainer explainer(Model::load(file(".onnx")),
                      {.method = "gradient", .rules = {}, .inputShape = {}, .pixelRange = {}});
  int right = 0, inTop5 = 0;
  const std::vector<Photo> all = photos();
  ASSERT_EQ(all.size(), stated["images"].get<std::size_t>());
  for (const Photo& photo : all) {
    const std::vector<float> logits = explainer.forward(prepared(photo, explainer)).data;
    const float own = logits[static_cast<std::size_t>(photo.label)];
    const auto above = std::count_if(logits.begin(), logits.end(), [&](float v) { return v > own; });
    right += above == 0;
    inTop5 += above < 5;
  }
  EXPECT_EQ(right, std::lround(stated["top1"].get<double>() * 100));
  EXPECT_EQ(inTop5, std::lround(stated["top5"].get<double>() * 100));
}

TEST_P(Network, RapConservesAtEveryNode) {
  RELPROP_NEEDS_SHARED();
  if (GetParam() != std::string("squeezenet1.1"))
    RELPROP_SKIP_SANITIZED("sums; one network runs there, all fixtures too");
  const Model model = Model::load(file(".onnx"));
  for (const char* method : {"rap", "rap-signed"}) {
    Explainer explainer(model, {.method = method, .rules = {}, .inputShape = {}, .pixelRange = {}});
    for (std::size_t k = 0; k < 5; ++k) {
      const Explanation e = explainer.explain(prepared(photos()[k * 7], explainer))[0];
      EXPECT_LE(std::abs(e.sum - e.seed), 1e-4 * std::abs(e.seed)) << method << " photo " << k * 7;
      double lost = 0;  // behind the cut under each node
      for (const LedgerEntry& entry : e.ledger) {
        lost += entry.absorbed();
        EXPECT_LE(std::abs(lost), 1e-4 * std::abs(e.seed)) << method << " at " << entry.node << " photo " << k * 7;
      }
      EXPECT_GT(e.ledger.size(), 20u);
    }
  }
}

// What --precision bf16 promises of its maps.
TEST_P(Network, MapsOfNarrowOperandsAgree) {
  RELPROP_NEEDS_SHARED();
  RELPROP_SKIP_SANITIZED("whole networks twice; the kernels' own tests have both precisions");
  const Model model = Model::load(file(".onnx"));
  for (const char* method : {"rap", "lrp-zplus"}) try {
      ExplainOptions wide;
      wide.method = method, wide.pixelRange = pixelRange(preprocess());
      ExplainOptions narrow = wide;
      narrow.precision = Precision::Bfloat16;
      MapComparison comparison(model, wide, narrow);
      std::vector<double> losses;
      for (std::size_t k = 0; k < 5; ++k) {
        const Agreement a = comparison.compare(prepared(photos()[k * 7], Explainer(model, wide))).at(0);
        EXPECT_TRUE(a.sameTop) << method << " photo " << k * 7;
        losses.push_back(std::abs(a.conservation[1] - a.conservation[0]));
      }
      EXPECT_GE(comparison.summary().spearman, 0.96) << method;
      EXPECT_LE(eval::medianOf(losses), 1e-2) << method;
    } catch (const Error& e) {
      ASSERT_EQ(e.code(), ErrorCode::NotSupportedByHardware) << e.what();
      GTEST_SKIP() << "this processor does not multiply bfloat16";
    }
}

INSTANTIATE_TEST_SUITE_P(All, Network,
                         testing::Values("squeezenet1.1", "mobilenet_v2", "googlenet", "resnet18", "resnet50",
                                         "tiny_darknet"));

}  // namespace
}  // namespace relprop
