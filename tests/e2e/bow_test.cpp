// relprop bow: what it writes, interruptions, and what it refuses.
#include "relprop/bow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "program.h"
#include "relprop/image.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// Under the sanitizers a training takes half a minute.
constexpr const char* kTrainsToo = "trainings are not: TrainsOnADataSetAndMeasures, and the library's own";

class BowTest : public testing::Test {
 protected:
  std::string data() const { return "voc:" + exampleData().string(); }
  std::string out() const { return folder_ / "model.bow"; }
  std::string parts() const { return out() + ".parts"; }
  Outcome train(const Arguments& options = {}, const RunOptions& run = {}) const {
    Arguments arguments = {"bow", "train", data(), "-o", out()};
    // An option may be given once.
    for (const Arguments& small : {Arguments{"--min-photos", "1"}, {"--words", "16"}, {"--sample", "2000"}})
      if (std::find(options.begin(), options.end(), small[0]) == options.end())
        arguments.insert(arguments.end(), small.begin(), small.end());
    arguments.insert(arguments.end(), options.begin(), options.end());
    return relprop(arguments, run);
  }
  // The pictures of the example under other classes: a line of the list for each, as `line` has it.
  template <class Line>
  fs::path listed(const std::string& list, const std::string& head, Line line) const {
    std::string text = head;
    for (int k = 0; k < 8; ++k) {
      const std::string name = "val_0000" + std::to_string(k) + ".jpg";
      if (!fs::exists(folder_ / name)) fs::copy_file(exampleData() / "JPEGImages" / name, folder_ / name);
      text += line(k, name) + "\n";
    }
    writeText(folder_ / list, text);
    return folder_ / list;
  }
  std::string boxesOf(const std::vector<int>& classes) const {
    const auto line = [&](int k, const std::string& name) {
      return name + "," + std::to_string(classes[static_cast<std::size_t>(k)]) + ",0,0,20,20";
    };
    return "boxes:" + listed("boxes.csv", "picture,class,xmin,ymin,xmax,ymax\n", line).string();
  }
  Outcome trainOn(const std::string& spec, const std::string& leastPhotos = "1") const {
    return relprop({"bow", "train", spec, "-o", out(), "--min-photos", leastPhotos, "--words", "16", "--sample", "2000",
                    "--folds", "2"});
  }
  Outcome evaluated(const std::string& spec, const std::string& store) const {
    return relprop({"evaluate", out(), "--data", spec, "--methods", "bow-lrp", "--metrics", "sparseness", "--store",
                    folder_ / store});
  }
  // A model of LIBSVM with two support vectors, and three words.
  void writeSvm() const {
    writeText(folder_ / "svm.model",
              "svm_type c_svc\nkernel_type rbf\ngamma 2\nnr_class 2\ntotal_sv 2\nrho 0.1\nlabel 1 -1\nnr_sv 1 1\nSV\n"
              "1 1:0.5 2:0.5\n-1 3:1\n");
    relprop::Tensor words(relprop::Shape{3, 128}, 0.0f);
    words.data[0] = words.data[130] = words.data[260] = 1;
    relprop::writeFile(folder_ / "words.npy", relprop::encodeNpy(words));
  }
  void expectRefused(const Outcome& outcome, const std::string& why, int code = 1) const {
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("relprop: error: "));
    EXPECT_THAT(outcome.err, HasSubstr(why));
    EXPECT_THAT(outcome.err, testing::Not(HasSubstr("unexpected failure")));
    EXPECT_FALSE(fs::exists(out()));
  }

  TemporaryFolder folder_;
};

TEST_F(BowTest, TrainsOnADataSetAndMeasures) {
  const Outcome outcome = train({"--folds", "2", "--kernel", "chi2,intersection:beta=0.5", "--tiles", "1x1,2x2"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith(out() + ": "));
  EXPECT_THAT(outcome.out, ContainsRegex("classes, 16 words, 80 dimensions, [0-9]+ of 8 photos are support vectors"));
  EXPECT_THAT(outcome.out, ContainsRegex("class +photos +C +AP +chance\n"));
  EXPECT_THAT(outcome.out, ContainsRegex("accuracy [01]\\.[0-9]+, by 2-fold cross-validation\n$"));
  EXPECT_FALSE(fs::exists(parts()));
  EXPECT_EQ(relprop::bowAbout(out()).at("data"), data());
  const std::string bytes = readText(out());
  EXPECT_EQ(train({"--kernel", "chi2,intersection:beta=0.5", "--tiles", "1x1,2x2", "--threads", "3", "-q"}).out, "");
  EXPECT_EQ(readText(out()), bytes);
}

TEST_F(BowTest, GoesOnAfterAnInterruptionWithTheSameResult) {
  E2E_SKIP_SANITIZED("the library's own tests stop a training everywhere");
  ASSERT_EQ(train({"--step", "4"}).code, 0);
  const std::string uninterrupted = readText(out());
  for (const int signal : {SIGINT, SIGKILL}) {
    fs::remove(out());
    const Outcome first =
        train({"--step", "4", "--threads", "1"}, {.inChild = {}, .whileRunning = [&](pid_t child) {
                                                    for (int i = 0; i < 2000 && !fs::exists(parts() + "/sample"); ++i)
                                                      std::this_thread::sleep_for(std::chrono::milliseconds(5));
                                                    kill(child, signal);
                                                  }});
    EXPECT_EQ(first.code, signal == SIGINT ? 130 : 128 + SIGKILL) << first.err;
    EXPECT_FALSE(fs::exists(out()));
    ASSERT_TRUE(fs::exists(parts()));
    if (signal == SIGINT) {
      EXPECT_THAT(first.err, HasSubstr("the same command goes on from there"));
    }
    const Outcome second = train({"--step", "4"});
    EXPECT_EQ(second.code, 0) << second.err;
    EXPECT_THAT(second.err, HasSubstr("going on from " + parts()));
    EXPECT_EQ(readText(out()), uninterrupted);
  }
}

TEST_F(BowTest, ClassesWithFewPhotosAreLeftOut) {
  E2E_SKIP_SANITIZED(kTrainsToo);
  const fs::path photos = folder_ / "photos";
  for (const auto& [from, to] :
       {std::pair{"val_00000.jpg", "many/1.jpg"}, {"val_00001.jpg", "many/2.jpg"}, {"val_00002.jpg", "few/3.jpg"}}) {
    fs::create_directories((photos / to).parent_path());
    fs::copy_file(exampleData() / "JPEGImages" / from, photos / to);
  }
  const std::string folder = "folder:" + photos.string();
  const Outcome outcome = relprop({"bow", "train", folder, "-o", out(), "--min-photos", "2", "--words", "16"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("classes with fewer than 2 photos are left out: few (1)"));
  fs::remove(out());
  expectRefused(train({"--min-photos", "100"}), "lower --min-photos");
}

// Numbers that are no places among the bag's classes: it knows them by name.
TEST_F(BowTest, ClassesThatAreNumbersAreFoundAgain) {
  E2E_SKIP_SANITIZED(kTrainsToo);
  const std::string spec = boxesOf({3, 3, 3, 3, 1200, 1200, 1200, 1200});
  const Outcome trained = trainOn(spec);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_THAT(trained.out, HasSubstr(": 2 classes,"));
  EXPECT_THAT(trained.out, ContainsRegex("class 3 +4 "));
  EXPECT_THAT(trained.out, ContainsRegex("class 1200 +4 "));
  const Outcome same = evaluated(spec, "same.db");
  EXPECT_EQ(same.code, 0) << same.err;
  EXPECT_THAT(same.out + same.err, HasSubstr("8 measured, 0 skipped"));
  const Outcome other = evaluated(boxesOf({3, 3, 3, 3, 5, 5, 5, 5}), "other.db");
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.err, HasSubstr("'class 5' and perhaps others"));
}

TEST_F(BowTest, NumbersThatWereTooRareFallAway) {
  E2E_SKIP_SANITIZED(kTrainsToo);
  const std::string spec = boxesOf({3, 3, 3, 7, 7, 7, 7, 9});
  const Outcome trained = trainOn(spec, "2");
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_THAT(trained.err, HasSubstr("classes with fewer than 2 photos are left out: class 9 (1)"));
  const Outcome measured = evaluated(spec, "runs.db");
  EXPECT_EQ(measured.code, 0) << measured.err;
  EXPECT_THAT(measured.err, HasSubstr("fall away: 1 (class 9)"));
  EXPECT_THAT(measured.out + measured.err, HasSubstr("7 measured, 0 skipped"));
}

TEST_F(BowTest, NumbersOfImageNetHaveItsNames) {
  E2E_SKIP_SANITIZED(kTrainsToo);
  const auto list = [this](int most) {
    listed("val.txt", "",
           [&](int k, const std::string& name) { return name + (k < 4 ? " 3" : " " + std::to_string(most)); });
    return "imagenet:" + folder_.path().string();
  };
  const std::string spec = list(207);
  const Outcome trained = trainOn(spec);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_THAT(trained.out, ContainsRegex("tiger shark +4 "));
  EXPECT_THAT(trained.out, ContainsRegex("golden retriever +4 "));
  const Outcome measured = evaluated(spec, "runs.db");
  EXPECT_EQ(measured.code, 0) << measured.err;
  EXPECT_THAT(measured.out + measured.err, HasSubstr("8 measured, 0 skipped"));
  fs::remove(out());
  expectRefused(trainOn(list(1000)), "class 1000 of val_00004.jpg");
}

TEST_F(BowTest, NumbersThatAreNoClassAreRefused) {
  for (const int number : {65536, 100000000}) {
    const Outcome outcome = trainOn(boxesOf({3, 3, 3, 3, 3, 3, 3, number}));
    expectRefused(outcome, "class " + std::to_string(number) + " of val_00007.jpg");
    EXPECT_THAT(outcome.err, HasSubstr("a number from 0 to 65535"));
  }
}

TEST_F(BowTest, PhotosThatCannotBeReadAreNamed) {
  E2E_SKIP_SANITIZED(kTrainsToo);
  fs::create_directories(folder_.path() / "photos/a");
  fs::create_directories(folder_.path() / "photos/b");
  fs::copy_file(examplePicture(), folder_ / "photos/a/1.jpg");
  for (const char* name : {"photos/a/2.jpg", "photos/b/3.jpg"}) fs::copy_file(examplePicture(), folder_ / name);
  writeText(folder_ / "photos/b/4.jpg", "no picture");
  const Arguments arguments = {"bow",     "train", "folder:" + (folder_ / "photos"), "-o", out(), "--min-photos", "1",
                               "--words", "8"};
  const Outcome outcome = relprop(arguments);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, ContainsRegex("warning: left out: .*4.jpg"));
  fs::remove(out());
  writeText(folder_ / "photos/b/3.jpg", "no picture");
  expectRefused(relprop(arguments), "class 'b'");
}

TEST_F(BowTest, WordsAreDrawnFromTheDataSetThatTheFileNames) {
  E2E_SKIP_SANITIZED(kTrainsToo);
  ASSERT_EQ(train({"--words", "40"}).code, 0);
  const std::string sheets = folder_ / "words";
  const Outcome outcome = relprop({"bow", "words", out(), "-o", sheets, "--patches", "5", "--side", "20"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, sheets + ": 40 words on 2 sheets\n");
  EXPECT_THAT(namesIn(sheets), ElementsAre("words-00000.png", "words-00032.png"));
  const relprop::Image sheet = relprop::readImage(sheets + "/words-00000.png");
  EXPECT_GT(sheet.width, 2 * 5 * 22);
  const Outcome missing = relprop({"bow", "words", out(), "-o", sheets, "--data", "voc:/no/such"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("/no/such"));
}

TEST_F(BowTest, ImportsAModelOfLibsvm) {
  writeSvm();
  const Arguments arguments = {"bow", "import", folder_ / "svm.model", "--vocabulary", folder_ / "words.npy",
                               "-o",  out()};
  Arguments named = arguments;
  named.insert(named.end(), {"--names", "cat,dog", "--mapping", "hard"});
  const Outcome outcome = relprop(named);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("imported from"));
  EXPECT_EQ(relprop::bowAbout(out()).at("imported"), "svm.model");
  const Outcome nameless = relprop({"bow", "words", out(), "-o", folder_ / "words"});
  EXPECT_EQ(nameless.code, 1);
  EXPECT_THAT(nameless.err, HasSubstr("give one with --data"));
  fs::remove(out());
  writeText(folder_ / "svm.model", "svm_type nu_svc\n");
  expectRefused(relprop(arguments), "svm.model");
}

TEST_F(BowTest, ListsAreOneWord) {
  E2E_SKIP_SANITIZED(kTrainsToo);
  writeSvm();
  const std::vector<Arguments> lists = {{"train", "--C", "1,10", data()},
                                        {"train", "--tiles", "1x1,2x2", data()},
                                        {"train", "--patches", "16,24", data()},
                                        {"import", "--names", "cat,dog", folder_ / "svm.model"}};
  const Arguments training = {"--min-photos", "1", "--words", "16", "--sample", "2000"};
  const Arguments importing = {"--vocabulary", folder_ / "words.npy", "--mapping", "hard"};
  for (const Arguments& list : lists) {
    Arguments arguments = {"bow"};
    const Arguments& rest = list[0] == "train" ? training : importing;
    for (const Arguments& more : {list, Arguments{"-o", out()}, rest})
      arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = relprop(arguments);
    EXPECT_EQ(outcome.code, 0) << list[1] << ": " << outcome.err;
  }
  EXPECT_THAT(relprop({"bow", "import", "--help"}).out, HasSubstr("  --names A,B  "));
}

// One that is given again goes on with the first.
TEST_F(BowTest, ListsGivenAgainGoOn) {
  E2E_SKIP_SANITIZED(kTrainsToo);
  ASSERT_EQ(train({"--tiles", "1x1,2x2"}).code, 0);
  const std::string bytes = readText(out());
  EXPECT_EQ(train({"--tiles", "1x1", "--tiles", "2x2"}).code, 0);
  EXPECT_EQ(readText(out()), bytes);
}

TEST_F(BowTest, WrongUsageIsExitCodeTwo) {
  for (const Arguments& wrong : std::vector<Arguments>{{"bow"},
                                                       {"bow", "trian", data()},
                                                       {"bow", "train"},
                                                       {"bow", "train", data()},
                                                       {"bow", "train", data(), "-o", out(), "--tiles", "2"},
                                                       {"bow", "train", data(), "-o", out(), "--pool", "most"},
                                                       {"bow", "train", data(), "-o", out(), "--kernel", "chi2:c=1"},
                                                       {"bow", "train", data(), "-o", out(), "--size", "2"}})
    expectRefused(relprop(wrong), "relprop --help", 2);
  EXPECT_THAT(relprop({"bow", "trian", data()}).err, HasSubstr("did you mean 'train'"));
  EXPECT_THAT(relprop({"bow", "nix"}).err, HasSubstr("there is no command 'bow nix', but train, words, import"));
  EXPECT_THAT(relprop({"bow", "train", "--help"}).out, testing::Not(HasSubstr("{false}")));
  EXPECT_THAT(relprop({"bow", "train", "--word", "3"}).err, HasSubstr("did you mean '--words'"));
  for (const char* part : {"train", "words", "import"})
    EXPECT_THAT(relprop({"bow", part, "--help"}).out, HasSubstr("Examples:\n  relprop bow"));
  expectRefused(train({"--mapping", "soft"}), "hard, rank or gaussian");
  expectRefused(train({"--seed", "-1"}), "--seed", 2);
  expectRefused(train({"--seed", "99999999999999999999"}), "--seed", 2);
  expectRefused(train({"--min-photos", "0"}), "'0' is below 1", 2);
  const std::vector<Arguments> unnamed = {{"bow", "train", data(), "-o", ""},
                                          {"bow", "words", out(), "-o", ""},
                                          {"bow", "import", "svm.model", "--vocabulary", "w.npy", "-o", ""}};
  for (const Arguments& arguments : unnamed) expectRefused(relprop(arguments), "--out", 2);
  expectRefused(relprop({"bow", "train", data(), "-o", folder_.path()}), "--out");
  expectRefused(relprop({"bow", "train", "voc:/no/such", "-o", out()}), "/no/such");
}

TEST_F(BowTest, WhatFailsEarlyLeavesNoFolders) {
  E2E_SKIP_SANITIZED(kTrainsToo);
  const std::string made = folder_ / "new", file = made + "/below/model.bow";
  for (const char* name : {"photos/a/1.jpg", "photos/b/2.jpg"}) {
    fs::create_directories((folder_.path() / name).parent_path());
    writeText(folder_ / name, "no picture");
  }
  const std::string unreadable = "folder:" + (folder_ / "photos");
  for (const Arguments& wrong :
       std::vector<Arguments>{{"train", data(), "--min-photos", "100"},
                              {"train", data(), "--min-photos", "1", "--folds", "99"},
                              {"train", data(), "--min-photos", "1", "--mapping", "soft"},
                              {"train", unreadable, "--min-photos", "1"},
                              {"import", folder_ / "none", "--vocabulary", folder_ / "none"}}) {
    Arguments arguments = {"bow"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    arguments.insert(arguments.end(), {"-o", file});
    const Outcome outcome = relprop(arguments);
    EXPECT_EQ(outcome.code, 1) << wrong.back();
    EXPECT_FALSE(fs::exists(made)) << outcome.err;
  }
  const Outcome right =
      relprop({"bow", "train", data(), "-o", file, "--min-photos", "1", "--words", "16", "--sample", "2000"});
  EXPECT_EQ(right.code, 0) << right.err;
  EXPECT_TRUE(fs::exists(file));
}

// Before the features, which take most of the time, and without parts that a right training would stumble over.
TEST_F(BowTest, ClassesThatNothingTellsApartAreRefusedFirst) {
  E2E_SKIP_SANITIZED(kTrainsToo);
  expectRefused(trainOn(boxesOf({3, 3, 3, 3, 3, 3, 3, 3})), "'class 3' as the class of all or none");
  EXPECT_FALSE(fs::exists(parts()));
  const Outcome mended = trainOn(boxesOf({3, 3, 3, 3, 7, 7, 7, 7}));
  EXPECT_EQ(mended.code, 0) << mended.err;
}

TEST_F(BowTest, NumbersOfTheClassifierThatAreNone) {
  E2E_SKIP_SANITIZED(kTrainsToo);
  for (const char* kernel : {"chi2:gamma=0", "chi2:gamma=-0", "intersection,rbf:beta=2,gamma=0"})
    expectRefused(train({"--kernel", kernel}), "has a gamma of 0", 2);
  expectRefused(train({"--kernel", "chi2:gamma=1e-20"}), "gamma: 1e-20 (expected");
  expectRefused(train({"--kernel", "linear:gamma=0"}), "--kernel: 'linear:gamma=0' has a gamma, which is of chi2", 2);
  expectRefused(train({"--kernel", "chi2:"}),
                "--kernel: 'chi2:' has nothing behind the colon; expected gamma=… or beta=…\n", 2);
  expectRefused(train({"--words", "16", "--nearest", "99"}), "nearest: 99 (expected a whole number from 1 to 16)");
  EXPECT_EQ(train({"--words", "4"}).code, 0) << "the default gives way";
}

// Whoever imports has no photos that a gamma could be chosen from.
TEST_F(BowTest, NumbersOfWhatIsImportedThatAreNone) {
  const auto import = [this](const std::string& option, const std::string& value) {
    return relprop({"bow", "import", folder_ / "svm.model", "--vocabulary", folder_ / "words.npy", "--mapping", "hard",
                    "-o", out(), option, value});
  };
  writeSvm();
  expectRefused(import("--kernel", "linear,rbf:beta=2"),
                "--kernel: 'rbf:beta=2' has no gamma; expected that of the training, as in rbf:gamma=0.5\n", 2);
  expectRefused(import("--kernel", "chi2:gamma=0"),
                "--kernel: 'chi2:gamma=0' has a gamma of 0; expected that of the training\n", 2);
  for (const std::string scale : {"1e+308", "0", "-1"})
    expectRefused(import("--scale", scale), "scale: " + scale + " (expected a number above 0, at most 1000000000000)");
  EXPECT_EQ(import("--scale", "1e12").code, 0);
}

// A user who may have no more than one process, and so no second thread; the first of the machine would not be held to
// it.
RunOptions withoutThreads() {
  return {.inChild =
              [] {
                const rlimit one = {1, 1};
                if (setrlimit(RLIMIT_NPROC, &one) != 0 || (getuid() == 0 && setuid(54'321) != 0)) _exit(126);
              },
          .whileRunning = {}};
}

TEST_F(BowTest, TrainsWithoutThreadsWhereNoneCanBeStarted) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers start threads of their own";
#endif
  ASSERT_EQ(train({"--threads", "4"}).code, 0);
  const std::string usual = readText(out());
  fs::remove(out());
  fs::permissions(folder_.path(), fs::perms::all);
  if (run("cat", {exampleData() / "JPEGImages/val_00007.jpg", programPath()}, withoutThreads()).code != 0)
    GTEST_SKIP() << "others may not read the sources";
  const Outcome alone = train({"--threads", "4", "--folds", "2"}, withoutThreads());
  EXPECT_EQ(alone.code, 0) << alone.err;
  EXPECT_EQ(readText(out()), usual);
}

// An option that another one leaves without effect is refused.
TEST_F(BowTest, OptionsThatContradictOneAnother) {
  for (const Arguments& both : std::vector<Arguments>{{"--keypoints", "5", "--regions", "5"},
                                                      {"--keypoints", "5", "--step", "4"},
                                                      {"--regions", "5", "--patches", "16"}})
    expectRefused(train(both), "excludes", 2);
  for (const Arguments& other : std::vector<Arguments>{{"--mapping", "rank", "--width", "3"},
                                                       {"--width", "1"},
                                                       {"--mapping", "gaussian", "--base", "2"},
                                                       {"--mapping", "hard", "--nearest", "4"}})
    expectRefused(train(other), "is of --mapping", 2);
  expectRefused(train({"--kernel", "linear:gamma=2"}), "gamma");
  expectRefused(train({"--pool", "0"}), "pool");
  EXPECT_FALSE(fs::exists(parts()));
}

// The command lines of docs/methods/bag-of-words.md.
TEST_F(BowTest, CommandLinesOfThePage) {
  E2E_SKIP_SANITIZED("each of these commands has a test of its own");
  fs::create_directories(folder_.path() / "examples");
  fs::create_directory_symlink(exampleData(), folder_ / "examples/pictures");
  const auto sh = [&](const std::string& line) {
    return run("sh", {"-c", "cd '" + folder_.path().string() +
                                "' && PATH=" + fs::path(programPath()).parent_path().string() + ":$PATH " + line});
  };
  const Outcome trained =
      sh("relprop bow train voc:examples/pictures --min-photos 1 --words 64 --sample 10000 -o shapes.bow");
  EXPECT_EQ(trained.code, 0) << trained.err;
  const Outcome outlines =
      sh("relprop bow train voc:examples/pictures --min-photos 1 --words 64 --regions 400 --colour opponent -o "
         "outlines.bow");
  EXPECT_EQ(outlines.code, 0) << outlines.err;
  const Outcome words = sh("relprop bow words shapes.bow -o words/");
  EXPECT_EQ(words.code, 0) << words.err;
  const Outcome measured =
      sh("relprop bow train voc:examples/pictures --min-photos 1 -o voc.bow --folds 5 --words 64 --sample 10000");
  EXPECT_EQ(measured.code, 0) << measured.err;
  const std::string photo = "examples/pictures/JPEGImages/val_00007.jpg";
  const Outcome maps = sh("relprop explain shapes.bow " + photo + " -m bow-lrp -m sensitivity --view panel");
  EXPECT_EQ(maps.code, 0) << maps.err;
  EXPECT_TRUE(fs::exists(folder_ / "out/val_00007.panel.png"));
  const Outcome ledger = sh("relprop inspect shapes.bow --ledger " + photo);
  EXPECT_THAT(ledger.out, HasSubstr("KernelMachine  taylor:root=search"));
  const Outcome scores = sh(
      "relprop evaluate shapes.bow --data voc:examples/pictures --methods bow-lrp,sensitivity,random --store bow.db");
  EXPECT_EQ(scores.code, 0) << scores.err;
  EXPECT_THAT(scores.out, HasSubstr("8 measured, 0 skipped"));
}

// Without a method it is bow-lrp; what is about layers is refused by name, and nothing is written.
TEST_F(BowTest, ExplainsAndRefusesByName) {
  ASSERT_EQ(train({}).code, 0);
  const std::string photo = (exampleData() / "JPEGImages/val_00007.jpg").string(), maps = folder_ / "maps";
  const auto explain = [&](Arguments more) {
    Arguments all = {"explain", out(), photo, "-o", maps};
    all.insert(all.end(), more.begin(), more.end());
    return relprop(all);
  };
  const std::vector<std::pair<Arguments, std::string>> refused = {
      {{"-m", "rap"}, "for a bag of visual words one of bow-lrp"},
      {{"--rule", "*=epsilon"}, "rules"},
      {{"--from", "conv1"}, "from"},
      {{"--at", "conv1"}, "at"},
      {{"--layers"}, "layers"},
      {{"--patterns", "p.npz"}, "patterns"},
      {{"--precision", "bf16"}, "precision"},
      {{"--memory", "64M"}, "memory"},
      {{"--reference"}, "reference"},
      {{"--output", "scores"}, "output"},
      {{"--layout", "nhwc"}, "layout"}};
  for (const auto& [options, name] : refused) {
    SCOPED_TRACE(options.front());
    const Outcome outcome = explain(options);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("relprop: error: "));
    EXPECT_THAT(outcome.err, HasSubstr(name));
    EXPECT_FALSE(fs::exists(maps) && !fs::is_empty(maps));
  }
  for (const Arguments& other : {Arguments{"bench", out()}, Arguments{"patterns", out(), photo, "-o", maps + ".npz"}}) {
    const Outcome outcome = relprop(other);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("a bag of visual words"));
  }
  const Outcome several =
      explain({"--methods", "bow-lrp,gradient,random,occlusion:window=64,stride=64,rise:samples=4", "--target", "0,1"});
  EXPECT_EQ(several.code, 0) << several.err;
  EXPECT_TRUE(fs::exists(maps + "/val_00007.bow-lrp.0.png"));
  const Outcome all = relprop({"inspect", out(), "--methods", "all"});
  for (const char* method : {"bow-lrp", "sensitivity", "gradient", "occlusion", "rise", "random"})
    EXPECT_THAT(all.out, HasSubstr(std::string("method   ") + method)) << method;
  EXPECT_THAT(all.out, testing::Not(HasSubstr("method   rap")));
}

}  // namespace
}  // namespace e2e
