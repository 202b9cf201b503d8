// Patterns of a network, as `relprop patterns` writes them, for a small network.
#include "fuzz/explain_small.h"
#include "fuzz/harness.h"
#include "fuzz/small_model.h"

namespace relprop::fuzz {
namespace {

const Harness patternsHarness("patterns", [](Bytes bytes) {
  static const Model model = smallModel();
  const std::filesystem::path path = writtenArchive(emptyFolder(), "patterns.npz", bytes);
  expectResultOrError([&] { explainSmall(model, "pattern-attribution", path); });
});

}  // namespace
}  // namespace relprop::fuzz
