// JPEG, PNG and WebP with EXIF, as photos, as annotations and as masks.
#include "fuzz/harness.h"
#include "fuzz/picture_damage.h"
#include "image/stored.h"

namespace relprop::fuzz {
namespace {

const Harness pictureHarness(
    "picture",
    [](Bytes bytes) {
      const std::vector<std::uint8_t> file = copyOf(bytes);
      expectResultOrError([&] { decodeImage(file, "fuzz"); });
      expectResultOrError([&] { decodeIndexPng(file, "fuzz"); });
    },
    damagedPicture);

}  // namespace
}  // namespace relprop::fuzz
