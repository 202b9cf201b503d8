// Opening data sets, plain folders, and CUB-200-2011.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "relprop/dataset.h"
#include "support/index_png.h"
#include "unit/eval/dataset_files.h"

namespace relprop::dataset_test {

namespace {

using test::colourPng;
using test::greyPng;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

using Classes = std::vector<int>;

}  // namespace

TEST(Dataset, SpecSaysKindAndPath) {
  const Tree tree;
  tree.writePicture("set/cat/a.png");
  const Dataset dataset = open("folder", tree / "set/");
  EXPECT_EQ(dataset.kind(), "folder");
  EXPECT_EQ(dataset.name(), "folder:set");
  EXPECT_EQ(dataset.spec(), "folder:" + (tree / "set/").string());
  EXPECT_EQ(open("folder", tree / "set/.").name(), "folder:set");
}

TEST(Dataset, UnknownKindsAndEmptyPaths) {
  const Error kind = expectError(ErrorCode::InvalidArgument, [] { Dataset::open("vco:/tmp"); });
  EXPECT_THAT(kind.what(), HasSubstr("vco"));
  EXPECT_THAT(kind.what(), HasSubstr("voc"));
  EXPECT_THAT(expectError(ErrorCode::InvalidArgument, [] { Dataset::open("voc"); }).expected(), HasSubstr("KIND:PATH"));
  expectError(ErrorCode::InvalidArgument, [] { Dataset::open("voc:"); });
  expectError(ErrorCode::InvalidArgument, [] { Dataset::open(""); });
}

TEST(Dataset, KindsAreThoseThatOpen) {
  const Tree tree;
  std::string names;
  for (const DatasetKind& kind : datasetKinds()) {
    names += kind.name + " ";
    EXPECT_FALSE(kind.layout.empty());
    expectError(ErrorCode::FileNotFound, [&] { open(kind.name, tree / "absent"); });
  }
  EXPECT_EQ(names, "imagenet imagenet-segmentation imagenet-s voc cub coco boxes folder ");
}

TEST(Dataset, FoldersAndFilesAreNotMixedUp) {
  const Tree tree;
  tree.write("file", std::string("x"));
  for (const char* kind : {"imagenet", "voc", "cub", "folder"})
    expectError(ErrorCode::FileUnreadable, [&] { open(kind, tree / "file"); });
  expectError(ErrorCode::FileUnreadable, [&] { open("imagenet-segmentation", tree.path()); });
}

TEST(Dataset, EmptyFoldersAreNoDataSets) {
  const Tree tree;
  for (const char* kind : {"imagenet", "voc", "cub", "folder"}) {
    const Error error = expectError(ErrorCode::MalformedDataset, [&] { open(kind, tree.path()); });
    EXPECT_EQ(error.where(), tree.path().string()) << kind;
    EXPECT_FALSE(error.expected().empty()) << kind;
  }
}

TEST(Dataset, NumbersOutOfRangeAreRefused) {
  const Tree tree;
  tree.writePicture("cat/a.png");
  const Dataset dataset = open("folder", tree.path());
  EXPECT_EQ(expectError(ErrorCode::InvalidArgument, [&] { dataset.sample(1); }).expected(), "a number below 1");
  expectError(ErrorCode::InvalidArgument, [&] { dataset.image(1); });
  expectError(ErrorCode::InvalidArgument, [&] { dataset.annotation(1); });
  expectError(ErrorCode::InvalidArgument, [&] { dataset.annotation(0, 1); });
  expectError(ErrorCode::InvalidArgument, [&] { dataset.annotation(0, -1); });
}

// ---- folder

TEST(FolderDataset, OneSubfolderAClassInOrder) {
  const Tree tree;
  tree.writePicture("dog/b.PNG", 2);
  tree.writePicture("dog/a.jpeg", 1);
  tree.writePicture("cat/z.webp", 3);
  tree.write("dog/readme.txt", std::string("no picture"));
  tree.writePicture(".hidden/x.png");
  tree.writePicture("cat/.hidden.png");
  const Dataset dataset = open("folder", tree.path());
  EXPECT_THAT(ids(dataset), ElementsAre("cat/z.webp", "dog/a.jpeg", "dog/b.PNG"));
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{0}, Classes{1}, Classes{1}));
  EXPECT_THAT(dataset.classNames(), ElementsAre("cat", "dog"));
  EXPECT_EQ(redOf(dataset, 0), 3);
  EXPECT_EQ(redOf(dataset, 2), 2);
  EXPECT_FALSE(dataset.hasBoxes() || dataset.hasMasks());
  EXPECT_TRUE(dataset.annotation(0).boxes.empty());
  EXPECT_FALSE(dataset.annotation(0, 0).mask);
  EXPECT_TRUE(notes(dataset, "no boxes and no masks"));
}

// As torchvision's ImageFolder numbers them: a network's classes are known by their numbers alone where it has no
// names.
TEST(FolderDataset, FoldersWithoutPicturesCountAsClasses) {
  const Tree tree;
  tree.write("bird/a.bmp", std::string("no picture"));
  tree.writePicture("cat/a.png");
  std::filesystem::create_directories(tree / "dog");
  tree.writePicture("eel/a.png");
  tree.writePicture(".git/a.png");
  const Dataset dataset = open("folder", tree.path());
  EXPECT_THAT(ids(dataset), ElementsAre("cat/a.png", "eel/a.png"));
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{1}, Classes{3}));
  EXPECT_THAT(dataset.classNames(), ElementsAre("bird", "cat", "dog", "eel"));
  EXPECT_THAT(dataset.notes(), Contains("2 of 4 subfolders have no pictures, and count as classes: bird, dog."));
  for (int i = 0; i < 4; ++i) std::filesystem::create_directory(tree / ("f" + std::to_string(i)));
  EXPECT_THAT(open("folder", tree.path()).notes(),
              Contains("6 of 8 subfolders have no pictures, and count as classes: bird, dog, f0, f1, f2, …."));
}

TEST(FolderDataset, SaysWhatItLeavesOut) {
  const Tree tree;
  tree.writePicture("cat/a.png");
  EXPECT_FALSE(notes(open("folder", tree.path()), "Left out") || notes(open("folder", tree.path()), "no pictures"));
  tree.writePicture("cat/.hidden.png");
  tree.writePicture("cat/inner/b.png");
  ASSERT_EQ(::mkfifo((tree / "cat/fifo.png").c_str(), 0600), 0);
  tree.write("cat/b.bmp", std::string("x"));
  const Dataset one = open("folder", tree.path());
  EXPECT_THAT(ids(one), ElementsAre("cat/a.png"));
  EXPECT_THAT(one.notes(), Contains("Left out: 1 file that is no JPEG, PNG or WebP by its name, "
                                    "1 subfolder that is not looked into, 1 pipe or device."));
  tree.write("readme.txt", std::string("x"));
  std::filesystem::create_directories(tree / "cat/dir.png");
  std::filesystem::create_symlink("/dev/null", tree / "cat/device.jpg");
  std::filesystem::create_symlink(tree / "nowhere", tree / "cat/dangling.jpg");
  const Dataset several = open("folder", tree.path());
  EXPECT_THAT(ids(several), ElementsAre("cat/a.png", "cat/dangling.jpg"));
  EXPECT_THAT(several.notes(), Contains("Left out: 2 files that are no JPEG, PNG or WebP by their names, "
                                        "2 subfolders that are not looked into, 2 pipes or devices."));
}

TEST(FolderDataset, LoosePicturesHaveNoClass) {
  const Tree tree;
  tree.writePicture("b.png", 2);
  tree.writePicture("a.png", 1);
  const Dataset dataset = open("folder", tree.path());
  EXPECT_THAT(ids(dataset), ElementsAre("a.png", "b.png"));
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{}, Classes{}));
  EXPECT_TRUE(dataset.classNames().empty());
  EXPECT_TRUE(notes(dataset, "classes are not known"));
  tree.write("inner/x.txt", std::string("no picture"));
  const Dataset beside = open("folder", tree.path());
  EXPECT_TRUE(beside.classNames().empty());
  EXPECT_THAT(beside.notes(), Contains("Left out: 1 subfolder that is not looked into."));
  EXPECT_FALSE(notes(beside, "count as classes"));
  tree.writePicture("cat/c.png");
  EXPECT_THAT(ids(open("folder", tree.path())), ElementsAre("cat/c.png"));
  EXPECT_TRUE(notes(open("folder", tree.path()), "2 pictures that lie in no subfolder are left out"));
}

TEST(FolderDataset, ABrokenPictureIsFoundWhenItIsRead) {
  const Tree tree;
  tree.write("cat/a.png", std::string("no picture"));
  tree.writePicture("cat/b.png");
  const Dataset dataset = open("folder", tree.path());
  expectError(ErrorCode::UnsupportedImage, [&] { dataset.image(0); });
  EXPECT_EQ(redOf(dataset, 1), 7);
}

// ---- CUB

namespace {

// Four birds of two species; 1 and 4 are for training.
void writeCub(const Tree& tree) {
  tree.write("images.txt", std::string("1 001.Auk/a.jpg\n2 001.Auk/b.jpg\n3 002.Jay/c.jpg\n4 002.Jay/d.jpg\n"));
  tree.write("classes.txt", std::string("1 001.Auk\n2 002.Jay\n"));
  tree.write("image_class_labels.txt", std::string("1 1\n2 1\n3 2\n4 2\n"));
  tree.write("train_test_split.txt", std::string("1 1\n2 0\n3 0\n4 1\n"));
  tree.write("bounding_boxes.txt", std::string("1 0 0 1 1\n2 1.0 2.0 4.0 3.0\n3 2.5 0 3 6.0\n4 0 0 1 1\r\n"));
  int red = 1;
  for (const char* name : {"001.Auk/a.jpg", "001.Auk/b.jpg", "002.Jay/c.jpg", "002.Jay/d.jpg"})
    tree.writePicture(std::string("images/") + name, red++);
}

Error cubError(const std::string& list, const std::string& text) {
  const Tree tree;
  writeCub(tree);
  tree.write(list, text);
  const Error error = expectError(ErrorCode::MalformedDataset, [&] { open("cub", tree.path()); });
  EXPECT_THAT(error.where(), HasSubstr(list));
  return error;
}

}  // namespace

TEST(CubDataset, TakesTheTestSplit) {
  const Tree tree;
  writeCub(tree);
  const Dataset dataset = open("cub", tree.path());
  EXPECT_THAT(ids(dataset), ElementsAre("001.Auk/b.jpg", "002.Jay/c.jpg"));
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{0}, Classes{1}));
  EXPECT_THAT(dataset.classNames(), ElementsAre("001.Auk", "002.Jay"));
  EXPECT_EQ(redOf(dataset, 0), 2);
  EXPECT_EQ(redOf(dataset, 1), 3);
  EXPECT_TRUE(dataset.hasBoxes());
  EXPECT_FALSE(dataset.hasMasks());
  EXPECT_TRUE(notes(dataset, "segmentations is missing"));
}

TEST(CubDataset, BoxesAreCornerAndSides) {
  const Tree tree;
  writeCub(tree);
  const Dataset dataset = open("cub", tree.path());
  EXPECT_THAT(dataset.annotation(0).boxes, ElementsAre(Box{1, 2, 5, 5}));
  EXPECT_THAT(dataset.annotation(1, 1).boxes, ElementsAre(Box{2.5, 0, 5.5, 6}));
  EXPECT_TRUE(dataset.annotation(1, 0).boxes.empty());  // there is no auk in the picture of a jay
}

TEST(CubDataset, MasksAreMajorities) {
  const Tree tree;
  writeCub(tree);
  Bytes grey(48, 0);
  grey[0] = 127, grey[1] = 128, grey[9] = 255;
  tree.write("segmentations/001.Auk/b.png", greyPng(8, 6, grey));
  const Dataset dataset = open("cub", tree.path());
  EXPECT_TRUE(dataset.hasMasks());
  EXPECT_TRUE(notes(dataset, "1 of 2 pictures have no mask"));
  const Mask mask = dataset.annotation(0, 0).mask.value();
  EXPECT_THAT(counts(mask), ElementsAre(2, 46, 0));
  EXPECT_EQ(mask.values[1], Mask::kObject);
  EXPECT_EQ(mask.values[9], Mask::kObject);
  EXPECT_FALSE(dataset.annotation(0, 1).mask);
  EXPECT_FALSE(dataset.annotation(1).mask);
}

TEST(CubDataset, BrokenMasks) {
  const Tree tree;
  writeCub(tree);
  tree.write("segmentations/001.Auk/b.png", greyPng(6, 8, Bytes(48)));
  tree.write("segmentations/002.Jay/c.png", colourPng(8, 6, Bytes(144)));
  const Dataset dataset = open("cub", tree.path());
  const Error size = expectError(ErrorCode::MalformedDataset, [&] { dataset.annotation(0); });
  EXPECT_THAT(size.where(), HasSubstr("segmentations/001.Auk/b.png"));
  EXPECT_EQ(size.got(), "a mask of 6×8 pixels");
  EXPECT_EQ(size.expected(), "8×6, the size of the picture");
  EXPECT_EQ(expectError(ErrorCode::MalformedDataset, [&] { dataset.annotation(1); }).got(),
            "a colour PNG without a palette");
}

TEST(CubDataset, MissingPicturesAreCountedAndMissingWhenRead) {
  const Tree tree;
  writeCub(tree);
  tree.remove("images/001.Auk/b.jpg");
  const Dataset dataset = open("cub", tree.path());
  EXPECT_EQ(dataset.size(), 2u);
  EXPECT_TRUE(notes(dataset, "1 of 2 pictures are missing"));
  expectError(ErrorCode::FileNotFound, [&] { dataset.image(0); });
  EXPECT_EQ(redOf(dataset, 1), 3);
}

TEST(CubDataset, WithoutTestPicturesAllAreTaken) {
  const Tree tree;
  writeCub(tree);
  tree.write("train_test_split.txt", std::string("1 1\n2 1\n3 1\n4 1\n"));
  EXPECT_EQ(open("cub", tree.path()).size(), 4u);
  EXPECT_TRUE(notes(open("cub", tree.path()), "No picture of the test split is there"));
  tree.remove("train_test_split.txt");
  EXPECT_EQ(open("cub", tree.path()).size(), 4u);
  EXPECT_TRUE(notes(open("cub", tree.path()), "train_test_split.txt is missing"));
}

// As a download that broke off leaves it: pictures of the training set would be test ones.
TEST(CubDataset, ASplitHasEveryPicture) {
  const Error error = cubError("train_test_split.txt", "1 1\n3 0\n");
  EXPECT_EQ(error.got(), "no line of picture 2");
  EXPECT_EQ(error.expected(), "one of every picture in images.txt");
  EXPECT_EQ(error.hint(), "the list may be cut short, or of another release");
}

TEST(CubDataset, SaysWhichPicturesAndLinesHaveNoOther) {
  const Tree tree;
  writeCub(tree);
  tree.write("image_class_labels.txt", std::string("1 1\n2 1\n4 2\n7 2\n8 1\n"));
  const Dataset dataset = open("cub", tree.path());
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{0}, Classes{}));
  EXPECT_TRUE(notes(dataset, "1 of 2 pictures are not in image_class_labels.txt, so their classes are not known."));
  EXPECT_TRUE(notes(dataset,
                    "2 lines of image_class_labels.txt are about pictures that images.txt does not have, and are left "
                    "out."));
  tree.remove("image_class_labels.txt");
  EXPECT_FALSE(notes(open("cub", tree.path()), "are not in image_class_labels.txt"));
  tree.write("bounding_boxes.txt", std::string("7 0 0 1 1\n"));
  EXPECT_TRUE(notes(open("cub", tree.path()), "bounding_boxes.txt has no box of these pictures"));
}

TEST(CubDataset, WithoutAnyPictureItDoesNotOpen) {
  const Tree tree;
  writeCub(tree);
  tree.remove("images");
  const Error error = expectError(ErrorCode::MalformedDataset, [&] { open("cub", tree.path()); });
  EXPECT_THAT(error.got(), HasSubstr("none of 4 pictures is there"));
  EXPECT_THAT(error.got(), HasSubstr("a.jpg"));
}

TEST(CubDataset, OpensWithoutListsAndSaysWhatFallsAway) {
  const Tree tree;
  writeCub(tree);
  for (const char* list : {"bounding_boxes.txt", "image_class_labels.txt", "classes.txt"}) tree.remove(list);
  const Dataset dataset = open("cub", tree.path());
  EXPECT_FALSE(dataset.hasBoxes());
  EXPECT_TRUE(dataset.annotation(0).boxes.empty());
  EXPECT_THAT(classes(dataset), ElementsAre(Classes{}, Classes{}));
  EXPECT_TRUE(notes(dataset, "no boxes: metrics that need them are left out"));
  EXPECT_TRUE(notes(dataset, "image_class_labels.txt is missing"));
}

TEST(CubDataset, BrokenLists) {
  const Error fields = cubError("bounding_boxes.txt", "2 1 2 3 4\n3 1 2 3\n");
  EXPECT_THAT(fields.where(), HasSubstr("line 2"));
  EXPECT_EQ(fields.got(), "'3 1 2 3'");
  EXPECT_EQ(fields.expected(), "'NUMBER X Y WIDTH HEIGHT'");
  EXPECT_EQ(cubError("bounding_boxes.txt", "2 1 2 x 4\n").got(), "'x'");
  EXPECT_EQ(cubError("bounding_boxes.txt", "2 1 2 nan 4\n").got(), "'nan'");
  EXPECT_EQ(cubError("bounding_boxes.txt", "2 1 2 -3 4\n").expected(), "sides from 0 on");
  EXPECT_EQ(cubError("image_class_labels.txt", "2 0\n").expected(), "a whole number from 1 on");
  EXPECT_EQ(cubError("image_class_labels.txt", "2 1.5\n").got(), "'1.5'");
  EXPECT_EQ(cubError("images.txt", "1 a.jpg\n1 b.jpg\n").got(), "number 1 is there twice");
  EXPECT_EQ(cubError("images.txt", "1 a.jpg\n2 a.jpg\n").got(), "'a.jpg' is there twice");
  EXPECT_EQ(cubError("images.txt", "\n\n").got(), "an empty list");
  EXPECT_EQ(cubError("images.txt", "a b c\n").got(), "'a b c'");
  EXPECT_EQ(cubError("classes.txt", "1 001.Auk\n").got(), "no class 2");
  EXPECT_EQ(cubError("classes.txt", "2000000000 x\n").got(), "class 2000000000");
  EXPECT_EQ(cubError("train_test_split.txt", "2 2\n").got(), "'2'");
  const Error far = cubError("bounding_boxes.txt", "1 0 0 1 1\n2 1e308 2 1e308 4\n");
  EXPECT_EQ(far.got(), "a box that ends at (inf, 6)");
  EXPECT_THAT(far.where(), HasSubstr("line 2"));
}

TEST(CubDataset, NumbersComeOnce) {
  for (const auto& [list, text] :
       std::vector<std::pair<std::string, std::string>>{{"bounding_boxes.txt", "2 1 2 3 4\n3 1 2 3 4\n2 1 2 3 5\n"},
                                                        {"image_class_labels.txt", "2 1\n3 2\n2 2\n"},
                                                        {"train_test_split.txt", "2 0\n3 0\n2 0\n"},
                                                        {"images.txt", "2 a.jpg\n3 b.jpg\n2 c.jpg\n"}}) {
    const Error error = cubError(list, text);
    EXPECT_EQ(error.got(), "number 2 is there twice") << list;
    EXPECT_EQ(error.expected(), "every number once");
    EXPECT_THAT(error.where(), HasSubstr(list + ", line 3"));
  }
  EXPECT_EQ(cubError("classes.txt", "1 001.Auk\n2 002.Jay\n1 003.Owl\n").got(), "class 1 is there twice");
  EXPECT_EQ(cubError("classes.txt", "1 001.Auk\n2 001.Auk\n").got(), "class 001.Auk is there twice");
}

}  // namespace relprop::dataset_test
