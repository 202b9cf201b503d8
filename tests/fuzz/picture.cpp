// JPEG, PNG and WebP with EXIF, as photos, as annotations and as masks.
#include "fuzz/harness.h"
#include "image/stored.h"

namespace relprop::fuzz {
namespace {

const Harness pictureHarness("picture", [](Bytes bytes) {
  const std::vector<std::uint8_t> file = copyOf(bytes);
  expectResultOrError([&] { decodeImage(file, "fuzz"); });
  expectResultOrError([&] { decodeIndexPng(file, "fuzz"); });
});

}  // namespace
}  // namespace relprop::fuzz
