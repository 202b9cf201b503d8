#include <gtest/gtest.h>
#include <png.h>
#include <sys/resource.h>
#include <zlib.h>

#include "image/stored.h"
#include "unit/image/support.h"

namespace relprop::test {

namespace {

struct PngFormat {
  int width, height, colour, depth;
  int interlace = PNG_INTERLACE_NONE;
};

// `rows` holds the packed rows as PNG stores them; `ancillary` adds further chunks.
Bytes writePng(const PngFormat& format, const Bytes& rows,
               const std::function<void(png_structp, png_infop)>& ancillary = {}) {
  Bytes file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  const auto write = [](png_structp p, png_bytep data, std::size_t size) {
    auto* out = static_cast<Bytes*>(png_get_io_ptr(p));
    out->insert(out->end(), data, data + size);
  };
  png_set_write_fn(png, &file, write, nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(format.width), static_cast<png_uint_32>(format.height), format.depth,
               format.colour, format.interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (ancillary) ancillary(png, info);
  png_write_info(png, info);
  const std::size_t rowBytes = png_get_rowbytes(png, info);
  const int passes = png_set_interlace_handling(png);
  for (int pass = 0; pass < passes; ++pass)
    for (std::size_t offset = 0; offset < rows.size(); offset += rowBytes) png_write_row(png, &rows[offset]);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

// A small picture with compressed texts, profiles and the like that unpack to 8 MB each.
Bytes pngWithLargeTexts(Bytes png, const std::string& type, const std::string& head, int count) {
  const Bytes text(7'900'000, 'a');
  Bytes body(head.begin(), head.end());
  const std::size_t start = body.size();
  uLongf size = compressBound(text.size());
  body.resize(start + size);
  EXPECT_EQ(compress(&body[start], &size, text.data(), text.size()), Z_OK);
  body.resize(start + size);
  for (int i = 0; i < count; ++i) png = pngWithChunk(png, type, body);
  return png;
}

// Largest resident size of this process so far.
long peakMegabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss >> 10;
}

Image decodedPng(const Bytes& file) {
  return decodeImage(file, "a.png");
}

}  // namespace

TEST(Png, RoundTripIsExact) {
  for (const auto& [width, height] : {std::pair{1, 1}, std::pair{7, 3}, std::pair{64, 65}}) {
    const Image image = noise(11, width, height);
    EXPECT_EQ(largestDifference(decodedPng(encodePng(image)), image), 0);
  }
}

TEST(Png, SixteenBitsAreDividedBy257Rounded) {
  const Bytes row = {0x00, 0x00, 0x80, 0x00, 0xFF, 0xFF, 0x01, 0x01, 0x00, 0x80, 0x00, 0x81};
  const Image image = decodedPng(writePng({2, 1, PNG_COLOR_TYPE_RGB, 16}, row));
  EXPECT_EQ(pixelAt(image, 0, 0), (std::vector{0, 128, 255}));
  EXPECT_EQ(pixelAt(image, 1, 0), (std::vector{1, 0, 1}));
}

TEST(Png, GreyOfEveryDepthCoversTheWholeRange) {
  EXPECT_EQ(decodedPng(writePng({2, 1, PNG_COLOR_TYPE_GRAY, 1}, {0x40})).pixels, (Bytes{0, 0, 0, 255, 255, 255}));
  EXPECT_EQ(decodedPng(writePng({2, 1, PNG_COLOR_TYPE_GRAY, 4}, {0x1F})).pixels, (Bytes{17, 17, 17, 255, 255, 255}));
  EXPECT_EQ(decodedPng(writePng({1, 1, PNG_COLOR_TYPE_GRAY, 8}, {99})).pixels, (Bytes{99, 99, 99}));
  EXPECT_EQ(decodedPng(writePng({1, 1, PNG_COLOR_TYPE_GRAY, 16}, {0x40, 0x40})).pixels, (Bytes{64, 64, 64}));
}

TEST(Png, PaletteBecomesItsColours) {
  const auto palette = [](png_structp png, png_infop info) {
    const png_color colours[] = {{1, 2, 3}, {200, 100, 50}};
    png_set_PLTE(png, info, colours, 2);
  };
  const Image image = decodedPng(writePng({2, 1, PNG_COLOR_TYPE_PALETTE, 8}, {1, 0}, palette));
  EXPECT_EQ(image.pixels, (Bytes{200, 100, 50, 1, 2, 3}));
}

TEST(Png, TransparentPaletteEntryKeepsItsColour) {
  const auto palette = [](png_structp png, png_infop info) {
    const png_color colours[] = {{10, 20, 30}, {200, 100, 50}};
    const png_byte alpha[] = {0};
    png_set_PLTE(png, info, colours, 2);
    png_set_tRNS(png, info, alpha, 1, nullptr);
  };
  const Image image = decodedPng(writePng({2, 1, PNG_COLOR_TYPE_PALETTE, 8}, {0, 1}, palette));
  EXPECT_EQ(image.pixels, (Bytes{10, 20, 30, 200, 100, 50}));
}

TEST(Png, AlphaIsDropped) {
  const Bytes row = {200, 100, 50, 255, 200, 100, 50, 51, 200, 100, 50, 0};
  const Image image = decodedPng(writePng({3, 1, PNG_COLOR_TYPE_RGB_ALPHA, 8}, row));
  EXPECT_EQ(image.pixels, (Bytes{200, 100, 50, 200, 100, 50, 200, 100, 50}));
  const Bytes grey = {100, 51, 7, 0};
  EXPECT_EQ(decodedPng(writePng({2, 1, PNG_COLOR_TYPE_GRAY_ALPHA, 8}, grey)).pixels, (Bytes{100, 100, 100, 7, 7, 7}));
  const Bytes deep = {0x40, 0x40, 0x80, 0x80, 0xFF, 0xFF, 0, 0};
  EXPECT_EQ(decodedPng(writePng({1, 1, PNG_COLOR_TYPE_RGB_ALPHA, 16}, deep)).pixels, (Bytes{64, 128, 255}));
}

TEST(Png, TransparentColourKeepsItsValue) {
  const auto transparent = [](png_structp png, png_infop info) {
    const png_color_16 colour = {0, 200, 100, 50, 99};
    png_set_tRNS(png, info, nullptr, 0, &colour);
  };
  EXPECT_EQ(decodedPng(writePng({1, 1, PNG_COLOR_TYPE_RGB, 8}, {200, 100, 50}, transparent)).pixels,
            (Bytes{200, 100, 50}));
  EXPECT_EQ(decodedPng(writePng({1, 1, PNG_COLOR_TYPE_GRAY, 8}, {99}, transparent)).pixels, (Bytes{99, 99, 99}));
}

TEST(Png, TransparentPictureIntoOneChannelIsTheLumaOfItsColours) {
  Preprocess preprocess;
  preprocess.mean = {0}, preprocess.std = {1}, preprocess.scale = 1;
  const Image image = decodedPng(writePng({2, 1, PNG_COLOR_TYPE_RGB_ALPHA, 8}, {200, 100, 50, 51, 10, 20, 30, 0}));
  const Tensor input = prepareImage(image, preprocess, 1, 1, 2).input;
  EXPECT_EQ(input.data[0], 124);  // 0.299·200 + 0.587·100 + 0.114·50 = 124.2
  EXPECT_EQ(input.data[1], 18);   // 0.299·10 + 0.587·20 + 0.114·30 = 18.15
}

TEST(Png, GammaChunkChangesNothing) {
  const Image image = noise(12, 5, 4);
  const auto gamma = [](png_structp png, png_infop info) { png_set_gAMA(png, info, 1.0); };
  EXPECT_EQ(decodedPng(writePng({5, 4, PNG_COLOR_TYPE_RGB, 8}, image.pixels, gamma)).pixels, image.pixels);
}

TEST(Png, TextsAreNotUnpacked) {
  using namespace std::string_literals;
  const Image image = noise(15, 5, 4);
  const Bytes png = encodePng(image), grey = writePng({2, 1, PNG_COLOR_TYPE_GRAY, 8}, {7, 9});
  for (const auto& [type, head] :
       {std::pair{"zTXt"s, "key\0\0"s}, {"iTXt"s, "key\0\1\0\0\0"s}, {"iCCP"s, "key\0\0"s}}) {
    SCOPED_TRACE(type);
    const Bytes large = pngWithLargeTexts(png, type, head, 60), indices = pngWithLargeTexts(grey, type, head, 60);
    const long before = peakMegabytes();
    EXPECT_EQ(decodedPng(large).pixels, image.pixels);
    EXPECT_EQ(decodeIndexPng(indices, "a.png").values, (Bytes{7, 9}));
    EXPECT_LT(peakMegabytes() - before, 5);
  }
}

TEST(Png, InterlacedIsTheSamePicture) {
  const Image image = noise(13, 19, 11);
  const Bytes file = writePng({19, 11, PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_ADAM7}, image.pixels);
  EXPECT_EQ(decodedPng(file).pixels, image.pixels);
}

TEST(Png, DamageIsNoticedByTheChecksum) {
  Bytes file = encodePng(noise(14, 16, 16));
  file[file.size() / 2] ^= 0x10;
  const Error error = expectError(ErrorCode::MalformedImage, [&] { decodedPng(file); });
  EXPECT_EQ(error.where(), "a.png");
}

TEST(Png, GiganticSidesAreRefusedBeforeAllocating) {
  const auto sized = [](Bytes side) {
    Bytes file = encodePng(solid(1, 1, 0, 0, 0));
    Bytes header(file.begin() + 16, file.begin() + 29);
    std::copy(side.begin(), side.end(), header.begin());
    std::copy(side.begin(), side.end(), header.begin() + 4);
    const Bytes spliced = pngWithChunk(file, "IHDR", header);
    file.erase(file.begin() + 8, file.begin() + 33);
    file.insert(file.begin() + 8, spliced.begin() + 33, spliced.begin() + 33 + 25);
    return file;
  };
  expectError(ErrorCode::UnsupportedImage, [&] { decodedPng(sized({0x00, 0x10, 0x00, 0x00})); });
  const Error error = expectError(ErrorCode::MalformedImage, [&] { decodedPng(sized({0x00, 0x00, 0x3F, 0xFF})); });
  EXPECT_NE(error.got().find("too little data"), std::string::npos) << error.what();
}

TEST(EncodePng, RejectsAPictureThatIsNotWhole) {
  expectError(ErrorCode::InvalidArgument, [] { encodePng(Image{}); });
  expectError(ErrorCode::InvalidArgument, [] { encodePng(Image{2, 2, Bytes(13)}); });
}

}  // namespace relprop::test
