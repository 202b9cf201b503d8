// How the classes of a data set that only numbers them are found among a network's, and what is asked about a picture.
#include "eval/evaluation_units.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "eval/subjects.h"
#include "relprop/explain.h"
#include "unit/eval/dataset_files.h"

namespace relprop::dataset_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Labels = std::vector<std::string>;

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
