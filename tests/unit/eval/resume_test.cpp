// What a later run takes over from a store, and what it refuses to mix.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "eval/photo_file.h"
#include "relprop/evaluate.h"
#include "relprop/patterns.h"
#include "unit/eval/dataset_files.h"

namespace relprop::resume_test {
namespace {

namespace fs = std::filesystem;
using dataset_test::expectError;
using dataset_test::Tree;
using testing::HasSubstr;

const fs::path kExamples = (fs::path(__FILE__).parent_path() / "../../../examples").lexically_normal();

const Model& network() {
  static const Model model = Model::load(kExamples / "model/shapes.onnx");
  return model;
}

EvaluateOptions asked(const std::string& method = "gradient") {
  EvaluateOptions o;
  o.methods = {method}, o.metrics = {"complexity"};
  o.preprocess = readPreprocess((kExamples / "model/shapes.preprocess.json").string());
  o.labels = readLabels((kExamples / "model/shapes.labels.txt").string());
  o.threads = 1;
  return o;
}

// How many pictures it measured.
std::size_t measured(Store& store, const Dataset& data, const EvaluateOptions& o) {
  Evaluation evaluation(network(), data, o);
  std::vector<std::size_t> units(evaluation.units().size());
  std::iota(units.begin(), units.end(), std::size_t{0});
  const EvaluateProgress end = evaluate(evaluation, store, units);
  return end.done - end.skipped;
}

fs::path photo(int number) {
  return kExamples / "pictures/JPEGImages" / ("val_0000" + std::to_string(number) + ".jpg");
}

void put(const Tree& tree, const std::string& name, int number) {
  fs::create_directories((tree / name).parent_path());
  fs::copy_file(photo(number), tree / name, fs::copy_options::overwrite_existing);
}

TEST(Resume, AnotherDataSetOfTheNameIsRefused) {
  const Tree tree;
  put(tree, "a/photos/circle/1.jpg", 0), put(tree, "b/photos/circle/1.jpg", 1);
  Store store = Store::inMemory();
  const Dataset first = dataset_test::open("folder", tree / "a/photos");
  EXPECT_EQ(measured(store, first, asked()), 1U);
  EXPECT_EQ(measured(store, first, asked()), 0U);
  ASSERT_EQ(store.pictures().size(), 1U);
  const auto bytes = std::to_string(fs::file_size(photo(0)));
  EXPECT_EQ(store.pictures()[0].file, (tree / "a/photos/circle/1.jpg").string() + " (" + bytes + " bytes)");
  const Error error = expectError(ErrorCode::InvalidArgument,
                                  [&] { measured(store, dataset_test::open("folder", tree / "b/photos"), asked()); });
  EXPECT_THAT(error.got(),
              HasSubstr("circle/1.jpg of folder:photos (target true) with a photo of " + bytes + " bytes"));
  EXPECT_THAT(error.expected(), HasSubstr(std::to_string(fs::file_size(photo(1)))));
}

TEST(Resume, OtherLabelsAreRefused) {
  const Tree tree;
  put(tree, "photos/circle/1.jpg", 0);
  Store store = Store::inMemory();
  const Dataset data = dataset_test::open("folder", tree / "photos");
  EvaluateOptions o = asked();
  std::reverse(o.labels.begin(), o.labels.end());
  measured(store, data, o);
  const Error error = expectError(ErrorCode::InvalidArgument, [&] { measured(store, data, asked()); });
  EXPECT_THAT(error.got(), HasSubstr("class 9"));
  EXPECT_THAT(error.expected(), HasSubstr("class 0"));
}

// The target of several classes is a number in the data set's list, which grew.
TEST(Resume, AListOfClassesThatMovedIsRefused) {
  const Tree tree;
  put(tree, "0.jpg", 0), put(tree, "1.jpg", 1);
  const std::string head = "picture,class,xmin,ymin,xmax,ymax\n", two = "0.jpg,heart,1,1,9,9\n0.jpg,star,20,20,40,40\n",
                    another = "1.jpg,circle,0,0,30,30\n";
  tree.write("b.csv", head + two);
  Store store = Store::inMemory();
  EXPECT_EQ(measured(store, dataset_test::open("boxes", tree / "b.csv"), asked()), 2U);
  tree.write("b.csv", head + two + another);
  const Error error = expectError(ErrorCode::InvalidArgument,
                                  [&] { measured(store, dataset_test::open("boxes", tree / "b.csv"), asked()); });
  EXPECT_THAT(error.got(), HasSubstr("0.jpg of boxes:b.csv (target true:"));
}

TEST(Resume, APictureWhoseClassIsKnownByNowIsMeasured) {
  const Tree tree;
  put(tree, "0.jpg", 0), put(tree, "1.jpg", 1);
  tree.write("val.txt", "0.jpg 3\n1.jpg\n");
  Store store = Store::inMemory();
  EXPECT_EQ(measured(store, dataset_test::open("imagenet", tree.path()), asked()), 1U);
  EXPECT_EQ(measured(store, dataset_test::open("imagenet", tree.path()), asked()), 0U);
  tree.write("val.txt", "0.jpg 3\n1.jpg 4\n");
  EXPECT_EQ(measured(store, dataset_test::open("imagenet", tree.path()), asked()), 1U);
  for (const PictureFacts& facts : store.pictures()) EXPECT_EQ(facts.skipped, "");
}

TEST(Resume, RetryAsksAgainWhetherAPictureIsClassifiedCorrectly) {
  const Tree tree;
  for (int i = 0; i < 4; ++i) put(tree, std::to_string(i) + ".jpg", i);
  tree.write("val.txt", "0.jpg 0\n1.jpg 0\n2.jpg 0\n3.jpg 0\n");
  Store store = Store::inMemory();
  EvaluateOptions o = asked();
  o.onlyCorrect = true;
  measured(store, dataset_test::open("imagenet", tree.path()), o);
  std::string right;
  for (const PictureFacts& facts : store.pictures())
    right += facts.picture + " " + std::to_string(facts.predictedClass) + "\n";
  tree.write("val.txt", right);
  const Dataset data = dataset_test::open("imagenet", tree.path());
  std::size_t wrong = 0;
  for (const PictureFacts& facts : store.pictures()) wrong += !facts.skipped.empty();
  ASSERT_GT(wrong, 0U);
  EXPECT_EQ(measured(store, data, o), 0U);
  o.retry = true;
  EXPECT_EQ(measured(store, data, o), wrong);
  EXPECT_EQ(store.resultCount(), 4U);
}

TEST(Resume, OtherPatternsAreAnotherMethod) {
  const Tree tree;
  put(tree, "photos/circle/1.jpg", 0);
  const Dataset data = dataset_test::open("folder", tree / "photos");
  Store store = Store::inMemory();
  for (const int number : {2, 3}) {
    PatternEstimator estimator(network(), {.batch = 1, .threads = 1});
    const PreparedImage image = prepareImage(readImage(photo(number)), asked().preprocess, 3, network().inputShape()[2],
                                             network().inputShape()[3]);
    estimator.add(image.input);
    estimator.finish().save(tree / "patterns.npz");
    EvaluateOptions o = asked("pattern-attribution");
    o.patterns = tree / "patterns.npz";
    EXPECT_EQ(measured(store, data, o), 1U) << number;
    EXPECT_EQ(measured(store, data, o), 0U) << number;
    EXPECT_THAT(Evaluation(network(), data, o).methods(),
                testing::ElementsAre(testing::MatchesRegex("pattern-attribution:.* \\| patterns=[0-9a-f]+")));
  }
}

TEST(PhotoFile, SaysWhereAndHowLarge) {
  const Tree tree;
  tree.write("a (1).txt", "12345");
  const std::string text = eval::photoFileText(tree / "a (1).txt");
  EXPECT_EQ(text, (tree / "a (1).txt").string() + " (5 bytes)");
  EXPECT_EQ(eval::photoBytesIn(text), 5U);
  EXPECT_EQ(eval::photoFileText(tree / "none"), (tree / "none").string());
  EXPECT_EQ(eval::photoFileText({}), "");
  for (const char* other :
       {"", "a.jpg", "a (5 bytes", "(5 bytes)", "a (five bytes)", "a (-5 bytes)", "a ( bytes)", " bytes)"})
    EXPECT_FALSE(eval::photoBytesIn(other)) << other;
}

}  // namespace
}  // namespace relprop::resume_test
