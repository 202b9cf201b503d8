// How the classes of a data set that only numbers them are found among a network's, and what is asked about a picture.
#include "eval/evaluation_units.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "eval/subjects.h"
#include "relprop/explain.h"
#include "unit/eval/dataset_files.h"

namespace relprop::dataset_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Labels = std::vector<std::string>;

Labels mappingNotes(const Dataset& dataset, const Labels& labels, int classes) {
  Labels notes;
  classMapping(dataset, labels, classes, &notes);
  return notes;
}

class NumbersTest : public testing::Test {
 protected:
  // A picture of each class.
  Dataset boxes(const std::vector<int>& numbers) const {
    std::string text = "picture,class,xmin,ymin,xmax,ymax\n";
    for (const int number : numbers) text += pictureOf(number) + "," + std::to_string(number) + ",0,0,1,1\n";
    tree_.write("boxes.csv", text);
    return open("boxes", tree_ / "boxes.csv");
  }
  Dataset imagenet(const std::vector<int>& numbers) const {
    std::string text;
    for (const int number : numbers) text += pictureOf(number) + " " + std::to_string(number) + "\n";
    tree_.write("val.txt", text);
    return open("imagenet", tree_.path());
  }

 private:
  std::string pictureOf(int number) const {
    const std::string name = std::to_string(number) + ".png";
    tree_.writePicture(name);
    return name;
  }

  Tree tree_;
};

TEST_F(NumbersTest, AreTheNetworksOwn) {
  EXPECT_THAT(classMapping(boxes({0, 2}), {}, 3), IsEmpty());
  EXPECT_THAT(classMapping(boxes({0, 2}), {"cat", "dog", "owl"}, 3), IsEmpty());
  EXPECT_THAT(classMapping(imagenet({0, 2}), {"cat", "dog", "owl"}, 3), IsEmpty());
  EXPECT_THAT(classMapping(imagenet({0, 999}), readLabels("imagenet"), 1000), IsEmpty());
  const Error error = expectError(ErrorCode::UnknownTarget, [&] { classMapping(boxes({0, 3}), {}, 3); });
  EXPECT_THAT(error.got(), HasSubstr("class 3 of 3.png"));
}

TEST_F(NumbersTest, AreFoundByLabelsThatNameNumbers) {
  const Labels labels = {"class 3", "class 7"};
  const std::vector<int> both = classMapping(boxes({3, 7}), labels, 2);
  ASSERT_EQ(both.size(), 8u);
  EXPECT_EQ(both[3], 0);
  EXPECT_EQ(both[7], 1);
  EXPECT_EQ(classMapping(boxes({7}), labels, 2).at(7), 1) << "a part of what it was trained on";
  const std::vector<int> more = classMapping(boxes({3, 5, 7}), labels, 2);
  EXPECT_EQ(more.at(5), -1) << "it knows no others";
  EXPECT_EQ(more.at(7), 1);
  EXPECT_THAT(classMapping(boxes({0, 1}), {"class 0", "class 1"}, 2), ElementsAre(0, 1));
}

TEST_F(NumbersTest, OfOtherDataAreForeign) {
  for (const std::vector<int>& numbers : {std::vector<int>{0, 1}, {3, 5}, {5}}) {
    const Dataset dataset = boxes(numbers);
    const Error error = expectError(ErrorCode::UnknownTarget, [&] {
      classMapping(dataset, {"class 3", "class 7"}, 2);
    });
    EXPECT_THAT(error.got(), HasSubstr("'class " + std::to_string(numbers.back() == 1 ? 0 : 5) + "'"));
  }
  const Error high = expectError(ErrorCode::UnknownTarget, [&] {
    classMapping(boxes({1, 100000000}), {"class 3", "class 7"}, 2);
  });
  EXPECT_THAT(high.got(), HasSubstr("class 100000000"));
}

TEST_F(NumbersTest, OfImageNetAreFoundBySomeOfItsNames) {
  const Labels all = readLabels("imagenet"), some = {all[3], all[207]};
  const std::vector<int> mapping = classMapping(imagenet({3, 207}), some, 2);
  EXPECT_EQ(mapping.at(3), 0);
  EXPECT_EQ(mapping.at(207), 1);
  EXPECT_EQ(classMapping(imagenet({3, 9, 207}), some, 2).at(9), -1);
  // A network of its own numbers, some of whose names are ImageNet's.
  EXPECT_THAT(classMapping(imagenet({0, 1}), {all[0], all[217]}, 2), IsEmpty());
}

// Folders of synsets say which of ImageNet's classes they are.
class SynsetsTest : public testing::Test {
 protected:
  SynsetsTest() {
    tree_.writePicture("set/n01440764/a.png");  // tench, 0
    tree_.writePicture("set/n01498041/b.png");  // stingray, 6
  }
  Dataset set() const { return open("imagenet", tree_ / "set"); }
  Error refused(const Labels& labels, int classes) const {
    return expectError(ErrorCode::UnknownTarget, [&] { classMapping(set(), labels, classes); });
  }

  Tree tree_;
  const Labels all_ = readLabels("imagenet");
};

TEST_F(SynsetsTest, AreFoundWhereTheNetworkHasThem) {
  EXPECT_THAT(classMapping(set(), all_, 1000), IsEmpty());
  EXPECT_THAT(mappingNotes(set(), all_, 1000), IsEmpty());
  Labels turned(all_.rbegin(), all_.rend());
  turned[999] = "tench, Tinca tinca";
  const std::vector<int> mapping = classMapping(set(), turned, 1000);
  EXPECT_EQ(mapping.at(0), 999);
  EXPECT_EQ(mapping.at(6), 993);
  EXPECT_THAT(mappingNotes(set(), turned, 1000), ElementsAre("the network's classes have other numbers than the data "
                                                             "set's ImageNet classes: they are found by their names"));
}

TEST_F(SynsetsTest, StandOneFurtherBehindABackground) {
  Labels behind = {"background"};
  behind.insert(behind.end(), all_.begin(), all_.end());
  const std::vector<int> mapping = classMapping(set(), behind, 1001);
  EXPECT_EQ(mapping.at(0), 1);
  EXPECT_EQ(mapping.at(6), 7);
  EXPECT_THAT(
      mappingNotes(set(), behind, 1001),
      ElementsAre("the network has 'background' in front of ILSVRC's classes, so ILSVRC's class 0 is its class 1"));
  Labels before = all_;
  before.push_back("background");
  EXPECT_THAT(classMapping(set(), before, 1001), IsEmpty());
}

TEST_F(SynsetsTest, OfANetworkWithOtherNamesAreRefused) {
  const Error error = refused({"airplane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}, 10);
  EXPECT_EQ(error.got(), "class 0, ImageNet's 'tench', which the network calls 'airplane'");
  EXPECT_EQ(error.expected(), "classes of the network, which has 10");
  EXPECT_THAT(error.hint(), HasSubstr("'imagenet' where they are ILSVRC's thousand in their order"));
  EXPECT_THAT(refused(Labels(1000, "x"), 1000).got(), HasSubstr("which the network calls 'x'"));
}

TEST_F(SynsetsTest, WithoutNamesAreNumbersAmongAsMany) {
  EXPECT_THAT(classMapping(set(), {}, 1000), IsEmpty());
  EXPECT_EQ(refused({}, 1001).got(), "classes by their numbers among 1000");
  EXPECT_EQ(refused({}, 10).got(), "classes by their numbers among 1000");
  tree_.write("set/synsets.txt", std::string("n01498041\nn01440764\n"));
  EXPECT_THAT(classMapping(set(), {}, 2), IsEmpty()) << "the network's own list";
}

// Lists of names differ in their words.
TEST_F(SynsetsTest, KeepTheirPlacesWhereMostNamesDo) {
  Labels other = all_;
  other[0] = "a fish";
  EXPECT_THAT(classMapping(set(), other, 1000), IsEmpty());
  std::swap(other[6], other[7]);
  EXPECT_EQ(classMapping(set(), other, 1000).at(6), 7) << "two that have changed places";
}

TEST_F(SynsetsTest, OfAListOfTheirOwnAreFoundByNameToo) {
  tree_.write("set/synsets.txt", std::string("n01498041\nn01440764\n"));
  EXPECT_THAT(classMapping(set(), {"stingray", "tench"}, 2), ElementsAre(0, 1));
  EXPECT_THAT(classMapping(set(), {"tench", "stingray"}, 2), ElementsAre(1, 0));
  EXPECT_THAT(classMapping(set(), {"n01440764", "n01498041"}, 2), ElementsAre(1, 0));
}

TEST_F(SynsetsTest, OfAListThatIsTheNetworksKeepTheirNumbers) {
  tree_.write("set/synsets.txt", std::string("n01498041\nn01440764\n"));
  EXPECT_THAT(classMapping(set(), {"stingray", "a fish"}, 2), IsEmpty());
  EXPECT_EQ(refused({"a ray", "a fish"}, 2).got(), "class 0, ImageNet's 'stingray', which the network calls 'a ray'");
}

// The name of 264 is but for its case that of 474.
TEST_F(NumbersTest, OfACorgiAreNotThoseOfAGarment) {
  Labels labels = readLabels("imagenet");
  labels[264] = "Cardigan Welsh corgi";
  EXPECT_THAT(classMapping(imagenet({264}), labels, 1000), IsEmpty());
}

TEST_F(NumbersTest, OfAListOfLabelsAreTakenWithANoteWhereNamesDiffer) {
  EXPECT_THAT(mappingNotes(imagenet({0, 2}), {"cat", "dog", "owl"}, 3),
              ElementsAre("the data set's class numbers are taken for the network's, although names differ: class 0, "
                          "ImageNet's 'tench', which the network calls 'cat'"));
  EXPECT_THAT(
      mappingNotes(imagenet({0, 2}), {}, 3),
      ElementsAre("the data set's class numbers are taken for the network's, which has 3 classes without names"));
  EXPECT_THAT(mappingNotes(imagenet({0, 2}), {}, 1000), IsEmpty());
}

TEST_F(NumbersTest, ThatAreNamesOfOtherClassesAreRefused) {
  const Error error = expectError(ErrorCode::UnknownTarget, [&] { classMapping(boxes({1}), {"1", "0"}, 2); });
  EXPECT_EQ(error.got(), "class 1, which is the name of the network's class 0 and the number of its class '0'");
  EXPECT_THAT(classMapping(boxes({1}), {"0", "1"}, 2), IsEmpty());
}

// A folder of pictures for each class.
class NamesTest : public testing::Test {
 protected:
  Dataset folders(const Labels& names) const {
    tree_.remove("set");
    for (const std::string& name : names) tree_.writePicture("set/" + name + "/a.png");
    return open("folder", tree_ / "set");
  }
  int placeOf(const std::string& name, const Labels& labels) const {
    return classMapping(folders({name}), labels, static_cast<int>(labels.size())).at(0);
  }
  std::string refused(const std::string& name, const Labels& labels) const {
    return expectError(ErrorCode::UnknownTarget, [&] { placeOf(name, labels); }).got();
  }

 private:
  Tree tree_;
};

TEST_F(NamesTest, TheNearestWayOfWritingWins) {
  EXPECT_EQ(placeOf("cardigan", readLabels("imagenet")), 474);
  EXPECT_EQ(placeOf("Cardigan", readLabels("imagenet")), 264);
  EXPECT_EQ(placeOf("Cat", {"cat", "Cat"}), 1);
  EXPECT_EQ(placeOf("maillot", {"maillot, tank suit", "maillot"}), 1);
  EXPECT_EQ(placeOf("Cardigan", {"cardigan", "Cardigan, Cardigan Welsh corgi"}), 1);
  EXPECT_EQ(placeOf("001.Great_Owl", {"great owl ", "tench, Tinca tinca"}), 0);
  EXPECT_EQ(placeOf("Tench", {"great owl", "tench, Tinca tinca"}), 1);
}

TEST_F(NamesTest, WhatFitsSeveralClassesIsRefused) {
  EXPECT_EQ(refused("cat", {"cat", "cat"}), "class 'cat', which may be 0 cat, 1 cat");
  EXPECT_EQ(refused("CAT", {"cat", "Cat"}), "class 'CAT', which may be 0 cat, 1 Cat");
  EXPECT_EQ(refused("crane", {"crane, bird", "crane, machine"}),
            "class 'crane', which may be 0 crane, bird, 1 crane, machine");
  EXPECT_EQ(refused("crane", Labels(12, "crane")).substr(0, 36), "class 'crane', which may be 0 crane,");
  EXPECT_THAT(refused("crane", Labels(12, "crane")), HasSubstr("9 crane and 2 more"));
}

TEST_F(NamesTest, TwoThatAreOneClassOfTheNetworkAreSaid) {
  const Dataset set = folders({"001.cat", "002.cat", "dog"});
  EXPECT_THAT(classMapping(set, {"dog", "cat"}, 2), ElementsAre(1, 1, 0));
  EXPECT_THAT(mappingNotes(set, {"dog", "cat"}, 2),
              ElementsAre("'001.cat' and '002.cat' are one class of the network: 1 cat"));
}

TEST_F(NumbersTest, HaveNames) {
  EXPECT_EQ(classNameIn(boxes({3}), 3), "class 3");
  EXPECT_EQ(classNameIn(imagenet({3}), 3), readLabels("imagenet")[3]);
  EXPECT_EQ(classNameIn(imagenet({3}), 1000), "class 1000");
}

// The bundled network, which knows ten shapes, and a set in COCO's layout that has further classes.
class SubjectsTest : public testing::Test {
 protected:
  // A picture of 8×6 for each class. `declared`: how wide the file says that it is; it says half as high.
  eval::Subjects asked(const std::vector<std::string>& shown, double declared = 0) {
    const std::vector<std::string> others = {"", "zebra"};
    Labels names = options_.labels;
    names.insert(names.end(), others.begin(), others.end());
    nlohmann::json set = {{"images", nlohmann::json::array()}, {"annotations", nlohmann::json::array()}};
    for (std::size_t k = 0; k < names.size(); ++k) set["categories"].push_back({{"id", k}, {"name", names[k]}});
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const std::string file = std::to_string(i) + ".png";
      tree_.writePicture(file);
      set["images"].push_back({{"id", i}, {"file_name", file}, {"width", declared}, {"height", declared / 2}});
      const auto aClass = std::find(names.begin(), names.end(), shown[i]) - names.begin();
      set["annotations"].push_back({{"image_id", i}, {"category_id", aClass}, {"bbox", {0, 0, 4, 3}}});
    }
    dataset_ = open("coco", tree_.write("set.json", set.dump()));
    return eval::Subjects(model_, *dataset_, options_, classifier_);
  }
  static EvaluateOptions optionsOf(const std::filesystem::path& folder) {
    EvaluateOptions options;
    options.preprocess = readPreprocess((folder / "shapes.preprocess.json").string());
    options.labels = readLabels((folder / "shapes.labels.txt").string());
    options.threads = 1;
    return options;
  }

  const std::filesystem::path folder_ = std::filesystem::path(__FILE__).parent_path() / "../../../examples/model";
  const Model model_ = Model::load(folder_ / "shapes.onnx");
  EvaluateOptions options_ = optionsOf(folder_);
  const Classifier classifier_{model_, {}, {}, 1, 1};
  Tree tree_;
  std::optional<Dataset> dataset_;
};

TEST_F(SubjectsTest, ClassesThatTheNetworkDoesNotKnowFallAway) {
  const eval::Subjects subjects = asked({"zebra", "ring", ""});
  ASSERT_EQ(subjects.units().size(), 1u);
  EXPECT_EQ(subjects.units()[0].picture, 1u);
  EXPECT_THAT(subjects.notes(),
              ElementsAre("questions about classes that the network does not know fall away: 2 ('', zebra)"));
}

// That it knows other classes of the set, which no picture has, is of no help.
TEST_F(SubjectsTest, WhereNothingIsLeftToAskThereIsNoEvaluation) {
  for (const char* target : {"true", "predicted"}) {
    options_.target = target;
    options_.onlyCorrect = options_.target == "predicted";
    const Error error = expectError(ErrorCode::UnknownTarget, [&] { asked({"zebra", "zebra"}); });
    EXPECT_EQ(error.where(), "coco:set.json");
    EXPECT_EQ(error.got(), "class 'zebra' and perhaps others");
    EXPECT_EQ(error.expected(), "classes of the network, which has 10");
    EXPECT_THAT(error.hint(), HasSubstr("--labels"));
  }
  EXPECT_THAT(expectError(ErrorCode::UnknownTarget, [&] { asked({""}); }).got(), HasSubstr("class ''"));
}

// What needs no truth is measured all the same.
TEST_F(SubjectsTest, TruthOfAnotherSizeThanThePictureIsNone) {
  const MissingScores missing{0, {true}};
  const eval::Subjects subjects = asked({"ring"}, 16);
  const eval::Subject subject = subjects.open(missing);
  EXPECT_EQ(subject.facts.skipped, "");
  EXPECT_FALSE(subject.truth.boxes || subject.truth.mask);
  EXPECT_EQ(subject.truth.lack, "annotated at 16×8, the picture has 8×6");
}

TEST_F(SubjectsTest, WhereNoSizeIsSaidTruthIsTakenAsItIs) {
  const MissingScores missing{0, {true}};
  const eval::Subjects subjects = asked({"ring"});
  const eval::Subject subject = subjects.open(missing);
  EXPECT_TRUE(subject.truth.boxes);
  EXPECT_EQ(subject.truth.lack, "");
}

}  // namespace
}  // namespace relprop::dataset_test
