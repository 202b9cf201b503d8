// Help, versions, completion, and what wrong usage gets.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "program.h"
#include "relprop/image.h"

namespace e2e {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Usage, HelpOfEveryCommandHasExamples) {
  for (const std::string command :
       {"", "explain", "inspect", "bench", "tune", "methods", "patterns", "bow", "completion"}) {
    Arguments arguments = {"--help"};
    if (!command.empty()) arguments.insert(arguments.begin(), command);
    Outcome outcome = relprop(arguments);
    EXPECT_EQ(outcome.code, 0) << command;
    EXPECT_THAT(outcome.out, HasSubstr("Examples:\n  relprop")) << command;
    EXPECT_EQ(outcome.err, "") << command;
  }
}

TEST(Usage, VersionNamesTheLibraries) {
  Outcome outcome = relprop({"--version"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, StartsWith("relprop "));
  for (const char* library : {"oneDNN", "CLI11", "fmt", "nlohmann-json"}) EXPECT_THAT(outcome.out, HasSubstr(library));
}

TEST(Usage, WrongUsageIsExitCodeTwo) {
  std::string model = exampleModel(), picture = examplePicture();
  std::vector<Arguments> wrong = {{},
                                  {"explain"},
                                  {"explain", model},
                                  {"explain", model, picture, "--view", "sideways"},
                                  {"explain", model, picture, "--save", "gif"},
                                  {"explain", model, picture, "--percentile", "0"},
                                  {"explain", model, picture, "--shape", "big"},
                                  {"explain", model, picture, "--batch", "0"},
                                  {"completion", "tcsh"}};
  for (const Arguments& arguments : wrong) {
    Outcome outcome = relprop(arguments);
    EXPECT_EQ(outcome.code, 2) << testing::PrintToString(arguments);
    EXPECT_THAT(outcome.err, StartsWith("relprop: error: ")) << testing::PrintToString(arguments);
    EXPECT_EQ(outcome.out, "") << testing::PrintToString(arguments);
  }
}

TEST(Usage, SuggestsTheNearestName) {
  EXPECT_THAT(relprop({"explian"}).err, HasSubstr("did you mean 'explain'?"));
  EXPECT_THAT(relprop({"explain", "m.onnx", "a.jpg", "--metod", "rap"}).err, HasSubstr("did you mean '--method'?"));
  EXPECT_THAT(relprop({"methods", "lrp-zpluss"}).err, HasSubstr("did you mean 'lrp-zplus'?"));
  EXPECT_EQ(relprop({"bow", "train", "--", "X"}).err,
            "relprop: error: --out is required\nrelprop: run relprop --help for what there is\n");
}

TEST(Usage, FailuresAreExitCodeOneAndSaidOnce) {
  Outcome outcome = relprop({"explain", exampleModel(), examplePicture(), "--method", "lrp-zpluss"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, StartsWith("relprop: error: "));
  EXPECT_THAT(outcome.err, HasSubstr("lrp-zplus"));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

TEST(Usage, CompletionScriptsNameCommandsOptionsAndMethods) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    Outcome outcome = relprop({"completion", shell});
    EXPECT_EQ(outcome.code, 0);
    for (const char* word : {"explain", "inspect", "bench", "fidelity", "percentile", "lrp-zplus",
                             "require-conservation", "methods", "ledger", "top:5"})
      EXPECT_THAT(outcome.out, HasSubstr(word)) << shell;
  }
}

TEST(Usage, BashCompletionIsValidBash) {
  TemporaryFolder folder;
  writeText(folder / "script", relprop({"completion", "bash"}).out);
  EXPECT_EQ(std::system(("bash -n " + folder / "script").c_str()), 0);
}

// What bash prints once it has completed the last of the words in a folder and runs `show`; `told` is what it was to
// take them for.
std::string bashCompleting(const TemporaryFolder& folder, const std::string& words, const std::string& show) {
  const TemporaryFolder scripts;
  writeText(scripts / "script", relprop({"completion", "bash"}).out);
  return run("bash",
             {"-c", "compopt() { told=\"$*\"; }; . '" + scripts / "script" + "'; cd '" + folder.path().string() +
                        "'; COMP_WORDS=(" + words + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _relprop; " + show})
      .out;
}

// What bash offers for the last of the words.
std::string offeredFor(const std::string& words) {
  return bashCompleting(TemporaryFolder(), words, "echo \"${COMPREPLY[*]}\"");
}

// The same each by itself, behind what they were to be taken for.
std::string offeredIn(const TemporaryFolder& folder, const std::string& words) {
  return bashCompleting(folder, words, "printf '%s|' \"$told\" \"${COMPREPLY[@]}\"");
}

TEST(Usage, CompletionOffersWhatTheCommandTakes) {
  EXPECT_EQ(offeredFor("relprop --vi"), "\n");
  EXPECT_THAT(offeredFor("relprop explain --vi"), HasSubstr("--view"));
  EXPECT_THAT(offeredFor("relprop explain --target ''"), HasSubstr("argmax"));
  for (const char* command : {"evaluate", "export"}) {
    const std::string targets = offeredFor("relprop " + std::string(command) + " --target ''");
    EXPECT_THAT(targets, HasSubstr("predicted"));
    EXPECT_THAT(targets, testing::Not(HasSubstr("argmax")));
  }
  EXPECT_THAT(offeredFor("relprop metrics ''"), HasSubstr("outside-inside"));
  EXPECT_THAT(offeredFor("relprop explain --layout ''"), HasSubstr("nchw nhwc"));
  EXPECT_THAT(offeredFor("relprop export --format ''"), HasSubstr("csv json virelay"));
}

TEST(Usage, FilesAreCompletedWhole) {
  const TemporaryFolder folder;
  writeText(folder / "my photo.jpg", "");
  for (const char* command : {"explain", "bow train", "bow words", "bow import", "explain --labels"})
    EXPECT_EQ(offeredIn(folder, "relprop " + std::string(command) + " my"), "-o filenames|my photo.jpg|") << command;
}

// As files they would get a slash where a folder is called so.
TEST(Usage, WordsAreNotCompletedAsFiles) {
  const TemporaryFolder folder;
  for (const char* name : {"report", "train", "heat"}) std::filesystem::create_directory(folder / name);
  EXPECT_EQ(bashCompleting(folder, "relprop x", "complete -p relprop"), "complete -F _relprop relprop\n");
  EXPECT_EQ(offeredIn(folder, "relprop rep"), "|report|");
  EXPECT_EQ(offeredIn(folder, "relprop bow tra"), "|train|");
  EXPECT_EQ(offeredIn(folder, "relprop explain --vie"), "|--view|");
  EXPECT_EQ(offeredIn(folder, "relprop metrics outside-i"), "|outside-inside|");
  EXPECT_EQ(offeredIn(folder, "relprop explain --view he"), "|heat|heat|") << "the word, and a file of the same name";
}

TEST(Usage, CompletionOffersFilesBehindPartsOfCommands) {
  EXPECT_THAT(relprop({"completion", "zsh"}).out, HasSubstr(" '1:word:(train words import)' '*:file:_files' ;;\n"));
  EXPECT_THAT(relprop({"completion", "fish"}).out,
              HasSubstr("complete -c relprop -n '__fish_seen_subcommand_from bow; and not "
                        "__fish_seen_subcommand_from train words import' -f -a 'train words import'\n"));
}

TEST(Usage, MethodsAreListedWithCitations) {
  Outcome list = relprop({"methods"});
  EXPECT_EQ(list.code, 0);
  for (const char* name : {"rap", "lrp-zplus", "gradient"}) EXPECT_THAT(list.out, HasSubstr(name));
  const auto listed = nlohmann::json::parse(relprop({"methods", "--json"}).out);
  ASSERT_GT(listed.size(), 10u);
  for (const auto& method : listed) {
    EXPECT_NE(method["summary"], "") << method;
    EXPECT_NE(method["citation"], "") << method;
  }
}

TEST(Usage, OneMethodIsDescribedWithItsParameters) {
  Outcome outcome = relprop({"methods", "lrp-gamma"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("gamma "));
}

TEST(Usage, InspectPrintsWithoutRunning) {
  Outcome text = relprop({"inspect", exampleModel(), "--method", "lrp-zplus", "--steps"});
  EXPECT_EQ(text.code, 0) << text.err;
  for (const char* part : {"memory", "Nodes", "Steps", "Conv", "zplus"}) EXPECT_THAT(text.out, HasSubstr(part));
  const auto listed = nlohmann::json::parse(relprop({"inspect", exampleModel(), "--json"}).out);
  EXPECT_GT(listed["nodes"].size(), 5u);
  EXPECT_GT(listed["arenaBytes"], 0);
  EXPECT_THAT(listed["method"].get<std::string>(), StartsWith("rap"));
}

TEST(Usage, InspectTellsWhatMemoryIsFor) {
  const auto listed = nlohmann::json::parse(relprop({"inspect", exampleModel(), "--json"}).out);
  const auto parts = listed["modelBytes"].get<std::int64_t>() + listed["weightBytes"].get<std::int64_t>() +
                     listed["arenaBytes"].get<std::int64_t>();
  EXPECT_GT(listed["modelBytes"], 0);
  EXPECT_GT(listed["memory"].get<std::int64_t>(), parts) << "the program itself counts too";
}

TEST(Usage, MemoryLimitsAreSizes) {
  for (const char* size : {"abc", "-5M", "-5", "0", "12Q", "", "00", "+0", "0x0", "-0", "5 M", "1.5G"}) {
    Outcome outcome = relprop({"inspect", exampleModel(), "--memory", size});
    EXPECT_EQ(outcome.code, 2) << size;
    EXPECT_THAT(outcome.err, HasSubstr("--memory")) << size;
  }
}

TEST(Usage, MemoryLimitsThatAreTooLargeAreSaidToBe) {
  for (const char* size : {"99999999999999999999", "8E", "-1T"}) {
    const Outcome outcome = relprop({"inspect", exampleModel(), "--memory", size});
    EXPECT_EQ(outcome.code, 2) << size;
    const std::string why = size[0] == '-' ? "' has no size above 0" : "' is too large; at most 9223372036854775807";
    EXPECT_THAT(outcome.err, HasSubstr("--memory: '" + std::string(size) + why));
  }
}

TEST(Usage, WhatSizesAreIsSaid) {
  const std::string expected =
      "' has no size above 0; expected a whole number of bytes, or of K, M, G, T, P or E (powers of 1024), such as "
      "64M, "
      "or 1536M for 1.5G\n";
  EXPECT_THAT(relprop({"inspect", exampleModel(), "--memory", "1.5G"}).err,
              StartsWith("relprop: error: --memory: '1.5G" + expected));
  EXPECT_THAT(relprop({"inspect", exampleModel(), "--budget", "stream=12Q"}).err,
              StartsWith("relprop: error: --budget: 'stream=12Q" + expected));
}

RunOptions outputToFull() {
  return {.inChild =
              [] {
                if (std::freopen("/dev/full", "w", stdout) == nullptr) _exit(126);
              },
          .whileRunning = {}};
}

TEST(Usage, AFullStandardOutputIsAFailure) {
  Outcome outcome = relprop({"methods"}, outputToFull());
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("standard output"));
}

TEST(Usage, AStandardOutputThatNobodyReadsEndsQuietly) {
  for (const Arguments& arguments : {Arguments{"methods"}, {"--help"}, {"inspect", exampleModel(), "--json"}}) {
    const Outcome outcome = relprop(arguments, unread(STDOUT_FILENO));
    EXPECT_EQ(outcome.code, 141) << arguments[0];
    EXPECT_EQ(outcome.err, "") << arguments[0];
  }
}

TEST(Usage, AFileThatIsStandardOutputEndsQuietlyToo) {
  const TemporaryFolder folder;
  const std::string store = folder / "s.db";
  ASSERT_EQ(relprop({"evaluate", exampleModel(), "--data", "voc:" + exampleData().string(), "--limit", "1", "--methods",
                     "gradient", "--store", store, "-q"})
                .code,
            0);
  const Arguments arguments = {"report", store, "--markdown", "-o", "/dev/stdout"};
  EXPECT_THAT(relprop(arguments).out, HasSubstr("gradient"));
  const Outcome outcome = relprop(arguments, unread(STDOUT_FILENO));
  EXPECT_EQ(outcome.code, 141);
  EXPECT_EQ(outcome.err, "");
}

// A small pipe that does not wait for its reader, who begins late: each write that finds it full is told to come again.
void becomeImpatient() {
  int ends[2];
  if (pipe(ends) != 0) _exit(126);
  fcntl(ends[1], F_SETPIPE_SZ, 4096);
  if (fork() == 0) {
    close(ends[1]);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    char buffer[1000];
    for (ssize_t count; (count = read(ends[0], buffer, sizeof buffer)) > 0;)
      if (write(STDOUT_FILENO, buffer, static_cast<std::size_t>(count)) != count) _exit(126);
    _exit(0);
  }
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  dup2(ends[1], STDOUT_FILENO);
  for (const int end : ends) close(end);
}

TEST(Usage, AStandardOutputThatDoesNotWaitIsWaitedFor) {
  for (const Arguments& arguments : {Arguments{"methods", "--json"}, {"completion", "bash"}, {"explain", "--help"}}) {
    const std::string usual = relprop(arguments).out;
    ASSERT_GT(usual.size(), 4096u);
    const Outcome outcome = relprop(arguments, {.inChild = becomeImpatient, .whileRunning = {}});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, usual) << arguments[0];
  }
}

// Where files are what is asked for, they are written all the same; lines that nobody reads are not worth the work.
TEST(Usage, WorkGoesOnWhereFilesComeOfIt) {
  const TemporaryFolder folder;
  Arguments arguments = {"explain", exampleModel(), "-m", "gradient", "--batch", "1", "-o", folder / "maps"};
  for (int i = 0; i < 40; ++i) arguments.push_back(examplePicture());
  EXPECT_EQ(relprop(arguments, unread(STDOUT_FILENO)).code, 141);
  EXPECT_EQ(namesIn(folder / "maps").size(), 40u);
  arguments.insert(arguments.end(), {"--save", "none"});
  const Outcome stopped = relprop(arguments, unread(STDOUT_FILENO));
  EXPECT_EQ(stopped.code, 141);
  EXPECT_THAT(stopped.err, testing::ContainsRegex("interrupted: [0-9]+ explained, 0 failed, [1-9][0-9]* not done"));
}

TEST(Usage, NothingIsInterruptedWhereAllIsDone) {
  const Arguments arguments = {"explain", exampleModel(), examplePicture(), "-m", "gradient", "--save", "none"};
  const Outcome unseen = relprop(arguments, unread(STDOUT_FILENO)), full = relprop(arguments, outputToFull());
  EXPECT_EQ(unseen.code, 141);
  EXPECT_EQ(full.code, 1);
  EXPECT_THAT(full.err, HasSubstr("standard output"));
  for (const Outcome& outcome : {unseen, full}) EXPECT_THAT(outcome.err, testing::Not(HasSubstr("interrupted")));
}

// A log on a full disk, or none: the work is done all the same, and no file takes the messages.
TEST(Usage, StandardErrorThatCannotBeWrittenStopsNothing) {
  const auto toFull = [] {
    if (std::freopen("/dev/full", "w", stderr) == nullptr) _exit(126);
  };
  const auto closing = [] {
    for (const int stream : {STDIN_FILENO, STDERR_FILENO}) close(stream);
  };
  const std::function<void()> unseen = unread(STDERR_FILENO).inChild;
  for (const std::function<void()>& before : {std::function<void()>(toFull), std::function<void()>(closing), unseen}) {
    const TemporaryFolder folder;
    const Outcome missing = relprop({"inspect", folder / "none.onnx"}, {.inChild = before, .whileRunning = {}});
    EXPECT_EQ(missing.code, 1);
    const Outcome works = relprop({"explain", exampleModel(), examplePicture(), "none.jpg", "-o", folder / "maps"},
                                  {.inChild = before, .whileRunning = {}});
    EXPECT_EQ(works.code, 1) << "of one picture";
    const std::string map = "maps/" + examplePicture().stem().string() + ".rap.png";
    EXPECT_GT(::relprop::readImage(folder / map).width, 0);
  }
}

}  // namespace
}  // namespace e2e
