// What C gets has the bits that C++ gets, for every reference attribution beside the checkout.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "relprop/choices.h"
#include "relprop/explain.h"
#include "support/shared.h"
#include "unit/c/support.h"

namespace relprop::c_test {
namespace {

namespace fs = std::filesystem;

class CInterface : public ::testing::TestWithParam<const char*> {
 protected:
  fs::path folder() const { return test::sharedFolder() / "fixtures" / GetParam(); }
};

TEST_P(CInterface, GivesTheBitsOfEveryMethod) {
  RELPROP_NEEDS_SHARED();
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "bits are those of the program without sanitizers; tests/unit/c runs the interface under them";
#endif
  relprop_model* handle = nullptr;
  expectOk(relprop_model_load((folder() / "model.onnx").c_str(), nullptr, &handle));
  const ModelHandle owner(handle);
  const Model model = Model::load(folder() / "model.onnx");
  const Tensor input = readNpy(folder() / "input.npy");
  const Json manifest = Json::parse(std::ifstream(folder() / "manifest.json"));
  ASSERT_GE(manifest["refs"].size(), 20u);
  for (const Json& reference : manifest["refs"]) {
    ExplainOptions options;
    options.method = reference["spec"];
    if (runsManyInputs(options.method)) continue;  // minutes; one such method is in tests/unit/c
    options.batch = chosenBatch(model, options.method, 0, 1);
    options.pixelRange = pixelRange(readPreprocess((folder() / "model.preprocess.json").string()));
    const std::vector<Explanation> maps = Explainer(model, options).explain(input);
    const ExplainerHandle explainer = explainerOf(handle, {{"method", options.method}});
    const ResultHandle result = explained(explainer.get(), input);
    for (std::size_t i = 0; i < maps.size(); ++i)
      EXPECT_EQ(floatsCalled(result.get(), static_cast<std::int64_t>(i), "relevance"), maps[i].relevance.data)
          << options.method;
  }
}

INSTANTIATE_TEST_SUITE_P(All, CInterface,
                         ::testing::Values("cifar10_resnet20", "cifar10_thin_vgg16", "cifar10_thin_resnet50"));

}  // namespace
}  // namespace relprop::c_test
