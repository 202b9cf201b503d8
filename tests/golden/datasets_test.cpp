// The data sets beside the checkout, and the bundled one, through the library.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <tuple>

#include "image/stored.h"
#include "relprop/dataset.h"
#include "relprop/error.h"
#include "support/shared.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;

fs::path folder(const std::string& name) {
  return test::sharedFolder() / "images" / name;
}

// Rows of boxes.csv by picture: label, and corners as they are written.
struct Row {
  int label = -1;
  std::vector<Box> corners;
};
std::map<std::string, Row> readBoxes(const fs::path& csv) {
  std::map<std::string, Row> rows;
  std::ifstream file(csv);
  std::string line;
  std::getline(file, line);  // image,label,synset,width,height,xmin,ymin,xmax,ymax,…
  while (std::getline(file, line)) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
    Row& row = rows[fields.at(0)];
    row.label = std::stoi(fields.at(1));
    row.corners.push_back(
        {std::stod(fields.at(5)), std::stod(fields.at(6)), std::stod(fields.at(7)), std::stod(fields.at(8))});
  }
  return rows;
}

bool less(const Box& a, const Box& b) {
  return std::tie(a.x0, a.y0, a.x1, a.y1) < std::tie(b.x0, b.y0, b.x1, b.y1);
}

// Whole columns and rows that a part of a mask spans.
Box spanOf(const IndexImage& image, int value) {
  Box box{1e9, 1e9, -1, -1};
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      if (image.values[static_cast<std::size_t>(y * image.width + x)] == value)
        box = {std::min<double>(box.x0, x), std::min<double>(box.y0, y), std::max<double>(box.x1, x + 1),
               std::max<double>(box.y1, y + 1)};
  return box;
}

Mask viewOfBoxes(const std::vector<Box>& boxes, int width, int height) {
  return truthInView({boxes, {}}, viewGeometry(width, height, Preprocess{}, 0, 0)).boxes.value();
}

class SharedImagenet : public testing::TestWithParam<const char*> {};

TEST_P(SharedImagenet, LabelsAndBoxesAreThoseOfTheTable) {
  RELPROP_NEEDS_SHARED();
  if (!fs::exists(folder(GetParam()))) GTEST_SKIP() << GetParam() << " is absent";
  const Dataset dataset = Dataset::open("imagenet:" + folder(GetParam()).string());
  const std::map<std::string, Row> rows = readBoxes(folder(GetParam()) / "boxes.csv");
  EXPECT_TRUE(dataset.hasBoxes());
  ASSERT_GT(dataset.size(), 0u);
  for (std::size_t i = 0; i < dataset.size(); ++i) {
    const Row& row = rows.at(dataset.sample(i).id);
    EXPECT_EQ(dataset.sample(i).classes, std::vector<int>{row.label}) << dataset.sample(i).id;
    std::vector<Box> boxes = dataset.annotation(i).boxes, expected;
    for (const Box& c : row.corners) expected.push_back({c.x0, c.y0, c.x1 + 1, c.y1 + 1});
    std::sort(boxes.begin(), boxes.end(), less);
    std::sort(expected.begin(), expected.end(), less);
    EXPECT_EQ(boxes, expected) << dataset.sample(i).id;
  }
}

// Counted from 0 with the last pixel inside, boxes of the original pictures lie inside to the pixel; those of the
// pictures here were clipped at a side, so one may reach a pixel beyond.
TEST_P(SharedImagenet, BoxesLieInTheirPictures) {
  RELPROP_NEEDS_SHARED();
  if (!fs::exists(folder(GetParam()))) GTEST_SKIP() << GetParam() << " is absent";
  const Dataset dataset = Dataset::open("imagenet:" + folder(GetParam()).string());
  for (std::size_t i = 0; i < dataset.size(); ++i) {
    const Image image = dataset.image(i);
    for (const Box& box : dataset.annotation(i).boxes) {
      EXPECT_GE(std::min(box.x0, box.y0), 0) << dataset.sample(i).id;
      EXPECT_LE(box.x1, image.width + 1) << dataset.sample(i).id;
      EXPECT_LE(box.y1, image.height + 1) << dataset.sample(i).id;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, SharedImagenet,
                         testing::Values("imagenet_val_100", "imagenet_val_400_227", "imagenet_val_rap19_224"));

// The boxes there are those around all pixels of a class in the mask, so the two have to agree to the pixel.
TEST(SharedVoc, BoxesSurroundTheMasks) {
  RELPROP_NEEDS_SHARED();
  if (!fs::exists(folder("VOC2012"))) GTEST_SKIP() << "VOC2012 is absent";
  const Dataset dataset = Dataset::open("voc:" + folder("VOC2012").string());
  ASSERT_EQ(dataset.classNames().size(), 20u);
  EXPECT_TRUE(dataset.hasBoxes() && dataset.hasMasks());
  int several = 0;
  for (std::size_t i = 0; i < dataset.size(); ++i) {
    const Sample& sample = dataset.sample(i);
    const Image image = dataset.image(i);
    const IndexImage indices = readIndexPng(folder("VOC2012") / "SegmentationClass" / (sample.id + ".png"));
    several += sample.classes.size() > 1;
    for (const int c : sample.classes) {
      const Annotation annotation = dataset.annotation(i, c);
      ASSERT_EQ(annotation.boxes.size(), 1u) << sample.id;
      EXPECT_EQ(annotation.boxes[0], spanOf(indices, c + 1)) << sample.id;
      EXPECT_EQ(std::count(annotation.mask->values.begin(), annotation.mask->values.end(), Mask::kObject),
                std::count(indices.values.begin(), indices.values.end(), c + 1));
      ASSERT_EQ(annotation.mask->width, image.width);
    }
  }
  EXPECT_GT(several, 10);
}

TEST(SharedCub, OneBirdAPictureInsideItsBox) {
  RELPROP_NEEDS_SHARED();
  if (!fs::exists(folder("CUB_200_2011"))) GTEST_SKIP() << "CUB_200_2011 is absent";
  const Dataset dataset = Dataset::open("cub:" + folder("CUB_200_2011").string());
  EXPECT_EQ(dataset.size(), 100u);
  EXPECT_TRUE(dataset.hasBoxes());
  EXPECT_FALSE(dataset.hasMasks());
  for (std::size_t i = 0; i < dataset.size(); ++i) {
    const Sample& sample = dataset.sample(i);
    ASSERT_EQ(sample.classes.size(), 1u);
    const std::string& species = dataset.classNames().at(static_cast<std::size_t>(sample.classes[0]));
    EXPECT_EQ(species, fs::path(sample.id).parent_path());
    EXPECT_EQ(std::stoi(species), sample.classes[0] + 1);
    const Image image = dataset.image(i);
    const std::vector<Box> boxes = dataset.annotation(i).boxes;
    ASSERT_EQ(boxes.size(), 1u);
    const Mask inside = viewOfBoxes(boxes, image.width, image.height);
    const auto area = std::count(inside.values.begin(), inside.values.end(), Mask::kObject);
    // Clipped by the picture's border, the box loses next to nothing.
    EXPECT_GT(static_cast<double>(area), 0.98 * (boxes[0].x1 - boxes[0].x0) * (boxes[0].y1 - boxes[0].y0)) << sample.id;
  }
}

TEST(BundledPictures, BoxesSurroundTheMasks) {
  const fs::path root = fs::path(RELPROP_EXAMPLES) / "pictures";
  const Dataset dataset = Dataset::open("voc:" + root.string());
  EXPECT_EQ(dataset.size(), 8u);
  EXPECT_TRUE(dataset.notes().empty());
  for (std::size_t i = 0; i < dataset.size(); ++i) {
    ASSERT_EQ(dataset.sample(i).classes.size(), 1u);
    const int c = dataset.sample(i).classes[0];
    const Annotation annotation = dataset.annotation(i, c);
    ASSERT_TRUE(annotation.mask);
    IndexImage object{annotation.mask->width, annotation.mask->height, annotation.mask->values};
    ASSERT_EQ(annotation.boxes.size(), 1u);
    EXPECT_EQ(annotation.boxes[0], spanOf(object, Mask::kObject)) << dataset.sample(i).id;
  }
}

}  // namespace
}  // namespace relprop
