#include "pictures.h"

#include <png.h>
#include <turbojpeg.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "program.h"
#include "relprop/image.h"

namespace e2e {

void writeGreyGradientPng(const std::filesystem::path& path, int width, int height) {
  relprop::Image image{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i / 3 % 256));
  relprop::writeFile(path, relprop::encodePng(image));
}

void writeSixteenBitPng(const std::filesystem::path& path, int width, int height) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file.get());
  auto columns = static_cast<png_uint_32>(width);
  png_set_IHDR(png, info, columns, static_cast<png_uint_32>(height), 16, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  std::vector<png_byte> row(columns * 6, 0x7F);
  for (int y = 0; y < height; ++y) png_write_row(png, row.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
}

void writeCmykJpeg(const std::filesystem::path& path, int width, int height) {
  std::vector<unsigned char> pixels(static_cast<std::size_t>(width * height * 4), 200);
  std::unique_ptr<void, int (*)(tjhandle)> compressor(tjInitCompress(), tjDestroy);
  unsigned char* jpeg = nullptr;
  unsigned long size = 0;
  if (tjCompress2(compressor.get(), pixels.data(), width, 0, height, TJPF_CMYK, &jpeg, &size, TJSAMP_444, 90, 0) != 0)
    throw std::runtime_error("tjCompress2");
  std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(jpeg, tjFree);
  writeText(path, std::string(jpeg, jpeg + size));
}

}  // namespace e2e
