// relprop evaluate on the bundled network and its data set, with results in a folder that goes with the test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "program.h"
#include "relprop/store.h"

namespace e2e {

class EvaluateTest : public testing::Test {
 protected:
  static constexpr const char* kMethods = "rap,lrp-zplus,gradient";

  std::string store(const std::string& name = "runs.db") const { return folder_ / name; }

  Arguments command(const std::string& data, const std::string& to, const Arguments& options = {}) const {
    Arguments arguments = {"evaluate", exampleModel(), "--data", "voc:" + data, "--store", to, "--threads", "1"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
  }
  Outcome evaluate(const Arguments& options = {}, const RunOptions& how = {}) const {
    return relprop(command(exampleData(), store(), options), how);
  }

  // The example's pictures in turn, under `count` names.
  std::string manyPictures(int count) const {
    namespace fs = std::filesystem;
    const fs::path to = folder_ / "many";
    for (const char* part : {"JPEGImages", "Annotations", "SegmentationClass", "ImageSets/Segmentation"})
      fs::create_directories(to / part);
    std::ofstream list(to / "ImageSets/Segmentation/val.txt");
    for (int i = 0; i < count; ++i) {
      const std::string name = "p" + std::to_string(10000 + i), source = "val_0000" + std::to_string(i % 8);
      list << name << "\n";
      fs::create_symlink(exampleData() / "JPEGImages" / (source + ".jpg"), to / "JPEGImages" / (name + ".jpg"));
      fs::create_symlink(exampleData() / "Annotations" / (source + ".xml"), to / "Annotations" / (name + ".xml"));
      fs::create_symlink(exampleData() / "SegmentationClass" / (source + ".png"),
                         to / "SegmentationClass" / (name + ".png"));
    }
    return to;
  }

  // Everything of a store but what differs from run to run: seconds and provenance.
  static std::string contents(const std::string& path) {
    const auto opened = relprop::Store::open(path, relprop::Store::Access::Read);
    std::ostringstream text;
    text.precision(17);
    for (const relprop::Result& r : opened.results()) {
      text << r.key.model << '|' << r.key.dataset << '|' << r.key.picture << '|' << r.key.target << '|' << r.key.method
           << '|' << r.key.protocol << '|' << r.skipped;
      for (const relprop::NamedScore& s : r.scores) text << '|' << s.name << '=' << s.value;
      for (const relprop::Curve& c : r.curves) {
        text << '|' << c.name;
        for (std::size_t i = 0; i < c.x.size(); ++i) text << ' ' << c.x[i] << ':' << c.y[i];
      }
      text << '\n';
    }
    for (const relprop::PictureFacts& p : opened.pictures())
      text << p.picture << '|' << p.trueClass << '|' << p.predictedClass << '|' << p.targetProbability << '|'
           << p.skipped << '\n';
    return text.str();
  }

  // Mean of a score over all pictures.
  static double mean(const std::string& path, const std::string& method, const std::string& score) {
    double sum = 0;
    int count = 0;
    const auto opened = relprop::Store::open(path, relprop::Store::Access::Read);
    for (const relprop::Result& r : opened.results())
      for (const relprop::NamedScore& s : r.scores)
        if (r.key.method.starts_with(method) && s.name == score) sum += s.value, ++count;
    EXPECT_GT(count, 0) << method << " has no " << score;
    return sum / count;
  }

  TemporaryFolder folder_;
};

}  // namespace e2e
