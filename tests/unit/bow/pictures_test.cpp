#include "bow/pictures.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "bow/settings.h"

namespace relprop::bow::test {

namespace {

// While it lives no thread starts: none gets a stack of all the addresses that there are.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, std::size_t{1} << 47);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_;
};

// What the pictures gave, in the order in which it was taken: their numbers of features, descriptors and failures.
std::vector<std::string> overNoise(int threads) {
  BowPictures pictures;
  for (int i = 0; i < 9; ++i) pictures.ids.push_back(std::to_string(i));
  pictures.image = [](std::size_t i) {
    Image image{40, 40, {}};
    auto noise = static_cast<std::uint32_t>(i + 1);
    for (int p = 0; p < 40 * 40 * 3; ++p)
      image.pixels.push_back(static_cast<std::uint8_t>((noise = noise * 1664525u + 1013904223u) >> 24));
    return image;
  };
  const FeatureSettings features;
  const Preprocess preprocess = BowSettings::warped(40);
  std::vector<std::string> taken;
  overPictures(
      {pictures, features, preprocess, threads, {}}, 0,
      [](std::size_t, const Looked& looked) { return bytesOf(looked.features.descriptors); },
      [&](std::size_t picture, const Gave& gave) {
        taken.push_back(pictures.ids[picture] + gave.failure + std::string(gave.bytes.begin(), gave.bytes.end()));
      });
  return taken;
}

}  // namespace

TEST(BowPicturesTogether, NeedNoSecondThread) {
  const std::vector<std::string> usual = overNoise(4);
  ASSERT_EQ(usual.size(), 9u);
  const NoThreads none;
  ASSERT_THROW(std::thread([] {}).join(), std::system_error);
  EXPECT_EQ(overNoise(4), usual);
}

}  // namespace relprop::bow::test
