// Patterns of a network as `relprop patterns` writes them, and the sums that it goes on with, for a small network.
#include "relprop/patterns.h"

#include "fuzz/archive_damage.h"
#include "fuzz/explain_small.h"
#include "fuzz/harness.h"
#include "fuzz/small_model.h"

namespace relprop::fuzz {
namespace {

constexpr std::string_view kSums = "relprop.input";  // an entry of sums alone

const Harness patternsHarness(
    "patterns",
    [](Bytes bytes) {
      static const Model model = smallModel();
      static PatternEstimator estimator(model, {.batch = 2, .threads = 1});
      const std::filesystem::path path = writtenArchive(emptyFolder(), "patterns.npz", bytes);
      if (textOf(bytes).find(kSums) != std::string::npos)
        expectResultOrError([&] {
          estimator.loadState(path);
          estimator.finish();
        });
      else
        expectResultOrError([&] {
          Patterns::load(path);  // compiling takes longer, and most files are no patterns
          explainSmall(model, "pattern-attribution", path);
        });
    },
    damagedArchive);

}  // namespace
}  // namespace relprop::fuzz
