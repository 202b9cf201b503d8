// Pascal VOC and ImageNet.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "eval/datasets/synsets.h"
#include "eval/evaluation_units.h"
#include "explainer/synsets.h"
#include "relprop/dataset.h"
#include "relprop/explain.h"
#include "relprop/image.h"
#include "support/index_png.h"
#include "unit/eval/dataset_files.h"

namespace relprop::dataset_test {

namespace {

using test::palettePng;
using testing::ElementsAre;
using testing::HasSubstr;

using Classes = std::vector<int>;

// A mask of 8×6 pixels: the columns 0 and 1 are background, then a column of 8, of 12, of 255, then background.
Bytes columnsMask(std::uint8_t first, std::uint8_t second) {
  Bytes indices;
  for (int y = 0; y < 6; ++y)
    for (const std::uint8_t value : {std::uint8_t{0}, std::uint8_t{0}, first, second, std::uint8_t{255},
                                     std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{0}})
      indices.push_back(value);
  return palettePng(8, 6, indices);
}

void writeVoc(const Tree& tree) {
  tree.write("ImageSets/Segmentation/val.txt", std::string("2007_b\n2007_a\n"));
  tree.writePicture("JPEGImages/2007_a.jpg", 1);
  tree.writePicture("JPEGImages/2007_b.jpg", 2);
  tree.writePicture("JPEGImages/2007_c.jpg", 3);
  tree.write("Annotations/2007_a.xml", xml({{"cat", {3, 1, 3, 6}}, {"dog", {4, 1, 4, 6}}, {"cat", {1, 1, 8, 6}}}));
  tree.write("Annotations/2007_b.xml", xml({{"tvmonitor", {1.5, 2, 3.25, 4}}}));
  tree.write("Annotations/2007_c.xml", xml({{"cow", {1, 1, 2, 2}}}));
  tree.write("SegmentationClass/2007_a.png", columnsMask(8, 12));  // cat, dog
  tree.write("SegmentationClass/2007_b.png", columnsMask(20, 20));
}

// The same layout with classes that are not VOC's.
void writeShapes(const Tree& tree) {
  tree.write("ImageSets/Main/val.txt", std::string("a\nb\n"));
  tree.writePicture("JPEGImages/a.png", 1);
  tree.writePicture("JPEGImages/b.jpeg", 2);
  tree.write("Annotations/a.xml", xml({{"star", {1, 1, 2, 2}}}));
  tree.write("Annotations/b.xml", xml({{"ring", {1, 1, 2, 2}}, {"star", {3, 3, 4, 4}}}));
  tree.write("SegmentationClass/a.png", columnsMask(5, 5));
  tree.write("SegmentationClass/b.png", columnsMask(5, 9));
}

}  // namespace

// ---- VOC

TEST(VocDataset, TakesTheListInItsOrder) {
  const Tree tree;
  writeVoc(tree);
  const Dataset dataset = open("voc", tree.path());
  EXPECT_THAT(ids(dataset), ElementsAre("2007_b", "2007_a"));
  EXPECT_EQ(redOf(dataset, 0), 2);
  EXPECT_EQ(redOf(dataset, 1), 1);
  EXPECT_TRUE(dataset.hasBoxes() && dataset.hasMasks());
  EXPECT_TRUE(dataset.notes().empty());
}

// Windows' editors put it in front.
TEST(VocDataset, AByteOrderMarkIsNoPartOfAList) {
  const Tree tree;
  writeVoc(tree);
  tree.write("ImageSets/Segmentation/val.txt", std::string("\xEF\xBB\xBF"
                                                           "2007_b\r\n2007_a\r\n"));
  const Dataset dataset = open("voc", tree.path());
  EXPECT_THAT(ids(dataset), ElementsAre("2007_b", "2007_a"));
  EXPECT_TRUE(dataset.notes().empty());
}

TEST(VocDataset, ClassesAreRanksAmongTheTwenty) {
  const Tree tree;
  writeVoc(tree);
  const Dataset dataset = open("voc", tree.path());
  EXPECT_EQ(dataset.classNames().size(), 20u);
  EXPECT_TRUE(std::is_sorted(dataset.classNames().begin(), dataset.classNames().end()));
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{19}, Classes{7, 11}));
  EXPECT_EQ(dataset.classNames()[7], "cat");
}

// VOC counts pixels from 1 and the last one belongs to the box.
TEST(VocDataset, BoxesOfAClassAndOfAll) {
  const Tree tree;
  writeVoc(tree);
  const Dataset dataset = open("voc", tree.path());
  EXPECT_THAT(dataset.annotation(1).boxes, ElementsAre(Box{2, 0, 3, 6}, Box{3, 0, 4, 6}, Box{0, 0, 8, 6}));
  EXPECT_THAT(dataset.annotation(1, 7).boxes, ElementsAre(Box{2, 0, 3, 6}, Box{0, 0, 8, 6}));
  EXPECT_THAT(dataset.annotation(1, 11).boxes, ElementsAre(Box{3, 0, 4, 6}));
  EXPECT_TRUE(dataset.annotation(1, 0).boxes.empty());
  EXPECT_THAT(dataset.annotation(0).boxes, ElementsAre(Box{0.5, 1, 3.25, 4}));
}

TEST(VocDataset, MasksOfAClassAndOfAll) {
  const Tree tree;
  writeVoc(tree);
  const Dataset dataset = open("voc", tree.path());
  EXPECT_THAT(counts(dataset.annotation(1).mask.value()), ElementsAre(12, 30, 6));
  const Mask cat = dataset.annotation(1, 7).mask.value();
  EXPECT_THAT(counts(cat), ElementsAre(6, 36, 6));
  EXPECT_EQ(cat.width, 8);
  EXPECT_EQ(cat.values[2], Mask::kObject);
  EXPECT_EQ(cat.values[3], Mask::kBackground);  // the dog
  EXPECT_EQ(cat.values[4], Mask::kVoid);
  EXPECT_EQ(dataset.annotation(1, 11).mask->values[3], Mask::kObject);
  EXPECT_THAT(counts(dataset.annotation(1, 0).mask.value()), ElementsAre(0, 42, 6));
  EXPECT_THAT(counts(dataset.annotation(0, 19).mask.value()), ElementsAre(12, 30, 6));
}

TEST(VocDataset, WithoutMasksTheMainListIsTaken) {
  const Tree tree;
  writeVoc(tree);
  tree.write("ImageSets/Main/val.txt", std::string("2007_c\n2007_a\n"));
  EXPECT_EQ(open("voc", tree.path()).sample(0).id, "2007_b");
  tree.remove("SegmentationClass");
  const Dataset dataset = open("voc", tree.path());
  EXPECT_THAT(ids(dataset), ElementsAre("2007_c", "2007_a"));
  EXPECT_FALSE(dataset.hasMasks());
  EXPECT_FALSE(dataset.annotation(0).mask);
  EXPECT_TRUE(notes(dataset, "SegmentationClass is missing, so there are no masks"));
  tree.remove("ImageSets");
  EXPECT_THAT(ids(open("voc", tree.path())), ElementsAre("2007_a", "2007_b", "2007_c"));
  EXPECT_TRUE(notes(open("voc", tree.path()), "ImageSets has no list"));
}

TEST(VocDataset, WithoutAnnotationsThereAreNoClasses) {
  const Tree tree;
  writeVoc(tree);
  tree.remove("Annotations");
  const Dataset dataset = open("voc", tree.path());
  EXPECT_FALSE(dataset.hasBoxes());
  EXPECT_TRUE(dataset.classNames().empty());
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{}, Classes{}));
  EXPECT_TRUE(notes(dataset, "Annotations is missing"));
  EXPECT_THAT(counts(dataset.annotation(1).mask.value()), ElementsAre(12, 30, 6));
  EXPECT_FALSE(dataset.annotation(1, 7).mask);
}

TEST(VocDataset, PartsMissingForSomePictures) {
  const Tree tree;
  writeVoc(tree);
  tree.remove("Annotations/2007_a.xml");
  tree.remove("SegmentationClass/2007_b.png");
  tree.remove("JPEGImages/2007_b.jpg");
  const Dataset dataset = open("voc", tree.path());
  EXPECT_TRUE(notes(dataset, "1 of 2 pictures are missing"));
  EXPECT_TRUE(notes(dataset, "1 of 2 pictures have no file in Annotations"));
  EXPECT_TRUE(notes(dataset, "1 of 2 pictures have no mask"));
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{19}, Classes{}));
  expectError(ErrorCode::FileNotFound, [&] { dataset.image(0); });
  EXPECT_TRUE(dataset.annotation(1).boxes.empty());
}

TEST(VocDataset, ABrokenAnnotationIsReportedForItsPictureAlone) {
  for (const auto& [text, got] : std::vector<std::pair<std::string, std::string>>{
           {"<annotation><object>", "at byte"},
           {"", "at byte"},
           {"<html></html>", "<html>"},
           {"<annotation><object><name>cat</name></object></annotation>", "without <bndbox>"},
           {"<annotation><object><bndbox/></object></annotation>", "without <name>"},
           {xml({{"cat", {5, 1, 4, 6}}}), "(5, 1) to (4, 6)"},
           {"<annotation><object><name>cat</name><bndbox><xmin>a</xmin></bndbox></object></annotation>",
            "<xmin> is 'a'"},
           {"<annotation><object><name>cat</name><bndbox><xmin>1</xmin></bndbox></object></annotation>",
            "<xmax> is ''"}}) {
    const Tree tree;
    writeVoc(tree);
    tree.write("Annotations/2007_b.xml", text);
    const Dataset dataset = open("voc", tree.path());
    EXPECT_TRUE(notes(dataset, "1 of 2 pictures have a broken file in Annotations")) << text;
    const Error error = expectError(ErrorCode::MalformedDataset, [&] { dataset.annotation(0); });
    EXPECT_THAT(error.where(), HasSubstr("2007_b.xml"));
    EXPECT_THAT(error.got(), HasSubstr(got));
    EXPECT_EQ(dataset.annotation(1).boxes.size(), 3u);
  }
}

TEST(VocDataset, BrokenMasks) {
  const Tree tree;
  writeVoc(tree);
  const Dataset dataset = open("voc", tree.path());
  tree.write("SegmentationClass/2007_b.png", palettePng(4, 4, Bytes(16)));
  EXPECT_EQ(expectError(ErrorCode::MalformedDataset, [&] { dataset.annotation(0); }).got(), "a mask of 4×4 pixels");
  tree.write("SegmentationClass/2007_b.png", test::colourPng(8, 6, Bytes(144)));
  EXPECT_EQ(expectError(ErrorCode::MalformedDataset, [&] { dataset.annotation(0); }).got(),
            "a colour PNG without a palette");
  tree.write("SegmentationClass/2007_b.png", std::string("\x89PNG"));
  EXPECT_THAT(expectError(ErrorCode::MalformedDataset, [&] { dataset.annotation(0); }).where(),
              HasSubstr("2007_b.png"));
}

TEST(VocDataset, BrokenLists) {
  const Tree tree;
  writeVoc(tree);
  const auto gotFor = [&](const std::string& text) {
    tree.write("ImageSets/Segmentation/val.txt", text);
    return expectError(ErrorCode::MalformedDataset, [&] { open("voc", tree.path()); }).got();
  };
  EXPECT_EQ(gotFor("2007_a 1\n"), "'2007_a 1'");
  EXPECT_EQ(gotFor(""), "an empty list");
  EXPECT_EQ(gotFor("2007_a\n2007_a\n"), "'2007_a' is there twice");
  EXPECT_THAT(gotFor("absent\n"), HasSubstr("none of 1 pictures is there"));
}

TEST(VocDataset, OtherClassesAreSortedAndAMaskServesAPictureOfOneClass) {
  const Tree tree;
  writeShapes(tree);
  const Dataset dataset = open("voc", tree.path());
  EXPECT_THAT(dataset.classNames(), ElementsAre("ring", "star"));
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{1}, Classes{0, 1}));
  EXPECT_THAT(counts(dataset.annotation(0, 1).mask.value()), ElementsAre(12, 30, 6));
  EXPECT_THAT(counts(dataset.annotation(0, 0).mask.value()), ElementsAre(0, 42, 6));
  EXPECT_FALSE(dataset.annotation(1, 0).mask);
  EXPECT_THAT(counts(dataset.annotation(1).mask.value()), ElementsAre(12, 30, 6));
  EXPECT_THAT(dataset.annotation(1, 0).boxes, ElementsAre(Box{0, 0, 2, 2}));
  EXPECT_TRUE(notes(dataset, "1 of 2 pictures have objects of several classes"));
  EXPECT_EQ(redOf(dataset, 1), 2);
}

TEST(VocDataset, AListOfNamesSaysWhatMaskValuesMean) {
  const Tree tree;
  writeShapes(tree);
  tree.write("class_names.txt", std::string("_background_\na\nb\nc\nd\nstar\nf\ng\nh\nring\n"));
  const Dataset dataset = open("voc", tree.path());
  EXPECT_EQ(dataset.classNames().size(), 9u);
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{4}, Classes{4, 8}));
  const Mask star = dataset.annotation(1, 4).mask.value(), ring = dataset.annotation(1, 8).mask.value();
  EXPECT_EQ(star.values[2], Mask::kObject);
  EXPECT_EQ(star.values[3], Mask::kBackground);
  EXPECT_EQ(ring.values[3], Mask::kObject);
  tree.write("class_names.txt", std::string("_background_\nstar\n"));
  expectError(ErrorCode::MalformedDataset, [&] { open("voc", tree.path()); });
  tree.write("class_names.txt", std::string("star\nring\n"));
  EXPECT_EQ(expectError(ErrorCode::MalformedDataset, [&] { open("voc", tree.path()); }).got(), "star");
}

// Birds, cats and dogs are other sets' classes too, and their numbers others.
TEST(VocDataset, NamesThatOtherSetsHaveTooDoNotSayWhatMaskValuesMean) {
  const Tree tree;
  writeShapes(tree);
  tree.write("Annotations/a.xml", xml({{"bird", {1, 1, 2, 2}}}));
  tree.write("Annotations/b.xml", xml({{"bird", {1, 1, 2, 2}}, {"dog", {3, 3, 4, 4}}}));
  tree.write("SegmentationClass/a.png", columnsMask(1, 1));
  tree.write("SegmentationClass/b.png", columnsMask(1, 3));  // 3 is VOC's bird
  const Dataset dataset = open("voc", tree.path());
  EXPECT_THAT(dataset.classNames(), ElementsAre("bird", "dog"));
  EXPECT_FALSE(dataset.annotation(1, 0).mask);
  EXPECT_THAT(dataset.annotation(1, 0).boxes, ElementsAre(Box{0, 0, 2, 2}));
  EXPECT_THAT(counts(dataset.annotation(0, 0).mask.value()), ElementsAre(12, 30, 6));
  EXPECT_TRUE(notes(dataset, "1 of 2 pictures have objects of several classes"));
  EXPECT_TRUE(notes(dataset, "may be another set's, so masks are not read by VOC's numbers"));
  tree.write("class_names.txt", std::string("_background_\nbird\ncat\ndog\n"));
  EXPECT_THAT(counts(open("voc", tree.path()).annotation(1, 2).mask.value()), ElementsAre(6, 36, 6));
}

TEST(VocDataset, AMaskHasNoOtherClassesThanAnnotations) {
  const Tree tree;
  writeVoc(tree);
  tree.write("SegmentationClass/2007_a.png", columnsMask(1, 8));
  const Error error = expectError(ErrorCode::MalformedDataset, [&] { open("voc", tree.path()).annotation(1, 7); });
  EXPECT_EQ(error.got(), "a pixel of 1, VOC's aeroplane");
  EXPECT_EQ(error.expected(), "classes that Annotations has an object of");
  EXPECT_THAT(error.hint(), HasSubstr("class_names.txt"));
}

TEST(VocDataset, WithEveryAnnotationBrokenThereIsNoDataSet) {
  const Tree tree;
  writeVoc(tree);
  for (const char* name : {"Annotations/2007_a.xml", "Annotations/2007_b.xml"}) tree.write(name, std::string("<a/>"));
  const Error error = expectError(ErrorCode::MalformedDataset, [&] { open("voc", tree.path()); });
  EXPECT_THAT(error.where(), HasSubstr("Annotations"));
  EXPECT_THAT(error.got(), HasSubstr("no file that is not broken: "));
  EXPECT_THAT(error.got(), HasSubstr("2007_b.xml"));
}

TEST(VocDataset, ATextInPiecesIsOneText) {
  const Tree tree;
  writeVoc(tree);
  tree.write("Annotations/2007_b.xml",
             std::string("<annotation><object><name>tv<![CDATA[monitor]]></name><bndbox><xmin> 1<!-- -->0 </xmin>"
                         "<ymin>1</ymin><xmax>12</xmax><ymax>2</ymax></bndbox></object></annotation>"));
  EXPECT_THAT(open("voc", tree.path()).annotation(0, 19).boxes, ElementsAre(Box{9, 0, 12, 2}));
}

TEST(VocDataset, WhatIsThereTwiceIsRefused) {
  const std::string name = "<name>cat</name>", box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax>";
  const std::string end = "</bndbox>", start = "<annotation><object>", stop = "</object></annotation>";
  for (const auto& [text, got] : std::vector<std::pair<std::string, std::string>>{
           {start + name + name + box + end + stop, "two <name> in <object>"},
           {start + name + box + end + box + end + stop, "two <bndbox> in <object>"},
           {start + name + box + "<xmin>3</xmin>" + end + stop, "two <xmin> in <bndbox>"},
           {start + name + box + end + stop + "<annotation/>", "<annotation> behind </annotation>"}}) {
    const Tree tree;
    writeVoc(tree);
    tree.write("Annotations/2007_b.xml", text);
    const Dataset dataset = open("voc", tree.path());
    EXPECT_EQ(expectError(ErrorCode::MalformedDataset, [&] { dataset.annotation(0); }).got(), got);
  }
}

// A mask is compared with the picture itself.
TEST(VocDataset, BoxesAreOfThePictureThatWasAnnotated) {
  const Tree tree;
  writeVoc(tree);
  for (const auto& [width, height, fits] : std::vector<std::tuple<int, int, bool>>{
           {8, 6, true}, {0, 0, true}, {16, 12, false}, {6, 8, false}, {8, 7, false}}) {
    tree.write("Annotations/2007_b.xml", sizedXml(width, height, {{"tvmonitor", {1.5, 2, 3.25, 4}}}));
    const Dataset dataset = open("voc", tree.path());
    const Annotation annotation = dataset.annotation(0, 19);
    EXPECT_EQ(annotation.fits(dataset.image(0)), fits) << width << "×" << height;
    EXPECT_THAT(annotation.boxes, ElementsAre(Box{0.5, 1, 3.25, 4}));
    EXPECT_TRUE(annotation.mask);
    EXPECT_TRUE(dataset.annotation(1).fits(dataset.image(1))) << "it does not say";
  }
}

TEST(VocDataset, PointsToTheFolderInsideTheArchive) {
  const Tree tree;
  tree.writePicture("VOCdevkit/VOC2012/JPEGImages/a.jpg");
  EXPECT_THAT(expectError(ErrorCode::MalformedDataset, [&] { open("voc", tree.path()); }).hint(),
              HasSubstr("VOCdevkit/VOC2012"));
}

// ---- ImageNet

namespace {

constexpr const char* kTench = "n01440764";
constexpr const char* kDog = "n02099601";

void writeImagenet(const Tree& tree) {
  tree.writePicture("Data/CLS-LOC/val/ILSVRC2012_val_00000001.JPEG", 1);
  tree.writePicture("Data/CLS-LOC/val/ILSVRC2012_val_00000002.JPEG", 2);
  tree.write("Annotations/CLS-LOC/val/ILSVRC2012_val_00000001.xml", xml({{kDog, {0, 1, 3, 4}}, {kDog, {2, 2, 2, 2}}}));
  tree.write("Annotations/CLS-LOC/val/ILSVRC2012_val_00000002.xml", xml({{kTench, {1.5, 0, 7, 5}}}));
  tree.write("ImageSets/CLS-LOC/val.txt",
             std::string("ILSVRC2012_val_00000002.JPEG 0\nILSVRC2012_val_00000001.JPEG 207\n"));
}

}  // namespace

TEST(ImagenetDataset, TakesTheListsLabels) {
  const Tree tree;
  writeImagenet(tree);
  const Dataset dataset = open("imagenet", tree.path());
  EXPECT_THAT(ids(dataset), ElementsAre("ILSVRC2012_val_00000002.JPEG", "ILSVRC2012_val_00000001.JPEG"));
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{0}, Classes{207}));
  EXPECT_TRUE(dataset.classNames().empty());
  EXPECT_EQ(redOf(dataset, 1), 1);
  EXPECT_TRUE(dataset.hasBoxes());
  EXPECT_FALSE(dataset.hasMasks());
  EXPECT_TRUE(notes(dataset, "ImageNet has no masks"));
}

TEST(ImagenetDataset, ByteOrderMarksAreNoPartOfLists) {
  const Tree tree;
  writeImagenet(tree);
  tree.write("ImageSets/CLS-LOC/val.txt", std::string("\xEF\xBB\xBF"
                                                      "ILSVRC2012_val_00000002 1\nILSVRC2012_val_00000001 2\n"));
  tree.write("synset_words.txt", std::string("\xEF\xBB\xBF"
                                             "n01440764 tench\nn02099601 golden retriever\n"));
  const Dataset dataset = open("imagenet", tree.path());
  EXPECT_THAT(ids(dataset), ElementsAre("ILSVRC2012_val_00000002.JPEG", "ILSVRC2012_val_00000001.JPEG"));
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{0}, Classes{1}));
}

TEST(ImagenetDataset, WithEveryAnnotationBrokenThereAreNoClasses) {
  const Tree tree;
  writeImagenet(tree);
  tree.remove("ImageSets");
  tree.write("Annotations/CLS-LOC/val/ILSVRC2012_val_00000001.xml", std::string("<annotation>"));
  EXPECT_TRUE(notes(open("imagenet", tree.path()), "1 of 2 pictures have a broken file"));
  tree.write("Annotations/CLS-LOC/val/ILSVRC2012_val_00000002.xml", std::string("<annotation>"));
  const Error error = expectError(ErrorCode::MalformedDataset, [&] { open("imagenet", tree.path()); });
  EXPECT_THAT(error.got(), HasSubstr("no file that is not broken: "));
  EXPECT_THAT(error.got(), HasSubstr("ILSVRC2012_val_00000001.xml"));
}

// ImageNet counts pixels from 0 and the last one belongs to the box.
TEST(ImagenetDataset, BoxesOfAllObjects) {
  const Tree tree;
  writeImagenet(tree);
  const Dataset dataset = open("imagenet", tree.path());
  EXPECT_THAT(dataset.annotation(1).boxes, ElementsAre(Box{0, 1, 4, 5}, Box{2, 2, 3, 3}));
  EXPECT_THAT(dataset.annotation(1, 207).boxes, ElementsAre(Box{0, 1, 4, 5}, Box{2, 2, 3, 3}));
  EXPECT_THAT(dataset.annotation(0).boxes, ElementsAre(Box{1.5, 0, 8, 6}));
}

TEST(ImagenetDataset, BoxesAreOfThePictureThatWasAnnotated) {
  const Tree tree;
  writeImagenet(tree);
  tree.write("Annotations/CLS-LOC/val/ILSVRC2012_val_00000001.xml", sizedXml(500, 375, {{kDog, {0, 1, 3, 4}}}));
  const Dataset dataset = open("imagenet", tree.path());
  EXPECT_FALSE(dataset.annotation(1).fits(dataset.image(1)));
  EXPECT_EQ(dataset.annotation(1).width, 500);
  EXPECT_EQ(dataset.annotation(1).height, 375);
  EXPECT_TRUE(dataset.annotation(0).fits(dataset.image(0))) << "it does not say";
}

TEST(ImagenetDataset, TheOfficialListHasNoLabels) {
  const Tree tree;
  writeImagenet(tree);
  tree.write("ImageSets/CLS-LOC/val.txt", std::string("ILSVRC2012_val_00000001 1\nILSVRC2012_val_00000002 2\n"));
  const Dataset without = open("imagenet", tree.path());
  EXPECT_THAT(ids(without), ElementsAre("ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG"));
  EXPECT_THAT(classes(without), ElementsAre(Classes{207}, Classes{0})) << "ILSVRC's own numbers";
  tree.write("LOC_synset_mapping.txt", std::string("n00000001 x, y\nn01440764 tench\n\nn02099601 golden retriever\n"));
  const Dataset dataset = open("imagenet", tree.path());
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{2}, Classes{1}));
  tree.write("Annotations/CLS-LOC/val/ILSVRC2012_val_00000001.xml", std::string("<annotation>"));
  EXPECT_THAT(classes(open("imagenet", tree.path())), ElementsAre(Classes{}, Classes{1}));
  EXPECT_TRUE(notes(open("imagenet", tree.path()), "1 of 2 pictures have a broken file"));
  expectError(ErrorCode::MalformedDataset, [&] { open("imagenet", tree.path()).annotation(0); });
}

TEST(ImagenetDataset, NamesWithoutAnExtensionHaveLabelsAndFolders) {
  const Tree tree;
  tree.writePicture("sub/a.png", 1);
  tree.writePicture("b.JPEG", 2);
  tree.write("val.txt", std::string("sub/a 3\nb 5\n"));
  const Dataset dataset = open("imagenet", tree.path());
  EXPECT_THAT(ids(dataset), ElementsAre("sub/a.png", "b.JPEG"));
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{3}, Classes{5}));
  EXPECT_EQ(redOf(dataset, 0), 1);
  EXPECT_TRUE(notes(dataset, "numbers that do not count its lines: they are taken as labels"));
  tree.write("val.txt", std::string("sub/a 3\nb.JPEG 2\n"));
  EXPECT_THAT(classes(open("imagenet", tree.path())), ElementsAre(Classes{3}, Classes{2}));
  tree.write("val.txt", std::string("sub/a 1\nb 2\n"));
  const Dataset counted = open("imagenet", tree.path());
  EXPECT_THAT(ids(counted), ElementsAre("sub/a.png", "b.JPEG"));
  EXPECT_THAT(classes(counted), ElementsAre(Classes{}, Classes{}));
  EXPECT_FALSE(notes(counted, "labels"));
  tree.write("val.txt", std::string("sub/a\nb\n"));
  EXPECT_THAT(classes(open("imagenet", tree.path())), ElementsAre(Classes{}, Classes{}));
  tree.write("val.txt", std::string("sub/a x\n"));
  EXPECT_EQ(expectError(ErrorCode::MalformedDataset, [&] { open("imagenet", tree.path()); }).got(), "'x'");
}

// Its numbers are those of the whole list.
TEST(ImagenetDataset, APartOfTheOfficialListHasNoLabelsEither) {
  const Tree tree;
  writeImagenet(tree);
  tree.writePicture("Data/CLS-LOC/val/ILSVRC2012_val_00000017.JPEG", 3);
  tree.write("ImageSets/CLS-LOC/val.txt", std::string("ILSVRC2012_val_00000002 2\nILSVRC2012_val_00000017 17\n"));
  const Dataset part = open("imagenet", tree.path());
  EXPECT_THAT(classes(part), ElementsAre(Classes{0}, Classes{})) << "as Annotations says";
  EXPECT_FALSE(notes(part, "labels"));
}

TEST(ImagenetDataset, LiesInTheFolderOfAnArchive) {
  const Tree tree;
  tree.writePicture("ILSVRC/Data/CLS-LOC/val/a.JPEG", 4);
  tree.write("ILSVRC/Annotations/CLS-LOC/val/a.xml", xml({{kDog, {0, 0, 1, 1}}}));
  tree.write("ILSVRC/ImageSets/CLS-LOC/val.txt", std::string("a 1\n"));
  tree.write("LOC_synset_mapping.txt", std::string("n02099601 golden retriever\n"));
  const Dataset dataset = open("imagenet", tree.path());
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{0}));
  EXPECT_THAT(dataset.annotation(0).boxes, ElementsAre(Box{0, 0, 2, 2}));
}

TEST(ImagenetDataset, FlatFolderWithItsListInsideOrBeside) {
  const Tree tree;
  tree.writePicture("photos/a.JPEG", 1);
  tree.writePicture("photos/b.JPEG", 2);
  tree.write("val.txt", std::string("b.JPEG 5\na.JPEG 3\n"));
  const Dataset beside = open("imagenet", tree / "photos");
  EXPECT_THAT(classes(beside), ElementsAre(Classes{5}, Classes{3}));
  EXPECT_FALSE(beside.hasBoxes());
  EXPECT_TRUE(notes(beside, "no boxes: metrics that need them are left out"));
  tree.write("photos/val.txt", std::string("a.JPEG 9\n"));
  const Dataset inside = open("imagenet", tree / "photos");
  EXPECT_THAT(ids(inside), ElementsAre("a.JPEG"));
  EXPECT_THAT(classes(inside), ElementsAre(Classes{9}));
  tree.write("photos/Annotations/a.xml", xml({{kDog, {0, 0, 1, 1}}}));
  EXPECT_TRUE(open("imagenet", tree / "photos").hasBoxes());
}

TEST(ImagenetDataset, FlatFolderWithoutAListHasNoClasses) {
  const Tree tree;
  tree.writePicture("b.JPEG");
  tree.writePicture("a.JPEG");
  const Dataset dataset = open("imagenet", tree.path());
  EXPECT_THAT(ids(dataset), ElementsAre("a.JPEG", "b.JPEG"));
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{}, Classes{}));
  EXPECT_TRUE(notes(dataset, "2 of 2 pictures have no class"));
}

TEST(ImagenetDataset, SynsetFoldersWithAList) {
  const Tree tree;
  tree.writePicture(std::string("val/") + kDog + "/x.JPEG", 1);
  tree.writePicture(std::string("val/") + kTench + "/y.JPEG", 2);
  const Dataset own = open("imagenet", tree.path());
  EXPECT_THAT(ids(own), ElementsAre("n01440764/y.JPEG", "n02099601/x.JPEG"));
  EXPECT_THAT(classes(own), ElementsAre(Classes{0}, Classes{207})) << "ILSVRC's own numbers";
  tree.writePicture("val/n00000001/z.JPEG", 3);
  const Dataset unknown = open("imagenet", tree.path());
  EXPECT_THAT(classes(unknown), ElementsAre(Classes{}, Classes{}, Classes{})) << "n00000001 is none of ILSVRC's";
  EXPECT_TRUE(notes(unknown, "synset_words.txt"));
  std::filesystem::remove_all(tree / "val" / "n00000001");
  tree.write("synset_words.txt", std::string("n01440764 tench, Tinca tinca\nn02099601 golden retriever\n"));
  const Dataset dataset = open("imagenet", tree.path());
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{0}, Classes{1}));
  EXPECT_EQ(redOf(dataset, 0), 2);
  EXPECT_THAT(classes(open("imagenet", tree / "val")), ElementsAre(Classes{0}, Classes{1}));
  tree.write("Annotations/x.xml", xml({{kDog, {0, 0, 1, 1}}}));
  EXPECT_EQ(open("imagenet", tree.path()).annotation(1).boxes.size(), 1u);
}

TEST(ImagenetDataset, AThousandSynsetsNeedNoList) {
  std::set<std::string> synsets;
  for (int k = 999; k >= 0; --k) synsets.insert("n" + std::to_string(10000000 + 17 * k));
  const std::map<std::string, int> numbers = eval::synsetNumbers({}, synsets).value();
  ASSERT_EQ(numbers.size(), 1000u);
  for (int k = 0; k < 1000; ++k) EXPECT_EQ(numbers.at("n" + std::to_string(10000000 + 17 * k)), k);
  synsets.erase(synsets.begin());
  EXPECT_FALSE(eval::synsetNumbers({}, synsets));
}

TEST(ImagenetDataset, IlsvrcsSynsetsAreKnown) {
  const std::map<std::string, int> numbers = eval::synsetNumbers({}, {"n01440764", "n15075141"}).value();
  ASSERT_EQ(numbers.size(), 1000u);
  int rank = 0;
  for (const auto& [synset, number] : numbers) {
    EXPECT_TRUE(isSynset(synset)) << synset;
    EXPECT_EQ(number, rank++) << "numbers are ranks";
  }
  // Ends of the list, and some that are known by heart.
  for (const auto& [synset, number] : std::map<std::string, int>{
           {"n01440764", 0}, {"n02099601", 207}, {"n02123045", 281}, {"n07753592", 954}, {"n15075141", 999}})
    EXPECT_EQ(numbers.at(synset), number) << synset;
  EXPECT_FALSE(ilsvrcNumbers().contains("n00000001"));
  EXPECT_FALSE(eval::synsetNumbers({}, {"n01440764", "n00000001"}));
}

TEST(FolderDataset, SynsetsAreClassesBesideImageNetsNames) {
  const Tree tree;
  tree.writePicture(std::string("set/") + kDog + "/x.JPEG", 1);
  tree.writePicture(std::string("set/") + kTench + "/y.JPEG", 2);
  const Dataset dataset = open("folder", tree / "set");
  std::vector<std::string> names = readLabels("imagenet");
  EXPECT_THAT(classMapping(dataset, names, 1000), ElementsAre(0, 207));
  names[3] = "another class";  // then nobody knows what the network's classes are
  expectError(ErrorCode::UnknownTarget, [&] { classMapping(dataset, names, 1000); });
  expectError(ErrorCode::UnknownTarget, [&] { classMapping(dataset, {"tench", "dog"}, 2); });
}

TEST(ImagenetDataset, BrokenLists) {
  const Tree tree;
  writeImagenet(tree);
  const auto errorFor = [&](const std::string& list, const std::string& text) {
    tree.write(list, text);
    const Error error = expectError(ErrorCode::MalformedDataset, [&] { open("imagenet", tree.path()); });
    EXPECT_THAT(error.where(), HasSubstr(list));
    return error;
  };
  const std::string list = "ImageSets/CLS-LOC/val.txt";
  EXPECT_EQ(errorFor(list, "a.JPEG 1 2\n").expected(), "'FILE LABEL'");
  EXPECT_EQ(errorFor(list, "a.JPEG one\n").got(), "'one'");
  EXPECT_EQ(errorFor(list, "a.JPEG -1\n").expected(), "a whole number from 0 on");
  EXPECT_EQ(errorFor(list, "\n").got(), "an empty list");
  tree.write(list, std::string("ILSVRC2012_val_00000001 1\nILSVRC2012_val_00000002 2\n"));
  EXPECT_EQ(errorFor("synset_words.txt", "n01440764 x\nn01440764 y\n").got(), "'n01440764' after 1 synsets");
  EXPECT_EQ(errorFor("synset_words.txt", "tench\n").got(), "'tench' after 0 synsets");
  tree.write("synset_words.txt", std::string("n01440764 tench\n"));
  EXPECT_THAT(expectError(ErrorCode::MalformedDataset, [&] { open("imagenet", tree.path()); }).got(),
              HasSubstr("'n02099601', the class of ILSVRC2012_val_00000001.JPEG"));
}

TEST(ImagenetDataset, ListedPicturesThatAreAbsent) {
  const Tree tree;
  writeImagenet(tree);
  tree.write("ImageSets/CLS-LOC/val.txt", std::string("ILSVRC2012_val_00000001.JPEG 207\nabsent.JPEG 3\n"));
  const Dataset dataset = open("imagenet", tree.path());
  EXPECT_TRUE(notes(dataset, "1 of 2 pictures are missing"));
  expectError(ErrorCode::FileNotFound, [&] { dataset.image(1); });
  EXPECT_TRUE(dataset.annotation(1).boxes.empty());
  tree.write("ImageSets/CLS-LOC/val.txt", std::string("absent.JPEG 3\n"));
  expectError(ErrorCode::MalformedDataset, [&] { open("imagenet", tree.path()); });
}

}  // namespace relprop::dataset_test
