// A report's folder and its store in surroundings that are no good: rights, limits and other writers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "eval/report/folder.h"
#include "relprop/image.h"
#include "relprop/store.h"
#include "support/temporary_folder.h"
#include "unit/core/failure.h"

namespace relprop::report_folder_test {
namespace {

namespace fs = std::filesystem;
using eval::FolderWriter;
using relprop::test::failureOf;
using relprop::test::TemporaryFolder;
using testing::HasSubstr;

void writeReportTo(const fs::path& target, const std::string& name) {
  FolderWriter writer(target);
  writer.write(name, name);
  writer.write("pages/" + name, name);
  writer.commit();
}

unsigned modeOf(const fs::path& path) {
  return static_cast<unsigned>(fs::status(path).permissions());
}

// Without the rights of root for as long as it lives; the folder is its own.
class OrdinaryUser {
 public:
  explicit OrdinaryUser(const TemporaryFolder& folder) {
    constexpr uid_t nobody = 65534;
    if (::geteuid() != 0) return;
    changed_ = ::chown(folder.path().c_str(), nobody, nobody) == 0 && ::seteuid(nobody) == 0;
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;
  ~OrdinaryUser() {
    if (changed_ && ::seteuid(0) != 0) ::abort();
  }
  bool is() const { return ::geteuid() != 0; }

 private:
  bool changed_ = false;
};

// A limit of this process that is lower for as long as it lives.
class Limit {
 public:
  Limit(__rlimit_resource kind, rlim_t value) : kind_(kind) {
    ::getrlimit(kind_, &before_);
    const rlimit lower = {value, before_.rlim_max};
    ::setrlimit(kind_, &lower);
  }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;
  ~Limit() { ::setrlimit(kind_, &before_); }

 private:
  __rlimit_resource kind_;
  rlimit before_{};
};

rlim_t nextDescriptor() {
  const int next = ::dup(0);
  ::close(next);
  return static_cast<rlim_t>(next);
}

}  // namespace

TEST(ReportFolder, KeepsTheModeOfWhatItReplaces) {
  const TemporaryFolder base;
  const fs::path target = base / "report";
  fs::create_directory(target);
  for (const unsigned mode : {0700U, 0750U, 0777U}) {
    fs::permissions(target, static_cast<fs::perms>(mode));
    FolderWriter writer(target);
    writer.write("a", std::string("a"));
    for (const fs::directory_entry& entry : fs::directory_iterator(base.path()))
      if (entry.path() != target) {
        EXPECT_EQ(modeOf(entry.path()), 0700U) << "while it is written";
      }
    writer.commit();
    EXPECT_EQ(modeOf(target), mode);
  }
}

TEST(ReportFolder, KeepsTheModeOfWhatIsGoneWhenItComes) {
  const TemporaryFolder base;
  const fs::path target = base / "report";
  fs::create_directory(target);
  fs::permissions(target, static_cast<fs::perms>(0755));
  FolderWriter writer(target);
  fs::remove(target);
  writer.write("a", std::string("a"));
  writer.commit();
  EXPECT_EQ(modeOf(target), 0755U);
}

// Nobody who may not write there gets a writable folder in its place.
TEST(ReportFolder, RefusesAFolderThatMayNotBeWritten) {
  const TemporaryFolder base;
  const OrdinaryUser user(base);
  if (!user.is()) GTEST_SKIP() << "root may write everywhere";
  const fs::path target = fs::canonical(base.path()) / "report";
  fs::create_directory(target);
  for (const unsigned mode : {0555U, 0444U, 0333U, 0U}) {
    fs::permissions(target, static_cast<fs::perms>(mode));
    const Error error = failureOf([&] { FolderWriter writer(target); });
    EXPECT_EQ(error.code(), ErrorCode::FileWriteFailed) << mode;
    EXPECT_EQ(error.where(), target.string());
    EXPECT_EQ(error.got(), "Permission denied");
    EXPECT_EQ(modeOf(target), mode);
  }
  fs::permissions(target, fs::perms::owner_all);
}

// SQLite would say that there is no such file, and leave none.
TEST(ReportFolder, AStoreNeedsAFolderThatMayBeWritten) {
  const TemporaryFolder base;
  const OrdinaryUser user(base);
  if (!user.is()) GTEST_SKIP() << "root may write everywhere";
  fs::permissions(base.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const Error error = failureOf([&] { Store::open(base / "runs.db", Store::Access::Write); });
  fs::permissions(base.path(), fs::perms::owner_all);
  EXPECT_EQ(error.code(), ErrorCode::StoreUnusable);
  EXPECT_EQ(error.where(), (base / "runs.db").string());
  EXPECT_EQ(error.got(), "no permission to write in " + base.path().string());
  EXPECT_EQ(base.entries(), 0);
}

TEST(ReportFolder, AStoreThatMayNotGrowSaysSo) {
  const TemporaryFolder base;
  Store store = Store::open(base / "runs.db", Store::Access::Write);
  store.beginRun({"0.1.0", "host", "command", "float32", {}, 0, 1});
  store.put({"net", "net.onnx", "hash", "{}", "3×8×8"});
  PictureFacts large;
  large.model = "net", large.view.assign(3'000'000, 1);
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  const Error error = failureOf([&] {
    const Limit small(RLIMIT_FSIZE, 1'000'000);
    store.write({{large}, {}, {}});
  });
  ::signal(SIGXFSZ, before);
  EXPECT_EQ(error.code(), ErrorCode::FileWriteFailed);
  EXPECT_EQ(error.got(), "it may not grow: File too large");
  EXPECT_THAT(error.hint(), HasSubstr("ulimit -f"));
  EXPECT_TRUE(store.pictures().empty());
}

// A limit of a file's size, as a full disk cannot be had everywhere.
TEST(ReportFolder, FailuresNameWhatPeopleKnow) {
  const TemporaryFolder base;
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  const Error error = failureOf([&] {
    FolderWriter writer(base / "report");
    const Limit small(RLIMIT_FSIZE, 1000);
    writer.write("pictures/1.png", std::string(5000, 'x'));
  });
  ::signal(SIGXFSZ, before);
  EXPECT_EQ(error.code(), ErrorCode::FileWriteFailed);
  EXPECT_EQ(error.where(), (fs::canonical(base.path()) / "report/pictures/1.png").string());
  EXPECT_THAT(error.hint(), HasSubstr("ulimit -f"));
  EXPECT_EQ(base.entries(), 0);
}

TEST(ReportFolder, TooFewDescriptorsAreNamed) {
  const TemporaryFolder base;
  const rlim_t next = nextDescriptor();
  const auto hint = [&](rlim_t more, const auto& call) {
    const Limit few(RLIMIT_NOFILE, next + more);
    const Error error = failureOf(call);
    EXPECT_EQ(error.code(), ErrorCode::OutOfMemory) << error.what();
    return error.hint();
  };
  EXPECT_THAT(hint(0, [&] { FolderWriter writer(base / "report"); }), HasSubstr("ulimit -n"));
  EXPECT_EQ(base.entries(), 0);
  for (const rlim_t more : {0, 1, 2})  // the file, its journal, its index
    EXPECT_THAT(hint(more, [&] { Store::open(base / "runs.db", Store::Access::Write); }), HasSubstr("ulimit -n"));
}

TEST(ReportFolder, NamesThatAreTooLongAreToBeShortened) {
  const TemporaryFolder base;
  const fs::path path = base / std::string(300, 'n');
  EXPECT_EQ(failureOf([&] { FolderWriter writer(path); }).hint(), "give a shorter name");
  EXPECT_EQ(failureOf([&] { Store::open(path, Store::Access::Write); }).hint(), "give a shorter name");
}

TEST(ReportFolder, AWorkingFolderThatIsGoneIsAnError) {
  const TemporaryFolder base;
  const fs::path before = fs::current_path(), gone = base / "gone";
  fs::create_directory(gone);
  fs::current_path(gone);
  fs::remove(gone);
  const Error report = failureOf([] { FolderWriter writer("report"); });
  const Error store = failureOf([] { Store::open("runs.db", Store::Access::Write); });
  fs::current_path(before);
  EXPECT_EQ(report.code(), ErrorCode::FileWriteFailed);
  EXPECT_EQ(report.where(), "report");
  EXPECT_EQ(report.got(), "the working folder: No such file or directory");
  EXPECT_EQ(report.hint(), "give an absolute path") << "no folder that could be made helps";
  EXPECT_EQ(store.code(), ErrorCode::FileNotFound);
  EXPECT_EQ(store.where(), "runs.db");
}

// Each of them finds nothing, somebody's report, or one that is just being replaced.
TEST(ReportFolder, SeveralWritersLeaveOneWholeReport) {
  const TemporaryFolder base;
  const fs::path target = base / "report";
  std::vector<std::string> failures(4);
  {
    std::vector<std::jthread> writers;
    for (std::size_t i = 0; i < failures.size(); ++i)
      writers.emplace_back([&, i] {
        try {
          for (int k = 0; k < 50; ++k) writeReportTo(target, std::to_string(i));
        } catch (const Error& error) {
          failures[i] = error.what();
        }
      });
  }
  EXPECT_THAT(failures, testing::Each(""));
  EXPECT_EQ(base.entries(), 1);
  EXPECT_EQ(std::distance(fs::directory_iterator(target), {}), 3);
  EXPECT_EQ(std::distance(fs::directory_iterator(target / "pages"), {}), 1);
}

}  // namespace relprop::report_folder_test
