// A choice gets the backend that it names.
#include "kernels/backend.h"

#include <gmock/gmock.h>
#include <omp.h>

#include "unit/kernels/support.h"

namespace relprop::test {
namespace {

using testing::Key;
using testing::UnorderedElementsAre;

TEST(BackendChoice, NamesItsBackend) {
  EXPECT_STREQ(makeBackend()->name(), "oneDNN");
  EXPECT_STREQ(makeBackend({.kind = BackendKind::Processor})->name(), "oneDNN");
  EXPECT_STREQ(makeBackend({.kind = BackendKind::Reference})->name(), "reference");
}

TEST(BackendChoice, ReachesItsMaker) {
  const BackendChoice narrow{.kind = BackendKind::Reference, .operand = Element::Bfloat16};
  EXPECT_EQ(makeBackend(narrow)->operand(), Element::Bfloat16);
  EXPECT_EQ(makeBackend({.kind = BackendKind::Reference})->operand(), Element::Float32);
  const LinearKernelSpec layer{.shape = {.ic = 16, .oc = 32, .dense = true}, .weights = Floats(16 * 32), .bias = {}};
  EXPECT_GT(makeBackend({.packing = Packing::Once})->linearForward(layer)->weightBytes(), 0);
  EXPECT_EQ(makeBackend({.packing = Packing::EveryRun})->linearForward(layer)->weightBytes(), 0);
}

TEST(BackendChoice, AllCoresAreANumberOfThreads) {
  for (const BackendKind kind : {BackendKind::Processor, BackendKind::Reference}) {
    EXPECT_EQ(makeBackend({.kind = kind})->threads(), omp_get_num_procs());
    EXPECT_EQ(makeBackend({.kind = kind, .threads = 3})->threads(), 3);
  }
}

TEST(BackendLibraries, HaveVersions) {
  EXPECT_THAT(backendLibraries(), UnorderedElementsAre(Key("oneDNN")));
  EXPECT_THAT(backendLibraries().at("oneDNN"), testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

}  // namespace
}  // namespace relprop::test
