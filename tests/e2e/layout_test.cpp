// Where channels lie, through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "program.h"
#include "relprop/image.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

// A network of Keras, 32×32×3, with an input in its own layout.
fs::path kerasFolder() {
  const char* shared = std::getenv("RELPROP_SHARED");
  return (shared != nullptr ? fs::path(shared) : fs::path(SOURCE_FOLDER).parent_path() / "shared") /
         "wild/keras_cifar10_nhwc";
}

TEST(Layout, KerasNetworksAreExplainedInTheirOwn) {
  if (!fs::exists(kerasFolder())) GTEST_SKIP() << "no network; its folder is named by RELPROP_SHARED";
  const fs::path model = kerasFolder() / "model.onnx";
  EXPECT_THAT(relprop({"inspect", model}).out, HasSubstr("32×32×3, H×W×C"));
  for (const fs::path& input : {kerasFolder() / "input.npy", examplePicture()}) {
    const TemporaryFolder work;
    Arguments arguments = {"explain", model, input, "--preprocess", "unit", "--save", "npy,png", "--json", "-o"};
    arguments.push_back(work.path());
    for (const char* method : {"gradient", "rap", "grad-cam", "occlusion", "rise:samples=20"})
      arguments.insert(arguments.end(), {"-m", method});
    const Outcome outcome = relprop(arguments);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    std::istringstream lines(outcome.out);
    int methods = 0;
    for (std::string line; std::getline(lines, line); ++methods) {
      const json files = json::parse(line)["files"];
      const relprop::Tensor map = relprop::readNpy(files["npy"].get<std::string>());
      EXPECT_EQ(map.shape, (relprop::Shape{1, 32, 32, methods < 2 ? 3 : 1}));
      const relprop::Image image = relprop::readImage(files["png"].get<std::string>());
      EXPECT_EQ(image.width, 32);
      EXPECT_EQ(image.height, 32);
    }
    EXPECT_EQ(methods, 5);
  }
}

TEST(Layout, IsRefusedWhereTheNetworkSaysOtherwise) {
  for (const char* command : {"explain", "inspect", "bench"}) {
    Arguments arguments = {command, exampleModel()};
    if (command == std::string("explain")) arguments.push_back(examplePicture());
    arguments.insert(arguments.end(), {"--layout", "nhwc"});
    const Outcome outcome = relprop(arguments);
    EXPECT_EQ(outcome.code, 1) << command;
    EXPECT_THAT(outcome.err, HasSubstr("takes the second axis for the channels")) << command;
  }
  EXPECT_EQ(relprop({"inspect", exampleModel(), "--layout", "hwcn"}).code, 2);
  EXPECT_EQ(relprop({"inspect", exampleModel(), "--layout", "nchw"}).code, 0);
}

}  // namespace
}  // namespace e2e
