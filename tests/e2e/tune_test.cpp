// relprop tune, and runs with what it wrote.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "example.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class TuneTest : public ExampleTest {
 protected:
  std::string file() const { return folder_ / "here.json"; }
  Outcome tune(const Arguments& options = {}) const {
    Arguments arguments = {"tune", exampleModel(), "-o", file(), "--threads", "1", "--rounds", "1"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return relprop(arguments);
  }
};

TEST_F(TuneTest, ResultsNameWhatTheyWereTunedBy) {
  const Outcome outcome = tune();
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("fastest"));
  const Outcome with = explain({"--tuning", file(), "--threads", "1", "--json"});
  ASSERT_EQ(with.code, 0) << with.err;
  const std::string name = objects(with).at(0)["tuning"];
  EXPECT_EQ(name.size(), 16u);
  EXPECT_THAT(outcome.out, HasSubstr("named " + name));
  EXPECT_TRUE(objects(explain({"--json"})).at(0)["tuning"].is_null());
  const std::string store = folder_ / "runs.db";
  ASSERT_EQ(relprop({"evaluate", exampleModel(), "--data", "voc:" + exampleData().string(), "--limit", "1", "--threads",
                     "1", "--tuning", file(), "--store", store, "-q"})
                .code,
            0);
  EXPECT_THAT(relprop({"report", store, "--markdown"}).out, HasSubstr("tuning " + name));
}

TEST_F(TuneTest, AllCoresAreWrittenDownAsANumber) {
  ASSERT_EQ(relprop({"tune", exampleModel(), "-o", file(), "--rounds", "1"}).code, 0);
  const int threads = nlohmann::json::parse(readText(file()))["threads"];
  EXPECT_GE(threads, 1);
  for (const Arguments& given : {Arguments{}, Arguments{"--threads", std::to_string(threads)}}) {
    Arguments options = {"--tuning", file()};
    options.insert(options.end(), given.begin(), given.end());
    const Outcome with = explain(options);
    EXPECT_EQ(with.code, 0) << with.err;
  }
}

TEST_F(TuneTest, ATableThatIsLostIsAFailure) {
  const auto toFull = [] {
    if (std::freopen("/dev/full", "w", stdout) == nullptr) _exit(126);
  };
  const Arguments arguments = {"tune", exampleModel(), "-o", file(), "--threads", "1", "--rounds", "1"};
  const Outcome outcome = relprop(arguments, {.inChild = toFull, .whileRunning = {}});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("standard output"));
}

TEST_F(TuneTest, StopsAtCtrlC) {
  const Outcome outcome = relprop({"tune", exampleModel(), "-o", file(), "--threads", "1", "--rounds", "1000"},
                                  onceItCatches(SIGINT, std::chrono::milliseconds(0)));
  EXPECT_EQ(outcome.code, 130) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_FALSE(fs::exists(file()));
}

// So many rounds would take hours.
TEST_F(TuneTest, WhereNothingCanBeWrittenNothingIsMeasured) {
  const auto refused = [this](const std::string& to) {
    const Outcome outcome = relprop({"tune", exampleModel(), "-o", to, "--threads", "1", "--rounds", "100000"});
    EXPECT_EQ(outcome.out, "") << to;
    EXPECT_THAT(outcome.err, testing::StartsWith("relprop: error: ")) << to;
    return outcome;
  };
  fs::create_directory(folder_ / "fold");
  EXPECT_EQ(refused(folder_ / "fold").code, 1);
  EXPECT_THAT(refused(folder_ / "no/t.json").err, HasSubstr("there is no folder " + folder_ / "no"));
  EXPECT_THAT(refused("").err, HasSubstr("--out: '' is no value"));
}

TEST_F(TuneTest, BadInputIsAnErrorAndLeavesNoFile) {
  const Outcome rounds = tune({"--rounds", "0"});
  EXPECT_EQ(rounds.code, 2);
  EXPECT_FALSE(fs::exists(file()));
  EXPECT_EQ(relprop({"tune", folder_ / "no.onnx", "-o", file()}).code, 1);
  EXPECT_FALSE(fs::exists(file()));
  writeText(file(), "not a tuning");
  const Outcome with = explain({"--tuning", file()});
  EXPECT_EQ(with.code, 1);
  EXPECT_THAT(with.err, HasSubstr("relprop tune MODEL -o FILE"));
  EXPECT_EQ(relprop({"tune", exampleModel(), "-o", folder_ / "no/such/folder.json", "--rounds", "1"}).code, 1);
}

}  // namespace
}  // namespace e2e
