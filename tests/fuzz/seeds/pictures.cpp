// Pictures in every format with their turns, arrays, and a data set of each layout.
#include <png.h>

#include "fuzz/seeds/seeds.h"
#include "relprop/image.h"
#include "support/index_png.h"
#include "support/temporary_folder.h"
#include "unit/eval/mat_writer.h"
#include "unit/image/support.h"

namespace relprop::fuzz {

namespace {

const Image& photo() {
  static const Image image = test::gradient(8, 6);
  return image;
}

File mask() {
  File values(48, 0);
  for (std::size_t i = 10; i < 20; ++i) values[i] = static_cast<std::uint8_t>(i % 3 == 0 ? 255 : 8);
  return test::palettePng(8, 6, values);
}

std::string annotation(const std::string& name, const std::string& synset) {
  return "<annotation><filename>" + name +
         "</filename><size><width>8</width><height>6</height><depth>3</depth></size><object><name>" + synset +
         "</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>4</ymax></bndbox>"
         "</object></annotation>";
}

Files pictures() {
  Files files = {{"photo.png", encodePng(photo())},
                 {"photo.jpg", test::encodeJpeg(photo())},
                 {"grey.jpg", test::encodeGreyJpeg(photo())},
                 {"progressive.jpg", test::encodeJpeg(photo(), 16384)},  // TJFLAG_PROGRESSIVE
                 {"cmyk.jpg", test::encodeCmykJpeg(File(8 * 6 * 4, 77), 8, 6)},
                 {"lossless.webp", test::encodeWebpLossless(photo())},
                 {"lossy.webp", test::encodeWebpLossy(photo())},
                 {"alpha.webp", test::encodeWebpRgba(File(8 * 6 * 4, 99), 8, 6)},
                 {"mask.png", mask()},
                 {"grey.png", test::greyPng(8, 6, File(48, 5))},
                 {"colour.png", test::palettePng(8, 6, File(48, 1), 2)}};
  for (const int turn : {3, 6, 8}) {
    const std::string name = "turned" + std::to_string(turn);
    files[name + ".jpg"] = test::jpegWithExif(test::encodeJpeg(photo()), test::exifBlock(turn, turn == 6));
    files[name + ".png"] = test::pngWithChunk(encodePng(photo()), "eXIf", test::exifBlock(turn));
    files[name + ".webp"] = test::webpWithExif(test::encodeWebpLossless(photo()), test::exifBlock(turn), 8, 6);
  }
  return files;
}

// A header as NumPy writes it, padded to 64 bytes, and zeros.
File npy(const std::string& type, const std::string& shape, bool fortran, std::size_t bytes) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': (" + shape + "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  File file = fileOf("\x93NUMPY");
  for (const std::size_t byte : {std::size_t{1}, std::size_t{0}, header.size() % 256, header.size() / 256})
    file.push_back(static_cast<std::uint8_t>(byte));
  file.insert(file.end(), header.begin(), header.end());
  file.resize(file.size() + bytes, 0x3c);
  return file;
}

Files arrays() {
  return {{"f4.npy", encodeNpy(Tensor(Shape{2, 3, 4}))}, {"f8.npy", npy("<f8", "3, 4", true, 96)},
          {"big.npy", npy(">f4", "5,", false, 20)},      {"f2.npy", npy("<f2", "2, 2", false, 8)},
          {"u1.npy", npy("|u1", "7,", false, 7)},        {"i8.npy", npy("<i8", "2,", false, 16)},
          {"b1.npy", npy("|b1", "4,", false, 4)},        {"scalar.npy", npy("<i4", "", false, 4)}};
}

// Polygons and run lengths.
constexpr const char* kCoco =
    R"({"images": [{"id": 1, "file_name": "a.png", "height": 6, "width": 8}], )"
    R"("categories": [{"id": 1, "name": "cat"}], "annotations": [)"
    R"({"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 2], "segmentation": [[0, 0, 4, 0, 4, 3]]}, )"
    R"({"image_id": 1, "category_id": 1, "bbox": [0, 0, 8, 6], "segmentation": {"size": [6, 8], "counts": [4, 2, 42]}}]})";

Files datasets() {
  const File jpeg = test::encodeJpeg(photo()), png = encodePng(photo());
  const std::string synset = "n01440764";
  return {
      {"folder", bundle({{"folder", {}}, {"cat/a.png", png}, {"dog/b.jpg", jpeg}})},
      {"voc", bundle({{"voc", {}},
                      {"ImageSets/Segmentation/val.txt", fileOf("a\n")},
                      {"JPEGImages/a.jpg", jpeg},
                      {"Annotations/a.xml", fileOf(annotation("a.jpg", "cat"))},
                      {"SegmentationClass/a.png", mask()}})},
      {"voc_own", bundle({{"voc", {}},
                          {"ImageSets/Main/val.txt", fileOf("a 1\n")},
                          {"JPEGImages/a.jpg", jpeg},
                          {"class_names.txt", fileOf("_background_\nring\nstar\n")},
                          {"Annotations/a.xml", fileOf(annotation("a.jpg", "star"))},
                          {"SegmentationClass/a.png", mask()}})},
      {"cub", bundle({{"cub", {}},
                      {"images.txt", fileOf("1 001.Bird/a.jpg\n2 002.Gull/b.jpg\n")},
                      {"image_class_labels.txt", fileOf("1 1\n2 2\n")},
                      {"classes.txt", fileOf("1 001.Bird\n2 002.Gull\n")},
                      {"bounding_boxes.txt", fileOf("1 1.0 2.0 3.0 2.0\n2 0.0 0.0 8.0 6.0\n")},
                      {"train_test_split.txt", fileOf("1 0\n2 1\n")},
                      {"images/001.Bird/a.jpg", jpeg},
                      {"segmentations/001.Bird/a.png", test::greyPng(8, 6, File(48, 200))}})},
      {"imagenet", bundle({{"imagenet", {}},
                           {"Data/CLS-LOC/val/v1.JPEG", jpeg},
                           {"Annotations/CLS-LOC/val/v1.xml", fileOf(annotation("v1", synset))},
                           {"ImageSets/CLS-LOC/val.txt", fileOf("v1 1\n")},
                           {"LOC_synset_mapping.txt", fileOf(synset + " tench, Tinca tinca\n")}})},
      {"imagenet_flat", bundle({{"imagenet", {}}, {"a.JPEG", jpeg}, {"val.txt", fileOf("a.JPEG 65\n")}})},
      {"imagenet_folders",
       bundle({{"imagenet", {}}, {synset + "/a.JPEG", jpeg}, {"synset_words.txt", fileOf(synset + " tench\n")}})},
      {"coco", bundle({{"coco", {}}, {"a.json", fileOf(kCoco)}, {"a.png", png}})},
      {"boxes", bundle({{"boxes", {}},
                        {"a.csv", fileOf("picture,class,xmin,ymin,xmax,ymax\na.png,cat,1,2,4,4\n")},
                        {"a.png", png}})},
      {"segmentation", bundle({{"imagenet-segmentation", fileOf("no file")}})},
  };
}

// Two pictures with masks; one of each in deflated chunks.
File matFile(bool chunks) {
  const test::TemporaryFolder folder;
  {
    dataset_test::MatWriter mat(folder / "a.mat");
    const File grey(12, 9), colour(3 * 10 * 10, 7), object(100, 1);
    const auto picture = chunks ? mat.chunkedBytes({3, 10, 10}, {1, 6, 6}, colour) : mat.bytes({3, 10, 10}, colour);
    const auto mask = chunks ? mat.chunkedBytes({10, 10}, {6, 6}, object) : mat.bytes({10, 10}, object);
    mat.field("img", {picture, mat.bytes({4, 3}, grey)});
    mat.field("gt", {mat.cell({mask, mask}), mat.bytes({4, 3}, grey)});
    mat.field("id", {mat.text("n02099601_12"), mat.text("n01440764_7")});
  }
  return readFile(folder / "a.mat");
}

}  // namespace

void addPictures(Corpus& corpus) {
  corpus["picture"] = pictures();
  corpus["npy"] = arrays();
  corpus["dataset"] = datasets();
  corpus["mat"] = {{"whole.mat", matFile(false)}, {"chunks.mat", matFile(true)}};
}

}  // namespace relprop::fuzz
