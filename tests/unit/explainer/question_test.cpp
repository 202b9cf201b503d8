// Targets as a user writes them.
#include "relprop/question.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "explainer/model_impl.h"
#include "support/temporary_folder.h"
#include "unit/core/failure.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace {

using ::testing::ElementsAre;

std::vector<Target> targets(const std::string& text, const std::vector<std::string>& labels) {
  return targetsOf(chooseTargets({.targets = {text}}, labels, static_cast<std::int64_t>(labels.size())));
}

TEST(TargetText, ASynsetIsAClassWhereTheNamesAreImageNets) {
  const std::vector<std::string> imagenet = readLabels("imagenet");
  EXPECT_THAT(targets("n02099601", imagenet), ElementsAre(Target::of(207)));
  EXPECT_THAT(targets("not:n02099601", imagenet), ElementsAre(Target::notOf(207)));
  EXPECT_THAT(targets("n01440764, n15075141", imagenet), ElementsAre(Target::of(0), Target::of(999)));
}

TEST(TargetText, ASynsetOfNoClassIsUnknown) {
  const Error error = failureOf([] { targets("n00000001", readLabels("imagenet")); });
  EXPECT_EQ(error.code(), ErrorCode::UnknownTarget);
  EXPECT_EQ(error.got(), "no class is called 'n00000001'");
}

TEST(TargetText, NoTargetOfSeveralIsEmpty) {
  for (const std::string& list : {"1,", ",1", "0,,1", "0, ,1", ","}) {
    const Error error = failureOf([&] { targets(list, {"cat", "dog"}); });
    EXPECT_EQ(error.code(), ErrorCode::UnknownTarget);
    EXPECT_EQ(error.got(), "'" + list + "'");
    EXPECT_EQ(error.hint(), "leave out a comma, or write what is missing");
  }
  EXPECT_THAT(targets("0, dog", {"cat", "dog"}), ElementsAre(Target::of(0), Target::of(1)));
}

TEST(TargetText, AnInnerNodeHasNumbersOnly) {
  for (const std::string& word : {"star", "not:star"}) {
    const Error error = failureOf([&] { chooseTargets({.targets = {word}, .from = "conv"}, {"star"}, 1); });
    EXPECT_EQ(error.code(), ErrorCode::UnknownTarget);
    EXPECT_EQ(error.expected(), "the number of a channel");
    EXPECT_EQ(error.hint(), "");
  }
}

TEST(TargetText, AVectorHasToBeFinite) {
  const TemporaryFolder folder;
  const std::string file = folder / "v.npy";
  folder.write("v.npy", encodeNpy(Tensor(Shape{2}, {1, std::numeric_limits<float>::infinity()})));
  const Error error = failureOf([&] { targets(file, {"cat", "dog"}); });
  EXPECT_EQ(error.code(), ErrorCode::NonFiniteInput);
  EXPECT_EQ(error.where(), file);
  EXPECT_EQ(error.got(), "inf at element 1");
}

// Conv nodes "a:0", whose output is "a:1", and "a".
TEST(TargetText, ANameInFullGoesBeforeANodeAndItsChannel) {
  Build b({1, 2, 4, 4});
  const ValueId inner = b.add(Op::Conv, {b.x(), b.random({2, 2, 1, 1})});
  b.add(Op::Conv, {inner, b.random({2, 2, 1, 1})});
  b.graph.nodes[0].name = "a:0", b.graph.value(inner).name = "a:1", b.graph.nodes[1].name = "a";
  const Model model = ModelAccess::network("made.onnx", {b.graph, ""});
  const auto chosen = [&](const std::string& from) { return chooseTargets({.from = from}, {}, model); };
  for (const std::string& name : {"a:0", "a:1", "a"}) {
    EXPECT_EQ(chosen(name).from, name);
    EXPECT_THAT(targetsOf(chosen(name)), ElementsAre(Target::all()));
    EXPECT_EQ(contradiction({.targets = {"1"}, .from = name}, model), "");
    EXPECT_THAT(contradiction({.contrast = "1", .from = name}, model), ::testing::HasSubstr("needs one channel"));
  }
  for (const auto& [text, node] : {std::pair{"a:0:2", "a:0"}, {"a:2", "a"}}) {
    EXPECT_EQ(chosen(text).from, node);
    EXPECT_THAT(targetsOf(chosen(text)), ElementsAre(Target::of(2)));
    EXPECT_THAT(contradiction({.targets = {"1"}, .from = text}, model), ::testing::HasSubstr("both say"));
    EXPECT_EQ(contradiction({.targets = {"1"}, .from = text}), "") << "the network has to be known";
  }
}

// What names no class is not said to be expected where only a class may stand.
TEST(TargetText, FormsAreRefusedWhereAClassHasToStand) {
  const std::vector<std::string> labels = {"cat", "dog"};
  for (const std::string& word : {"argmax", "top:2", "v.npy", "not:2"}) {
    const Error rival = failureOf([&] { chooseTargets({.targets = {}, .contrast = word}, labels, 2); });
    EXPECT_EQ(rival.got(), "'" + word + "'");
    EXPECT_EQ(rival.expected(), "a class index or name, or no value for all others");
    const Error other = failureOf([&] { targets("not:" + word, labels); });
    EXPECT_EQ(other.got(), "'" + word + "'");
    EXPECT_EQ(other.expected(), "not: before a class index or name");
  }
}

// Labels of LIBSVM, say: whoever knows them would get the other class.
TEST(TargetText, ANumberThatIsTheNameOfAnotherClassIsAmbiguous) {
  const std::vector<std::string> signs = {"1", "-1"};
  const Error error = failureOf([&] { targets("1", signs); });
  EXPECT_EQ(error.code(), ErrorCode::UnknownTarget);
  EXPECT_EQ(error.where(), "--target");
  EXPECT_EQ(error.got(), "'1', which is the name of class 0 and the index of class 1, which is called '-1'");
  EXPECT_EQ(error.expected(), "one class");
  EXPECT_EQ(error.hint(), "write 00 for the one called so, 01 for the index 1");
  EXPECT_THAT(targets("00,01", signs), ElementsAre(Target::of(0), Target::of(1)));
  EXPECT_THAT(targets("0", signs), ElementsAre(Target::of(0)));
  // As the C interface writes a number.
  EXPECT_THAT(targets("00000000000000000001", signs), ElementsAre(Target::of(1)));
  EXPECT_EQ(chooseTargets({.targets = {"0001"}}, signs, 2).targets.at(0).name, "1");
  EXPECT_EQ(codeOf([&] { targets("not:1", signs); }), ErrorCode::UnknownTarget);
  EXPECT_EQ(failureOf([&] { chooseTargets({.targets = {"00"}, .contrast = "1"}, signs, 2); }).where(), "--contrast");
}

TEST(TargetText, ANumberThatIsNoIndexIsAName) {
  EXPECT_THAT(targets("-1", {"1", "-1"}), ElementsAre(Target::of(1)));
  EXPECT_THAT(targets("2024", {"2023", "2024"}), ElementsAre(Target::of(1)));
  EXPECT_EQ(failureOf([] { targets("7", {"cat", "7", "7"}); }).got(), "'7' may be 1 7, 2 7");
  EXPECT_EQ(failureOf([] { targets("2", {"cat", "dog"}); }).expected(), "a class index from 0 to 1");
}

TEST(TargetText, NumbersInTheirOrderAreNamesOfThemselves) {
  EXPECT_THAT(targets("0,1,2", {"0", "1", "2"}), ElementsAre(Target::of(0), Target::of(1), Target::of(2)));
  EXPECT_THAT(targets("1", {"2", "1", "1"}), ElementsAre(Target::of(1)));
}

// Names of another network in another order say nothing about ImageNet's numbers.
TEST(TargetText, ASynsetIsANameLikeOthersElsewhere) {
  EXPECT_THAT(targets("n02099601", {"cat", "n02099601"}), ElementsAre(Target::of(1)));
  std::vector<std::string> moved = readLabels("imagenet");
  std::swap(moved.front(), moved.back());
  EXPECT_EQ(codeOf([&] { targets("n02099601", moved); }), ErrorCode::UnknownTarget);
}

}  // namespace
}  // namespace relprop::test
