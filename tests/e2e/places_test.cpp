// Places of output where nothing can be written, and pipes that nobody reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "program.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PlacesTest : public testing::Test {
 protected:
  // Nothing of these is there: what is said of the place is said before anything else is looked at.
  static Arguments patternsTo(const std::string& out) { return {"patterns", "no.onnx", examplePicture(), "-o", out}; }
  static Arguments trainingTo(const std::string& out) { return {"bow", "train", "voc:/no/such", "-o", out}; }
  static Arguments importTo(const std::string& out) {
    return {"bow", "import", "no.model", "--vocabulary", "no.npy", "-o", out};
  }
  static Arguments tuningTo(const std::string& out) { return {"tune", "no.onnx", "-o", out}; }
  static Arguments traceTo(const std::string& out) { return {"bench", "no.onnx", "--trace", out}; }
  static Arguments tablesTo(const std::string& out) { return {"report", "no.db", "--markdown", "-o", out}; }
  static std::vector<Arguments> wholeFilesTo(const std::string& out) {
    return {patternsTo(out), trainingTo(out), importTo(out)};
  }
  // Without what SQLite keeps beside a store that is open, or was when its process ended.
  std::vector<std::string> names() const {
    std::vector<std::string> all = namesIn(folder_.path());
    std::erase_if(all, [](const std::string& name) { return name.ends_with("-wal") || name.ends_with("-shm"); });
    return all;
  }
  static std::vector<Arguments> textsTo(const std::string& out) { return {tuningTo(out), traceTo(out), tablesTo(out)}; }
  static std::vector<Arguments> allTo(const std::string& out) {
    std::vector<Arguments> all = wholeFilesTo(out), texts = textsTo(out);
    all.insert(all.end(), texts.begin(), texts.end());
    return all;
  }
  void expectRefused(const std::vector<Arguments>& commands, const std::string& why) const {
    const std::vector<std::string> before = names();
    for (const Arguments& arguments : commands) {
      const Outcome outcome = relprop(arguments);
      EXPECT_EQ(outcome.code, 1) << arguments[0];
      EXPECT_THAT(outcome.err, testing::StartsWith("relprop: error: ")) << arguments[0];
      EXPECT_THAT(outcome.err, HasSubstr(why)) << arguments[0];
      EXPECT_EQ(names(), before) << arguments[0];
    }
  }
  std::string pipe(const std::string& name) const {
    EXPECT_EQ(::mkfifo((folder_ / name).c_str(), 0600), 0);
    return folder_ / name;
  }

  TemporaryFolder folder_;
};

// A socket's name is in the file system for as long as nobody removes it.
void makeSocket(const std::string& path) {
  const int made = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  EXPECT_EQ(::bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(made);
}

TEST_F(PlacesTest, SocketsDevicesAndPipes) {
  const std::string socket = folder_ / "socket", link = folder_ / "link";
  makeSocket(socket);
  expectRefused(allTo(socket), socket + ": a socket (expected the path of a file); give one with --");
  expectRefused(wholeFilesTo(pipe("pipe")), "pipe: a pipe (expected the path of a file)");
  expectRefused(wholeFilesTo("/dev/full"), "/dev/full: a device (expected the path of a file)");
  fs::create_symlink("/dev/null", link);
  expectRefused(wholeFilesTo(link), "link: a device (expected the path of a file)");
  for (const char* left : {"/dev/full.part", "/dev/full.parts"}) EXPECT_FALSE(fs::exists(left));
  // Where text is written through, the device is what counts.
  expectRefused(textsTo("/dev/null"), "no.");
}

TEST_F(PlacesTest, LinksThatEndNowhere) {
  const std::string loop = folder_ / "loop", dangling = folder_ / "dangling";
  fs::create_symlink("loop", loop);
  fs::create_symlink("missing/file", dangling);
  expectRefused(allTo(loop), loop + ": Too many levels of symbolic links; give a path whose links lead somewhere");
  expectRefused(allTo(dangling), dangling + ": there is no folder " + folder_ / "missing" + "; make it");
  // A link to what can be made is one to that.
  fs::create_symlink("made", folder_ / "good");
  expectRefused(textsTo(folder_ / "good"), "no.");
}

TEST_F(PlacesTest, NamesThatNoFolderHolds) {
  expectRefused(allTo(folder_ / std::string(256, 'n')), "nnn: File name too long; give a shorter name with --");
  expectRefused(textsTo(folder_ / std::string(255, 'n')), "no.");
  // What they keep while they work has a longer name.
  expectRefused({patternsTo(folder_ / std::string(251, 'n')), trainingTo(folder_ / std::string(250, 'n'))}, "nnn.part");
  const std::string missing = folder_ / ("missing/" + std::string(256, 'n'));
  expectRefused({patternsTo(missing), trainingTo(missing + "/model.bow")}, "File name too long");
  expectRefused({{"explain", exampleModel(), examplePicture(), "-o", missing}}, "File name too long");
}

TEST_F(PlacesTest, ResultsWhoseNamesWouldBeTooLong) {
  const std::string stem(245, 'p'), photo = folder_ / (stem + ".jpg");
  fs::copy_file(examplePicture(), photo);
  const std::string out = folder_ / "out",
                    why = ": a name of 258 bytes (expected at most 255); give the input a shorter";
  expectRefused({{"explain", exampleModel(), examplePicture(), photo, "-m", "gradient", "-o", out}}, why);
}

TEST_F(PlacesTest, FoldersThatAreMissing) {
  expectRefused(textsTo(folder_ / "missing/file"), "there is no folder " + folder_ / "missing");
}

// A process that has ended and that nobody has asked about yet.
bool hasEnded(pid_t process) {
  return readText("/proc/" + std::to_string(process) + "/stat").find(") Z ") != std::string::npos;
}

// At most two signals, of which the first may come before the program waits; one that is still there is put to an end.
RunOptions askedTwice(int signal) {
  return {.inChild = {}, .whileRunning = [signal](pid_t child) {
            const auto wait = [child](int tenths) {
              for (int i = 0; i < tenths && !hasEnded(child); ++i)
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
            };
            onceItCatches(signal, std::chrono::seconds(2)).whileRunning(child);
            wait(30);
            if (!hasEnded(child)) kill(child, signal);
            wait(300);
            kill(child, SIGKILL);
          }};
}

// One signal, SIGHUP too, and no second one, as `timeout` sends it and a terminal that is closed.
RunOptions askedOnce(int signal) {
  return {.inChild = {}, .whileRunning = [signal](pid_t child) {
            onceItCatches(signal, std::chrono::seconds(1)).whileRunning(child);
            for (int i = 0; i < 300 && !hasEnded(child); ++i)
              std::this_thread::sleep_for(std::chrono::milliseconds(100));
            kill(child, SIGKILL);
          }};
}

TEST_F(PlacesTest, ASignalEndsTheWaitForWhoeverFillsAPipe) {
  const std::string photo = pipe("photo.jpg"), labels = pipe("labels.txt");
  const std::string out = folder_ / "out";
  for (const int signal : {SIGTERM, SIGHUP}) {
    EXPECT_EQ(relprop({"explain", exampleModel(), photo, "-o", out}, askedOnce(signal)).code, 130);
    EXPECT_EQ(
        relprop({"explain", exampleModel(), examplePicture(), "--labels", labels, "-o", out}, askedOnce(signal)).code,
        130);
  }
}

TEST_F(PlacesTest, ASignalEndsTheWaitForWhoeverReadsStandardOutput) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  RunOptions options = askedOnce(SIGTERM);
  options.inChild = [&ends] { ::dup2(ends[1], STDOUT_FILENO); };
  EXPECT_EQ(relprop({"inspect", exampleModel(), "--steps", "--json", "--methods", "all"}, options).code, 130);
  for (const int end : ends) ::close(end);
}

TEST_F(PlacesTest, ASignalEndsTheWaitForWhoeverReadsAPipe) {
  const std::string heatmap = examplePicture().stem().string() + ".gradient.png", out = folder_.path();
  pipe(heatmap);
  const Arguments explain = {"explain", exampleModel(), examplePicture(), "-m", "gradient", "-o", out};
  for (const int signal : {SIGINT, SIGTERM}) EXPECT_EQ(relprop(explain, askedTwice(signal)).code, 130);
  const Arguments bench = {"bench", exampleModel(), "-m", "gradient", "--rounds", "1", "--trace", pipe("trace")};
  EXPECT_EQ(relprop(bench, askedTwice(SIGINT)).code, 130);
  const std::string store = folder_ / "s.db";
  ASSERT_EQ(relprop({"evaluate", exampleModel(), "--data", "voc:" + exampleData().string(), "--limit", "1", "--methods",
                     "gradient", "--store", store, "--keep", "-q"})
                .code,
            0);
  EXPECT_EQ(relprop({"report", store, "--markdown", "-o", pipe("tables")}, askedTwice(SIGTERM)).code, 130);
  // Of a project nothing may wait.
  const std::string labels = pipe("label-map.json");
  expectRefused({{"export", store, "--format", "virelay", "--model", exampleModel(), "-o", out}},
                labels + ": a pipe (expected the path of a file)");
}

}  // namespace
}  // namespace e2e
