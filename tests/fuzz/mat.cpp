// gtsegs_ijcv.mat: our own reader of HDF5 as MATLAB writes it.
#include <algorithm>

#include "fuzz/harness.h"
#include "relprop/dataset.h"

namespace relprop::fuzz {
namespace {

const Harness matHarness("mat", [](Bytes bytes) {
  const std::filesystem::path path = written(emptyFolder(), "a.mat", bytes);
  expectResultOrError([&] {
    const Dataset dataset = Dataset::open("imagenet-segmentation:" + path.string());
    for (std::size_t i = 0; i < std::min<std::size_t>(dataset.size(), 16); ++i) {
      expectResultOrError([&] { dataset.image(i); });
      expectResultOrError([&] { dataset.annotation(i); });
    }
  });
});

}  // namespace
}  // namespace relprop::fuzz
