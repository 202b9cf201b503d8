// Many photos: reading ahead and writing behind must not show in what is printed, in which files are there or in how a
// run ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "program.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;

class PipelineTest : public testing::Test {
 protected:
  // photos/1000.jpg, 1001.jpg, …
  void makePhotos(int count) {
    fs::create_directory(folder_ / "photos");
    for (int i = 0; i < count; ++i) fs::create_symlink(examplePicture(), photo(i));
  }
  std::string photo(int i) const { return folder_ / ("photos/" + std::to_string(1000 + i) + ".jpg"); }
  void spoil(int i) {
    fs::remove(photo(i));
    writeText(photo(i), "no picture");
  }
  std::string out() const { return folder_ / "out"; }
  Outcome explain(Arguments more, const RunOptions& options = {}) {
    Arguments arguments = {"explain", exampleModel(), folder_ / "photos", "--out", out()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return relprop(arguments, options);
  }
  // "1000 gradient", one a line of --json
  static std::vector<std::string> results(const Outcome& outcome) {
    std::vector<std::string> names;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) {
      const auto result = nlohmann::json::parse(line);
      const std::string method = result.value("method", "panel");
      names.push_back(fs::path(result["input"].get<std::string>()).stem().string() + " " +
                      method.substr(0, method.find(':')));
    }
    return names;
  }

  TemporaryFolder folder_;
};

TEST_F(PipelineTest, LinesStandInTheOrderOfGroupsMethodsAndInputs) {
  makePhotos(5);
  const Outcome outcome = explain({"--json", "-m", "rap", "-m", "gradient", "--batch", "2", "--view", "panel"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(results(outcome),
              ElementsAre("1000 rap", "1001 rap", "1000 gradient", "1001 gradient", "1000 panel", "1001 panel",  //
                          "1002 rap", "1003 rap", "1002 gradient", "1003 gradient", "1002 panel", "1003 panel",  //
                          "1004 rap", "1004 gradient", "1004 panel"));
  EXPECT_EQ(namesIn(out()).size(), 15u);
}

// As many as fit into memory together: the methods of a small network.
TEST_F(PipelineTest, MethodsThatStayCompiledTakeTurns) {
  makePhotos(2);
  const Outcome outcome = explain({"--json", "--save", "none", "-m", "gradient", "-m", "input-x-gradient", "-m",
                                   "lrp-epsilon", "-m", "lrp-zplus", "-m", "rap", "--batch", "1"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(results(outcome),
              ElementsAre("1000 gradient", "1000 input-x-gradient", "1000 lrp-epsilon", "1000 lrp-zplus", "1000 rap",
                          "1001 gradient", "1001 input-x-gradient", "1001 lrp-epsilon", "1001 lrp-zplus", "1001 rap"));
}

// All there are come one at a time: each goes through all inputs before the next one does.
TEST_F(PipelineTest, AllMethodsGoThroughTheInputsOneAfterAnother) {
  makePhotos(3);
  spoil(1);
  const Outcome outcome = explain({"--json", "--save", "none", "--methods", "all", "--batch", "2"});
  EXPECT_EQ(outcome.code, 1);
  const std::vector<std::string> lines = results(outcome);
  ASSERT_GT(lines.size(), 60u);
  ASSERT_EQ(lines.size() % 2, 0u);
  for (std::size_t i = 0; i < lines.size(); i += 2) {
    const std::string method = lines[i].substr(5);
    EXPECT_EQ(lines[i], "1000 " + method);
    EXPECT_EQ(lines[i + 1], "1002 " + method);
  }
  const std::string error = "1001.jpg: an unknown format";
  const std::size_t said = outcome.err.find(error);
  ASSERT_NE(said, std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find(error, said + 1), std::string::npos) << "once, whatever the number of methods";
}

TEST_F(PipelineTest, PhotosThatCannotBeReadAreReportedInOrderAndStopNothing) {
  makePhotos(12);
  for (int bad : {2, 5, 6, 11}) spoil(bad);
  const Outcome outcome = explain({"--json", "--batch", "3"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(results(outcome), ElementsAre("1000 rap", "1001 rap", "1003 rap", "1004 rap", "1007 rap", "1008 rap",
                                            "1009 rap", "1010 rap"));
  EXPECT_THAT(outcome.err, ContainsRegex("1002.jpg.*\n.*1005.jpg.*\n.*1006.jpg.*\n.*1011.jpg.*\n"
                                         "relprop: 8 explained, 4 failed\n$"));
}

// A folder where a heatmap should be is found out by the thread that writes, while the next group is computed.
TEST_F(PipelineTest, AResultThatCannotBeWrittenFailsItsInputAlone) {
  makePhotos(6);
  fs::create_directories(out() + "/1002.rap.png/in the way");
  const Outcome outcome = explain({"--json", "-m", "rap", "-m", "gradient", "--batch", "2"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(results(outcome), ElementsAre("1000 rap", "1001 rap", "1000 gradient", "1001 gradient", "1003 rap",
                                            "1003 gradient", "1004 rap", "1005 rap", "1004 gradient", "1005 gradient"));
  EXPECT_THAT(outcome.err, HasSubstr("1002.rap.png"));
  EXPECT_THAT(outcome.err, HasSubstr("5 explained, 1 failed"));
  EXPECT_FALSE(fs::exists(out() + "/1002.gradient.png"));
}

// A new one of that name would have some of the results, and nothing would tell.
TEST_F(PipelineTest, AFolderThatIsTakenAwayIsNotMadeAgain) {
  makePhotos(400);
  const RunOptions away{.inChild = {}, .whileRunning = [this](pid_t) {
                          for (int i = 0; i < 1000 && namesIn(out()).size() < 5; ++i)
                            std::this_thread::sleep_for(std::chrono::milliseconds(20));
                          std::error_code ignored;
                          fs::rename(out(), folder_ / "away", ignored);
                        }};
  const Outcome outcome = explain({"-q", "--batch", "2"}, away);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr(out() + ": the folder was removed or renamed meanwhile"));
  EXPECT_FALSE(fs::exists(out()));
  EXPECT_GE(namesIn(folder_ / "away").size(), 5u);
}

TEST_F(PipelineTest, AnInterruptedRunCountsWhatItWrote) {
  makePhotos(400);
  const RunOptions interrupt{.inChild = {}, .whileRunning = [this](pid_t child) {
                               for (int i = 0; i < 1000 && namesIn(out()).size() < 5; ++i)
                                 std::this_thread::sleep_for(std::chrono::milliseconds(20));
                               kill(child, SIGINT);
                             }};
  const Outcome outcome = explain({"--json", "--batch", "2"}, interrupt);
  EXPECT_EQ(outcome.code, 130) << outcome.err;
  const std::size_t written = namesIn(out()).size();
  EXPECT_LT(written, 400u);
  EXPECT_EQ(results(outcome).size(), written);
  EXPECT_THAT(outcome.err, HasSubstr("interrupted: " + std::to_string(written) + " explained, 0 failed, " +
                                     std::to_string(400 - written) + " not done"));
}

}  // namespace
}  // namespace e2e
