// Files that change while they are in use.
#include "onnx/file_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "relprop/error.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace relprop::onnx_import {
namespace {

namespace fs = std::filesystem;

std::string longText() {
  std::string text;
  for (int i = 0; text.size() < (std::size_t{40} << 20); ++i) text += std::to_string(i) + ' ';
  return text;
}

class CutShort : public ::testing::Test {
 protected:
  CutShort() { std::ofstream(path_, std::ios::binary) << text_; }
  void expectWhole(const FileBytes& file) const {
    ASSERT_EQ(file.bytes().size(), text_.size());
    EXPECT_TRUE(std::equal(text_.begin(), text_.end(), file.bytes().begin()));
  }

  const test::TemporaryFolder folder_;
  const fs::path path_ = folder_ / "weights.bin";
  const std::string text_ = longText();  // read in several parts
};

TEST_F(CutShort, BySomebodyWhoHadItOpenBefore) {
  const std::ofstream writer(path_, std::ios::app);
  const FileBytes file(path_);
  fs::resize_file(path_, 0);
  expectWhole(file);
}

// Who comes later waits where the file system can make him wait.
TEST_F(CutShort, BySomebodyWhoComesLater) {
  std::optional<FileBytes> file(path_);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::truncate(path_.c_str(), 0) == 0 ? 0 : 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  expectWhole(*file);
  file.reset();
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(fs::file_size(path_), 0U);
}

// The kernel gives these files the size of a page and less to read, as a file does that somebody cuts short.
TEST(FileBytes, AFileThatBecomesShorterIsRefused) {
  const fs::path path = "/sys/kernel/mm/transparent_hugepage/enabled";
  std::error_code ignored;
  if (fs::file_size(path, ignored) != 4096) GTEST_SKIP() << "no such file on this system";
  const Error error = test::expectError(ErrorCode::FileUnreadable, [&] { FileBytes{path}; });
  EXPECT_THAT(error.got(), ::testing::HasSubstr("shorter"));
}

TEST(FileBytes, AnEmptyNameIsQuoted) {
  EXPECT_EQ(test::expectError(ErrorCode::FileNotFound, [] { FileBytes{""}; }).where(), "''");
}

TEST(FileBytes, AnEmptyFileHasNone) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "empty").flush();
  EXPECT_TRUE(FileBytes(folder / "empty").bytes().empty());
}

}  // namespace
}  // namespace relprop::onnx_import
