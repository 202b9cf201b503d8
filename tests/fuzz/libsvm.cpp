// Models that LIBSVM wrote, with and without the histograms of a precomputed kernel.
#include "bow/libsvm_file.h"
#include "fuzz/harness.h"

namespace relprop::fuzz {
namespace {

const Harness libsvmHarness("libsvm", [](Bytes bytes) {
  const std::string text = textOf(bytes);
  const bow::PrecomputedFrom from{{{bow::KernelKind::Chi2, 2, 1}}, {0.5, 0.5, 0, 0, 1, 0, 0.25, 0.25, 0.5}};
  expectResultOrError([&] { bow::readLibsvm(text, "fuzz", 3); });
  expectResultOrError([&] { bow::readLibsvm(text, "fuzz", 3, from); });
});

}  // namespace
}  // namespace relprop::fuzz
