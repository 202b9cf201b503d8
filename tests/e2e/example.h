// The bundled network on its picture, with results in a folder that goes with the test.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "program.h"
#include "relprop/image.h"

namespace e2e {

class ExampleTest : public testing::Test {
 protected:
  // explain MODEL picture options… --out <folder>/out
  Outcome explain(const Arguments& options, const RunOptions& how = {}) {
    return explainFiles({examplePicture()}, options, how);
  }
  Outcome explainFiles(const Arguments& pictures, const Arguments& options, const RunOptions& how = {}) {
    Arguments arguments = {"explain", exampleModel()};
    arguments.insert(arguments.end(), pictures.begin(), pictures.end());
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"--out", out()});
    return relprop(arguments, how);
  }
  // The objects on standard output, one a line.
  static std::vector<nlohmann::json> objects(const Outcome& outcome) {
    std::vector<nlohmann::json> all;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }
  std::string out() const { return folder_ / "out"; }
  relprop::Tensor tensorIn(const std::string& name) const { return relprop::readNpy(out() + "/" + name); }
  nlohmann::json reportIn(const std::string& name) const { return nlohmann::json::parse(readText(out() + "/" + name)); }

  TemporaryFolder folder_;
};

}  // namespace e2e
