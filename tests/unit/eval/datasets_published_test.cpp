// ImageNet-S, COCO and tables of boxes.
#include <gmock/gmock.h>

#include "eval/datasets/coco_segments.h"
#include "relprop/image.h"
#include "unit/eval/dataset_files.h"

namespace relprop::dataset_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

using Published = std::vector<int>;

// "o" and "." row by row.
std::string drawn(const Mask& mask) {
  std::string text;
  for (const std::uint8_t v : mask.values) text += v == Mask::kObject ? 'o' : v == Mask::kVoid ? '?' : '.';
  return text;
}

// ---- ImageNet-S

// Values of a 2×2 mask as R + 256·G.
void writeColours(const Tree& tree, const std::string& name, const std::vector<int>& values) {
  Image image{2, 2, {}};
  for (const int v : values)
    for (const int part : {v % 256, v / 256, 0}) image.pixels.push_back(static_cast<std::uint8_t>(part));
  tree.write(name, encodePng(image));
}

std::string synsetName(int number) {
  return "n" + std::to_string(100'000'000 + number).substr(1);
}

// A list of synsets of these numbers, backwards: the published one of 919 is in no order, and masks count in that of
// the synsets.
std::string categoryList(int first, int count) {
  std::string text;
  for (int k = first + count; k-- > first;) text += synsetName(k) + "\n";
  return text;
}

// Two photos, in the second and third synset of the list.
void writeImageNetS(const Tree& tree) {
  tree.writePicture("validation/n00000002/a.png", 1, 2, 2);
  tree.writePicture("validation/n00000003/b.png", 2, 2, 2);
  writeColours(tree, "validation-segmentation/n00000002/a.png", {2, 3, 1000, 0});
  writeColours(tree, "validation-segmentation/n00000003/b.png", {3, 3, 258, 2});
  tree.write("ImageNetS_categories_im300.txt", categoryList(1, 300));
  tree.write("synset_words.txt", std::string("n00000001 x\nn00000009 w\nn00000002 y\nn00000003 z\n"));
}

TEST(ImageNetSDataset, APixelIsRedAndGreenTogether) {
  const Tree tree;
  writeImageNetS(tree);
  const Dataset dataset = open("imagenet-s", tree.path());
  EXPECT_THAT(ids(dataset), ElementsAre("n00000002/a.png", "n00000003/b.png"));
  EXPECT_THAT(classes(dataset), ElementsAre(Published{2}, Published{3}));  // the network's numbers
  EXPECT_EQ(redOf(dataset, 1), 2);
  EXPECT_TRUE(dataset.hasMasks() && !dataset.hasBoxes());
  EXPECT_EQ(drawn(*dataset.annotation(0).mask), "o.?.");
  EXPECT_EQ(drawn(*dataset.annotation(1, 3).mask), "oo..");  // 258 is not 2
}

TEST(ImageNetSDataset, APartOfASetHasNoMasksWithoutTheList) {
  const Tree tree;
  writeImageNetS(tree);
  tree.remove("ImageNetS_categories_im300.txt");
  const Dataset dataset = open("imagenet-s", tree.path());
  EXPECT_FALSE(dataset.hasMasks());
  EXPECT_FALSE(dataset.annotation(0).mask);
  EXPECT_TRUE(notes(dataset, "ImageNetS_categories_im919.txt"));
}

// They are published together.
TEST(ImageNetSDataset, OfSeveralListsTheSmallestWithAllFoldersIsTaken) {
  const Tree tree;
  writeImageNetS(tree);
  tree.write("ImageNetS_categories_im50.txt", categoryList(3, 50));  // without n00000002
  tree.write("ImageNetS_categories_im919.txt", categoryList(0, 919));
  EXPECT_EQ(drawn(*open("imagenet-s", tree.path()).annotation(0).mask), "o.?.");
  tree.remove("ImageNetS_categories_im300.txt");
  EXPECT_EQ(drawn(*open("imagenet-s", tree.path()).annotation(0).mask), ".o?.") << "n00000002 is the third";
  tree.remove("ImageNetS_categories_im919.txt");
  const Error error = expectError(ErrorCode::MalformedDataset, [&] { open("imagenet-s", tree.path()); });
  EXPECT_THAT(error.where(), HasSubstr("ImageNetS_categories_im50.txt"));
  EXPECT_EQ(error.got(), "no n00000002, which is a folder of validation-segmentation");
}

TEST(ImageNetSDataset, AListIsAsLongAsItsNameSays) {
  const Tree tree;
  writeImageNetS(tree);
  const auto refused = [&](const std::string& list) {
    tree.write("ImageNetS_categories_im300.txt", list);
    const Error error = expectError(ErrorCode::MalformedDataset, [&] { open("imagenet-s", tree.path()); });
    EXPECT_THAT(error.where(), HasSubstr("ImageNetS_categories_im300.txt"));
    return error;
  };
  EXPECT_EQ(refused(categoryList(2, 299)).got(), "299 synsets");
  EXPECT_EQ(refused(categoryList(1, 301)).expected(), "300, as its name says");
  const Error twice = refused(categoryList(1, 299) + "n00000007\n");
  EXPECT_EQ(twice.got(), "'n00000007' after 299 synsets");
  EXPECT_THAT(twice.where(), HasSubstr("line 300"));
  EXPECT_EQ(refused("tench\n").got(), "'tench' after 0 synsets");
}

// The masks of a larger set count other synsets, those of which only some are in the list too.
TEST(ImageNetSDataset, AMasksNumbersAreThoseOfTheList) {
  const Tree tree;
  writeImageNetS(tree);
  writeColours(tree, "validation-segmentation/n00000002/a.png", {2, 301, 1000, 0});
  const Dataset dataset = open("imagenet-s", tree.path());
  const Error error = expectError(ErrorCode::MalformedDataset, [&] { dataset.annotation(0); });
  EXPECT_THAT(error.where(), HasSubstr("n00000002/a.png"));
  EXPECT_EQ(error.got(), "a pixel of 301");
  EXPECT_EQ(error.expected(), "0, 1000 or a number up to 300");
}

// Numbers in grey are R + 256·G of other synsets: 1 would be 257.
TEST(ImageNetSDataset, MasksHaveNoBlue) {
  const Tree tree;
  writeImageNetS(tree);
  const auto refused = [&](const Bytes& pixel) {
    Image image{2, 2, Bytes(12)};
    std::copy(pixel.begin(), pixel.end(), image.pixels.begin() + 6);
    tree.write("validation-segmentation/n00000002/a.png", encodePng(image));
    const Error error =
        expectError(ErrorCode::MalformedDataset, [&] { open("imagenet-s", tree.path()).annotation(0); });
    EXPECT_THAT(error.where(), HasSubstr("validation-segmentation/n00000002/a.png"));
    EXPECT_EQ(error.expected(), "R + 256·G, without blue");
    return error;
  };
  const Error grey = refused({1, 1, 1});
  EXPECT_EQ(grey.got(), "a pixel of red 1, green 1, blue 1");
  EXPECT_EQ(grey.hint(), "a grey picture of the numbers is no mask of ImageNet-S: write them as colours");
  const Error blue = refused({2, 0, 200});
  EXPECT_EQ(blue.got(), "a pixel of red 2, green 0, blue 200");
  EXPECT_EQ(blue.hint(), "");
}

TEST(ImageNetSDataset, AllFoldersOfASetAreAList) {
  const Tree tree;
  for (int k = 0; k < 50; ++k) {
    tree.writePicture("validation/" + synsetName(1000 + k) + "/a.png", k, 2, 2);
    writeColours(tree, "validation-segmentation/" + synsetName(1000 + k) + "/a.png", {k + 1, k, k + 1, 1000});
  }
  const Dataset dataset = open("imagenet-s", tree.path());
  EXPECT_THAT(classes(dataset)[7], IsEmpty());
  EXPECT_EQ(drawn(*dataset.annotation(7).mask), "o.o?");
}

TEST(ImageNetSDataset, SaysWhatIsMissingAndRefusesWhatIsBroken) {
  const Tree tree;
  expectError(ErrorCode::MalformedDataset, [&] { open("imagenet-s", tree.path()); });
  writeImageNetS(tree);
  tree.remove("validation-segmentation/n00000003");
  EXPECT_TRUE(notes(open("imagenet-s", tree.path()), "1 of 2 pictures have no file in validation-segmentation"));
  tree.writePicture("validation-segmentation/n00000002/a.png", 2, 3, 2);
  const Dataset dataset = open("imagenet-s", tree.path());
  EXPECT_EQ(expectError(ErrorCode::MalformedDataset, [&] { dataset.annotation(0); }).got(), "a mask of 3×2 pixels");
  tree.writePicture("validation/n00000900/c.png", 3, 2, 2);
  const Dataset other = open("imagenet-s", tree.path());
  writeColours(tree, "validation-segmentation/n00000900/c.png", {2, 3, 1000, 0});
  EXPECT_THAT(expectError(ErrorCode::MalformedDataset, [&] { other.annotation(2); }).got(), HasSubstr("n00000900"));
  tree.remove("validation-segmentation");
  EXPECT_TRUE(notes(open("imagenet-s", tree.path()), "validation-segmentation is missing"));
}

// ---- COCO

// A photo of 4×3; what its annotations are is given as JSON.
std::string coco(const std::string& annotations) {
  return R"({"images": [{"id": 70, "file_name": "a.png", "height": 3, "width": 4}, {"id": 5, "file_name": "b.png"}],)"
         R"("categories": [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}], "annotations": [)" +
         annotations + "]}";
}

std::string instance(int image, int category, const std::string& segmentation) {
  return R"({"image_id": )" + std::to_string(image) + R"(, "category_id": )" + std::to_string(category) +
         R"(, "bbox": [1, 0.5, 2, 1], "iscrowd": 0)" +
         (segmentation.empty() ? "" : ", \"segmentation\": " + segmentation) + "}";
}

class CocoDataset : public testing::Test {
 protected:
  CocoDataset() {
    tree_.writePicture("val2017/a.png", 1, 4, 3);
    tree_.writePicture("val2017/b.png", 2, 4, 3);
  }
  Dataset written(const std::string& annotations) {
    tree_.write("annotations/instances_val2017.json", coco(annotations));
    return open("coco", tree_ / "annotations/instances_val2017.json");
  }
  std::string mask(const std::string& segmentation) {
    return drawn(*written(instance(70, 17, segmentation)).annotation(0).mask);
  }
  Error refused(const std::string& annotations) {
    return expectError(ErrorCode::MalformedDataset, [&] { written(annotations).annotation(0); });
  }
  Tree tree_;
};

TEST_F(CocoDataset, ClassesAreCategoriesByNumberAndPicturesAsListed) {
  const Dataset dataset = written(instance(70, 18, "[[0,0,4,0,4,3]]") + "," + instance(70, 17, "[[0,0,1,0,1,1,0,1]]") +
                                  "," + instance(5, 18, "[[0,0,4,0,4,3]]"));
  EXPECT_THAT(ids(dataset), ElementsAre("a.png", "b.png"));
  EXPECT_THAT(dataset.classNames(), ElementsAre("cat", "dog"));
  EXPECT_THAT(classes(dataset), ElementsAre(Published({0, 1}), Published{1}));
  EXPECT_EQ(redOf(dataset, 1), 2);
  EXPECT_EQ(dataset.annotation(0).boxes.size(), 2u);
  EXPECT_THAT(dataset.annotation(0, 1).boxes, ElementsAre(Box{1, 0.5, 3, 1.5}));
  EXPECT_EQ(drawn(*dataset.annotation(0, 0).mask), "o...........");
}

TEST_F(CocoDataset, APixelLiesInAPolygonWhenItsCentreDoes) {
  EXPECT_EQ(mask("[[1,0,3,0,3,2,1,2]]"), ".oo..oo.....");
  EXPECT_EQ(mask("[[1.4,0,3.4,0,3.4,3,1.4,3]]"), ".oo..oo..oo.");
  EXPECT_EQ(mask("[[-9,-9,99,-9,99,99,-9,99]]"), "oooooooooooo");
  EXPECT_EQ(mask("[[0,0,1,0,1,1,0,1],[3,2,4,2,4,3,3,3]]"), "o..........o");  // two parts
  // Even–odd: the ring's hole, walked in one outline.
  EXPECT_EQ(mask("[[0,0,4,0,4,3,0,3,0,0,1,1,3,1,3,2,1,2,1,1]]"),
            "oooo"
            "o..o"
            "oooo");
}

// Runs go down the columns: 4 off, 2 on (rows 1 and 2 of column 1), the rest off.
TEST_F(CocoDataset, RunLengthsGoDownTheColumns) {
  EXPECT_EQ(mask(R"({"size": [3, 4], "counts": [4, 2, 6]})"),
            "....."
            "o..."
            "o..");
  EXPECT_EQ(mask(R"({"size": [3, 4], "counts": [0, 12]})"), "oooooooooooo");
  EXPECT_EQ(mask(R"({"size": [3, 4], "counts": "426"})"),
            "....."
            "o..."
            "o..");
}

TEST_F(CocoDataset, RefusesWhatIsBroken) {
  EXPECT_EQ(refused(instance(70, 1, "[]")).got(), "a category_id that categories does not have");
  EXPECT_EQ(refused(instance(70, 17, "[[1,2,3,4]]")).got(), "a polygon that is no list of pairs");
  EXPECT_EQ(refused(instance(70, 17, R"({"size": [4, 3], "counts": [12]})")).expected(),
            "[3,4], height and width of the picture");
  EXPECT_EQ(refused(instance(70, 17, R"({"size": [3, 4], "counts": [11]})")).got(), "runs of 11 pixels");
  EXPECT_EQ(refused(instance(70, 17, R"({"size": [3, 4], "counts": [13]})")).got(), "a run of 13 pixels");
  EXPECT_EQ(refused(instance(70, 17, R"({"size": [3, 4], "counts": [-1, 13]})")).got(), "a run of -1 pixels");
  EXPECT_EQ(refused(instance(70, 17, R"({"size": [3, 4], "counts": 3})")).got(), "no counts");
  EXPECT_EQ(refused(R"({"image_id": 70, "category_id": 17, "bbox": [1, 2, -3, 4]})").got(), "a box of -3×4 pixels");
  EXPECT_EQ(refused(R"({"image_id": 70, "category_id": 17})").got(), "no bbox");
  EXPECT_EQ(refused("7").got(), "no number image_id");
  tree_.write("x.json", std::string("[]"));
  EXPECT_EQ(expectError(ErrorCode::MalformedDataset, [&] { open("coco", tree_ / "x.json"); }).got(), "no JSON object");
  tree_.write("x.json", std::string(R"({"images": [], "annotations": []})"));
  EXPECT_EQ(expectError(ErrorCode::MalformedDataset, [&] { open("coco", tree_ / "x.json"); }).got(),
            "no list categories");
}

// What JSON can write and std::int64_t cannot hold would be another number.
TEST_F(CocoDataset, RefusesNumbersThatDoNotFit) {
  const std::string all = "18446744073709551615", first = "9223372036854775808";
  for (const std::string& number : {all, first}) {
    const Error category = refused(R"({"image_id": 70, "category_id": )" + number + "}");
    EXPECT_EQ(category.got(), "category_id " + number);
    EXPECT_EQ(category.expected(), "a number up to 2^63-1");
    EXPECT_THAT(category.where(), HasSubstr("annotations 0"));
    EXPECT_EQ(refused(R"({"image_id": )" + number + "}").got(), "image_id " + number);
    const Error run = refused(instance(70, 17, R"({"size": [3, 4], "counts": [)" + number + ", 13]}"));
    EXPECT_EQ(run.got(), "a run length " + number);
    EXPECT_EQ(run.expected(), "whole numbers up to 2^63-1");
  }
  EXPECT_EQ(refused(R"({"image_id": 70, "category_id": 9223372036854775807})").got(),
            "a category_id that categories does not have");
}

TEST_F(CocoDataset, BrokenJsonIsCalledThat) {
  const auto errorFor = [&](const std::string& text) {
    tree_.write("x.json", text);
    return expectError(ErrorCode::MalformedDataset, [&] { open("coco", tree_ / "x.json"); });
  };
  EXPECT_EQ(errorFor(coco("") + "x").got(), "broken JSON at byte " + std::to_string(coco("").size() + 1));
  EXPECT_EQ(errorFor(R"({"a": NaN})").got(), "broken JSON at byte 7");
  EXPECT_EQ(errorFor(R"({"a": 1)").got(), "broken JSON at byte 8");
  EXPECT_EQ(errorFor("").got(), "broken JSON at byte 1");
  EXPECT_EQ(errorFor(R"({"a": 1e400})").got(), "JSON with a number that is too large");
  EXPECT_EQ(errorFor("7").got(), "no JSON object");
  const Error twice = errorFor(R"({"images": [], "annotations": [], "categories": [], "annotations": [{}]})");
  EXPECT_EQ(twice.got(), "key 'annotations' twice") << "one of the two would count for nothing";
  EXPECT_EQ(twice.expected(), "every key once");
  EXPECT_EQ(errorFor(R"({"images": [{"id": 1, "id": 2}]})").got(), "key 'id' twice");
  EXPECT_EQ(errorFor("{").expected(), "COCO's JSON");
  EXPECT_EQ(errorFor("{").where(), (tree_ / "x.json").string());
}

// As in files of which only `images` was made smaller.
TEST_F(CocoDataset, AnnotationsOfOtherPicturesAreLeftOut) {
  const Dataset dataset =
      written(instance(71, 17, "") + "," + instance(70, 18, "[[0,0,4,0,4,3]]") + "," + instance(72, 17, "[]"));
  EXPECT_THAT(classes(dataset), ElementsAre(Published{1}, Published{}));
  EXPECT_TRUE(notes(dataset, "2 of 3 annotations are of pictures that images does not have, and are left out"));
  EXPECT_TRUE(dataset.hasBoxes() && dataset.hasMasks());
  EXPECT_FALSE(notes(written(instance(70, 18, "")), "annotations are of pictures"));
  const Dataset none = written(instance(71, 17, ""));
  EXPECT_FALSE(none.hasBoxes() || none.hasMasks());
}

// As when photos are made smaller and their file is not: neither boxes nor outlines are where they say.
TEST_F(CocoDataset, TruthIsOfThePictureThatWasAnnotated) {
  const Dataset right = written(instance(70, 17, "[[0,0,4,0,4,3]]") + "," + instance(5, 18, "[[0,0,4,0,4,3]]"));
  EXPECT_TRUE(right.annotation(0).fits(right.image(0)) && right.annotation(0).mask);
  EXPECT_TRUE(right.annotation(1).fits(right.image(1)) && right.annotation(1).mask) << "it does not say";
  for (const char* sides : {R"("height": 6, "width": 8)", R"("height": 4, "width": 3)"}) {
    std::string text = coco(instance(70, 17, "[[0,0,4,0,4,3]]"));
    const std::string declared = R"("height": 3, "width": 4)";
    text.replace(text.find(declared), declared.size(), sides);
    tree_.write("annotations/instances_val2017.json", text);
    const Dataset dataset = open("coco", tree_ / "annotations/instances_val2017.json");
    const Annotation annotation = dataset.annotation(0);
    EXPECT_FALSE(annotation.fits(dataset.image(0)) || annotation.mask) << sides;
    EXPECT_EQ(annotation.boxes.size(), 1u);
  }
}

TEST_F(CocoDataset, CategoriesHaveNamesOfTheirOwn) {
  std::string text = coco(instance(70, 18, "") + "," + instance(70, 17, ""));
  text.replace(text.find("cat\""), 3, "dog");
  const auto path = tree_.write("annotations/instances_val2017.json", text);
  const Error error = expectError(ErrorCode::MalformedDataset, [&] { open("coco", path); });
  EXPECT_THAT(error.where(), HasSubstr("instances_val2017.json, categories 1"));
  EXPECT_EQ(error.got(), "'dog', the name of another category");
  EXPECT_FALSE(error.hint().empty());
}

// Differences of such corners are infinite, and what comes of them is no column.
TEST_F(CocoDataset, RefusesCornersOutOfThisWorld) {
  const Error box = refused(R"({"image_id": 70, "category_id": 17, "bbox": [1e308, 2, 1e308, 4]})");
  EXPECT_EQ(box.got(), "a box that ends at (inf, 6)");
  EXPECT_THAT(box.where(), HasSubstr("annotations 0"));
  const Error far = refused(instance(70, 17, "[[1e308,-1e308,-1e308,1e308,1e308,1e308]]"));
  EXPECT_EQ(far.got(), "a corner at 1e+308");
  EXPECT_EQ(far.expected(), "numbers up to 2^40");
  EXPECT_EQ(mask("[[-1e12,-1e12,1e12,-1e12,1e12,1e12,-1e12,1e12]]"), "oooooooooooo");
  std::string growing = "111";  // from the fourth on each is 15 × 2^35 more than the one two before
  for (int i = 0; i < 20; ++i) growing += "PPPPPPP?";
  const Error grown = refused(instance(70, 17, R"({"size": [3, 4], "counts": ")" + growing + "\"}"));
  EXPECT_EQ(grown.got(), "a run of 1546188226561 pixels");
}

// What covers a pixel a second time costs nothing: a thousand segmentations of the whole picture, and one of a part.
TEST_F(CocoDataset, SegmentationsOverOneAnotherAreTheirUnion) {
  std::string all;
  for (int i = 0; i < 1000; ++i) all += instance(70, 17, R"({"size": [3, 4], "counts": [1, 11]})") + ",";
  const Dataset dataset = written(all + instance(70, 17, "[[0,0,1,0,1,1,0,1]]"));
  const Mask mask = *dataset.annotation(0).mask;
  EXPECT_EQ(std::count(mask.values.begin(), mask.values.end(), Mask::kObject), 12);
}

TEST_F(CocoDataset, WithoutAllShapesThereAreNoMasks) {
  const Dataset dataset = written(instance(70, 17, "") + "," + instance(5, 18, "[[0,0,4,0,4,3]]"));
  EXPECT_TRUE(dataset.hasBoxes() && !dataset.hasMasks());
  EXPECT_FALSE(dataset.annotation(1).mask);
  EXPECT_TRUE(notes(dataset, "Not every annotation has a segmentation"));
}

// The published description of the string, the other way: differences to the number two before from the fourth on,
// groups of five bits, lowest first.
std::string written(const std::vector<std::int64_t>& lengths) {
  std::string text;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    std::int64_t value = lengths[i] - (i > 2 ? lengths[i - 2] : 0);
    for (bool more = true; more;) {
      const std::int64_t bits = value & 31;
      value >>= 5;
      more = (bits & 16) ? value != -1 : value != 0;
      text += static_cast<char>('0' + bits + (more ? 32 : 0));
    }
  }
  return text;
}

TEST(CocoRunLengths, AreWhatWasWritten) {
  const std::vector<std::int64_t> lengths = {0, 15, 16, 31, 32, 1, 1000, 3, 123456, 40, 0, 987654321, 5};
  EXPECT_EQ(eval::runLengthsOf(written(lengths), "here"), lengths);
  EXPECT_THAT(eval::runLengthsOf("", "here"), IsEmpty());
  for (const char* broken : {"P", "4\x7f", " ", "oooooooooo"})
    EXPECT_EQ(expectError(ErrorCode::MalformedDataset, [&] { eval::runLengthsOf(broken, "here"); }).got(),
              "broken counts")
        << broken;
}

// ---- tables of boxes

TEST(BoxesDataset, ReadsColumnsByTheirNames) {
  const Tree tree;
  tree.writePicture("photos/a.png", 1);
  tree.writePicture("photos/b, c.png", 2);
  tree.write("boxes.csv", std::string("xmin,class,ymin,xmax,remark,ymax,picture\r\n"
                                      "1,207,2,3,x,4,photos/a.png\r\n"
                                      "0,9,0,8,\"a \"\"b\"\"\",6,\"photos/b, c.png\"\r\n"
                                      "0.5,9,0,1,,1,photos/a.png\r\n"));
  const Dataset dataset = open("boxes", tree / "boxes.csv");
  EXPECT_THAT(ids(dataset), ElementsAre("photos/a.png", "photos/b, c.png"));
  EXPECT_THAT(classes(dataset), ElementsAre(Published({9, 207}), Published{9}));
  EXPECT_THAT(dataset.classNames(), IsEmpty());
  EXPECT_EQ(redOf(dataset, 1), 2);
  EXPECT_THAT(dataset.annotation(0, 207).boxes, ElementsAre(Box{1, 2, 3, 4}));
  EXPECT_THAT(dataset.annotation(0).boxes, ElementsAre(Box{1, 2, 3, 4}, Box{0.5, 0, 1, 1}));
  EXPECT_TRUE(dataset.hasBoxes() && !dataset.hasMasks());
}

// RFC 4180, 2.6, and what Excel writes in front.
TEST(BoxesDataset, LineBreaksInQuotesAndByteOrderMarks) {
  const Tree tree;
  tree.writePicture("a.png", 1);
  tree.writePicture("b.png", 2);
  const std::string rows =
      "picture,class,xmin,ymin,xmax,ymax,remark\r\n"
      "a.png,1,0,0,1,1,\"two\r\nlines, \"\"quoted\"\"\r\n\"\r\n"
      "b.png,2,0,0,2,2,5\" wide\n"
      "b.png,2,0,0,3,3,6\" wide\n";
  for (const std::string mark : {"", "\xEF\xBB\xBF"}) {
    tree.write("boxes.csv", mark + rows);
    const Dataset dataset = open("boxes", tree / "boxes.csv");
    EXPECT_THAT(ids(dataset), ElementsAre("a.png", "b.png"));
    EXPECT_THAT(dataset.annotation(1).boxes, ElementsAre(Box{0, 0, 2, 2}, Box{0, 0, 3, 3}));
  }
  tree.write("boxes.csv", rows + "b.png,2,0,0,1\n");
  const Error error = expectError(ErrorCode::MalformedDataset, [&] { open("boxes", tree / "boxes.csv"); });
  EXPECT_THAT(error.where(), HasSubstr("boxes.csv, line 7"));
}

TEST(BoxesDataset, ClassesMayBeNames) {
  const Tree tree;
  tree.writePicture("a.png");
  tree.write("boxes.csv", std::string("picture,class,xmin,ymin,xmax,ymax\na.png,dog,0,0,1,1\na.png,cat,0,0,2,2\n"));
  const Dataset dataset = open("boxes", tree / "boxes.csv");
  EXPECT_THAT(dataset.classNames(), ElementsAre("cat", "dog"));
  EXPECT_THAT(dataset.annotation(0, 1).boxes, ElementsAre(Box{0, 0, 1, 1}));
}

TEST(BoxesDataset, CarriageReturnsInQuotesAreText) {
  const Tree tree;
  tree.writePicture("a.png", 1);
  tree.writePicture("a\r.png", 2);
  tree.write("boxes.csv", std::string("picture,class,xmin,ymin,xmax,ymax\r\n"
                                      "\"a\r.png\",\"d\r\no\",0,0,1,1\r\n"
                                      "a.png,do,0,0,1,1\r"));
  const Dataset dataset = open("boxes", tree / "boxes.csv");
  EXPECT_THAT(ids(dataset), ElementsAre("a\r.png", "a.png"));
  EXPECT_THAT(dataset.classNames(), ElementsAre("d\r\no", "do"));
  EXPECT_EQ(redOf(dataset, 0), 2);
}

// As names in order -1, 0, 10, 9 would be the network's classes 0, 1, 2 and 3.
TEST(BoxesDataset, NumbersOfNoClassAreRefused) {
  const Tree tree;
  tree.writePicture("a.png");
  const auto write = [&](const std::string& aClass) {
    const std::string box = ",0,0,1,1\n", head = "picture,class,xmin,ymin,xmax,ymax\n";
    tree.write("boxes.csv", head + "a.png,9" + box + "a.png," + aClass + box + "a.png,10" + box);
    return open("boxes", tree / "boxes.csv");
  };
  for (const std::string aClass : {"-1", "2147483648", "99999999999999999999999"}) {
    const Error error = expectError(ErrorCode::MalformedDataset, [&] { write(aClass); });
    EXPECT_EQ(error.got(), "class " + aClass);
    EXPECT_EQ(error.expected(), "numbers of classes from 0 to 2147483647, or names");
  }
  EXPECT_THAT(classes(write("2147483647")), ElementsAre(Published({9, 10, 2147483647})));
  EXPECT_THAT(write("-").classNames(), ElementsAre("-", "10", "9"));
}

TEST(BoxesDataset, RefusesWhatIsBroken) {
  const Tree tree;
  tree.writePicture("a.png");
  const auto refused = [&](const std::string& text) {
    tree.write("boxes.csv", text);
    return expectError(ErrorCode::MalformedDataset, [&] { open("boxes", tree / "boxes.csv"); });
  };
  const std::string head = "picture,class,xmin,ymin,xmax,ymax\n";
  EXPECT_EQ(refused("").got(), "no column picture");
  EXPECT_EQ(refused("picture,class,xmin,ymin,xmax\n").got(), "no column ymax");
  EXPECT_EQ(refused("picture,class,xmin,ymin,xmax,ymax,xmin\n").got(), "column xmin is there twice");
  EXPECT_EQ(refused(head).got(), "no boxes");
  EXPECT_EQ(refused(head + "a.png,1,0,0,1\n").got(), "5 fields");
  EXPECT_EQ(refused(head + "a.png,1,0,0,1,one\n").got(), "'one'");
  EXPECT_EQ(refused(head + "a.png,1,5,0,1,1\n").got(), "a box that ends before it begins");
  EXPECT_EQ(refused(head + "\"a.png,1,5,0,1,1\n").got(), "a quote that is not closed");
  EXPECT_THAT(refused(head + "a.png,1,5,0,1,1\n").where(), HasSubstr("boxes.csv, line 2"));
  EXPECT_THAT(refused(head + "b.png,1,0,0,1,1\n").where(), HasSubstr("boxes.csv"));  // none of its pictures is there
}

}  // namespace
}  // namespace relprop::dataset_test
