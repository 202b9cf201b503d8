#include <gtest/gtest.h>

#include "unit/image/support.h"

namespace relprop::test {

namespace {

Image decodedWebP(const Bytes& file) {
  return decodeImage(file, "a.webp");
}

}  // namespace

TEST(Webp, LosslessIsExact) {
  for (const auto& [width, height] : {std::pair{1, 1}, std::pair{33, 17}}) {
    const Image image = noise(21, width, height);
    EXPECT_EQ(largestDifference(decodedWebP(encodeWebpLossless(image)), image), 0);
  }
}

TEST(Webp, LossyKeepsASmoothPicture) {
  EXPECT_LE(largestDifference(decodedWebP(encodeWebpLossy(gradient(40, 30))), gradient(40, 30)), 12);
}

TEST(Webp, AlphaIsDropped) {
  const Image image = decodedWebP(encodeWebpRgba({200, 100, 50, 51, 200, 100, 50, 255}, 2, 1));
  EXPECT_EQ(image.pixels, (Bytes{200, 100, 50, 200, 100, 50}));
}

TEST(Webp, AnimationIsUnsupported) {
  Bytes file = webpWithExif(encodeWebpLossless(solid(2, 2, 1, 2, 3)), exifBlock(1), 2, 2);
  file[20] = 0x02;  // the flags of VP8X
  const Error error = expectError(ErrorCode::UnsupportedImage, [&] { decodedWebP(file); });
  EXPECT_NE(error.got().find("animated"), std::string::npos);
  EXPECT_FALSE(error.hint().empty());
}

TEST(Webp, BrokenHeaderIsMalformed) {
  Bytes file = encodeWebpLossless(solid(2, 2, 1, 2, 3));
  file[20] ^= 0xFF;  // the signature byte of the lossless stream
  expectError(ErrorCode::MalformedImage, [&] { decodedWebP(file); });
}

}  // namespace relprop::test
