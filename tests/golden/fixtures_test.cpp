// Every reference attribution beside the checkout, through the library: relative L2 error within the stated tolerance.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "relprop/error.h"
#include "relprop/explain.h"
#include "support/shared.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;

// Methods that are not there yet; a reference whose method is neither known nor listed here fails.
const std::set<std::string> kLater = {"lrp-resnet", "guided-backprop", "deconvnet", "integrated-gradients", "grad-cam"};

double relativeError(const std::vector<float>& out, const std::vector<float>& ref) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < ref.size(); ++i) {
    const double d = static_cast<double>(out[i]) - ref[i];
    difference += d * d;
    norm += static_cast<double>(ref[i]) * ref[i];
  }
  return std::sqrt(difference / norm);
}

std::vector<float> flattened(const std::vector<Explanation>& maps) {
  std::vector<float> all;
  for (const Explanation& e : maps) all.insert(all.end(), e.relevance.data.begin(), e.relevance.data.end());
  return all;
}

class Fixture : public testing::TestWithParam<const char*> {
 protected:
  fs::path folder() const { return test::sharedFolder() / "fixtures" / GetParam(); }
  nlohmann::json manifest() const { return nlohmann::json::parse(std::ifstream(folder() / "manifest.json")); }
  ExplainOptions options(const std::string& method, int batch) const {
    ExplainOptions o;
    o.method = method;
    o.batch = batch;
    o.pixelRange = pixelRange(readPreprocess((folder() / "model.preprocess.json").string()));
    return o;
  }
};

TEST_P(Fixture, LogitsMatch) {
  RELPROP_NEEDS_SHARED();
  const Model model = Model::load(folder() / "model.onnx");
  const Tensor input = readNpy(folder() / "input.npy"), logits = readNpy(folder() / "logits.npy");
  Explainer explainer(model, options("gradient", 2));
  EXPECT_LT(relativeError(explainer.forward(input).data, logits.data), 1e-5);
}

TEST_P(Fixture, EveryReferenceWithinItsTolerance) {
  RELPROP_NEEDS_SHARED();
  const Model model = Model::load(folder() / "model.onnx");
  const Tensor input = readNpy(folder() / "input.npy");
  const nlohmann::json m = manifest();
  int compared = 0;
  for (const auto& ref : m["refs"]) {
    const std::string spec = ref["spec"];
    if (kLater.count(spec.substr(0, spec.find(':')))) continue;
    SCOPED_TRACE(spec);
    Explainer explainer(model, options(spec, static_cast<int>(input.shape[0])));
    const std::vector<Explanation> maps = explainer.explain(input);
    for (std::size_t i = 0; i < maps.size(); ++i) EXPECT_EQ(maps[i].target, m["targets"][i].get<int>());
    const double error = relativeError(flattened(maps), readNpy(folder() / ref["file"].get<std::string>()).data);
    EXPECT_LT(error, ref["tolerance"].get<double>());
    RecordProperty(spec, std::to_string(error));
    ++compared;
  }
  EXPECT_GE(compared, 16);
}

INSTANTIATE_TEST_SUITE_P(All, Fixture,
                         testing::Values("cifar10_resnet20", "cifar10_thin_vgg16", "cifar10_thin_resnet50"));

}  // namespace
}  // namespace relprop
