// Every method on the bundled network against float64 attributions that tools/reference/shapes.py computes on its own,
// wherever the tests run. A map is compared by 1009 sums of its elements with random signs, which keep relative L2
// errors and leave no element out.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <set>

#include "relprop/explain.h"
#include "relprop/npz.h"
#include "relprop/patterns.h"
#include "support/relative_error.h"
#include "support/shared.h"
#include "support/temporary_folder.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::relativeError;

const fs::path kNetwork = fs::path(RELPROP_EXAMPLES) / "model", kReference = RELPROP_REFERENCE;

json described() {
  return json::parse(std::ifstream(kReference / "shapes.json"));
}

std::vector<float> signedSums(const std::vector<float>& map, std::size_t count) {
  std::mt19937 random;
  std::vector<double> sums(count);
  for (std::size_t i = 0; i < map.size(); ++i) {
    const double v = map[i];
    sums[i % count] += random() >> 31 ? -v : v;
  }
  return {sums.begin(), sums.end()};
}

std::string nameOf(const std::string& method) {
  return method.substr(0, method.find(':'));
}

double sumOf(const std::vector<float>& map) {
  return std::accumulate(map.begin(), map.end(), 0.0);
}

double sizeOf(const std::vector<float>& map) {
  return std::accumulate(map.begin(), map.end(), 0.0, [](double sum, float v) { return sum + std::abs(v); });
}

// true: the plain loops.
class ShapesReference : public testing::TestWithParam<bool> {
 protected:
  ExplainOptions options(const std::string& method) const {
    ExplainOptions o;
    o.method = method;
    o.batch = runsManyInputs(method) ? 8 : 1;
    o.reference = GetParam();
    o.pixelRange = pixelRange(readPreprocess((kNetwork / "shapes.preprocess.json").string()));
    return o;
  }
  fs::path estimatedPatterns(const std::vector<float>& factors) const;
  void compare(const json& reference, const ExplainOptions& options) const;

  const Model model_ = Model::load(kNetwork / "shapes.onnx");
  std::map<std::string, Tensor> arrays_ = readNpz(kReference / "shapes.npz");
  test::TemporaryFolder folder_;
};

fs::path ShapesReference::estimatedPatterns(const std::vector<float>& factors) const {
  PatternOptions o;
  o.reference = GetParam();
  PatternEstimator estimator(model_, o);
  for (const float factor : factors) {
    Tensor picture = arrays_.at("input");
    for (float& v : picture.data) v *= factor;
    estimator.add(picture);
  }
  estimator.finish().save(folder_ / "patterns.npz");
  return folder_ / "patterns.npz";
}

void ShapesReference::compare(const json& reference, const ExplainOptions& options) const {
  const Target target = Target::of(reference["target"]);
  const std::vector<float> map = Explainer(model_, options).explain(arrays_.at("input"), {target}).at(0).relevance.data;
  const std::vector<float>& sums = arrays_.at(reference["map"]).data;
  const double tolerance = reference["tolerance"];
  EXPECT_LT(relativeError(signedSums(map, sums.size()), sums), tolerance);
  EXPECT_NEAR(sumOf(map), reference["sum"].get<double>(), tolerance * sizeOf(map));
}

TEST_P(ShapesReference, LogitsMatch) {
  EXPECT_LT(relativeError(Explainer(model_, options("gradient")).forward(arrays_.at("input")).data,
                          arrays_.at("logits").data),
            1e-5);
}

// The plain loops are slow: of each method they compute the first map that is listed, and none that is many passes of
// kinds that others have.
TEST_P(ShapesReference, EveryMapWithinItsTolerance) {
  if (GetParam()) RELPROP_SKIP_SANITIZED("plain loops, every method of which runs on the fast kernels there");
  const json all = described();
  std::set<std::string> seen;
  const fs::path patterns = estimatedPatterns(all["pattern_factors"]);
  for (const json& reference : all["maps"]) {
    const std::string method = reference["method"];
    const bool another = !seen.insert(nameOf(method)).second;
    if (GetParam() && (another || runsManyInputs(method))) continue;
    SCOPED_TRACE(fmt::format("{}, class {}", method, reference["target"].get<int>()));
    ExplainOptions o = options(method);
    if (method.starts_with("pattern-")) o.patterns = patterns;
    compare(reference, o);
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, ShapesReference, testing::Bool(),
                         [](const auto& info) { return info.param ? "Plain" : "Fast"; });

TEST(ShapesReferenceList, HasEveryMethod) {
  std::set<std::string> listed, there;
  for (const MethodInfo& m : methods())
    if (m.ofNetworks && !m.needsAttention) there.insert(m.name);
  const json all = described();
  for (const json& reference : all["maps"]) {
    listed.insert(nameOf(reference["method"]));
  }
  EXPECT_EQ(listed, there) << "tools/reference/shapes.py has the list";
}

}  // namespace
}  // namespace relprop
