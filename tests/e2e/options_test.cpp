// What options take: one rule for the numbers and for the empty values of all of them, which their help lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <tuple>

#include "program.h"
#include "relprop/image.h"

namespace e2e {
namespace {

using testing::HasSubstr;

const std::vector<Arguments> kCommandsWithOptions = {
    {"explain"}, {"inspect"}, {"bench"}, {"tune"},         {"compare"},      {"patterns"},     {"evaluate"},
    {"report"},  {"export"},  {"merge"}, {"bow", "train"}, {"bow", "words"}, {"bow", "import"}};

// The options in the help of a command whose value is called what `value`, a regular expression, says.
std::vector<std::string> optionsTaking(Arguments command, const std::string& value) {
  command.push_back("--help");
  const std::string help = relprop(command).out;
  const std::regex option("\n  (?:-[A-Za-z],)?(--[A-Za-z-]+) " + value);
  std::vector<std::string> names;
  for (std::sregex_iterator match(help.begin(), help.end(), option), end; match != end; ++match)
    names.push_back((*match)[1]);
  return names;
}

Outcome withOption(Arguments command, const std::string& option, const std::string& value) {
  command.insert(command.end(), {option, value});
  return relprop(command);
}

void expectWrongUsage(const Outcome& outcome, const std::string& why) {
  EXPECT_EQ(outcome.code, 2) << why;
  EXPECT_THAT(outcome.err, HasSubstr("relprop: error: " + why));
}

// INT and UINT are CLI11's names for what it reads by its own rules, as C does. All others are read by one function:
// each option gets one of the values in turn.
TEST(Options, WholeNumbersAreDecimal) {
  E2E_SKIP_SANITIZED("every option of every command has some runs of its own");
  std::vector<std::pair<std::string, std::string>> wrong = {{std::string(30, '9'), "too large"}};
  for (const char* value : {"0x10", "+3", " 3", "1.5"}) wrong.emplace_back(value, "no whole number");
  std::size_t count = 0;
  for (const Arguments& command : kCommandsWithOptions) {
    EXPECT_THAT(optionsTaking(command, "U?INT"), testing::IsEmpty()) << command.back();
    for (const std::string& option : optionsTaking(command, "N(?:,…)?[: \n]")) {
      const auto& [value, why] = wrong[count++ % wrong.size()];
      expectWrongUsage(withOption(command, option, value), option + ": '" + value + "' is " + why);
    }
  }
  EXPECT_GT(count, 30u) << "or the help has another form";
}

TEST(Options, LeadingZerosChangeNothing) {
  const TemporaryFolder folder;
  ASSERT_EQ(relprop({"explain", exampleModel(), examplePicture(), "-m", "gradient", "--zoom", "010", "-o",
                     folder.path(), "--memory", "0512M", "--budget", "stream=01G"})
                .code,
            0);
  EXPECT_EQ(::relprop::readImage(folder / examplePicture().stem().string() + ".gradient.png").width, 960);
}

TEST(Options, NumbersOutOfTheirRangesNameThem) {
  expectWrongUsage(relprop({"explain", "--zoom", "65"}), "--zoom: '65' is not in range 1 to 64");
  expectWrongUsage(relprop({"bench", "--batch", "1,0"}), "--batch: '0' is not in range 1 to 4096");
  expectWrongUsage(relprop({"bow", "train", "--regions", "-1"}), "--regions: '-1' is below 1");
  for (const std::string value : {"0x10", "+3", " 3", "nan", "1e999"}) {
    expectWrongUsage(relprop({"explain", "--percentile", value}), "--percentile: '" + value + "' is no number");
    expectWrongUsage(relprop({"bow", "train", "--C", "1," + value}), "--C: '" + value + "' is no number");
  }
}

// An unset variable of a script: whoever writes --patterns "$FILE" wants patterns.
TEST(Options, AnEmptyValueIsNone) {
  E2E_SKIP_SANITIZED("every option of every command has a run of its own");
  std::size_t count = 0;
  for (const Arguments& command : kCommandsWithOptions)
    for (const std::string& option : optionsTaking(command, "(?!Excludes:)\\S")) {
      if (option == "--contrast") continue;  // may stand without one, and is looked at behind the others
      ++count;
      expectWrongUsage(withOption(command, option, ""), option + ": '' is no value");
    }
  EXPECT_GT(count, 120u) << "or the help has another form";
}

TEST(Options, AnEmptyValueIsNoneWhereverItStands) {
  for (const char* command : {"methods", "metrics"}) expectWrongUsage(relprop({command, ""}), "name: '' is no value");
  expectWrongUsage(relprop({"inspect", exampleModel(), ""}), "image: '' is no value");
  const Arguments whole = {"explain", exampleModel(), examplePicture(), "-o", "/nonexistent/out"};
  expectWrongUsage(withOption(whole, "--contrast", ""), "--contrast: '' is no value");
  // CLI11 would take the store for the title.
  expectWrongUsage(relprop({"report", "--title=", "runs.db"}), "--title: '' is no value");
}

// CLI11 would drop them.
TEST(Options, EmptyValuesOfListsAreNamed) {
  const Arguments train = {"bow", "train"}, import = {"bow", "import"}, bench = {"bench"}, explain = {"explain"};
  for (const auto& [command, option, list, place] :
       std::vector<std::tuple<Arguments, std::string, std::string, int>>{{train, "--C", "1,,10", 2},
                                                                         {train, "--C", "1,10,", 3},
                                                                         {train, "--C", ",", 1},
                                                                         {train, "--tiles", "1x1,,2x2", 2},
                                                                         {train, "--patches", ",16", 1},
                                                                         {train, "--kernel", "chi2,,rbf", 2},
                                                                         {train, "--kernel", "chi2,", 2},
                                                                         {import, "--names", "a,,b", 2},
                                                                         {bench, "--batch", "1,,2", 2},
                                                                         {bench, "--threads", "1,", 2},
                                                                         {explain, "--save", "png,,npy", 2},
                                                                         {explain, "--save", ",", 1}})
    expectWrongUsage(withOption(command, option, list),
                     option + ": value " + std::to_string(place) + " of '" + list +
                         "' is empty; leave out a comma, or write what is missing\n");
}

}  // namespace
}  // namespace e2e
