#include "bow/features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <opencv2/features2d.hpp>
#include <opencv2/imgproc.hpp>
#include <random>

namespace relprop::bow::test {

namespace {

using Colour = FeatureSettings::Colour;
using Pixel = std::function<double(int channel, int y, int x)>;

struct Picture {
  int height = 0, width = 0;
  std::vector<float> values;
};

Picture drawnBy(int height, int width, const Pixel& pixel) {
  Picture p{height, width, {}};
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) p.values.push_back(static_cast<float>(pixel(c, y, x)));
  return p;
}

// Blobs of a few pixels, in whole numbers.
Picture texture(int height, int width, unsigned seed) {
  std::vector<cv::Mat> planes;
  std::mt19937 random(seed);
  for (int c = 0; c < 3; ++c) {
    cv::Mat plane(height, width, CV_8U), soft;
    for (int i = 0; i < height * width; ++i) plane.data[i] = static_cast<std::uint8_t>(random() >> 24);
    cv::GaussianBlur(plane, soft, cv::Size(), 1.5);
    cv::normalize(soft, soft, 0, 255, cv::NORM_MINMAX);
    planes.push_back(soft);
  }
  return drawnBy(height, width,
                 [&](int c, int y, int x) { return planes[static_cast<std::size_t>(c)].at<uchar>(y, x); });
}

LocalFeatures featuresOf(const Picture& p, const FeatureSettings& settings) {
  return localFeatures(p.values.data(), p.height, p.width, settings);
}

cv::Mat channel(const Picture& p, int c) {
  cv::Mat result;
  cv::Mat(p.height, p.width, CV_32F, const_cast<float*>(p.values.data() + c * p.height * p.width))
      .convertTo(result, CV_8U);
  return result;
}

cv::Mat greyOf(const Picture& p) {
  cv::Mat rgb, grey;
  cv::merge(std::vector<cv::Mat>{channel(p, 0), channel(p, 1), channel(p, 2)}, rgb);
  cv::cvtColor(rgb, grey, cv::COLOR_RGB2GRAY);
  return grey;
}

std::vector<float> one(const LocalFeatures& f, std::size_t l) {
  return {f.descriptor(l), f.descriptor(l) + f.length};
}

// What OpenCV says of one keypoint alone.
std::vector<float> alone(const cv::Mat& grey, const cv::KeyPoint& keypoint) {
  std::vector<cv::KeyPoint> keypoints{keypoint};
  cv::Mat found;
  cv::SIFT::create()->compute(grey, keypoints, found);
  return {found.ptr<float>(0), found.ptr<float>(0) + 128};
}

double sumOf(const std::vector<float>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0);
}

FeatureSettings plain(std::vector<int> patches, int step = 6) {
  FeatureSettings s;
  s.patches = std::move(patches), s.step = step, s.root = false;
  return s;
}

}  // namespace

TEST(BowArea, HoldsThePixelsWhoseCentresLieInThePatch) {
  std::mt19937 random(1);
  const auto quarters = [&](unsigned below) { return static_cast<float>(random() % below) / 4 - 2; };
  for (int round = 0; round < 2000; ++round) {
    const Support s{quarters(60), quarters(50), quarters(30) + 2};
    const Area area = areaOf(s, 7, 9);
    std::int64_t count = 0;
    for (int y = 0; y < 7; ++y)
      for (int x = 0; x < 9; ++x) {
        const bool inside = x + 0.5 >= s.x - s.radius && x + 0.5 < s.x + s.radius && y + 0.5 >= s.y - s.radius &&
                            y + 0.5 < s.y + s.radius;
        count += inside;
        EXPECT_EQ(inside, x >= area.left && x < area.right && y >= area.top && y < area.bottom);
      }
    EXPECT_EQ(area.pixels(), count);
  }
}

TEST(BowGrid, FillsThePictureWithPatchesAndCentresThem) {
  for (const auto& [height, width] : {std::pair{16, 40}, std::pair{37, 16}, std::pair{61, 75}})
    for (int patch : {9, 16})
      for (int step : {1, 5, 6, 100}) {
        const LocalFeatures f = featuresOf(texture(height, width, 1), plain({patch}, step));
        std::size_t l = 0;
        const int down = (height - patch) / step, right = (width - patch) / step;
        ASSERT_EQ(f.count(), static_cast<std::size_t>((down + 1) * (right + 1)));
        const int top = (height - patch - down * step) / 2, left = (width - patch - right * step) / 2;
        for (int y = top; y + patch <= height; y += step)
          for (int x = left; x + patch <= width; x += step) {
            const Area area = areaOf(f.supports[l++], height, width);
            EXPECT_EQ((std::array{area.left, area.top, area.right, area.bottom}),
                      (std::array{x, y, x + patch, y + patch}));
          }
      }
}

TEST(BowGrid, ComesPatchSizeByPatchSizeAndLeavesOutWhatDoesNotFit) {
  const Picture p = texture(30, 40, 2);
  const LocalFeatures all = featuresOf(p, plain({16, 31, 24})), first = featuresOf(p, plain({16})),
                      last = featuresOf(p, plain({24}));
  ASSERT_GT(last.count(), 0u);
  ASSERT_EQ(all.count(), first.count() + last.count());
  for (std::size_t l = 0; l < all.count(); ++l) {
    const bool before = l < first.count();
    EXPECT_EQ(one(all, l), before ? one(first, l) : one(last, l - first.count()));
    EXPECT_EQ(all.supports[l].radius, before ? 8 : 12);
  }
}

TEST(BowGrid, OfAPictureSmallerThanEveryPatchIsEmpty) {
  for (const auto& [height, width] : {std::pair{1, 1}, std::pair{15, 100}, std::pair{100, 15}}) {
    const LocalFeatures f = featuresOf(texture(height, width, 3), {});
    EXPECT_EQ(f.count(), 0u);
    EXPECT_TRUE(f.descriptors.empty());
    EXPECT_EQ(f.length, 128);
  }
}

TEST(BowDescriptor, IsWhatOpenCvSaysOfTheKeypointAlone) {
  // Octave and layer with the blur nearest to patch/12.
  struct Scale {
    int patch, octave, layer;
  };
  const Picture p = texture(120, 130, 4);
  const cv::Mat grey = greyOf(p);
  for (const Scale& s :
       {Scale{10, 0, 0}, Scale{16, 0, 0}, Scale{24, 0, 1}, Scale{32, 0, 2}, Scale{48, 1, 1}, Scale{96, 2, 1}}) {
    const LocalFeatures f = featuresOf(p, plain({s.patch}, 7));
    const auto size = static_cast<float>(s.patch) / 6;
    for (std::size_t l = 0; l < f.count(); l += 13) {
      const cv::KeyPoint k(f.supports[l].x - 0.5f, f.supports[l].y - 0.5f, size, 0, 0, s.octave | s.layer << 8);
      EXPECT_EQ(one(f, l), alone(grey, k)) << s.patch << " " << l;
    }
  }
}

TEST(BowDescriptor, MovesWithThePicture) {
  const Picture whole = texture(100, 120, 5);
  const int down = 5, right = 12;  // the grids begin at rows 0 and 1, both at column 1
  const Picture moved = drawnBy(78, 90, [&](int c, int y, int x) {
    return whole.values[static_cast<std::size_t>((c * 100 + y + down) * 120 + x + right)];
  });
  FeatureSettings s = plain({16});
  const LocalFeatures before = featuresOf(whole, s), after = featuresOf(moved, s);
  int compared = 0;
  for (std::size_t l = 0; l < before.count(); ++l)
    for (std::size_t m = 0; m < after.count(); ++m) {
      const Support &a = before.supports[l], &b = after.supports[m];
      const bool inside = b.x > 26 && b.y > 26 && b.x < 64 && b.y < 54;  // the window and the blur end in the picture
      if (a.x != b.x + right || a.y != b.y + down || !inside) continue;
      ++compared;
      for (std::int64_t k = 0; k < 128; ++k) EXPECT_NEAR(before.descriptor(l)[k], after.descriptor(m)[k], 1);
    }
  EXPECT_GT(compared, 15);
}

namespace {

// Parts of the descriptor of the one patch of a picture: by direction (0: brighter to the right, 2: brighter to the
// top), by column and by row of its 4×4 cells.
struct Parts {
  std::array<double, 8> direction = {};
  std::array<double, 4> column = {}, row = {};
};

Parts partsOf(const Pixel& pixel) {
  const LocalFeatures f = featuresOf(drawnBy(33, 33, pixel), plain({32}, 100));
  EXPECT_EQ(f.count(), 1u);
  const std::vector<float> d = one(f, 0);
  Parts parts;
  for (std::size_t i = 0; i < 128; ++i) {
    const double share = d[i] / sumOf(d);
    parts.direction[i % 8] += share, parts.column[i / 8 % 4] += share, parts.row[i / 32] += share;
  }
  return parts;
}

}  // namespace

TEST(BowDescriptor, OfAnEdgeLiesWhereTheEdgeIs) {
  const auto edge = [](bool beyond) { return beyond ? 200.0 : 50.0; };
  const Parts right = partsOf([&](int, int, int x) { return edge(x >= 16); });
  const Parts left = partsOf([&](int, int, int x) { return edge(x <= 16); });
  const Parts top = partsOf([&](int, int y, int) { return edge(y <= 16); });
  const Parts bottom = partsOf([&](int, int y, int) { return edge(y >= 16); });
  EXPECT_GT(right.direction[0], 0.99);
  EXPECT_GT(left.direction[4], 0.99);
  EXPECT_GT(top.direction[2], 0.99);
  EXPECT_GT(bottom.direction[6], 0.99);
  EXPECT_GT(right.column[1] + right.column[2], 0.9);
  EXPECT_GT(top.row[1] + top.row[2], 0.9);
  EXPECT_NEAR(right.row[1], right.row[2], 0.02);
  // Through the middle of the last cells: 12 pixels beyond the centre.
  const Parts last = partsOf([&](int, int, int x) { return edge(x >= 28); });
  EXPECT_GT(last.column[3], 0.6);
  EXPECT_LT(last.column[0] + last.column[1], 0.01);
}

TEST(BowDescriptor, OfAPictureOfOneColourIsZero) {
  for (double value : {0.0, 77.0, 255.0})
    for (Colour colour : {Colour::Grey, Colour::Rgb, Colour::Opponent})
      for (bool root : {false, true}) {
        FeatureSettings s = plain({16, 48}, 5);
        s.root = root, s.colour = colour;
        const LocalFeatures f = featuresOf(drawnBy(61, 83, [&](int c, int, int) { return c == 0 ? value : 9.0; }), s);
        EXPECT_GT(f.count(), 0u);
        EXPECT_EQ(f.descriptors, std::vector<float>(f.descriptors.size()));
      }
}

TEST(BowDescriptor, RootIsTheSquareRootOfTheShares) {
  const Picture p = texture(50, 60, 6);
  FeatureSettings s = plain({16, 24});
  s.colour = Colour::Rgb;
  const LocalFeatures f = featuresOf(p, s);
  s.root = true;
  const LocalFeatures root = featuresOf(p, s);
  ASSERT_EQ(root.descriptors.size(), f.descriptors.size());
  for (std::size_t at = 0; at < f.descriptors.size(); at += 128) {
    double sum = 0, square = 0;
    for (std::size_t k = at; k < at + 128; ++k) sum += f.descriptors[k];
    for (std::size_t k = at; k < at + 128; ++k) {
      EXPECT_NEAR(root.descriptors[k], std::sqrt(f.descriptors[k] / sum), 1e-7);
      square += static_cast<double>(root.descriptors[k]) * root.descriptors[k];
    }
    EXPECT_NEAR(square, 1, 1e-6);
  }
}

TEST(BowDescriptor, OfRgbIsThatOfEachChannel) {
  const Picture p = texture(40, 40, 7);
  FeatureSettings s = plain({16, 24});
  const auto channelAsGrey = [&](int c) {
    return featuresOf(
        drawnBy(40, 40, [&](int, int y, int x) { return p.values[static_cast<std::size_t>((c * 40 + y) * 40 + x)]; }),
        s);
  };
  const std::array<LocalFeatures, 3> each{channelAsGrey(0), channelAsGrey(1), channelAsGrey(2)};
  s.colour = Colour::Rgb;
  const LocalFeatures f = featuresOf(p, s);
  EXPECT_EQ(f.length, descriptorLength(s));
  EXPECT_EQ(f.length, 384);
  for (std::size_t l = 0; l < f.count(); ++l)
    for (std::size_t c = 0; c < 3; ++c)
      EXPECT_TRUE(std::equal(each[c].descriptor(l), each[c].descriptor(l) + 128, f.descriptor(l) + c * 128));
}

namespace {

// Which of the three descriptors say anything.
std::array<bool, 3> speaking(const Pixel& pixel) {
  FeatureSettings s = plain({32}, 100);
  s.colour = Colour::Opponent;
  const LocalFeatures f = featuresOf(drawnBy(33, 33, pixel), s);
  EXPECT_EQ(f.count(), 1u);
  std::array<bool, 3> result{};
  for (std::size_t k = 0; k < 384; ++k) result[k / 128] = result[k / 128] || f.descriptor(0)[k] > 0;
  return result;
}

}  // namespace

TEST(BowDescriptor, OfOpponentColoursTellsDifferencesFromBrightness) {
  const auto at = [](std::array<double, 3> left, std::array<double, 3> right) {
    return speaking([=](int c, int, int x) { return (x < 16 ? left : right)[static_cast<std::size_t>(c)]; });
  };
  EXPECT_EQ(at({40, 40, 40}, {200, 200, 200}), (std::array{false, false, true}));
  EXPECT_EQ(at({200, 40, 90}, {40, 200, 90}), (std::array{true, false, false}));
  EXPECT_EQ(at({90, 90, 60}, {60, 60, 120}), (std::array{false, true, false}));
}

TEST(BowDescriptor, IsOfPixelsRoundedToWholeNumbers) {
  const Picture p = texture(40, 40, 8);
  Picture off = p;
  for (std::size_t i = 0; i < off.values.size(); ++i) off.values[i] += i % 2 == 0 ? 0.4f : -0.4f;
  EXPECT_EQ(featuresOf(off, {}).descriptors, featuresOf(p, {}).descriptors);
}

TEST(BowDescriptor, IsTheSameWithAnyNumberOfThreads) {
  const Picture p = texture(90, 100, 9);
  const int threads = cv::getNumThreads();
  FeatureSettings keypoints;
  keypoints.places = FeatureSettings::Places::Keypoints;
  const LocalFeatures grid = featuresOf(p, {}), found = featuresOf(p, keypoints);
  EXPECT_EQ(cv::getNumThreads(), threads);
  cv::setNumThreads(1);
  EXPECT_EQ(featuresOf(p, {}).descriptors, grid.descriptors);
  EXPECT_EQ(featuresOf(p, keypoints).descriptors, found.descriptors);
  cv::setNumThreads(threads);
}

TEST(BowKeypoints, AreTheStrongestThatOpenCvFinds) {
  const Picture p = texture(80, 90, 10);
  std::vector<cv::KeyPoint> all;
  cv::SIFT::create()->detect(greyOf(p), all);
  const std::size_t found = all.size();
  ASSERT_GT(found, 40u);
  std::stable_sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.response > b.response; });
  // A place with several directions has several keypoints, equally strong.
  std::size_t most = 25;
  while (all[most - 1].response == all[most].response) ++most;
  all.resize(most);
  FeatureSettings s = plain({});
  s.places = FeatureSettings::Places::Keypoints, s.keypoints = static_cast<int>(most);
  const LocalFeatures f = featuresOf(p, s);
  ASSERT_EQ(f.count(), most);
  cv::Mat descriptors;
  cv::SIFT::create()->compute(greyOf(p), all, descriptors);
  for (std::size_t l = 0; l < f.count(); ++l) {
    const Support& support = f.supports[l];
    const auto is = [&](const cv::KeyPoint& k) {
      const float* d = descriptors.ptr<float>(static_cast<int>(&k - all.data()));
      return k.response == all[l].response && k.pt.x + 0.5f == support.x && k.pt.y + 0.5f == support.y &&
             3 * k.size == support.radius && std::equal(d, d + 128, f.descriptor(l));
    };
    EXPECT_EQ(std::count_if(all.begin(), all.end(), is), 1) << l;
  }
  s.keypoints = 100000;
  EXPECT_EQ(featuresOf(p, s).count(), found);
}

TEST(BowKeypoints, OfPicturesThatShowNothingAreNone) {
  FeatureSettings s;
  s.places = FeatureSettings::Places::Keypoints;
  EXPECT_EQ(featuresOf(drawnBy(50, 60, [](int, int, int) { return 128.0; }), s).count(), 0u);
  for (const auto& [height, width] : {std::pair{1, 1}, std::pair{1, 200}, std::pair{3, 2}})
    EXPECT_EQ(featuresOf(texture(height, width, 11), s).count(), 0u);
}

}  // namespace relprop::bow::test
