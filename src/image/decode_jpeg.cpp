#include <fmt/format.h>
#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "image/containers.h"
#include "image/decoders.h"
#include "relprop/budgets.h"
#include "relprop/error.h"

namespace relprop {

namespace {

struct Close {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Decompressor = std::unique_ptr<void, Close>;

struct Header {
  int width = 0, height = 0, colorspace = -1;
};

bool mentions(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

[[noreturn]] void fail(const Decompressor& jpeg, const std::string& name) {
  const bool known = tjGetErrorStr2(jpeg.get()) != std::string_view("No error");
  const std::string message = known ? tjGetErrorStr2(jpeg.get()) : "no picture in the file";
  if (mentions(message, "nsupported") || mentions(message, "not supported"))
    throw Error(ErrorCode::UnsupportedImage, name, message, "baseline or progressive 8-bit JPEG");
  failDecoding(name, "JPEG", message);
}

// TurboJPEG calls a header with unusual subsampling an error although it decodes such files; it has then filled in the
// sides and the colour space, which is all that is needed; where it has not, there is no picture to decode.
Header readHeader(const Decompressor& jpeg, const Bytes& file, const std::string& name) {
  Header header;
  int subsampling = -1;
  tjDecompressHeader3(jpeg.get(), file.data(), file.size(), &header.width, &header.height, &subsampling,
                      &header.colorspace);
  if (header.width <= 0 || header.height <= 0 || header.colorspace < 0) fail(jpeg, name);
  requireDecodable(header.width, header.height, file.size(), name);
  return header;
}

// Before any of them is decoded: libjpeg goes over all pixels for every scan, and says only afterwards that scans were
// there twice.
void requireFewScans(const Header& header, const Bytes& file, const std::string& name) {
  const std::int64_t scans = jpegScans(file), pixels = std::int64_t{header.width} * header.height;
  const std::int64_t usual = std::min(budgets().picturePixels, kMaxPixels);
  const std::int64_t most = std::max(limits::kImageScans, limits::kImageScansOfAnyFile * usual / pixels);
  if (scans > most)
    throw Error(ErrorCode::UnsupportedImage, name,
                fmt::format("{} scans of {}×{} pixels", scans, header.width, header.height),
                fmt::format("at most {} scans of so many pixels", most),
                "save the picture with fewer scans (baseline), or allow more pixels (--budget pixels=N)");
}

bool hasEndMarker(const Bytes& file) {
  constexpr std::array<std::uint8_t, 2> endOfImage = {0xFF, 0xD9};
  const auto scan = file.begin() + static_cast<std::ptrdiff_t>(jpegScanStart(file));
  return std::search(scan, file.end(), endOfImage.begin(), endOfImage.end()) != file.end();
}

// Oddities that leave every pixel as it was meant. libjpeg reports only the first warning, so that truncation behind an
// oddity has to be looked for.
bool harmless(const Decompressor& jpeg, const Bytes& file) {
  if (tjGetErrorCode(jpeg.get()) != TJERR_WARNING) return false;
  const std::string_view message = tjGetErrorStr2(jpeg.get());
  const bool oddity = mentions(message, "extraneous bytes") || mentions(message, "Invalid SOS parameters") ||
                      mentions(message, "unknown JFIF revision") || mentions(message, "Unknown Adobe color transform");
  return oddity && hasEndMarker(file);
}

// Adobe's writers store ink inverted (255: none) and mark the file; others store it as it is.
Image cmykToRgb(const Bytes& cmyk, const Header& header, bool inverted, const std::string& name) {
  const std::uint8_t flip = inverted ? 0 : 255;
  Image image = blankImage(header.width, header.height, name);
  const std::size_t count = image.pixels.size() / 3;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned light = cmyk[i * 4 + 3] ^ flip;
    for (std::size_t c = 0; c < 3; ++c) image.pixels[i * 3 + c] = mulDiv255(cmyk[i * 4 + c] ^ flip, light);
  }
  return image;
}

void decompress(const Decompressor& jpeg, const Bytes& file, const Header& header, int format, Bytes& pixels,
                const std::string& name) {
  const int status = tjDecompress2(jpeg.get(), file.data(), file.size(), pixels.data(), header.width,
                                   header.width * tjPixelSize[format], header.height, format, TJFLAG_LIMITSCANS);
  if (status != 0 && !harmless(jpeg, file)) fail(jpeg, name);
}

}  // namespace

Image decodeJpeg(const Bytes& file, const std::string& name) {
  const Decompressor jpeg(tjInitDecompress());
  if (!jpeg) throw Error(ErrorCode::OutOfMemory, name, "no JPEG decoder could be made");
  const Header header = readHeader(jpeg, file, name);
  requireFewScans(header, file, name);
  Image image = blankImage(header.width, header.height, name);
  if (header.colorspace != TJCS_CMYK && header.colorspace != TJCS_YCCK) {
    decompress(jpeg, file, header, TJPF_RGB, image.pixels, name);
    return image;
  }
  Bytes cmyk = allocateBytes(image.pixels.size() / 3 * 4, name);
  decompress(jpeg, file, header, TJPF_CMYK, cmyk, name);
  return cmykToRgb(cmyk, header, jpegSegment(file, 0xEE, "Adobe").has_value(), name);
}

}  // namespace relprop
