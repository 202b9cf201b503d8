// Preprocessing as JSON: ours, Hugging Face's, timm's. What is read is written and read again.
#include "fuzz/harness.h"
#include "relprop/image.h"

namespace relprop::fuzz {
namespace {

const Harness preprocessHarness("preprocess", [](Bytes bytes) {
  expectResultOrError([&] {
    const Preprocess preprocess = parsePreprocess(textOf(bytes), "fuzz");
    const std::string json = toJson(preprocess);
    if (toJson(parsePreprocess(json, "fuzz")) != json) std::abort();
    viewGeometry(40, 30, preprocess, 16, 16);
    pixelRange(preprocess);
    prepareImage(Image{4, 3, std::vector<std::uint8_t>(36, 100)}, preprocess, 3, 16, 16);
  });
});

}  // namespace
}  // namespace relprop::fuzz
