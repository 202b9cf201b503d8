// The k-th allocation, write, fsync, rename, open, mmap or thread start fails: a clear error or success, nothing half
// written, no temporary files, no open descriptors, and no crash.
#include "torture/faults.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

namespace torture {
namespace {

using e2e::Outcome;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::size_t kFew = 4, kFewFiles = 12;  // what a file is opened for decides what is made of the failure
constexpr unsigned kSeconds = 60;                // a command takes less than one

struct Report {
  long calls = -1;
  int before = 0, after = 0;  // descriptors
  bool written() const { return calls >= 0; }
};

// From its K-th call on, where `all`.
struct Fault {
  std::string kind;
  bool all = false;
};

class Faults : public testing::TestWithParam<std::tuple<std::string, Fault>> {
 protected:
  const Scenario& scenario() const { return inputs().called(std::get<0>(GetParam())); }
  const Fault& fault() const { return std::get<1>(GetParam()); }

  struct Run {
    Outcome outcome;
    Report report;
    Outputs outputs;
    std::vector<std::string> left;
    std::string stack;  // of the operator new that failed
  };
  // 0: none fails. `places`: a file for the first call from each place.
  Run run(long number, const std::string& folder, const std::string& places = {}) const {
    const std::string report = folder + "/report", stack = folder + "/stack", out = folder + "/out";
    std::filesystem::create_directory(out);
    const std::string what = fault().kind + ":" + std::to_string(number) + (fault().all && number > 0 ? "+" : "");
    const auto inChild = [&] {
      setenv("RELPROP_INJECT", what.c_str(), 1);
      setenv("RELPROP_INJECT_REPORT", report.c_str(), 1);
      setenv("RELPROP_INJECT_STACK", stack.c_str(), 1);
      if (!places.empty()) setenv("RELPROP_INJECT_PLACES", places.c_str(), 1);
      setenv("LD_PRELOAD", INJECT, 1);
      alarm(kSeconds);
    };
    Run run;
    std::filesystem::remove(report);
    run.outcome = e2e::relprop(into(scenario(), out), {.inChild = inChild, .whileRunning = {}});
    std::ifstream(report) >> run.report.calls >> run.report.before >> run.report.after;
    run.outputs = outputsOf(out);
    run.left = leftovers(out);
    run.stack = functionsAt(e2e::readText(stack));
    return run;
  }

  // All calls; of the thousands of allocations one from each place, see inject.cpp, and the last.
  std::vector<long> numbersOf(long calls, const std::string& places) const {
    const bool memory = fault().kind == "new" || fault().kind == "malloc";
    if (!memory || everyAllocation() || calls == 0) return upTo(calls);
    std::ifstream file(places);
    std::vector<long> numbers(std::istream_iterator<long>(file), {});
    std::sort(numbers.begin(), numbers.end());  // threads come in turn
    if (numbers.empty() || numbers.back() != calls) numbers.push_back(calls);
    return numbers;
  }

  // The program's functions at such addresses, the innermost first.
  static std::string functionsAt(const std::string& addresses) {
    std::istringstream words(addresses);
    e2e::Arguments arguments = {"-f", "-C", "-e", e2e::programPath()};
    std::copy(std::istream_iterator<std::string>(words), {}, std::back_inserter(arguments));
    return arguments.size() == 4 ? "" : e2e::run("addr2line", arguments).out;
  }

  // The destructor of nlohmann-json, and CLI11 where it looks up what it parses, may not throw, but allocate. An abort
  // anywhere else is ours.
  static bool endedByAnother(const Run& run) {
    static const std::regex destructor(
        R"(^([^\n]*std::vector<nlohmann::[^\n]*\n[^\n]*\n)*nlohmann::[^\n]*::destroy\()");
    static const std::regex lookup(
        R"(^([^\n]*\n[^\n]*\n)?CLI::(App::_(find|valid)_subcommand|Option::check_l?name)\()");
    return run.outcome.code == 128 + SIGABRT && run.outcome.err.find("std::bad_alloc") != std::string::npos &&
           (std::regex_search(run.stack, destructor) || std::regex_search(run.stack, lookup));
  }

  void expectClean(const Run& broken, const Run& whole) const {
    expectNothingHalf(broken.outputs, whole.outputs);
    if (endedByAnother(broken)) return;
    EXPECT_THAT(broken.outcome.code, AnyOf(0, 1)) << broken.outcome.err << broken.stack;
    if (broken.outcome.code == 1) {
      EXPECT_THAT(broken.outcome.err, AnyOf(HasSubstr("relprop: error: "), HasSubstr("libgomp: ")));
    }
    EXPECT_THAT(broken.outcome.err, Not(HasSubstr("unexpected")));
    EXPECT_THAT(broken.left, IsEmpty()) << broken.outcome.err << broken.stack;
    if (broken.report.written()) {
      EXPECT_EQ(broken.report.after, broken.report.before);
    }
  }
};

TEST_P(Faults, EndInAnErrorOrInSuccess) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizers have their own allocator";
#endif
  const e2e::TemporaryFolder first;
  const std::string places = first / "places";
  const Run whole = run(0, first.path(), places);
  ASSERT_EQ(whole.outcome.code, 0) << whole.outcome.err;
  ASSERT_TRUE(whole.report.written());
  ASSERT_FALSE(whole.outputs.empty());
  for (const long number :
       sampled(numbersOf(whole.report.calls, places), moments(fault().kind == "open" ? kFewFiles : kFew))) {
    SCOPED_TRACE(scenario().name + " " + fault().kind + ":" + std::to_string(number));
    const e2e::TemporaryFolder folder;
    const Run broken = run(number, folder.path());
    expectClean(broken, whole);
    // The same command again makes good whatever was left.
    const Run again = broken.outcome.code == 0 ? broken : run(0, folder.path());
    EXPECT_EQ(again.outcome.code, 0) << again.outcome.err;
    EXPECT_TRUE(again.outputs == whole.outputs);
  }
}

std::vector<std::string> names() {
  return {"explain", "patterns", "train", "import", "evaluate", "merge", "report"};
}

INSTANTIATE_TEST_SUITE_P(All, Faults,
                         testing::Combine(testing::ValuesIn(names()),
                                          testing::Values(Fault{"new"}, Fault{"malloc"}, Fault{"write"},
                                                          Fault{"write", true}, Fault{"fsync"}, Fault{"rename"},
                                                          Fault{"open"}, Fault{"open", true}, Fault{"mmap"},
                                                          Fault{"thread", true})),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" + std::get<1>(info.param).kind +
                                  (std::get<1>(info.param).all ? "_on" : "");
                         });

}  // namespace
}  // namespace torture
