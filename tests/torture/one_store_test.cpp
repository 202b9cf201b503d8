// Two evaluations, a report and a merge on one store at the same time: what it holds afterwards is what one process
// alone would have written, each row once, and everything that was read meanwhile was whole.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <sstream>
#include <thread>

#include "relprop/store.h"
#include "torture/faults.h"

namespace torture {
namespace {

using e2e::Arguments;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using Clock = std::chrono::steady_clock;

constexpr seconds kShort{4}, kStore{30};  // a store is used so long, so that the comparison behind it stays short

// RELPROP_TORTURE_SECONDS: how long all of it takes.
seconds length() {
  const char* text = std::getenv("RELPROP_TORTURE_SECONDS");
  return text ? seconds(std::strtoll(text, nullptr, 10)) : kShort;
}

using Lines = std::vector<std::string>;
// Sorted, so that the order of writing does not count and a row that is there twice does.
Lines sortedLines(const std::string& text) {
  std::istringstream stream(text);
  Lines lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

Lines without(const Lines& all, const Lines& some) {
  Lines rest;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(rest));
  return rest;
}

class OneStore : public testing::Test {
 protected:
  // Of the scenarios of faults.h, by another method and into a store of this folder.
  static Arguments evaluating(const std::string& folder, const std::string& methods) {
    Arguments arguments = into(inputs().called("evaluate"), folder);
    *(std::find(arguments.begin(), arguments.end(), "--methods") + 1) = methods;
    return arguments;
  }
  // A method that no round before had.
  static std::string methodOf(int round) { return "lrp-gamma:gamma=" + std::to_string(round + 1); }
  static std::string part(int which) { return inputs().called("merge").arguments.at(which % 2 == 0 ? 1 : 2); }

  static void must(const Arguments& arguments) {
    const e2e::Outcome outcome = e2e::relprop(arguments);
    EXPECT_EQ(outcome.code, 0) << arguments.front() << ": " << outcome.err;
  }
  static void expectReport(const std::string& page) {
    const std::string text = e2e::readText(page);
    EXPECT_THAT(text, HasSubstr("<html"));
    EXPECT_THAT(text, EndsWith("</html>\n"));
  }

  // Each of the four goes round until then; how many rounds the evaluations made.
  int allAtOnce(const std::string& folder, Clock::time_point end) {
    const std::string store = folder + "/runs.db";
    std::array<std::atomic<int>, 2> rounds{};
    const auto until = [end](const std::function<void(int)>& round) {
      return std::jthread([end, round] {
        for (int i = 0; Clock::now() < end; ++i) round(i);
      });
    };
    const auto evaluate = [&](std::size_t who) {
      return until([&, who](int round) {
        must(evaluating(folder, methodOf(round)));
        rounds[who] = round + 1;
      });
    };
    {
      const std::jthread first = evaluate(0), second = evaluate(1);
      const std::jthread merges = until([&](int round) {
        must({"merge", part(round), "-o", store});
        must({"merge", store, "-o", folder + "/copy" + std::to_string(round) + ".db"});
        std::filesystem::remove(folder + "/copy" + std::to_string(round) + ".db");
      });
      const std::jthread reports = until([&](int) {
        must({"report", store, "-o", folder + "/report"});
        expectReport(folder + "/report/index.html");
      });
    }
    return std::max(rounds[0].load(), rounds[1].load());
  }

  void expectWhatOneProcessWrites(const std::string& folder, int rounds) {
    const e2e::TemporaryFolder alone;
    std::string methods = "gradient";
    for (int round = 0; round < rounds; ++round) methods += "," + methodOf(round);
    must(evaluating(alone.path(), methods));
    for (int which : {0, 1}) {
      must({"merge", part(which), "-o", folder + "/runs.db"});
      must({"merge", part(which), "-o", alone / "runs.db"});
    }
    relprop::Store::open(folder + "/runs.db", relprop::Store::Access::Read);  // with all its checks
    const Lines here = sortedLines(outputsOf(folder).at("runs.db")),
                there = sortedLines(outputsOf(alone.path()).at("runs.db"));
    EXPECT_THAT(without(there, here), IsEmpty()) << "lost";
    EXPECT_THAT(without(here, there), IsEmpty()) << "double, or of nobody";
    must({"report", folder + "/runs.db", "-o", folder + "/last"});
    expectReport(folder + "/last/index.html");
    EXPECT_THAT(e2e::readText(folder + "/last/index.html"), HasSubstr(methodOf(rounds - 1)));
    EXPECT_THAT(leftovers(folder), IsEmpty());
  }
};

TEST_F(OneStore, TwoEvaluationsAReportAndAMergeAtOnce) {
  const Clock::time_point end = Clock::now() + length();
  int stores = 0, rounds = 0;
  do {
    const e2e::TemporaryFolder folder;
    must(evaluating(folder.path(), "gradient"));
    const int made = allAtOnce(folder.path(), std::min(end, Clock::now() + kStore));
    ASSERT_GT(made, 0);
    expectWhatOneProcessWrites(folder.path(), made);
    ++stores, rounds += made;
  } while (Clock::now() < end && !HasFailure());
  std::printf("%d stores, %d rounds\n", stores, rounds);
}

}  // namespace
}  // namespace torture
