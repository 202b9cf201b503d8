#include <png.h>

#include "image/pixels.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {

namespace {

// As in the decoder, the exception leaves through libpng's frames, and ~Writer frees its memory.
[[noreturn]] void onWriteError(png_structp, png_const_charp message) {
  throw Error(ErrorCode::Internal, "encodePng", message);
}

void onWriteWarning(png_structp, png_const_charp) {}

void onWrite(png_structp png, png_bytep data, std::size_t count) {
  auto* file = static_cast<Bytes*>(png_get_io_ptr(png));
  file->insert(file->end(), data, data + count);
}

class Writer {
 public:
  explicit Writer(Bytes& file)
      : png_(png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, onWriteError, onWriteWarning)),
        info_(png_ ? png_create_info_struct(png_) : nullptr) {
    if (!info_) {
      png_destroy_write_struct(&png_, nullptr);
      throw Error(ErrorCode::OutOfMemory, "encodePng", "no PNG encoder could be made");
    }
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // libpng's own is a million on a side
    png_set_write_fn(png_, &file, onWrite, [](png_structp) {});
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() { png_destroy_write_struct(&png_, &info_); }
  png_structp png() const { return png_; }
  png_infop info() const { return info_; }

 private:
  png_structp png_;
  png_infop info_;
};

// Heatmaps are noise with a few hundred colours: filters and a longer search make them six times slower to write and
// not smaller.
void setFast(const Writer& writer) {
  png_set_filter(writer.png(), PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
  png_set_compression_level(writer.png(), 1);
}

}  // namespace

std::vector<std::uint8_t> encodePng(const Image& image) {
  requireWhole(image, "encodePng");
  Bytes file;
  const Writer writer(file);
  png_set_IHDR(writer.png(), writer.info(), static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_sRGB(writer.png(), writer.info(), PNG_sRGB_INTENT_PERCEPTUAL);
  setFast(writer);
  png_write_info(writer.png(), writer.info());
  const std::size_t rowBytes = static_cast<std::size_t>(image.width) * 3;
  for (std::size_t at = 0; at < image.pixels.size(); at += rowBytes) png_write_row(writer.png(), &image.pixels[at]);
  png_write_end(writer.png(), nullptr);
  return file;
}

}  // namespace relprop
