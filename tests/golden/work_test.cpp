// How much a plan computes and moves, compared exactly with what was written down: a change that makes it do more is
// seen where a clock would not show it. The figures lie in work/MODEL.txt. After a change that is meant,
//   RELPROP_RECORD_WORK=1 build/release/tests/test_golden --gtest_filter='*Work*'
// writes them anew, and the difference goes into the commit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "relprop/bench.h"
#include "support/shared.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;

constexpr int kBlock = 16;  // the figures' channels in a block, those of a processor with AVX-512

struct CountedCall {
  std::string method;
  int batch = 1, targets = 1;
  std::string title() const { return fmt::format("{}, batch {}, targets {}", method, batch, targets); }
};

// Every way in which rules use their layers, and rap with more rows and with more maps.
std::vector<CountedCall> cases() {
  std::vector<CountedCall> all;
  for (const char* method : {"gradient", "guided-backprop", "lrp-epsilon", "lrp-zplus", "lrp-alpha1beta0",
                             "lrp-alpha2beta1", "lrp-gamma", "epsilon-plus-flat", "deeplift", "grad-cam", "rap"})
    all.push_back({method});
  all.push_back({"rap", 16, 1});
  all.push_back({"rap", 1, 5});
  return all;
}

std::string layerLine(const char* kind, const LayerWork& w) {
  return fmt::format("  {}: {} layers, {} + {} executions, {} + {} FLOP\n", kind, w.layers, w.forward, w.backward,
                     w.forwardFlops, w.backwardFlops);
}

std::string text(const WorkCount& w) {
  return layerLine("convolutions", w.convolutions) + layerLine("dense", w.dense) +
         fmt::format("  products: {}, {} FLOP\n  programs: {}, {} bytes\n  other kernels: {}, {} bytes\n", w.products,
                     w.productFlops, w.programs, w.programBytes, w.kernels, w.kernelBytes);
}

ExplainOptions options(const Model& model, const CountedCall& c) {
  ExplainOptions o;
  o.method = c.method, o.batch = c.batch, o.targets.resize(static_cast<std::size_t>(c.targets));
  const auto channels = static_cast<std::size_t>(model.inputShape().at(1));
  o.pixelRange = PixelRange{std::vector<float>(channels, -1), std::vector<float>(channels, 1)};
  return o;
}

// Title to lines. Models with a fixed batch ignore the one that is asked for.
using Sections = std::map<std::string, std::string>;

Sections counted(const Model& model) {
  Sections sections;
  for (const CountedCall& c : cases()) {
    const WorkCount w = countWork(model, options(model, c));
    if (w.block == kBlock) sections[c.title()] = text(w);
  }
  return sections;
}

Sections recorded(const fs::path& file) {
  Sections sections;
  std::ifstream in(file);
  std::string title;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("  ", 0) == 0)
      sections[title] += line + "\n";
    else
      title = line;
  }
  return sections;
}

void record(const fs::path& file, const Sections& sections) {
  fs::create_directories(file.parent_path());
  std::ofstream out(file);
  for (const auto& [title, lines] : sections) out << title << "\n" << lines;
  ASSERT_TRUE(out.flush()) << file;
}

fs::path recordOf(const std::string& model) {
  return fs::path(__FILE__).parent_path() / "work" / (model + ".txt");
}

void compare(const std::string& name, const fs::path& path) {
  const Sections now = counted(Model::load(path));
  if (now.empty()) GTEST_SKIP() << "the figures are those of a processor with AVX-512";
  const char* asked = std::getenv("RELPROP_RECORD_WORK");
  if (asked && std::string(asked) == "1") return record(recordOf(name), now);
  const std::string hint = "; RELPROP_RECORD_WORK=1 writes " + recordOf(name).string() + " anew";
  Sections then = recorded(recordOf(name));
  for (const auto& [title, lines] : now) {
    EXPECT_EQ(then[title], lines) << name << ": " << title << hint;
    then.erase(title);
  }
  for (const auto& [title, lines] : then) ADD_FAILURE() << title << " is recorded and no longer counted" << hint;
}

TEST(Work, OfTheBundledNetwork) {
  compare("shapes", fs::path(RELPROP_EXAMPLES) / "model/shapes.onnx");
}

class FixtureWork : public testing::TestWithParam<const char*> {};

TEST_P(FixtureWork, IsAsRecorded) {
  RELPROP_NEEDS_SHARED();
  compare(GetParam(), test::sharedFolder() / "fixtures" / GetParam() / "model.onnx");
}
INSTANTIATE_TEST_SUITE_P(All, FixtureWork,
                         testing::Values("cifar10_resnet20", "cifar10_thin_resnet50", "cifar10_thin_vgg16"));

class NetworkWork : public testing::TestWithParam<const char*> {};

TEST_P(NetworkWork, IsAsRecorded) {
  RELPROP_NEEDS_SHARED();
  compare(GetParam(), test::modelsFolder() / (std::string(GetParam()) + ".onnx"));
}
INSTANTIATE_TEST_SUITE_P(All, NetworkWork,
                         testing::Values("squeezenet1.1", "mobilenet_v2", "googlenet", "resnet18", "resnet50",
                                         "tiny_darknet"));

}  // namespace
}  // namespace relprop
