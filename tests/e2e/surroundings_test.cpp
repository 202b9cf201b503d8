// What is around a process and none of its business: few descriptors, another locale, no home, no room for temporary
// files, and paths as odd as a file system allows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <clocale>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "program.h"
#include "relprop/explain.h"
#include "relprop/image.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SurroundingsTest : public testing::Test {
 protected:
  Arguments explain(const fs::path& picture, const Arguments& options = {}) const {
    Arguments arguments = {"explain", exampleModel(), picture, "--out", folder_ / "out", "--method", "gradient"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
  }
  Arguments evaluate() const {
    return {"evaluate", exampleModel(),      "--data",    "voc:" + exampleData().string(),
            "--store",  folder_ / "runs.db", "--methods", "gradient"};
  }
  // What a heatmap is in ordinary surroundings.
  std::string usual() const {
    EXPECT_EQ(relprop(explain(examplePicture())).code, 0);
    const std::string bytes = readText(folder_ / "out/" + heatmap());
    fs::remove_all(folder_ / "out");
    return bytes;
  }
  static std::string heatmap() { return examplePicture().stem().string() + ".gradient.png"; }
  static RunOptions inside(const std::function<void()>& change) { return {.inChild = change, .whileRunning = {}}; }

  TemporaryFolder folder_;
};

void expectError(const Outcome& outcome, const std::string& part) {
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("relprop: error: "), HasSubstr(part), Not(HasSubstr("unexpected failure"))));
}

TEST_F(SurroundingsTest, AWorkingFolderThatIsGoneIsNamed) {
  const std::string gone = folder_ / "gone";
  fs::create_directory(gone);
  const auto removed = inside([&] {
    if (chdir(gone.c_str()) != 0 || rmdir(gone.c_str()) != 0) _exit(126);
  });
  expectError(relprop({"explain", exampleModel(), examplePicture(), "-o", "out"}, removed),
              "out: the working folder: ");
}

TEST_F(SurroundingsTest, SixteenDescriptorsAreEnough) {
  const auto few = inside([] {
    for (int i = 3; i < 1024; ++i) ::close(i);  // what the parent left open
    const rlimit limit = {16, 16};
    setrlimit(RLIMIT_NOFILE, &limit);
  });
  const Outcome maps = relprop(explain(exampleData() / "JPEGImages"), few);
  EXPECT_EQ(maps.code, 0) << maps.err;
  EXPECT_EQ(namesIn(folder_ / "out").size(), 8u);
  const Outcome scores = relprop(evaluate(), few);
  EXPECT_EQ(scores.code, 0) << scores.err;
  EXPECT_THAT(scores.out, HasSubstr("8 measured, 0 skipped"));
  const Outcome report = relprop({"report", folder_ / "runs.db", "-o", folder_ / "report"}, few);
  EXPECT_EQ(report.code, 0) << report.err;
}

// Of Germany, made in a folder where the system has none; in force for this process and those that it starts.
class DecimalComma {
 public:
  explicit DecimalComma(const TemporaryFolder& folder) {
    if (!setlocale(LC_ALL, kName)) {
      run("localedef", {"-i", "de_DE", "-f", "UTF-8", folder / kName});
      ::setenv("LOCPATH", folder.path().c_str(), 1);
    }
    ::setenv("LC_ALL", kName, 1);
    if (setlocale(LC_ALL, kName)) inForce = std::string(localeconv()->decimal_point) == ",";
  }
  DecimalComma(const DecimalComma&) = delete;
  DecimalComma& operator=(const DecimalComma&) = delete;
  ~DecimalComma() {
    setlocale(LC_ALL, "C");
    ::unsetenv("LC_ALL"), ::unsetenv("LOCPATH");
  }
  bool inForce = false;

 private:
  static constexpr const char* kName = "de_DE.UTF-8";
};

// Numbers are read and written with a point, whatever people write where the user lives: by the program, and by the
// library in a process that has set the locale.
TEST_F(SurroundingsTest, ADecimalCommaChangesNothing) {
  const Arguments arguments = explain(examplePicture(), {"--json", "--save", "none", "--noise", "0.25"});
  const auto mapOf = [&] { return nlohmann::json::parse(relprop(arguments).out); };
  const auto inside = [] {
    const auto preprocess =
        relprop::parsePreprocess(R"({"channels": "RGB", "scale": 0.5, "mean": [0.25, 1.5, 2], "std": [1, 1, 1]})", "a");
    const relprop::Model model = relprop::Model::load(exampleModel());
    return relprop::toJson(preprocess) + relprop::Explainer(model, {.method = "gradient:noise=0.25"}).methodString();
  };
  const auto usual = mapOf();
  const std::string usualInside = inside();
  EXPECT_THAT(usualInside, AllOf(HasSubstr("0.5"), HasSubstr("1.5"), HasSubstr("noise=0.25")));
  const DecimalComma comma(folder_);
  if (!comma.inForce) GTEST_SKIP() << "no locale with a decimal comma, and none can be made";
  EXPECT_EQ(mapOf(), usual);
  EXPECT_EQ(inside(), usualInside);
}

TEST_F(SurroundingsTest, FilesAreAsPrivateAsTheUserWishes) {
  const auto strict = inside([] { ::umask(077); });
  ASSERT_EQ(relprop(explain(examplePicture()), strict).code, 0);
  ASSERT_EQ(relprop(evaluate(), strict).code, 0);
  ASSERT_EQ(relprop({"report", folder_ / "runs.db", "-o", folder_ / "report"}, strict).code, 0);
  for (const std::string& name :
       {std::string("out"), "out/" + heatmap(), std::string("runs.db"), std::string("report/index.html")})
    EXPECT_EQ(fs::status(folder_ / name).permissions() & fs::perms(077), fs::perms::none) << name;
}

TEST_F(SurroundingsTest, NoHomeAndNoTemporaryFolder) {
  const std::string expected = usual();
  for (const char* home : {"", "/nonexistent", "/proc"}) {
    const auto bare = inside([home] {
      ::clearenv();
      if (*home) ::setenv("HOME", home, 1);
      for (const char* name : {"TMPDIR", "TMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"}) ::setenv(name, "/nonexistent", 1);
    });
    const Outcome outcome = relprop(explain(examplePicture()), bare);
    ASSERT_EQ(outcome.code, 0) << home << outcome.err;
    EXPECT_EQ(readText(folder_ / "out/" + heatmap()), expected);
    ASSERT_EQ(relprop(evaluate(), bare).code, 0) << home;
  }
}

TEST_F(SurroundingsTest, NamesOfAnyBytesAreFiles) {
  const std::string expected = usual();
  for (const std::string& stem : {std::string("a\nb"), std::string("caf\xe9"), std::string(" -o "),
                                  std::string("100%d"), std::string(200, 'x')}) {
    const fs::path at = folder_.path() / ("in " + stem.substr(0, 100)) / (stem + ".jpg");
    fs::create_directories(at.parent_path());
    fs::copy_file(examplePicture(), at);
    const std::string out = folder_ / ("out " + stem.substr(0, 100));
    const Outcome outcome = relprop({"explain", exampleModel(), at, "--method", "gradient", "--out", out, "--json"});
    ASSERT_EQ(outcome.code, 0) << stem << outcome.err;
    EXPECT_EQ(readText(fs::path(out) / (stem + ".gradient.png")), expected) << stem;
    EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1) << "one line of JSON, whatever the name";
  }
}

// 4,096 bytes are what a system call takes of a path, with its end.
TEST_F(SurroundingsTest, PathsOfTheGreatestLength) {
  fs::path deep = folder_.path();
  while (deep.native().size() < 3700) deep /= std::string(200, 'd');
  const auto path = [&](std::size_t length) {
    return (deep / std::string(length - deep.native().size() - 1 - 4, 'f')).string() + ".jpg";
  };
  fs::create_directories(deep);
  const std::string longest = path(deep.native().size() + 200);
  fs::copy_file(examplePicture(), longest);
  const Outcome good = relprop(explain(longest));
  EXPECT_EQ(good.code, 0) << good.err;
  for (const std::size_t length : {4095, 4096, 4097, 100'000}) expectError(relprop(explain(path(length))), "fff");
  for (const std::size_t length : {4090, 5000}) {
    const Outcome outcome = relprop({"explain", exampleModel(), examplePicture(), "--out", path(length)});
    expectError(outcome, "fff");
  }
  fs::remove_all(folder_.path() / std::string(200, 'd'));
}

TEST_F(SurroundingsTest, LoopsOfSymbolicLinks) {
  const fs::path loop = folder_.path() / "loop.jpg";
  fs::create_symlink("loop.jpg", loop);
  expectError(relprop(explain(loop)), "loop.jpg");
  fs::create_symlink("around", folder_.path() / "around");
  expectError(relprop({"explain", folder_ / "around", examplePicture()}), "around");
  expectError(relprop({"explain", exampleModel(), examplePicture(), "--out", folder_ / "around"}), "around");
  expectError(relprop({"export", folder_ / "around"}), "around");
  // A folder that holds itself ends.
  fs::create_directory(folder_.path() / "pictures");
  fs::copy_file(examplePicture(), folder_.path() / "pictures/a.jpg");
  fs::create_directory_symlink(".", folder_.path() / "pictures/again");
  const Outcome outcome = relprop(explain(folder_.path() / "pictures"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(namesIn(folder_ / "out"), std::vector<std::string>{"a.gradient.png"});
}

// No folder can be made in its place; said before anything is read.
TEST_F(SurroundingsTest, LinksThatLeadNowhere) {
  fs::create_symlink("nowhere", folder_.path() / "dang");
  const std::string model = exampleModel(), picture = examplePicture(), data = "voc:" + exampleData().string();
  const std::string dang = folder_ / "dang";
  for (const Arguments& arguments : {Arguments{"explain", model, picture, "-o", dang},
                                     {"compare", model, model, picture, "-o", dang},
                                     {"bow", "words", "not-read.bow", "-o", dang},
                                     {"bow", "train", data, "-o", dang + "/m.bow"},
                                     {"patterns", model, picture, "-o", dang + "/p.npz"}})
    expectError(relprop(arguments), "dang is not a folder");
}

TEST_F(SurroundingsTest, StoresWhoseNamesAreTooLong) {
  Arguments arguments = evaluate();
  for (std::string& word : arguments)
    if (word == folder_ / "runs.db") word = folder_ / std::string(256, 's');
  expectError(relprop(arguments), "sss");
}

// Before that a signal ends the child, whatever its program would do.
void waitUntilIgnored(pid_t child) {
  unsigned long ignored = 0;
  for (int i = 0; i < 10'000 && (ignored & 3) != 3; ++i) {  // SIGHUP and SIGINT
    std::ifstream status("/proc/" + std::to_string(child) + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("SigIgn:")) ignored = std::stoul(line.substr(7), nullptr, 16);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// As in the background of a script, or by nohup.
TEST_F(SurroundingsTest, SignalsToBeIgnoredAreIgnored) {
  const RunOptions ignoring{.inChild =
                                [] {
                                  for (const int one : {SIGINT, SIGHUP}) ::signal(one, SIG_IGN);
                                },
                            .whileRunning =
                                [](pid_t child) {
                                  waitUntilIgnored(child);
                                  for (int i = 0; i < 50; ++i) {
                                    for (const int one : {SIGINT, SIGHUP}) ::kill(child, one);
                                    std::this_thread::sleep_for(std::chrono::milliseconds(20));
                                  }
                                }};
  Arguments arguments = evaluate();
  arguments.insert(arguments.end(), {"--metrics", "region-perturbation"});
  const Outcome outcome = relprop(arguments, ignoring);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("8 measured"));
}

// A device or a pipe has no whole-or-not-at-all: it is written through, and what it answers is what counts.
TEST_F(SurroundingsTest, ResultsThatAreNoOrdinaryFiles) {
  const std::string expected = usual();
  const std::string at = folder_ / "out/" + heatmap();
  fs::create_directories(at);
  expectError(relprop(explain(examplePicture())), "Is a directory");
  fs::remove(at);
  fs::create_symlink("/dev/full", at);
  expectError(relprop(explain(examplePicture())), "No space left on device");
  EXPECT_TRUE(fs::is_symlink(at));
  fs::remove(at);
  ASSERT_EQ(::mkfifo(at.c_str(), 0600), 0);
  std::string read;
  std::thread reader([&] { read = readText(at); });
  const Outcome outcome = relprop(explain(examplePicture()));
  reader.join();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(read, expected);
  EXPECT_TRUE(fs::is_fifo(at)) << "and it still is one";
}

TEST_F(SurroundingsTest, StoresThatAreNoOrdinaryFiles) {
  Arguments arguments = evaluate();
  fs::create_directory(folder_.path() / "runs.db");
  expectError(relprop(arguments), "runs.db");
  fs::remove(folder_.path() / "runs.db");
  ASSERT_EQ(::mkfifo((folder_ / "runs.db").c_str(), 0600), 0);
  expectError(relprop(arguments), "runs.db");
  fs::remove(folder_.path() / "runs.db");
  fs::create_symlink("/dev/full", folder_.path() / "runs.db");
  expectError(relprop(arguments), "runs.db");
  ASSERT_TRUE(fs::is_character_file("/dev/full"));
}

TEST_F(SurroundingsTest, ReportsWhereNoFolderCanBe) {
  ASSERT_EQ(relprop(evaluate()).code, 0);
  writeText(folder_ / "file", "text");
  for (const std::string& out : {folder_ / "file", folder_ / "file/below", std::string("/dev/full")})
    expectError(relprop({"report", folder_ / "runs.db", "-o", out}), out.substr(0, out.find("/below")));
  expectError(relprop({"report", folder_ / "runs.db", "-o", "/proc/report"}), "/proc/report: No such file");
  expectError(relprop({"report", folder_ / "runs.db", "--markdown", "-o", "/dev/full"}), "No space left on device");
  EXPECT_EQ(readText(folder_ / "file"), "text");
}

// Files with holes, which cost nothing until somebody reads them.
TEST_F(SurroundingsTest, FilesThatAreLargerThanAnyPictureOrList) {
  const std::string large = folder_ / "large.jpg";
  fs::copy_file(examplePicture(), large);
  fs::resize_file(large, (std::uintmax_t{1} << 30) + 1);
  const std::string why = "large.jpg: a file of 1073741825 bytes (expected at most 1073741824 where it is no .npy, ";
  expectError(relprop(explain(large)), why);
  expectError(relprop(explain(large)), "allow more of one (--budget stream=SIZE)");
  for (const char* option : {"--labels", "--preprocess", "--tuning"})
    expectError(relprop(explain(examplePicture(), {option, large})), why);
}

TEST_F(SurroundingsTest, ABudgetIsForTheFilesOfOneCommand) {
  expectError(relprop(explain("/dev/zero", {"--budget", "stream=1M"})), "a stream of more than 1048576 bytes");
  for (const char* wrong : {"stream", "streams=1M", "stream=", "stream=-1", "stream=0", "stream=much", "stream=0x10",
                            "stream=+5", "stream= 5", "stream=5 M", "stream=00", "stream=M", "stream=1Mi5"}) {
    const Outcome refused = relprop(explain(examplePicture(), {"--budget", wrong}));
    EXPECT_EQ(refused.code, 2) << wrong;
    EXPECT_THAT(refused.err, HasSubstr("--budget")) << wrong;
  }
  for (const char* large : {"pixels=99999999999999999999", "pixels=9223372036854775808", "archive=8E", "pixels=8EiB"}) {
    const Outcome refused = relprop(explain(examplePicture(), {"--budget", large}));
    EXPECT_EQ(refused.code, 2) << large;
    EXPECT_THAT(refused.err, HasSubstr("'" + std::string(large) + "' is too large")) << large;
  }
  for (const char* right : {"pixels=9223372036854775807", "archive=7E", "model=64mib", "stream=1073741824b"})
    EXPECT_EQ(relprop(explain(examplePicture(), {"--budget", right})).code, 0) << right;
  const Outcome outcome =
      relprop(explain(examplePicture(), {"--budget", "pixels=100M", "--budget", "model=1G", "--budget", "archive=4G"}));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

// As bundles with a loader of their own start it, and services without a shell: the process is the loader's then.
TEST_F(SurroundingsTest, StartedByTheLoaderItRunsNothingElse) {
  const std::string loader = "/lib64/ld-linux-x86-64.so.2";
  if (!fs::exists(loader)) GTEST_SKIP() << "no " << loader;
  writeText(folder_ / "methods", "#!/bin/sh\necho another program\n");
  fs::permissions(folder_ / "methods", fs::perms::owner_all);
  const fs::path folder = folder_.path();
  const RunOptions bare = {.inChild =
                               [&folder] {
                                 clearenv();
                                 if (::chdir(folder.c_str()) != 0) _exit(126);
                               },
                           .whileRunning = {}};
  const Outcome outcome = run(loader, {programPath(), "methods", "rap"}, bare);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("relative attributing propagation"));
}

}  // namespace
}  // namespace e2e
