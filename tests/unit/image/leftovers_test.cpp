#include "image/leftovers.h"

#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "image/replace_file.h"
#include "unit/image/support.h"

namespace relprop::test {
namespace {

pid_t endedProcess() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

TEST(Leftovers, GoWithTheFirstFileThatIsWrittenThere) {
  const TemporaryFolder folder;
  const std::string dead = ".b.png.part." + std::to_string(endedProcess()) + ".17";
  folder.write(dead, std::string("half"));
  writeFile(folder / "a.txt", std::string("whole"));
  EXPECT_FALSE(std::filesystem::exists(folder / dead));
  EXPECT_EQ(folder.entries(), 1);
}

// A process of another machine has an id that is not in use here, but a lock on its file.
TEST(Leftovers, StayWhileTheyAreLocked) {
  const TemporaryFolder folder;
  const std::string name = ".b.png.part." + std::to_string(endedProcess()) + ".17";
  folder.write(name, std::string("half"));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen((folder / name).c_str(), "r"), std::fclose);
  ASSERT_TRUE(claimTemporary(::fileno(file.get())));
  sweepLeftovers(folder.path());
  EXPECT_TRUE(std::filesystem::exists(folder / name));
  std::filesystem::remove(folder / name);
  EXPECT_FALSE(claimTemporary(::fileno(file.get()))) << "it was taken away";
}

// libzip writes beside the file it was given, and locks nothing.
TEST(Leftovers, ACopyStaysAsLongAsWhatItIsACopyOf) {
  const TemporaryFolder held, left, alone;
  const std::string name = ".b.npz.part." + std::to_string(endedProcess()) + ".17", copy = name + ".a1B2c3";
  for (const TemporaryFolder* folder : {&held, &left}) folder->write(name, std::string());
  for (const TemporaryFolder* folder : {&held, &left, &alone}) folder->write(copy, std::string("half"));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen((held / name).c_str(), "r"), std::fclose);
  ASSERT_TRUE(claimTemporary(::fileno(file.get())));
  for (const TemporaryFolder* folder : {&held, &left, &alone}) sweepLeftovers(folder->path());
  EXPECT_EQ(held.entries(), 2);
  EXPECT_EQ(left.entries(), 0);
  EXPECT_EQ(alone.entries(), 0);
}

TEST(Leftovers, WhatAnotherLibraryFillsIsLockedMeanwhile) {
  const TemporaryFolder folder;
  const auto isLocked = [](const std::filesystem::path& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "r"), std::fclose);
    return ::flock(::fileno(file.get()), LOCK_EX | LOCK_NB) != 0;
  };
  for (const WriterLock lock : {WriterLock::Ours, WriterLock::Own})
    replaceFile(
        folder / "a",
        [&](const std::filesystem::path& temporary) { EXPECT_EQ(isLocked(temporary), lock == WriterLock::Ours); },
        lock);
}

// A kill may come between a folder and its marker; what has neither a marker nor an end is somebody else's.
TEST(Leftovers, OfFoldersAreMarkedOrEmpty) {
  const TemporaryFolder folder;
  const std::string dead = std::to_string(endedProcess());
  const auto left = [&](const char* number) -> std::filesystem::path {
    return folder / (".report.part." + dead + "." + number);
  };
  for (const char* number : {"0", "1", "2"}) std::filesystem::create_directory(left(number));
  writeFile(left("1") / "kept.txt", std::string("no marker"));
  std::filesystem::create_directory(left("2") / "pages");
  writeFile(left("2") / "pages" / "1.html", std::string("half"));
  writeFile(left("2") / "marker", std::string());
  sweepLeftoverFolders(folder.path(), "marker");
  EXPECT_FALSE(std::filesystem::exists(left("0")));
  EXPECT_TRUE(std::filesystem::exists(left("1") / "kept.txt"));
  EXPECT_FALSE(std::filesystem::exists(left("2")));
}

}  // namespace
}  // namespace relprop::test
