// External data: the parts are the files of a folder, and model.onnx is the network.
#include "fuzz/explain_small.h"
#include "fuzz/harness.h"
#include "fuzz/model_damage.h"

namespace relprop::fuzz {
namespace {

const Harness externalHarness(
    "external",
    [](Bytes bytes) {
      const std::filesystem::path folder = emptyFolder();
      writeParts(folder, partsOf(bytes));
      expectResultOrError([&] { explainSmall(Model::load(folder / "model.onnx"), "gradient"); });
    },
    damagedModelPart);

}  // namespace
}  // namespace relprop::fuzz
