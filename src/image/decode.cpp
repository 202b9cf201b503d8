#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "image/decoders.h"
#include "image/exif.h"
#include "image/stored.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {

void failDecoding(const std::string& name, const std::string& format, const std::string& message) {
  if (message.find("emory") != std::string::npos)  // "Insufficient memory (case 4)", "Out of memory", …
    throw Error(ErrorCode::OutOfMemory, name, format + ": " + message, "enough memory to decode it");
  throw Error(ErrorCode::MalformedImage, name, format + ": " + message, fmt::format("a whole {} image", format));
}

namespace {

using namespace std::string_view_literals;

// Whether the file agrees with the mark as far as both reach: a file cut inside its mark is a broken file of its
// format.
bool agrees(ByteSpan file, std::size_t offset, std::string_view mark) {
  if (file.size() <= offset) return true;
  const std::size_t length = std::min(mark.size(), file.size() - offset);
  return startsWith(file.subspan(offset), mark.substr(0, length));
}

struct ForeignFormat {
  std::size_t offset;
  std::string_view mark, name;
};

constexpr ForeignFormat foreignFormats[] = {
    {0, "GIF8"sv, "a GIF file"},         {0, "BM"sv, "a BMP file"},           {0, "II*\0"sv, "a TIFF file"},
    {0, "MM\0*"sv, "a TIFF file"},       {4, "ftypavif"sv, "an AVIF file"},   {4, "ftyphei"sv, "a HEIC file"},
    {4, "ftypmif1"sv, "a HEIF file"},    {0, "\xFF\x0A"sv, "a JPEG XL file"}, {0, "%PDF"sv, "a PDF file"},
    {0, "\x93NUMPY"sv, "a .npy tensor"},
};

std::string describeForeign(ByteSpan file) {
  for (const auto& format : foreignFormats)
    if (file.size() > format.offset && startsWith(file.subspan(format.offset), format.mark))
      return std::string(format.name);
  std::string bytes;
  for (std::uint8_t byte : file.first(std::min<std::size_t>(file.size(), 8))) bytes += fmt::format(" {:02x}", byte);
  return "an unknown format that begins with" + bytes;
}

// A picture as its file holds it, and how the file asks to have it turned.
struct Stored {
  Image image;
  int orientation = 1;
};

Stored decodeStored(const Bytes& bytes, const std::string& name) {
  if (bytes.empty()) throw Error(ErrorCode::MalformedImage, name, "an empty file", "a JPEG, PNG or WebP image");
  const ByteSpan file(bytes);
  if (agrees(file, 0, "\xFF\xD8\xFF"sv))
    return {decodeJpeg(bytes, name), exifOrientation(jpegSegment(file, 0xE1, "Exif\0\0"sv))};
  if (agrees(file, 0, "\x89PNG\r\n\x1A\n"sv)) return {decodePng(bytes, name), exifOrientation(pngChunk(file, "eXIf"))};
  if (agrees(file, 0, "RIFF"sv) && agrees(file, 8, "WEBP"sv))
    return {decodeWebp(bytes, name), exifOrientation(webpChunk(file, "EXIF"))};
  throw Error(ErrorCode::UnsupportedImage, name, describeForeign(file), "JPEG, PNG or WebP",
              "convert the picture to one of these formats");
}

}  // namespace

Image decodeImage(const std::vector<std::uint8_t>& bytes, const std::string& name) {
  Stored stored = decodeStored(bytes, name);
  return orient(std::move(stored.image), stored.orientation, name);
}

Image readImage(const std::filesystem::path& path) {
  return decodeImage(readFile(path), path.string());
}

Image readStoredImage(const std::filesystem::path& path) {
  return decodeStored(readFile(path), path.string()).image;
}

}  // namespace relprop
