// Networks as people publish them, with what another runtime computes: the same highest class, with the same number.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "relprop/explain.h"
#include "relprop/image.h"
#include "support/shared.h"

namespace relprop::test {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> wildNetworks() {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(sharedFolder() / "wild"))
    if (fs::exists(entry.path() / "model.onnx")) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

// The file's own output for each class: N×classes, or maps that are summed.
std::vector<double> outputOf(const fs::path& folder, std::size_t classes) {
  const Tensor output = readNpy(folder / "output_0.npy");
  std::vector<double> sums(classes);
  const std::size_t positions = output.data.size() / classes;
  for (std::size_t i = 0; i < output.data.size(); ++i) sums[i / positions] += static_cast<double>(output.data[i]);
  return sums;
}

// A logit, its probability or the logarithm of that, whichever the file's head gives.
double distance(const Prediction& p, double wanted) {
  return std::min(
      {std::abs(p.logit - wanted), std::abs(p.probability - wanted), std::abs(std::log(p.probability) - wanted)});
}

TEST(WildNetworks, SayWhatTheyAreToSay) {
  RELPROP_NEEDS_SHARED();
  const std::vector<fs::path> folders = wildNetworks();
  EXPECT_EQ(folders.size(), 13u);
  for (const fs::path& folder : folders) {
    SCOPED_TRACE(folder.filename().string());
    const Tensor x = readNpy(folder / "input.npy");
    ExplainOptions options{.method = "lrp-epsilon"};
    options.inputShape.assign(x.shape.begin() + 1, x.shape.end());
    Explainer explainer(Model::load(folder / "model.onnx"), options);
    const Explanation e = explainer.explain({x.data.data(), x.shape})[0];
    const std::vector<double> wanted = outputOf(folder, e.logits.size());
    const auto top = std::max_element(wanted.begin(), wanted.end());
    EXPECT_EQ(e.top5.at(0).index, top - wanted.begin());
    EXPECT_LE(distance(e.top5[0], *top), 2e-5 * (1 + std::abs(*top)));
    for (const float v : e.relevance.data) ASSERT_TRUE(std::isfinite(v));
  }
}

}  // namespace
}  // namespace relprop::test
