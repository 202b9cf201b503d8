// Every reference attribution, through the program: explain MODEL input.npy --method SPEC --save npy.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "program.h"
#include "relprop/image.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path fixturesFolder() {
  const char* shared = std::getenv("RELPROP_SHARED");
  return (shared != nullptr ? fs::path(shared) : fs::path(SOURCE_FOLDER).parent_path() / "shared") / "fixtures";
}

// ‖out − reference‖ / ‖reference‖
double relativeError(const relprop::Tensor& out, const relprop::Tensor& reference) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < reference.data.size(); ++i) {
    difference += std::pow(static_cast<double>(out.data[i]) - static_cast<double>(reference.data[i]), 2);
    norm += std::pow(static_cast<double>(reference.data[i]), 2);
  }
  return std::sqrt(difference / norm);
}

void checkReference(const fs::path& folder, const json& reference) {
  std::string spec = reference["spec"];
  SCOPED_TRACE(folder.filename().string() + " " + spec);
  TemporaryFolder work;
  Outcome outcome = relprop({"explain", folder / "model.onnx", folder / "input.npy", "--method", spec, "--save", "npy",
                             "--json", "--out", work.path()});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  json line = json::parse(outcome.out.substr(0, outcome.out.find('\n')));
  relprop::Tensor out = relprop::readNpy(line["files"]["npy"].get<std::string>());
  relprop::Tensor wanted = relprop::readNpy(folder / reference["file"].get<std::string>());
  ASSERT_EQ(out.shape, wanted.shape);
  EXPECT_LE(relativeError(out, wanted), reference["tolerance"].get<double>());
}

// See tests/golden/fixtures_test.cpp: a neuron that lies at its kink.
bool isAskedHere(const std::string& spec) {
  return __builtin_cpu_supports("avx512f") || spec.rfind("integrated-gradients", 0) != 0;
}

TEST(Fixtures, EveryReferenceThroughTheProgram) {
  E2E_SKIP_SANITIZED("the same references through the library are not");
  const char* required = std::getenv("RELPROP_REQUIRE_SHARED");
  if (!fs::exists(fixturesFolder())) {
    ASSERT_TRUE(required == nullptr || std::string(required) != "1") << "no folder " << fixturesFolder();
    GTEST_SKIP() << "no reference networks; their folder is named by RELPROP_SHARED";
  }
  int checked = 0;
  for (const std::string& name : namesIn(fixturesFolder())) {
    fs::path folder = fixturesFolder() / name;
    if (!fs::exists(folder / "manifest.json")) continue;
    json manifest = json::parse(readText(folder / "manifest.json"));
    for (const json& reference : manifest["refs"]) {
      if (isAskedHere(reference["spec"])) checkReference(folder, reference);
      ++checked;
    }
  }
  EXPECT_EQ(checked, 74);
}

}  // namespace
}  // namespace e2e
