// A network from its file to one heatmap: importer, functions and quantised operators, passes, plan, a walk back.
#include <array>

#include "fuzz/drawn_network.h"
#include "fuzz/explain_small.h"
#include "fuzz/harness.h"
#include "fuzz/model_damage.h"

namespace relprop::fuzz {
namespace {

// The file's length chooses.
const std::array<const char*, 8> kMethods = {"rap",      "lrp-zplus", "gradient", "lrp-epsilon",
                                             "deeplift", "attn-lrp",  "grad-cam", "epsilon-gamma-box"};

const Harness modelHarness(
    "model",
    [](Bytes bytes) {
      expectResultOrError([&] {
        const Model model = Model::fromBytes(std::as_bytes(bytes), {.name = "fuzz", .folder = {}, .options = {}});
        explainSmall(model, kMethods[bytes.size() % kMethods.size()]);
      });
    },
    [](Bytes bytes, std::mt19937& random) -> std::optional<std::vector<std::uint8_t>> {
      if (random() % 4 == 0) return drawnNetwork(random);
      return damagedModel(bytes, random);
    });

}  // namespace
}  // namespace relprop::fuzz
