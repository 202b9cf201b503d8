// Binary networks, several outputs and several inputs on the command line. The networks are written here, field by
// field of the ONNX format, so that each number can be computed by hand.
#include <gmock/gmock.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#include "example.h"

namespace e2e {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value > 127; value >>= 7) out += static_cast<char>(value | 128);
  return out + static_cast<char>(value);
}
std::string number(int field, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3) + varint(value);
}
std::string bytes(int field, const std::string& content) {
  return varint(static_cast<std::uint64_t>(field) << 3 | 2) + varint(content.size()) + content;
}

std::string node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output) {
  std::string text;
  for (const std::string& input : inputs) text += bytes(1, input);
  return bytes(1, text + bytes(2, output) + bytes(3, output + "_node") + bytes(4, op));
}

// As an input (11) or output (12) of the graph; 0 is the open first axis.
std::string value(int field, const std::string& name, const std::vector<int>& shape) {
  std::string dims;
  for (const int extent : shape)
    dims += bytes(1, extent > 0 ? number(1, static_cast<std::uint64_t>(extent)) : bytes(2, "N"));
  return bytes(field, bytes(1, name) + bytes(2, bytes(1, number(1, 1) + bytes(2, dims))));
}

std::string weights(const std::string& name, const std::vector<int>& shape, const std::vector<float>& values) {
  std::string dims, raw(values.size() * sizeof(float), '\0');
  for (const int extent : shape) dims += number(1, static_cast<std::uint64_t>(extent));
  std::memcpy(raw.data(), values.data(), raw.size());
  return bytes(5, dims + number(2, 1) + bytes(8, name) + bytes(9, raw));
}

std::string onnx(const std::string& graph) {
  return number(1, 8) + bytes(8, number(2, 13)) + bytes(7, graph + bytes(2, "g"));
}

const std::vector<float> kWeights = {1, -2, 0.5f, 3};

class HeadsTest : public ExampleTest {
 protected:
  HeadsTest() {
    writeTensor("x.npy", {{1, 1, 2, 2}, {1, 0.5f, -1, 0.25f}});
    write("binary.onnx", picture() + dense("z", kWeights, 1) + node("Sigmoid", {"z"}, "y") + value(12, "y", {0, 1}));
    write("regression.onnx", picture() + dense("z", kWeights, 1) + value(12, "z", {0, 1}));
    write("open.onnx", picture() + dense("z", kWeights, 1) + node("Sigmoid", {"z"}, "y") + value(12, "y", {0, 0}));
    write("three.onnx", picture() + dense("z", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 3) + value(12, "z", {0, 0}));
    write("two.onnx", picture() + dense("aux", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 3) +
                          dense("cls", {1, 0, 0, -2, 1, 1, 3, 1}, 2) + value(12, "aux", {0, 3}) +
                          value(12, "cls", {0, 2}));
    write("fed.onnx", picture() + value(11, "age", {0, 1}) + dense("z", kWeights, 1) + node("Add", {"z", "age"}, "s") +
                          node("Sigmoid", {"s"}, "y") + value(12, "y", {0, 1}));
  }
  static std::string picture() { return value(11, "x", {0, 1, 2, 2}) + node("Flatten", {"x"}, "flat"); }
  static std::string dense(const std::string& name, const std::vector<float>& values, int classes) {
    return weights(name + ".w", {4, classes}, values) + node("Gemm", {"flat", name + ".w"}, name);
  }
  void write(const std::string& name, const std::string& graph) const { writeText(folder_ / name, onnx(graph)); }
  void writeTensor(const std::string& name, const relprop::Tensor& tensor) const {
    relprop::writeFile(folder_ / name, relprop::encodeNpy(tensor));
  }
  Outcome explainNetwork(const std::string& model, const Arguments& options) {
    Arguments arguments = {"explain", folder_ / model, folder_ / "x.npy", "-m", "gradient", "--save", "npy", "--json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"--out", out()});
    return relprop(arguments);
  }
  json answer(const std::string& model, const Arguments& options = {}) {
    const Outcome outcome = explainNetwork(model, options);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.code == 0 ? objects(outcome).at(0) : json();
  }
  std::vector<float> map() const { return tensorIn("x.gradient.npy").data; }

  static constexpr double kScore = 1 - 1 - 0.5 + 0.75;
  static constexpr double kSigmoid = 0.5621765008857981;  // of 0.25
};

TEST_F(HeadsTest, ABinaryNetworkAnswersYesOrNo) {
  const json yes = answer("binary.onnx");
  EXPECT_NEAR(yes["prediction"]["probability"].get<double>(), kSigmoid, 1e-6);
  EXPECT_NEAR(yes["prediction"]["logit"].get<double>(), kScore, 1e-6);
  EXPECT_EQ(map(), kWeights);
  const json no = answer("binary.onnx", {"--target", "not:0"});
  EXPECT_TRUE(no["target"]["not"].get<bool>());
  EXPECT_NEAR(no["target"]["probability"].get<double>(), 1 - kSigmoid, 1e-6);
  EXPECT_EQ(map(), (std::vector<float>{-1, 2, -0.5f, -3}));
}

TEST_F(HeadsTest, TwoNamesAreOfBothAnswers) {
  writeText(folder_ / "names.txt", "cat\ndog\n");
  for (const std::string network : {"binary.onnx", "open.onnx"}) {
    const Outcome dog = explainNetwork(network, {"--labels", folder_ / "names.txt", "--target", "dog"});
    EXPECT_THAT(dog.err, HasSubstr("probability of 'dog'"));
    EXPECT_EQ(objects(dog).at(0)["target"]["label"], "dog");
    EXPECT_EQ(map(), kWeights);
    const json cat = answer(network, {"--labels", folder_ / "names.txt", "--target", "cat"});
    EXPECT_TRUE(cat["target"]["not"].get<bool>());
    EXPECT_EQ(map(), (std::vector<float>{-1, 2, -0.5f, -3}));
  }
}

// Where the file leaves the number of classes open as well.
TEST_F(HeadsTest, NamesOfAnotherNumberOfClassesAreRefused) {
  writeText(folder_ / "names.txt", "cat\ndog\nfish\nbird\n");
  const Outcome four = explainNetwork("three.onnx", {"--labels", folder_ / "names.txt"});
  EXPECT_EQ(four.code, 1);
  EXPECT_THAT(four.err, HasSubstr("4 class names (expected 3, one for each class of the network"));
  EXPECT_EQ(four.out, "");
}

TEST_F(HeadsTest, NetworksOfOtherClassesAreNotCompared) {
  const Outcome outcome = relprop(
      {"compare", folder_ / "open.onnx", folder_ / "three.onnx", folder_ / "x.npy", "-m", "gradient", "--out", out()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("three.onnx: 3 classes (expected 1 as "));
  EXPECT_EQ(outcome.err.find("x.npy"), std::string::npos);
}

TEST_F(HeadsTest, ARegressionHasNoProbability) {
  const json one = answer("regression.onnx");
  EXPECT_TRUE(one["prediction"]["probability"].is_null());
  EXPECT_NEAR(one["prediction"]["logit"].get<double>(), kScore, 1e-6);
}

TEST_F(HeadsTest, OutputsAreSaidOnceAndChosen) {
  const Outcome first = explainNetwork("two.onnx", {"--target", "0"});
  EXPECT_THAT(first.err, HasSubstr("'aux'"));
  EXPECT_THAT(first.err, HasSubstr("--output: 'cls'"));
  EXPECT_EQ(map(), (std::vector<float>{1, 4, 7, 10}));
  const Outcome second = explainNetwork("two.onnx", {"--output", "cls", "--target", "0"});
  EXPECT_EQ(second.err, "");
  EXPECT_EQ(map(), (std::vector<float>{1, 0, 1, 3}));
  EXPECT_EQ(explainNetwork("two.onnx", {"--from", "cls_node:1"}).code, 0);
  EXPECT_EQ(map(), (std::vector<float>{0, -2, 1, 1}));
  const Outcome wrong = explainNetwork("two.onnx", {"--output", "clas"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("no output is called 'clas' (expected 'aux', 'cls')"));
  const Outcome inspected = relprop({"inspect", folder_ / "two.onnx", "-m", "gradient"});
  EXPECT_THAT(inspected.out, HasSubstr("output   aux (others: cls)"));
}

TEST_F(HeadsTest, InputsBesideThePictureAreFed) {
  const Outcome open = explainNetwork("fed.onnx", {});
  EXPECT_EQ(open.code, 1);
  EXPECT_THAT(open.err, HasSubstr("to explain 'x', give 'age' with --feed age=FILE.npy"));
  writeTensor("age.npy", relprop::Tensor({1, 1}, std::vector<float>{2}));
  const json fed = answer("fed.onnx", {"--feed", "age=" + std::string(folder_ / "age.npy")});
  EXPECT_NEAR(fed["prediction"]["logit"].get<double>(), kScore + 2, 1e-6);
  EXPECT_EQ(map(), kWeights);
  const Outcome wrong = explainNetwork("fed.onnx", {"--feed", "age=" + std::string(folder_ / "x.npy")});
  EXPECT_THAT(wrong.err, HasSubstr("input 'age': is given 1×1×2×2 (expected N×1)"));
  EXPECT_EQ(explainNetwork("fed.onnx", {"--feed", "age"}).code, 2);
}

}  // namespace
}  // namespace e2e
