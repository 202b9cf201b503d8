#include <webp/decode.h>

#include "image/decoders.h"
#include "relprop/error.h"

namespace relprop {

namespace {

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  failDecoding(name, "WebP", what);
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
  WebPDecoderConfig config;
  WebPInitDecoderConfig(&config);
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {pixels.data(), features.width * 3, pixels.size()};
  const VP8StatusCode status = WebPDecode(file.data(), file.size(), &config);
  if (status == VP8_STATUS_OUT_OF_MEMORY) fail(name, "out of memory");
  if (status != VP8_STATUS_OK) fail(name, "broken or truncated data");
  return image;
}

}  // namespace relprop
