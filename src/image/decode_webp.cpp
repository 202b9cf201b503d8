#include <webp/decode.h>

#include "image/decoders.h"
#include "relprop/error.h"

namespace relprop {

namespace {

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw Error(ErrorCode::MalformedImage, name, "WebP: " + what, "a whole WebP image");
}

WebPBitstreamFeatures readHeader(const Bytes& file, const std::string& name) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(file.data(), file.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) fail(name, "the file ends too early");
  if (status != VP8_STATUS_OK) fail(name, "broken header");
  if (features.has_animation)
    throw Error(ErrorCode::UnsupportedImage, name, "an animated WebP file", "a still picture",
                "save one of its frames as a picture");
  requireDecodable(features.width, features.height, file.size(), name);
  return features;
}

}  // namespace

Image decodeWebp(const Bytes& file, const std::string& name) {
  const WebPBitstreamFeatures features = readHeader(file, name);
  Image image = blankImage(features.width, features.height, name);
  Bytes& pixels = image.pixels;  // alpha is dropped, as it is from a PNG
  if (!WebPDecodeRGBInto(file.data(), file.size(), pixels.data(), pixels.size(), features.width * 3))
    fail(name, "broken or truncated data");
  return image;
}

}  // namespace relprop
