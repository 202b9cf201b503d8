#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <thread>

#include "image/replace_file.h"
#include "relprop/budgets.h"
#include "unit/image/support.h"

namespace relprop::test {

namespace {

namespace fs = std::filesystem;

std::string textOf(const fs::path& path) {
  const Bytes bytes = readFile(path);
  return {bytes.begin(), bytes.end()};
}

// A file system of 64 KiB, while it could be mounted.
class SmallDisk {
 public:
  explicit SmallDisk(fs::path path) : path_(std::move(path)) {
    fs::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=64k") == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount(path_.c_str());
  }
  bool mounted() const { return mounted_; }

 private:
  fs::path path_;
  bool mounted_;
};

// With a small budget: the usual one takes seconds to fill.
TEST(Files, AStreamWithoutAnEndIsRefused) {
  setBudgets({.streamBytes = 1'000'000});
  const Error error = failureOf([] { readFile("/dev/zero"); });
  setBudgets({});
  EXPECT_EQ(error.code(), ErrorCode::FileUnreadable);
  EXPECT_EQ(error.got(), "a stream of more than 1000000 bytes");
  EXPECT_THAT(error.hint(), testing::HasSubstr("--budget stream"));
}

// A pipe that ends exactly there is read, one byte more is not; a file's own size does not count.
TEST(Files, AStreamAtTheEdgeOfItsBudget) {
  const TemporaryFolder folder;
  const auto pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto bytesThrough = [&](std::size_t count) {
    std::thread writer([&] { std::ofstream(pipe) << std::string(count, 'x'); });
    const auto join = std::unique_ptr<std::thread, void (*)(std::thread*)>(&writer, [](std::thread* t) { t->join(); });
    return readFile(pipe).size();
  };
  setBudgets({.streamBytes = 70'000});
  EXPECT_EQ(bytesThrough(70'000), 70'000u);
  EXPECT_EQ(failureOf([&] { bytesThrough(70'001); }).code(), ErrorCode::FileUnreadable);
  writeFile(folder / "file", std::string(100'000, 'x'));
  EXPECT_EQ(readFile(folder / "file").size(), 100'000u);
  setBudgets({});
}

}  // namespace

TEST(WriteFile, WritesWhatReadFileReads) {
  const TemporaryFolder folder;
  Bytes bytes(300000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
  writeFile(folder / "a.bin", bytes);
  EXPECT_EQ(readFile(folder / "a.bin"), bytes);
  writeFile(folder / "empty", Bytes{});
  EXPECT_TRUE(readFile(folder / "empty").empty());
  EXPECT_EQ(folder.entries(), 2);
}

TEST(WriteFile, ReplacesAndLeavesNothingElse) {
  const TemporaryFolder folder;
  writeFile(folder / "a.txt", std::string("a long first text"));
  writeFile(folder / "a.txt", std::string("second"));
  EXPECT_EQ(textOf(folder / "a.txt"), "second");
  EXPECT_EQ(folder.entries(), 1);
}

TEST(WriteFile, MissingFolderIsNamedInTheHint) {
  const TemporaryFolder folder;
  const Error error =
      expectError(ErrorCode::FileWriteFailed, [&] { writeFile(folder / "no" / "a.txt", std::string("x")); });
  EXPECT_EQ(error.where(), (folder / "no" / "a.txt").string());
  EXPECT_NE(error.hint().find((folder / "no").string()), std::string::npos);
}

TEST(WriteFile, FolderInPlaceOfTheFile) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "sub");
  expectError(ErrorCode::FileWriteFailed, [&] { writeFile(folder / "sub", std::string("x")); });
  expectError(ErrorCode::FileWriteFailed, [&] { writeFile(folder / "sub/", std::string("x")); });
  expectError(ErrorCode::FileWriteFailed, [] { writeFile("", std::string("x")); });
  EXPECT_EQ(folder.entries(), 1);
}

TEST(WriteFile, FullDiskKeepsTheOldFileAndNoPart) {
  const TemporaryFolder folder;
  const SmallDisk disk(folder / "disk");
  if (!disk.mounted()) GTEST_SKIP() << "a small file system cannot be mounted here";
  const fs::path path = folder / "disk" / "a.bin";
  writeFile(path, std::string("old"));
  const Error error = expectError(ErrorCode::FileWriteFailed, [&] { writeFile(path, Bytes(1 << 20)); });
  EXPECT_NE(error.hint().find("room"), std::string::npos) << error.what();
  EXPECT_EQ(textOf(path), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "disk"), fs::directory_iterator{}), 1);
}

TEST(WriteFile, FullDeviceIsAnError) {
  if (!fs::is_character_file("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  expectError(ErrorCode::FileWriteFailed, [] { writeFile("/dev/full", std::string("x")); });
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST(WriteFile, DevicesAreWrittenToNotReplaced) {
  writeFile("/dev/null", std::string("x"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(WriteFile, LinksStayLinks) {
  const TemporaryFolder folder;
  writeFile(folder / "target", std::string("old"));
  fs::create_symlink("target", folder / "link");
  writeFile(folder / "link", std::string("new"));
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(textOf(folder / "target"), "new");
}

TEST(WriteFile, LinksToWhatIsNotThereStayLinks) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "real");
  fs::create_symlink("second", folder / "first");
  fs::create_symlink("real/new", folder / "second");
  writeFile(folder / "first", std::string("new"));
  EXPECT_TRUE(fs::is_symlink(folder / "first"));
  EXPECT_TRUE(fs::is_symlink(folder / "second"));
  EXPECT_EQ(textOf(folder / "real" / "new"), "new");
  EXPECT_EQ(folder.entries(), 3);
}

TEST(WriteFile, LinksThatLeadNowhereAreLeftAlone) {
  const TemporaryFolder folder;
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  fs::create_symlink("no/file", folder / "c");
  const auto hint = [&](const char* name) {
    const Error error = expectError(ErrorCode::FileWriteFailed, [&] { writeFile(folder / name, std::string("x")); });
    EXPECT_TRUE(fs::is_symlink(folder / name));
    return error.hint();
  };
  EXPECT_THAT(hint("a"), testing::HasSubstr("links"));
  EXPECT_THAT(hint("c"), testing::HasSubstr((folder / "no").string()));
  EXPECT_EQ(folder.entries(), 3);
}

TEST(WriteFile, WhatIsReplacedKeepsItsMode) {
  const TemporaryFolder folder;
  const auto modeOf = [&](const char* name) { return static_cast<unsigned>(fs::status(folder / name).permissions()); };
  for (const unsigned mode : {0600U, 0640U, 0666U, 0755U}) {
    writeFile(folder / "a.txt", std::string("old"));
    fs::permissions(folder / "a.txt", static_cast<fs::perms>(mode));
    writeFile(folder / "a.txt", std::string("new"));
    EXPECT_EQ(textOf(folder / "a.txt"), "new");
    EXPECT_EQ(modeOf("a.txt"), mode);
  }
  fs::permissions(folder / "a.txt", static_cast<fs::perms>(0600));
  fs::create_symlink("a.txt", folder / "link");
  replaceFile(folder / "link", [&](const fs::path& temporary) {
    EXPECT_EQ(static_cast<unsigned>(fs::status(temporary).permissions()), 0600U) << "while it is written";
    fs::remove(temporary);  // as writers do that make a file of their own
    std::ofstream(temporary) << "third";
  });
  EXPECT_EQ(textOf(folder / "a.txt"), "third");
  EXPECT_EQ(modeOf("a.txt"), 0600U);
}

TEST(WriteFile, WhatIsReplacedKeepsItsOwnerAndGroup) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("a.txt", std::string("old"));
  if (::chown(file.c_str(), 12345, 12346) != 0) GTEST_SKIP() << "only root may give files away";
  fs::permissions(file, static_cast<fs::perms>(0640));
  writeFile(file, std::string("new"));
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 12345U);
  EXPECT_EQ(info.st_gid, 12346U);
  EXPECT_EQ(info.st_mode & 0777U, 0640U);
}

// The text of such a name is that of a file that is gone.
TEST(WriteFile, ANameOfAnOpenFileIsThatFile) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("gone", std::string("something longer"));
  const int open = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(open, 0);
  fs::remove(file);
  writeFile("/proc/self/fd/" + std::to_string(open), std::string("new"));
  char text[32] = {};
  EXPECT_EQ(::pread(open, text, sizeof text, 0), 3);
  EXPECT_STREQ(text, "new");
  EXPECT_EQ(folder.entries(), 0);
  ::close(open);
}

// What an errno alone tells is said of files, folders and stores alike.
TEST(WriteFile, HintsAreAboutTheReason) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("file", std::string("x"));
  const auto hintOf = [](const fs::path& path, int error) { return failureOf([&] { failWrite(path, error); }).hint(); };
  EXPECT_EQ(hintOf("a", EMFILE), "raise the limit of open files (ulimit -n)");
  EXPECT_EQ(hintOf("a", ENOSPC), "make room on the disk");
  EXPECT_EQ(hintOf("a", ENAMETOOLONG), "give a shorter name");
  EXPECT_EQ(hintOf("a", EACCES), "check the folder's permissions");
  EXPECT_EQ(hintOf(file, ENOTDIR), "give another path: " + file.string() + " is no folder");
  EXPECT_EQ(hintOf(file / "below" / "it", ENOTDIR), "give another path: " + file.string() + " is no folder");
  const std::string longName(300, 'n');
  const Error error = failureOf([&] { writeFile(folder / longName, std::string("x")); });
  EXPECT_EQ(error.where(), (folder / longName).string());
  EXPECT_EQ(error.hint(), "give a shorter name");
}

TEST(WriteFile, FailuresNameTheFileNotWhatIsWrittenInItsPlace) {
  const TemporaryFolder folder;
  const auto failing = [](const fs::path& temporary) { failWrite(temporary, ENOSPC); };
  const Error error = failureOf([&] { replaceFile(folder / "a.npz", failing); });
  EXPECT_EQ(error.where(), (folder / "a.npz").string());
  EXPECT_EQ(error.hint(), "make room on the disk");
  EXPECT_EQ(folder.entries(), 0);
}

TEST(WriteFile, LongestNamesWork) {
  const TemporaryFolder folder;
  writeFile(folder / std::string(255, 'n'), std::string("x"));
  EXPECT_EQ(textOf(folder / std::string(255, 'n')), "x");
}

TEST(WriteFile, ForbiddenFolder) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const TemporaryFolder folder;
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  expectError(ErrorCode::FileWriteFailed, [&] { writeFile(folder / "a.txt", std::string("x")); });
  fs::permissions(folder.path(), fs::perms::owner_all);
}

TEST(WriteFile, ManyThreadsLeaveOneWholeFile) {
  const TemporaryFolder folder;
  std::vector<std::thread> threads;
  for (char letter = 'a'; letter < 'e'; ++letter)
    threads.emplace_back([&folder, letter] {
      for (int i = 0; i < 25; ++i) writeFile(folder / "a.txt", std::string(100000, letter));
    });
  for (std::thread& thread : threads) thread.join();
  const std::string text = textOf(folder / "a.txt");
  EXPECT_EQ(text, std::string(100000, text.front()));
  EXPECT_EQ(folder.entries(), 1);
}

TEST(ReadFile, MissingFolderAndForbidden) {
  const TemporaryFolder folder;
  expectError(ErrorCode::FileNotFound, [&] { readFile(folder / "missing"); });
  writeFile(folder / "file", std::string("x"));
  expectError(ErrorCode::FileNotFound, [&] { readFile(folder / "file" / "below"); });
  expectError(ErrorCode::FileUnreadable, [&] { readFile(folder.path()); });
}

TEST(ReadFile, ForbiddenFile) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const TemporaryFolder folder;
  writeFile(folder / "a.txt", std::string("x"));
  fs::permissions(folder / "a.txt", fs::perms::none);
  expectError(ErrorCode::FileUnreadable, [&] { readFile(folder / "a.txt"); });
}

TEST(ReadFile, ReadsPipesToTheirEnd) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  const Bytes bytes(200000, 0x5A);
  std::thread writer([&] { writeFile(folder / "pipe", bytes); });
  EXPECT_EQ(readFile(folder / "pipe"), bytes);
  writer.join();
}

}  // namespace relprop::test
