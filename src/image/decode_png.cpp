#include <png.h>

#include <algorithm>

#include "image/decoders.h"
#include "image/stored.h"
#include "relprop/error.h"

namespace relprop {

namespace {

struct Source {
  const Bytes& file;
  const std::string& name;
  std::size_t position = 0;
};

// libpng wants its error handler not to return; the exception leaves through its frames, and ~Reader frees its memory.
[[noreturn]] void onError(png_structp png, png_const_charp message) {
  const auto* source = static_cast<const Source*>(png_get_error_ptr(png));
  failDecoding(source->name, "PNG", message);
}

void onWarning(png_structp, png_const_charp) {}

void onRead(png_structp png, png_bytep out, std::size_t count) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (source->file.size() - source->position < count) png_error(png, "the file ends too early");
  std::copy_n(source->file.begin() + static_cast<std::ptrdiff_t>(source->position), count, out);
  source->position += count;
}

class Reader {
 public:
  explicit Reader(Source& source)
      : png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, onError, onWarning)),
        info_(png_ ? png_create_info_struct(png_) : nullptr) {
    if (info_) return;
    png_destroy_read_struct(&png_, nullptr, nullptr);
    throw Error(ErrorCode::OutOfMemory, source.name, "no PNG decoder could be made");
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  png_structp png() const { return png_; }
  png_infop info() const { return info_; }

 private:
  png_structp png_;
  png_infop info_;
};

// A file too small for the picture it announces is refused before allocating.
void requirePlausible(const Reader& reader, const Source& source) {
  const std::size_t raw = png_get_rowbytes(reader.png(), reader.info()) *
                          static_cast<std::size_t>(png_get_image_height(reader.png(), reader.info()));
  if (raw / limits::kInflatedPerByte > source.file.size())
    png_error(reader.png(), "too little data for a picture of this size");
}

// Of chunks only those that make pixels: libpng would inflate texts and profiles, which a file of 1 MB can have a GB
// of, and keep them.
void skipAncillary(const Reader& reader) {
  constexpr int allButPixels = -1;
  png_set_keep_unknown_chunks(reader.png(), PNG_HANDLE_CHUNK_NEVER, nullptr, allButPixels);
}

void readHeader(const Reader& reader, Source& source) {
  png_set_user_limits(reader.png(), PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  skipAncillary(reader);
  png_set_read_fn(reader.png(), &source, onRead);
  png_read_info(reader.png(), reader.info());
  const png_uint_32 width = png_get_image_width(reader.png(), reader.info());
  const png_uint_32 height = png_get_image_height(reader.png(), reader.info());
  requirePixelCount(width, height, source.name);
  requirePlausible(reader, source);
  requireDecodable(width, height, source.file.size(), source.name);
}

// Everything becomes 8-bit RGB. The samples are taken as they are: gamma, colour profiles and alpha do not count, as in
// the loaders that networks are trained with (Pillow's convert("RGB")); 16 bits become 8 by dividing by 257, rounded.
int requestEightBitColour(const Reader& reader) {
  png_set_expand(reader.png());
  png_set_strip_alpha(reader.png());
  png_set_scale_16(reader.png());
  png_set_gray_to_rgb(reader.png());
  const int passes = png_set_interlace_handling(reader.png());
  png_read_update_info(reader.png(), reader.info());
  return passes;
}

// Samples of fewer bits get a byte each and keep their values; alpha goes.
int requestIndices(const Reader& reader, const Source& source) {
  const bool colour = png_get_color_type(reader.png(), reader.info()) & PNG_COLOR_MASK_COLOR;
  const bool palette = png_get_color_type(reader.png(), reader.info()) == PNG_COLOR_TYPE_PALETTE;
  if ((colour && !palette) || png_get_bit_depth(reader.png(), reader.info()) > 8)
    throw Error(ErrorCode::UnsupportedImage, source.name, colour ? "a colour PNG without a palette" : "16 bits a pixel",
                "a PNG with a palette or grey values of at most 8 bits");
  png_set_packing(reader.png());
  png_set_strip_alpha(reader.png());
  const int passes = png_set_interlace_handling(reader.png());
  png_read_update_info(reader.png(), reader.info());
  return passes;
}

void readRows(const Reader& reader, int passes, int height, Bytes& pixels) {
  const std::size_t rowBytes = png_get_rowbytes(reader.png(), reader.info());
  for (int pass = 0; pass < passes; ++pass)
    for (int y = 0; y < height; ++y)
      png_read_row(reader.png(), &pixels[static_cast<std::size_t>(y) * rowBytes], nullptr);
  png_read_end(reader.png(), nullptr);
}

}  // namespace

Image decodePng(const Bytes& file, const std::string& name) {
  Source source{file, name};
  const Reader reader(source);
  readHeader(reader, source);
  const int passes = requestEightBitColour(reader);
  const int width = static_cast<int>(png_get_image_width(reader.png(), reader.info()));
  const int height = static_cast<int>(png_get_image_height(reader.png(), reader.info()));
  Image image = blankImage(width, height, name);
  readRows(reader, passes, height, image.pixels);
  return image;
}

IndexImage decodeIndexPng(const Bytes& file, const std::string& name) {
  Source source{file, name};
  const Reader reader(source);
  readHeader(reader, source);
  const int passes = requestIndices(reader, source);
  IndexImage image;
  image.width = static_cast<int>(png_get_image_width(reader.png(), reader.info()));
  image.height = static_cast<int>(png_get_image_height(reader.png(), reader.info()));
  image.values = allocateBytes(static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height), name);
  readRows(reader, passes, image.height, image.values);
  return image;
}

IndexImage readIndexPng(const std::filesystem::path& path) {
  return decodeIndexPng(readFile(path), path.string());
}

}  // namespace relprop
