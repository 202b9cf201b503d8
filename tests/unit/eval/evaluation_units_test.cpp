// How the classes of a data set that only numbers them are found among a network's.
#include "eval/evaluation_units.h"

#include <gmock/gmock.h>

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

}  // namespace
}  // namespace relprop::dataset_test
