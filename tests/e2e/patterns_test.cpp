// relprop patterns: what it writes, interruptions, and what it refuses.
#include "relprop/patterns.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>

#include <chrono>
#include <limits>
#include <thread>

#include "program.h"
#include "relprop/npz.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class PatternsTest : public testing::Test {
 protected:
  // `count` pictures that differ in name; the pictures of the example in turn.
  std::string photos(int count) const {
    const fs::path source = examplePicture().parent_path();
    const std::vector<std::string> names = namesIn(source);
    fs::create_directories(folder_ / "photos");
    for (int i = 0; i < count; ++i)
      fs::create_symlink(source / names[static_cast<std::size_t>(i) % names.size()],
                         folder_ / ("photos/" + std::to_string(10000 + i) + ".jpg"));
    return folder_ / "photos";
  }
  Outcome patterns(const std::string& images, const Arguments& options = {}, const RunOptions& run = {}) {
    Arguments arguments = {"patterns", exampleModel(), images, "--out", out(), "--threads", "1"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return relprop(arguments, run);
  }
  std::string out() const { return folder_ / "patterns.npz"; }
  std::string part() const { return out() + ".part"; }
  // Sends the signal as soon as some sums are saved.
  RunOptions interruptedBy(int signal) const {
    return {.inChild = {}, .whileRunning = [this, signal](pid_t child) {
              for (int i = 0; i < 2000 && !fs::exists(part()); ++i)
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
              kill(child, signal);
            }};
  }
  // One clear error, exit code 1 and nothing written.
  void expectRefused(const Outcome& outcome, const std::string& why) const {
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_THAT(outcome.err, StartsWith("relprop: error: "));
    EXPECT_THAT(outcome.err, HasSubstr(why));
    EXPECT_THAT(outcome.err, testing::Not(HasSubstr("unexpected failure")));
    EXPECT_FALSE(fs::exists(out()));
  }

  TemporaryFolder folder_;
};

TEST_F(PatternsTest, OneEntryForEveryLayer) {
  const std::string images = photos(5);
  writeText(fs::path(images) / "notes.txt", "no picture");
  Outcome outcome = patterns(images);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, testing::MatchesRegex(".*/patterns.npz: [0-9]+ layers from 5 images\n"));
  EXPECT_THAT(outcome.err, HasSubstr("photos: left out: 1 file that is no JPEG"));
  EXPECT_FALSE(fs::exists(part()));
  const relprop::Patterns p = relprop::Patterns::load(out());
  EXPECT_EQ(p.images, 5);
  EXPECT_EQ(p.model, relprop::Model::load(exampleModel()).hash());
  EXPECT_EQ(relprop::readNpz(out()).count(p.nodes.begin()->first), 1u);
}

TEST_F(PatternsTest, GoesOnAfterAnInterruptionWithTheSameResult) {
  E2E_SKIP_SANITIZED("a part that was left is: ADamagedPartIsRefusedAndNamed");
  const std::string images = photos(400);
  ASSERT_EQ(patterns(images).code, 0);
  const std::string uninterrupted = readText(out());
  for (int signal : {SIGINT, SIGKILL}) {
    fs::remove(out());
    Outcome first = patterns(images, {"--save-every", "0"}, interruptedBy(signal));
    ASSERT_TRUE(fs::exists(part())) << first.err;
    EXPECT_FALSE(fs::exists(out()));
    EXPECT_EQ(first.code, signal == SIGINT ? 130 : 128 + SIGKILL) << first.err;
    const char* said = signal == SIGINT ? "interrupted after [0-9]+ of 400 .*same command" : "^$";
    EXPECT_THAT(first.err, testing::ContainsRegex(said));
    Outcome second = patterns(images);
    EXPECT_EQ(second.code, 0) << second.err;
    EXPECT_THAT(second.err, testing::ContainsRegex("going on from .*\\.part: [1-9][0-9]* of 400 images are done"));
    EXPECT_EQ(readText(out()), uninterrupted);
    EXPECT_FALSE(fs::exists(part()));
  }
}

TEST_F(PatternsTest, APartOfAnotherRunIsRefused) {
  const std::string images = photos(400);
  patterns(images, {"--save-every", "0"}, interruptedBy(SIGINT));
  ASSERT_TRUE(fs::exists(part()));
  const std::string saved = readText(part());
  expectRefused(patterns(images, {"--batchnorm", "pass"}), "batchnorm");
  expectRefused(patterns(images, {"--preprocess", "imagenet-caffe"}), "preprocessed in another way");
  expectRefused(patterns(examplePicture()), "another list of images");
  // The same network in another file: a trailing unknown field changes its hash, not its meaning.
  writeText(folder_ / "other.onnx", readText(exampleModel()) + std::string("\xA2\x1F\x01x", 4));
  fs::copy_file(fs::path(exampleModel()).replace_extension(".preprocess.json"), folder_ / "other.preprocess.json");
  expectRefused(relprop({"patterns", folder_ / "other.onnx", images, "--out", out()}), "model xxh3:");
  writeText(part(), saved.substr(0, saved.size() / 2));
  Outcome broken = patterns(images);
  expectRefused(broken, "patterns.npz.part");
  EXPECT_THAT(broken.err, HasSubstr("to start again"));
}

// A file that was edited: nothing of it is believed, and the sums behind it are right ones.
TEST_F(PatternsTest, ADamagedPartIsRefusedAndNamed) {
  const std::string images = photos(400);
  patterns(images, {"--save-every", "0"}, interruptedBy(SIGINT));
  ASSERT_TRUE(fs::exists(part()));
  relprop::PatternEstimator sums(relprop::Model::load(exampleModel()), {.inputShape = {}, .threads = 1});
  const std::string note = sums.loadState(part());
  const auto with = [&](const std::string& key, const std::string& value) {
    const std::size_t begin = note.find("\"" + key + "\":") + key.size() + 3;
    return note.substr(0, begin) + value + note.substr(note.find_first_of(",}", begin));
  };
  for (const std::string& other :
       {with("next", "\"abc\""), with("next", "-5"), with("next", "1000000000"), with("next", "2.5"), with("next", "0"),
        with("failed", "-1"), with("failed", "401"), with("failed", "[]"), std::string("[1,2]"), std::string("7"),
        std::string("no JSON")}) {
    sums.saveState(part(), other);
    const Outcome refused = patterns(images);
    expectRefused(refused, "patterns.npz.part: ");
    EXPECT_THAT(refused.err, HasSubstr("the file is damaged: give another --out, or remove ")) << other;
  }
  sums.saveState(part(), note);
  EXPECT_EQ(patterns(images).code, 0);
}

TEST_F(PatternsTest, UnreadableImagesAreSkippedAndSaid) {
  const std::string images = photos(3);
  writeText(folder_ / "photos/00000.jpg", "no picture");
  writeText(folder_ / "photos/99999.png", "");
  Outcome outcome = patterns(images, {"--batch", "2"});
  EXPECT_EQ(outcome.code, 1);
  for (const char* name : {"00000.jpg", "99999.png", "2 images could not be read"})
    EXPECT_THAT(outcome.err, HasSubstr(name));
  EXPECT_EQ(relprop::Patterns::load(out()).images, 3);
}

TEST_F(PatternsTest, NothingToReadIsAFailure) {
  fs::create_directory(folder_ / "photos");
  writeText(folder_ / "photos/a.jpg", "no picture");
  expectRefused(patterns(folder_ / "photos"), "none of the images could be read");
  expectRefused(patterns(folder_ / "missing.jpg"), "missing.jpg");
  EXPECT_FALSE(fs::exists(part()));
}

TEST_F(PatternsTest, TensorsAreAddedWhole) {
  relprop::Tensor input({11, 3, 96, 96});
  for (std::size_t i = 0; i < input.data.size(); ++i) input.data[i] = static_cast<float>(i * i % 101) / 50.0f - 1.0f;
  relprop::writeFile(folder_ / "x.npy", relprop::encodeNpy(input));
  EXPECT_EQ(patterns(folder_ / "x.npy").code, 0);
  EXPECT_EQ(relprop::Patterns::load(out()).images, 11);
}

TEST_F(PatternsTest, AnArrayThatIsNotFiniteIsSkippedAndSaid) {
  relprop::Tensor input({2, 3, 96, 96});
  for (std::size_t i = 0; i < input.data.size(); ++i) input.data[i] = static_cast<float>(i * i % 101) / 50.0f - 1.0f;
  for (const char* name : {"a.npy", "c.npy"}) relprop::writeFile(folder_ / name, relprop::encodeNpy(input));
  input.data[27648] = std::numeric_limits<float>::quiet_NaN();
  relprop::writeFile(folder_ / "b.npy", relprop::encodeNpy(input));
  const Outcome outcome =
      relprop({"patterns", exampleModel(), folder_ / "a.npy", folder_ / "b.npy", folder_ / "c.npy", "-o", out()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("b.npy: input: nan at element 27648"));
  EXPECT_THAT(outcome.err, HasSubstr("1 images could not be read"));
  EXPECT_EQ(relprop::Patterns::load(out()).images, 4);
}

TEST_F(PatternsTest, WrongOptionsAreSaidBeforeTheWork) {
  const auto wrong = [this](const Arguments& options, const std::string& why) {
    Arguments arguments = {"patterns", exampleModel(), examplePicture()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome outcome = relprop(arguments);
    EXPECT_EQ(outcome.code, 2) << why;
    EXPECT_THAT(outcome.err, HasSubstr(why));
    EXPECT_FALSE(fs::exists(out()));
  };
  wrong({"-o", ""}, "--out: '' is no value");
  for (const std::string value : {"-1", "nan"})
    wrong({"-o", out(), "--save-every", value}, "--save-every: '" + value + "' is no number of 0 or more");
}

TEST_F(PatternsTest, AFolderThatIsMissingIsMadeAndOneInTheWayRefused) {
  Outcome made = relprop({"patterns", exampleModel(), examplePicture(), "-o", folder_ / "a/b/p.npz"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(namesIn(folder_ / "a/b"), ElementsAre("p.npz"));
  EXPECT_EQ(relprop({"patterns", exampleModel(), examplePicture(), "-o", folder_ / "a"}).code, 1);
  writeText(folder_ / "file", "in the way");
  EXPECT_EQ(relprop({"patterns", exampleModel(), examplePicture(), "-o", folder_ / "file/p.npz"}).code, 1);
}

TEST_F(PatternsTest, WhereNothingWasComputedNoFolderIsMade) {
  writeText(folder_ / "broken.jpg", "no picture");
  fs::create_directory(folder_ / "empty");
  for (const std::string images : {"missing.jpg", "broken.jpg", "empty"}) {
    const Outcome outcome =
        relprop({"patterns", exampleModel(), folder_ / images, "-o", folder_ / "a/b/p.npz", "--save-every", "0"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("none of the images could be read"));
    EXPECT_FALSE(fs::exists(folder_ / "a")) << images;
  }
}

TEST_F(PatternsTest, AFullDiskIsSaidBeforeTheWork) {
  fs::create_directory(folder_ / "disk");
  if (mount("tmpfs", (folder_ / "disk").c_str(), "tmpfs", 0, "size=256k") != 0)
    GTEST_SKIP() << "no permission to mount a small disk";
  std::vector<Outcome> outcomes;
  for (const std::string file : {"disk/p.npz", "disk/new/p.npz"})
    outcomes.push_back(relprop({"patterns", exampleModel(), examplePicture(), "-o", folder_ / file}));
  const std::vector<std::string> names = namesIn(folder_ / "disk");
  umount((folder_ / "disk").c_str());
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("room"));
  }
  EXPECT_THAT(names, IsEmpty());
}

}  // namespace
}  // namespace e2e
