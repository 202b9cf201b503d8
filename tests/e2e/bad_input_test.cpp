// Files that are broken, unreadable or odd; disks that are full; Ctrl-C. Nothing may be left half written.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "pictures.h"
#include "program.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class BadInputTest : public testing::Test {
 protected:
  Outcome explain(const std::string& model, const Arguments& inputs, const RunOptions& options = {}) {
    Arguments arguments = {"explain", model};
    arguments.insert(arguments.end(), inputs.begin(), inputs.end());
    arguments.insert(arguments.end(), {"--out", out(), "--save", "png,npy,json"});
    return relprop(arguments, options);
  }
  std::string out() const { return folder_ / "out"; }
  // One clear error, exit code 1 and no files.
  void expectRefused(const Outcome& outcome) const {
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_THAT(outcome.err, StartsWith("relprop: error: "));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_THAT(outcome.err, testing::Not(HasSubstr("unexpected failure")));
    EXPECT_THAT(namesIn(out()), IsEmpty());
  }
  void expectExplained(const std::string& picture) {
    Outcome outcome = explain(exampleModel(), {picture});
    EXPECT_EQ(outcome.code, 0) << picture << outcome.err;
    EXPECT_EQ(namesIn(out()).size(), 3u) << picture;
  }

  TemporaryFolder folder_;
};

// What names of files make of a terminal, of lines that are read by programs, and of JSON: nothing.
TEST_F(BadInputTest, NamesOfAnyBytesAreShownAsText) {
  const std::string name =
      "\x1b]0;title\x07\n\xff\xc2\x9b"
      "31m.png";
  fs::copy_file(examplePicture(), folder_ / name);
  writeText(folder_ / ("broken" + name), "no picture");
  const auto onlyLines = [](const std::string& text, std::ptrdiff_t lines) {
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), lines) << text;
    EXPECT_TRUE(std::none_of(text.begin(), text.end(), [](char c) {
      return (c >= 0 && c < ' ' && c != '\n') || c == 127;
    })) << text;
    EXPECT_THAT(text, testing::Not(HasSubstr("\xff")));
    EXPECT_THAT(text, testing::Not(HasSubstr("\xc2\x9b")));
  };
  const Outcome outcome = explain(exampleModel(), {folder_ / name, folder_ / ("broken" + name)});
  EXPECT_EQ(outcome.code, 1);
  onlyLines(outcome.out, 1);
  EXPECT_THAT(outcome.out, HasSubstr("\\x1b]0;title\\x07\\n\\xff\\u009b31m.png"));
  EXPECT_THAT(outcome.err, HasSubstr("broken\\x1b]0;title"));
  onlyLines(outcome.err, std::count(outcome.err.begin(), outcome.err.end(), '\n'));
  EXPECT_THAT(outcome.err, testing::Not(HasSubstr("\n\\xff")));
  fs::copy_file(exampleModel(), folder_ / ("net" + name + ".onnx"));
  onlyLines(relprop({"explain", folder_ / ("net" + name + ".onnx"), folder_ / "missing"}).err, 1);
  const Outcome json = explain(exampleModel(), {folder_ / name, "--json"});
  EXPECT_EQ(json.code, 0) << json.err;
  onlyLines(json.out, 1);
  EXPECT_THAT(json.out, HasSubstr("\\u001b]0;title\\u0007\\n\uFFFD"));
}

TEST_F(BadInputTest, ModelsThatAreNoModels) {
  writeText(folder_ / "empty.onnx", "");
  writeText(folder_ / "text.onnx", "this is not a network\n");
  std::string whole = readText(exampleModel());
  writeText(folder_ / "cut.onnx", whole.substr(0, whole.size() / 2));
  for (const char* name : {"empty.onnx", "text.onnx", "cut.onnx", "missing.onnx", ""})
    expectRefused(explain(folder_ / name, {examplePicture()}));
}

TEST_F(BadInputTest, PicturesThatAreNoPictures) {
  std::string whole = readText(examplePicture());
  writeText(folder_ / "empty.jpg", "");
  writeText(folder_ / "text.png", "no picture");
  writeText(folder_ / "cut.jpg", whole.substr(0, whole.size() / 2));
  writeText(folder_ / "cut.npy", "\x93NUMPY\x01");
  for (const char* name : {"empty.jpg", "text.png", "cut.jpg", "cut.npy", "missing.jpg"}) {
    Outcome outcome = explain(exampleModel(), {folder_ / name});
    expectRefused(outcome);
    EXPECT_THAT(outcome.err, HasSubstr(name));
  }
}

TEST_F(BadInputTest, OddPicturesAreExplained) {
  writeGreyGradientPng(folder_ / "dot.png", 1, 1);
  writeGreyGradientPng(folder_ / "strip.png", 300, 1);
  writeSixteenBitPng(folder_ / "deep.png", 40, 30);
  writeCmykJpeg(folder_ / "cmyk.jpg", 40, 30);
  for (const char* name : {"dot.png", "strip.png", "deep.png", "cmyk.jpg"}) {
    fs::remove_all(out());
    expectExplained(folder_ / name);
  }
}

TEST_F(BadInputTest, AFifoInAFolderIsNoPicture) {
  const fs::path photos = folder_ / "photos";
  fs::create_directories(photos);
  fs::copy_file(examplePicture(), photos / "good.jpg");
  ASSERT_EQ(mkfifo((photos / "blocks.jpg").c_str(), 0600), 0);
  const Outcome outcome = explain(exampleModel(), {photos});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("good.jpg: "));
}

TEST_F(BadInputTest, OneUnreadablePictureAmongGoodOnes) {
  fs::create_directory(folder_ / "photos");
  fs::copy_file(examplePicture(), folder_ / "photos/a.jpg");
  writeText(folder_ / "photos/b.jpg", "no picture");
  fs::copy_file(examplePicture(), folder_ / "photos/c.jpg");
  Outcome outcome = relprop({"explain", exampleModel(), folder_ / "photos", "--out", out(), "--batch", "3"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("b.jpg"));
  EXPECT_THAT(outcome.err, HasSubstr("2 explained, 1 failed"));
  EXPECT_THAT(namesIn(out()), ElementsAre("a.rap.png", "c.rap.png"));
}

TEST_F(BadInputTest, AnEmptyFolder) {
  fs::create_directory(folder_ / "none");
  Outcome outcome = explain(exampleModel(), {folder_ / "none"});
  expectRefused(outcome);
  EXPECT_THAT(outcome.err, HasSubstr("no images"));
}

// Root may read everything, so the program has to run as somebody else.
RunOptions asNobody() {
  return {.inChild =
              [] {
                if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(127);
              },
          .whileRunning = {}};
}

bool nobodyCanRunTheProgram() {
  return relprop({"inspect", exampleModel()}, asNobody()).code == 0;
}

TEST_F(BadInputTest, AFolderWithoutPermissionToRead) {
  if (!nobodyCanRunTheProgram()) GTEST_SKIP() << "another user cannot run the program where it lies";
  fs::permissions(folder_.path(), fs::perms::all);
  fs::create_directory(folder_ / "closed");
  fs::permissions(folder_ / "closed", fs::perms::none);
  Outcome outcome = explain(exampleModel(), {folder_ / "closed"}, asNobody());
  fs::permissions(folder_ / "closed", fs::perms::all);
  expectRefused(outcome);
  EXPECT_THAT(outcome.err, HasSubstr("closed"));
}

TEST_F(BadInputTest, AFolderWithoutPermissionToWrite) {
  if (!nobodyCanRunTheProgram()) GTEST_SKIP() << "another user cannot run the program where it lies";
  fs::create_directory(out());
  fs::permissions(folder_.path(), fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  fs::permissions(out(),
                  fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  Outcome outcome = explain(exampleModel(), {examplePicture()}, asNobody());
  expectRefused(outcome);
  EXPECT_THAT(outcome.err, HasSubstr("--out"));
}

TEST_F(BadInputTest, AFileWhereTheFolderShouldBe) {
  writeText(out(), "in the way");
  Outcome outcome = relprop({"explain", exampleModel(), examplePicture(), "--out", out()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(readText(out()), "in the way");
}

// A limit on the size of files stands in for a full disk where none can be mounted.
TEST_F(BadInputTest, AFileThatCannotGrow) {
  auto limit = [] {
    signal(SIGXFSZ, SIG_IGN);
    rlimit small = {1024, 1024};
    setrlimit(RLIMIT_FSIZE, &small);
  };
  Outcome outcome = explain(exampleModel(), {examplePicture()}, {.inChild = limit, .whileRunning = {}});
  expectRefused(outcome);
}

TEST_F(BadInputTest, AFullDisk) {
  fs::create_directory(out());
  if (mount("tmpfs", out().c_str(), "tmpfs", 0, "size=16k") != 0) GTEST_SKIP() << "no permission to mount a small disk";
  Outcome outcome = explain(exampleModel(), {examplePicture()});
  std::vector<std::string> names = namesIn(out());
  umount(out().c_str());
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("out"));
  for (const std::string& name : names) EXPECT_THAT(name, testing::EndsWith(".rap.png"));
}

class InterruptTest : public BadInputTest {
 protected:
  static constexpr int kPictures = 400;

  void SetUp() override {
    fs::create_directory(folder_ / "photos");
    for (int i = 0; i < kPictures; ++i)
      fs::create_symlink(examplePicture(), folder_ / ("photos/" + std::to_string(1000 + i) + ".jpg"));
  }
  // Sends the signal as soon as there are results.
  RunOptions interruptedBy(int signal) const {
    return {.inChild = {}, .whileRunning = [this, signal](pid_t child) {
              for (int i = 0; i < 1000 && namesIn(out()).size() < 5; ++i)
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
              kill(child, signal);
            }};
  }
};

TEST_F(InterruptTest, StopsCleanly) {
  for (int signal : {SIGINT, SIGTERM}) {
    fs::remove_all(out());
    Outcome outcome = explain(exampleModel(), {folder_ / "photos"}, interruptedBy(signal));
    EXPECT_EQ(outcome.code, 130) << outcome.err;
    EXPECT_THAT(outcome.err, testing::ContainsRegex("interrupted: [0-9]+ explained, 0 failed, [0-9]+ not done"));
    std::vector<std::string> names = namesIn(out());
    EXPECT_LT(names.size(), 3u * kPictures);
    EXPECT_EQ(names.size() % 3, 0u) << "a picture with only some of its files";
    for (const std::string& name : names) EXPECT_THAT(name, testing::ContainsRegex("^1[0-9]+.rap.(png|npy|json)$"));
  }
}

}  // namespace
}  // namespace e2e
