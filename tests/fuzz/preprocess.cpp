// Preprocessing as JSON: ours, Hugging Face's, timm's. What is read is written and read again.
#include <numeric>

#include "fuzz/harness.h"
#include "fuzz/json_damage.h"
#include "relprop/image.h"

namespace relprop::fuzz {
namespace {

const Harness preprocessHarness(
    "preprocess",
    [](Bytes bytes) {
      expectResultOrError([&] {
        const Preprocess preprocess = parsePreprocess(textOf(bytes), "fuzz");
        const std::string json = toJson(preprocess);
        if (toJson(parsePreprocess(json, "fuzz")) != json) std::abort();
        pixelRange(preprocess);
        // A network of one size refuses most; one that takes any size makes large pictures.
        const int side = std::accumulate(bytes.begin(), bytes.end(), 0) % 8 ? 16 : 0;
        viewGeometry(40, 30, preprocess, side, side);
        prepareImage(Image{4, 3, std::vector<std::uint8_t>(36, 100)}, preprocess, 3, side, side);
      });
    },
    damagedJson);

}  // namespace
}  // namespace relprop::fuzz
