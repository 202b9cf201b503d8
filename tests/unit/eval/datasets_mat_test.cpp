// ImageNet-Segmentation, from files written with the HDF5 library as MATLAB writes them.
#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "relprop/dataset.h"
#include "relprop/image.h"
#include "unit/eval/dataset_files.h"
#include "unit/eval/mat_writer.h"

namespace relprop::dataset_test {

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Classes = std::vector<int>;

std::uint8_t sampleAt(int x, int y, int c) {
  return static_cast<std::uint8_t>(10 * x + y + 100 * c);
}
bool objectAt(int x, int y) {
  return x == 2 || (x == 0 && y == 1);
}

// A picture of 3×2 pixels: MATLAB's picture(y, x, c), whose index y runs fastest.
hobj_ref_t picture(MatWriter& mat, int channels = 3) {
  std::vector<std::uint8_t> values;
  for (int c = 0; c < channels; ++c)
    for (int x = 0; x < 3; ++x)
      for (int y = 0; y < 2; ++y) values.push_back(sampleAt(x, y, c));
  if (channels == 1) return mat.bytes({3, 2}, values);
  return mat.bytes({static_cast<hsize_t>(channels), 3, 2}, values);
}

hobj_ref_t mask(MatWriter& mat) {
  std::vector<std::uint8_t> values;
  for (int x = 0; x < 3; ++x)
    for (int y = 0; y < 2; ++y) values.push_back(objectAt(x, y));
  return mat.bytes({3, 2}, values);
}

// Two pictures, the second one grey; each mask in a cell array of its own.
void writeSegmentation(const std::filesystem::path& path, bool withIds = true) {
  MatWriter mat(path);
  mat.field("img", {picture(mat), picture(mat, 1)});
  const hobj_ref_t other = mat.bytes({3, 2}, {9, 9, 9, 9, 9, 9});
  mat.field("gt", {mat.cell({mask(mat), other}), mat.cell({mat.bytes({3, 2}, std::vector<std::uint8_t>(6))})});
  if (withIds) mat.field("id", {mat.text("n02099601_12"), mat.text("n01440764_7")});
}

Error openError(const std::filesystem::path& path) {
  return expectError(ErrorCode::MalformedDataset, [&] { open("imagenet-segmentation", path); });
}

}  // namespace

TEST(ImagenetSegmentation, PicturesStandUpright) {
  const Tree tree;
  writeSegmentation(tree / "gtsegs_ijcv.mat");
  const Dataset dataset = open("imagenet-segmentation", tree / "gtsegs_ijcv.mat");
  EXPECT_EQ(dataset.name(), "imagenet-segmentation:gtsegs_ijcv.mat");
  ASSERT_EQ(dataset.size(), 2u);
  const Image colour = dataset.image(0), grey = dataset.image(1);
  ASSERT_EQ(colour.width, 3);
  ASSERT_EQ(colour.height, 2);
  ASSERT_EQ(grey.pixels.size(), 18u);
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 3; ++x)
      for (int c = 0; c < 3; ++c) {
        const auto i = static_cast<std::size_t>((y * 3 + x) * 3 + c);
        EXPECT_EQ(colour.pixels[i], sampleAt(x, y, c));
        EXPECT_EQ(grey.pixels[i], sampleAt(x, y, 0));
      }
}

TEST(ImagenetSegmentation, TheFirstMaskCounts) {
  const Tree tree;
  writeSegmentation(tree / "a.mat");
  const Dataset dataset = open("imagenet-segmentation", tree / "a.mat");
  EXPECT_TRUE(dataset.hasMasks());
  EXPECT_FALSE(dataset.hasBoxes());
  const Mask first = dataset.annotation(0).mask.value();
  ASSERT_EQ(first.width, 3);
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 3; ++x)
      EXPECT_EQ(first.values[static_cast<std::size_t>(y * 3 + x)], objectAt(x, y) ? Mask::kObject : Mask::kBackground);
  EXPECT_THAT(counts(dataset.annotation(1, 5).mask.value()), ElementsAre(0, 6, 0));
  EXPECT_TRUE(dataset.annotation(0).boxes.empty());
}

TEST(ImagenetSegmentation, IdsSayTheSynset) {
  const Tree tree;
  writeSegmentation(tree / "a.mat");
  const Dataset without = open("imagenet-segmentation", tree / "a.mat");
  EXPECT_THAT(ids(without), ElementsAre("n02099601_12", "n01440764_7"));
  EXPECT_THAT(classes(without), ElementsAre(Classes{207}, Classes{0})) << "ILSVRC's own numbers";
  tree.write("synset_words.txt", std::string("n01440764 tench\nn02099601 golden retriever\n"));
  const Dataset dataset = open("imagenet-segmentation", tree / "a.mat");
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{1}, Classes{0}));
  EXPECT_TRUE(dataset.classNames().empty());
  tree.write("synset_words.txt", std::string("n01440764 tench\n"));
  const Dataset some = open("imagenet-segmentation", tree / "a.mat");
  EXPECT_THAT(classes(some), ElementsAre(Classes{}, Classes{0}));
  EXPECT_TRUE(notes(some, "1 of 2 pictures are of a class that the synset list does not have"));
}

TEST(ImagenetSegmentation, WithoutIdsPicturesAreCounted) {
  const Tree tree;
  writeSegmentation(tree / "a.mat", false);
  const Dataset dataset = open("imagenet-segmentation", tree / "a.mat");
  EXPECT_THAT(ids(dataset), ElementsAre("00001", "00002"));
  EXPECT_TRUE(notes(dataset, "does not say the classes"));
}

TEST(ImagenetSegmentation, MasksWithoutACellArray) {
  const Tree tree;
  {
    MatWriter mat(tree / "a.mat");
    mat.field("img", {picture(mat)});
    mat.field("gt", {mask(mat)});
  }
  EXPECT_THAT(counts(open("imagenet-segmentation", tree / "a.mat").annotation(0).mask.value()), ElementsAre(3, 3, 0));
}

TEST(ImagenetSegmentation, BrokenPartsAreReportedForTheirPictureAlone) {
  const Tree tree;
  {
    MatWriter mat(tree / "a.mat");
    mat.field("img", {picture(mat), mat.bytes({2, 3, 2}, std::vector<std::uint8_t>(12)),
                      mat.doubles({3, 3, 2}, std::vector<double>(18)), picture(mat), hobj_ref_t{12345}});
    const hobj_ref_t whole = mat.cell({mask(mat)});
    mat.field("gt", {mat.cell({mat.bytes({2, 3}, std::vector<std::uint8_t>(6))}), whole, whole, whole, whole});
  }
  const Dataset dataset = open("imagenet-segmentation", tree / "a.mat");
  const auto gotFor = [&](const std::function<void()>& call) {
    const Error error = expectError(ErrorCode::MalformedDataset, call);
    EXPECT_THAT(error.where(), HasSubstr("a.mat"));
    return error.got();
  };
  EXPECT_EQ(gotFor([&] { dataset.annotation(0); }), "a mask of 2×3 pixels");
  EXPECT_EQ(gotFor([&] { dataset.image(1); }), "3 dimensions and 2 channels");
  EXPECT_EQ(gotFor([&] { dataset.image(2); }), "values of another type");
  EXPECT_EQ(gotFor([&] { dataset.image(4); }), "nothing that can be read");
  EXPECT_EQ(dataset.image(3).width, 3);
  EXPECT_EQ(dataset.annotation(3).mask->height, 2);
}

TEST(ImagenetSegmentation, WhatIsNoSuchFile) {
  const Tree tree;
  tree.write("text.mat", std::string("MATLAB 5.0 MAT-file"));
  EXPECT_EQ(openError(tree / "text.mat").got(), "not HDF5");
  EXPECT_THAT(openError(tree / "text.mat").hint(), HasSubstr("-v7.3"));
  { MatWriter mat(tree / "other.mat"); }
  EXPECT_EQ(openError(tree / "other.mat").got(), "no /value/img");
  {
    MatWriter mat(tree / "uneven.mat");
    mat.field("img", {picture(mat), picture(mat)});
    mat.field("gt", {mat.cell({mask(mat)})});
  }
  EXPECT_EQ(openError(tree / "uneven.mat").got(), "2 pictures and 1 masks");
}

// 390 chunks, of which those at three edges reach beyond the picture; their index has two levels.
TEST(ImagenetSegmentation, PicturesInDeflatedChunks) {
  const Tree tree;
  constexpr hsize_t width = 91, height = 73;
  std::vector<std::uint8_t> values;
  for (hsize_t i = 0; i < 3 * width * height; ++i) values.push_back(static_cast<std::uint8_t>(i * 7 + i / 251));
  {
    MatWriter mat(tree / "a.mat");
    mat.field("img", {mat.chunkedBytes({3, width, height}, {2, 7, 5}, values)});
    mat.field("gt", {mat.chunkedBytes({width, height}, {50, 40}, {values.begin(), values.begin() + width * height})});
  }
  const Dataset dataset = open("imagenet-segmentation", tree / "a.mat");
  const Image image = dataset.image(0);
  ASSERT_EQ(image.width, static_cast<int>(width));
  ASSERT_EQ(image.height, static_cast<int>(height));
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t x = 0; x < width; ++x)
      for (std::size_t y = 0; y < height; ++y)
        ASSERT_EQ(image.pixels[(y * width + x) * 3 + c], values[(c * width + x) * height + y])
            << c << " " << x << " " << y;
  EXPECT_EQ(dataset.annotation(0).mask->values.size(), width * height);
}

// A file of a few thousand bytes with a cell array of a billion cells, of which none is stored.
TEST(ImagenetSegmentation, FewBytesAnnounceNoCells) {
  const Tree tree;
  for (const hsize_t cells : {hsize_t{100000}, hsize_t{1} << 30}) {
    {
      MatWriter mat(tree / "a.mat");
      mat.chunkedField("img", cells, 1000);
      mat.chunkedField("gt", cells, 1000);
    }
    EXPECT_EQ(openError(tree / "a.mat").got(), "an array too large for a picture");
    std::filesystem::remove(tree / "a.mat");
  }
  {
    MatWriter mat(tree / "a.mat");
    mat.chunkedField("img", 3, 3);
    mat.chunkedField("gt", 3, 3);
  }
  EXPECT_EQ(openError(tree / "a.mat").code(), ErrorCode::MalformedDataset);
}

// Bytes at random: a picture or an error, never another kind of failure.
TEST(ImagenetSegmentation, DamagedFilesAreReadOrRefused) {
  const Tree tree;
  {
    MatWriter mat(tree / "whole.mat");
    std::vector<std::uint8_t> values(3 * 20 * 20, 7);
    mat.field("img", {picture(mat), mat.chunkedBytes({3, 20, 20}, {1, 9, 9}, values)});
    mat.field("gt", {mat.cell({mask(mat)}), mat.chunkedBytes({20, 20}, {9, 9}, values)});
    mat.field("id", {mat.text("n02099601_12"), mat.text("n01440764_7")});
  }
  const std::vector<std::uint8_t> whole = readFile(tree / "whole.mat");
  std::mt19937 random(2);
  int refused = 0;
  constexpr int tries = 2000;
  for (int i = 0; i < tries; ++i) {
    std::vector<std::uint8_t> bytes = whole;
    for (std::size_t k = 0; k < 1 + random() % 4; ++k) bytes[512 + random() % (bytes.size() - 512)] = random() % 256;
    tree.write("bad.mat", bytes);
    try {
      const Dataset dataset = open("imagenet-segmentation", tree / "bad.mat");
      for (std::size_t s = 0; s < dataset.size(); ++s) dataset.annotation(s);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::MalformedDataset) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, tries / 10);
  EXPECT_LT(refused, tries);
}

// Whatever is cut off, opening or reading says so; nothing crashes and nothing is printed.
TEST(ImagenetSegmentation, TruncatedFiles) {
  const Tree tree;
  writeSegmentation(tree / "whole.mat");
  const std::vector<std::uint8_t> whole = readFile(tree / "whole.mat");
  testing::internal::CaptureStderr();
  int refused = 0, tried = 0;
  for (std::size_t size = 0; size < whole.size(); size += whole.size() / 23 + 1, ++tried) {
    tree.write("cut.mat", std::vector<std::uint8_t>(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    try {
      const Dataset dataset = open("imagenet-segmentation", tree / "cut.mat");
      for (std::size_t i = 0; i < dataset.size(); ++i) dataset.annotation(i);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::MalformedDataset) << error.what();
      ++refused;
    }
  }
  EXPECT_EQ(refused, tried);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace relprop::dataset_test
