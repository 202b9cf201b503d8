#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <string_view>

#include "image/containers.h"
#include "image/decoders.h"
#include "relprop/budgets.h"
#include "relprop/error.h"

// Both expect the C library's FILE to be declared.
#include <jerror.h>
#include <jpeglib.h>

namespace relprop {

namespace {

std::string jpegMessage(j_common_ptr jpeg) {
  std::array<char, JMSG_LENGTH_MAX> message = {};
  jpeg->err->format_message(jpeg, message.data());
  return message.data();
}

// libjpeg wants its error handler not to return; the exception leaves through its frames, and ~Decompressor frees its
// memory.
[[noreturn]] void onJpegError(j_common_ptr jpeg) {
  const std::string message = jpegMessage(jpeg), &name = *static_cast<const std::string*>(jpeg->client_data);
  if (message.find("nsupported") != std::string::npos || message.find("not supported") != std::string::npos)
    throw Error(ErrorCode::UnsupportedImage, name, message, "baseline or progressive 8-bit JPEG");
  failDecoding(name, "JPEG", message);
}

// Below 0 are warnings, each of which is damage but for oddities that leave every pixel as it was meant.
void onJpegMessage(j_common_ptr jpeg, int level) {
  constexpr std::array harmless = {JWRN_EXTRANEOUS_DATA, JWRN_NOT_SEQUENTIAL, JWRN_JFIF_MAJOR, JWRN_ADOBE_XFORM};
  if (level < 0 && std::find(harmless.begin(), harmless.end(), jpeg->err->msg_code) == harmless.end())
    onJpegError(jpeg);
}

// At the first header, behind which `jpeg` says what the picture is.
class Decompressor {
 public:
  Decompressor(const Bytes& file, const std::string& name) : Decompressor(name) {
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, file.data(), file.size());
    jpeg_read_header(&jpeg, TRUE);
  }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  ~Decompressor() { jpeg_destroy_decompress(&jpeg); }

  int width() const { return static_cast<int>(jpeg.image_width); }
  int height() const { return static_cast<int>(jpeg.image_height); }
  bool isCmyk() const { return jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK; }

  jpeg_decompress_struct jpeg = {};

 private:
  // An object that is made when the other constructor throws, so that its memory is freed.
  explicit Decompressor(const std::string& name) : name_(name) {
    jpeg.err = jpeg_std_error(&errors_);
    errors_.error_exit = onJpegError;
    errors_.emit_message = onJpegMessage;
    jpeg.client_data = &name_;
  }

  jpeg_error_mgr errors_ = {};
  std::string name_;
};

// Before any of them is decoded: libjpeg goes over all pixels for every scan.
void requireFewScans(const Decompressor& from, const Bytes& file, const std::string& name) {
  const std::int64_t scans = jpegScans(file), pixels = std::int64_t{from.width()} * from.height();
  const std::int64_t usual = std::min(budgets().picturePixels, kMaxPixels);
  const std::int64_t most =
      std::clamp(limits::kImageScansOfAnyFile * usual / pixels, limits::kImageScans, limits::kImageScansOfAnySize);
  if (scans <= most) return;
  const char* orMore = most < limits::kImageScansOfAnySize ? ", or allow more pixels (--budget pixels=N)" : "";
  throw Error(ErrorCode::UnsupportedImage, name,
              fmt::format("{} scans of {}×{} pixels", scans, from.width(), from.height()),
              fmt::format("at most {} scans of so many pixels", most),
              fmt::format("save the picture with fewer scans (baseline){}", orMore));
}

// Adobe's writers store ink inverted (255: none) and mark the file; others store it as it is.
Image cmykToRgb(const Bytes& cmyk, int width, int height, bool inverted, const std::string& name) {
  const std::uint8_t flip = inverted ? 0 : 255;
  Image image = blankImage(width, height, name);
  const std::size_t count = image.pixels.size() / 3;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned light = cmyk[i * 4 + 3] ^ flip;
    for (std::size_t c = 0; c < 3; ++c) image.pixels[i * 3 + c] = mulDiv255(cmyk[i * 4 + c] ^ flip, light);
  }
  return image;
}

// All scanlines, and what is behind them up to the end of the picture, which may be missing.
void decompress(Decompressor& from, J_COLOR_SPACE space, Bytes& pixels) {
  jpeg_decompress_struct& jpeg = from.jpeg;
  jpeg.out_color_space = space;
  jpeg_start_decompress(&jpeg);
  const std::size_t rowBytes = std::size_t{jpeg.output_width} * static_cast<std::size_t>(jpeg.output_components);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = &pixels[jpeg.output_scanline * rowBytes];
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
}

}  // namespace

Image decodeJpeg(const Bytes& file, const std::string& name) {
  Decompressor from(file, name);
  requireDecodable(from.width(), from.height(), file.size(), name);
  requireFewScans(from, file, name);
  Image image = blankImage(from.width(), from.height(), name);
  if (!from.isCmyk()) {
    decompress(from, JCS_RGB, image.pixels);
    return image;
  }
  Bytes cmyk = allocateBytes(image.pixels.size() / 3 * 4, name);
  decompress(from, JCS_CMYK, cmyk);
  return cmykToRgb(cmyk, from.width(), from.height(), jpegSegment(file, 0xEE, "Adobe").has_value(), name);
}

}  // namespace relprop
