// relprop evaluate, metrics, export and merge as a user runs them.
#include "evaluate.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace e2e {
namespace {

namespace fs = std::filesystem;
using relprop::Store;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(EvaluateTest, EveryPictureMethodAndMetricGetsARow) {
  const Outcome outcome = evaluate({"--methods", kMethods, "--metrics", "outside-inside,pixel-accuracy,miou"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("8 measured, 0 skipped"));
  const auto results = Store::open(store(), Store::Access::Read).results();
  EXPECT_EQ(results.size(), 8u * 3 * 3);
  for (const auto& r : results) {
    EXPECT_EQ(r.skipped, "");
    EXPECT_FALSE(r.scores.empty());
  }
}

// The tables of the papers in small: on a trained network relevance lies on the object more than the gradient does.
TEST_F(EvaluateTest, RelevanceOfTheTrainedNetworkLiesOnTheObject) {
  ASSERT_EQ(evaluate({"--methods", "rap,gradient", "--metrics", "outside-inside,miou,relevance-mass"}).code, 0);
  EXPECT_LT(mean(store(), "rap", "all"), 0.5 * mean(store(), "gradient", "all"));
  EXPECT_LT(mean(store(), "rap", "pos"), 0.5 * mean(store(), "gradient", "pos"));
  EXPECT_GT(mean(store(), "rap", "mass"), mean(store(), "gradient", "mass"));
}

TEST_F(EvaluateTest, ASecondRunFindsEverythingThereAndMoreMethodsAddToIt) {
  ASSERT_EQ(evaluate({"--methods", "rap"}).code, 0);
  const std::string first = contents(store());
  const Outcome again = evaluate({"--methods", "rap"});
  EXPECT_EQ(again.code, 0);
  EXPECT_THAT(again.out, HasSubstr("0 measured, 0 skipped, 8 were there before"));
  EXPECT_EQ(contents(store()), first);
  ASSERT_EQ(evaluate({"--methods", "rap,gradient"}).code, 0);
  EXPECT_EQ(Store::open(store(), Store::Access::Read).results().size(), 16u);
}

TEST_F(EvaluateTest, ShardsMergeToTheWhole) {
  ASSERT_EQ(evaluate({"--methods", kMethods}).code, 0);
  Arguments merge = {"merge"};
  for (int i = 0; i < 3; ++i) {
    const std::string part = store("part" + std::to_string(i) + ".db");
    ASSERT_EQ(relprop(command(exampleData(), part, {"--methods", kMethods, "--shard", std::to_string(i) + "/3"})).code,
              0);
    merge.push_back(part);
  }
  merge.insert(merge.end(), {"-o", store("merged.db")});
  const Outcome merged = relprop(merge);
  EXPECT_EQ(merged.code, 0) << merged.err;
  EXPECT_EQ(contents(store("merged.db")), contents(store()));
}

TEST_F(EvaluateTest, WhatIsRandomDependsOnTheSeedAlone) {
  const Arguments how = {"--methods", "smoothgrad:samples=4", "--metrics",
                         "region-perturbation:steps=4,sensitivity-n:samples=5"};
  Arguments other = how;
  other.insert(other.end(), {"--seed", "7"});
  ASSERT_EQ(relprop(command(exampleData(), store("a.db"), how)).code, 0);
  ASSERT_EQ(relprop(command(exampleData(), store("b.db"), how)).code, 0);
  ASSERT_EQ(relprop(command(exampleData(), store("c.db"), other)).code, 0);
  EXPECT_EQ(contents(store("a.db")), contents(store("b.db")));
  EXPECT_NE(contents(store("a.db")), contents(store("c.db")));
}

// By evaluate not at all, by merge not without a word.
TEST_F(EvaluateTest, SeedsAreNotMixed) {
  const auto seeded = [&](const std::string& seed, const std::string& shard, const std::string& to) {
    return relprop(
        command(exampleData(), store(to), {"--methods", "random", "--limit", "2", "--seed", seed, "--shard", shard}));
  };
  ASSERT_EQ(seeded("0", "0/2", "zero.db").code, 0);
  const std::string before = contents(store("zero.db"));
  for (const char* shard : {"0/2", "1/2"}) {
    const Outcome other = seeded("1", shard, "zero.db");
    EXPECT_NE(other.code, 0);
    EXPECT_THAT(other.err, HasSubstr("measured with seed 0"));
    EXPECT_THAT(other.err, HasSubstr("use --seed 0, or another store"));
  }
  EXPECT_EQ(contents(store("zero.db")), before);
  EXPECT_EQ(seeded("0", "0/2", "zero.db").code, 0);
  ASSERT_EQ(seeded("1", "0/2", "same.db").code, 0);
  ASSERT_EQ(seeded("1", "1/2", "next.db").code, 0);
  const auto merged = [&](const std::string& part) {
    const Outcome outcome = relprop({"merge", store("zero.db"), store(part), "-o", store("all-" + part)});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.err;
  };
  EXPECT_THAT(merged("same.db"), Not(HasSubstr("seed"))) << "of rows that both have the first one stays";
  EXPECT_THAT(merged("next.db"), HasSubstr("were measured with seeds 0 and 1"));
}

TEST_F(EvaluateTest, ABrokenPictureIsCountedAndTheOthersAreMeasured) {
  const std::string data = manyPictures(4);
  const fs::path broken = fs::path(data) / "JPEGImages/p10001.jpg";
  fs::remove(broken);
  writeText(broken, "this is no picture");
  const Outcome outcome = relprop(command(data, store(), {"--methods", "rap"}));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("3 measured, 1 skipped"));
  EXPECT_THAT(outcome.err, HasSubstr("relprop: error: p10001"));
  EXPECT_EQ(Store::open(store(), Store::Access::Read).results().size(), 3u);
  const Outcome quiet = relprop(command(data, store(), {"--methods", "rap", "-q"}));
  EXPECT_EQ(quiet.code, 1) << "it was tried again";
  EXPECT_EQ(quiet.out, "");
  EXPECT_THAT(quiet.err, StartsWith("relprop: error: p10001: unreadable: "));
}

TEST_F(EvaluateTest, PicturesOfWhichNoneCanBeReadAreAFailure) {
  const std::string data = manyPictures(2);
  for (const char* name : {"p10000.jpg", "p10001.jpg"}) {
    fs::remove(fs::path(data) / "JPEGImages" / name);
    writeText(fs::path(data) / "JPEGImages" / name, "no picture");
  }
  for (const Arguments& how : {Arguments{}, Arguments{"-q"}}) {
    const Outcome outcome = relprop(command(data, store(), how));
    EXPECT_EQ(outcome.code, 1);
    for (const char* name : {"error: p10000: unreadable", "error: p10001: unreadable"})
      EXPECT_THAT(outcome.err, HasSubstr(name));
  }
}

TEST_F(EvaluateTest, ResultsWithoutAScoreAreCountedAndNothingElseIsAFailure) {
  const std::string data = manyPictures(2);
  fs::remove_all(fs::path(data) / "SegmentationClass");
  const Outcome none = relprop(command(data, store(), {"--methods", "rap", "--metrics", "miou", "-q"}));
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, StartsWith("relprop: error: none of 2 results has a score; the first, miou@1"));
  const Outcome some = relprop(command(data, store("some.db"), {"--methods", "rap", "--metrics", "miou,sparseness"}));
  EXPECT_EQ(some.code, 0) << some.err;
  EXPECT_THAT(some.out, HasSubstr("2 measured, 0 skipped, 2 results without a score"));
  const Outcome again = relprop(command(data, store("some.db"), {"--methods", "rap", "--metrics", "miou,sparseness"}));
  EXPECT_EQ(again.code, 0) << again.err;
}

TEST_F(EvaluateTest, OnlyCorrectLeavesOutWhatIsMisclassified) {
  // A picture under the annotation of another: the network names what it sees, not what the file says.
  const std::string data = manyPictures(2);
  const fs::path folder = fs::path(data) / "JPEGImages";
  fs::remove(folder / "p10001.jpg");
  fs::create_symlink(folder / "p10000.jpg", folder / "p10001.jpg");
  const Outcome outcome = relprop(command(data, store(), {"--methods", "rap", "--only-correct"}));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("1 measured, 1 skipped"));
  const auto pictures = Store::open(store(), Store::Access::Read).pictures();
  ASSERT_EQ(pictures.size(), 2u);
  EXPECT_EQ(pictures[0].skipped, "");
  EXPECT_EQ(pictures[1].skipped, "not classified correctly");
  EXPECT_NE(pictures[1].trueClass, pictures[1].predictedClass);
}

TEST_F(EvaluateTest, MissingMasksLeaveOutWhatNeedsThemAndSaySo) {
  const std::string data = manyPictures(2);
  fs::remove_all(fs::path(data) / "SegmentationClass");
  const Outcome outcome = relprop(command(data, store(), {"--methods", "rap", "--metrics", "outside-inside,miou"}));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("miou@1"));
  for (const auto& r : Store::open(store(), Store::Access::Read).results())
    EXPECT_EQ(r.skipped.empty(), r.key.protocol.starts_with("outside-inside")) << r.skipped;
}

TEST_F(EvaluateTest, KeepsHeatmapsOnlyWhenAsked) {
  ASSERT_EQ(evaluate({"--methods", "rap"}).code, 0);
  ASSERT_EQ(relprop(command(exampleData(), store("kept.db"), {"--methods", "rap", "--keep"})).code, 0);
  for (const auto& map : Store::open(store(), Store::Access::Read).maps(true)) EXPECT_FALSE(map.map);
  const Store kept = Store::open(store("kept.db"), Store::Access::Read);
  for (const auto& map : kept.maps(true)) {
    ASSERT_TRUE(map.map);
    EXPECT_EQ(map.map->shape, (relprop::Shape{96, 96}));
  }
  for (const auto& picture : kept.pictures(true)) {
    EXPECT_FALSE(picture.view.empty());
    EXPECT_FALSE(picture.truth.empty());
  }
}

TEST_F(EvaluateTest, SaysThatOldRowsStayWithoutHeatmaps) {
  ASSERT_EQ(evaluate({"--methods", "gradient", "--limit", "1"}).code, 0);
  const Outcome late = evaluate({"--methods", "gradient", "--limit", "1", "--keep"});
  EXPECT_EQ(late.code, 0) << late.err;
  EXPECT_THAT(late.err, HasSubstr("keeping those needs a new store"));
  const Outcome fresh =
      relprop(command(exampleData(), store("new.db"), {"--methods", "gradient", "--limit", "1", "--keep"}));
  EXPECT_THAT(fresh.err, Not(HasSubstr("needs a new store")));
}

TEST_F(EvaluateTest, SanityChecksOfEveryKindOfMethod) {
  const Outcome outcome =
      evaluate({"--limit", "2", "--methods", "rap,gradient,grad-cam,integrated-gradients:steps=3", "--metrics",
                "conservation,randomisation:layers=2,continuity:samples=2,sparseness"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const auto results = Store::open(store(), Store::Access::Read).results();
  EXPECT_EQ(results.size(), 2u * 4 * 4);
  for (const auto& r : results) {
    const bool rap = r.key.method.starts_with("rap"), conserves = r.key.protocol.starts_with("conservation");
    // Random weights can leave Grad-CAM nothing positive, and a map of zeros is like no other.
    if (r.key.method.starts_with("grad-cam") && r.skipped.find("is constant once") != std::string::npos) continue;
    ASSERT_EQ(r.skipped, "") << r.key.method << " " << r.key.protocol;
    if (rap && conserves) {
      EXPECT_LT(r.scores.at(0).value, 1e-4);
    }
  }
}

TEST_F(EvaluateTest, ExportWritesOneLineAScore) {
  ASSERT_EQ(evaluate({"--methods", "rap"}).code, 0);
  const Outcome csv = relprop({"export", store(), "--csv"});
  EXPECT_EQ(csv.code, 0) << csv.err;
  EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), 1 + 8 * 2);  // all and pos
  const Outcome lines = relprop({"export", store(), "--json"});
  EXPECT_EQ(nlohmann::json::parse(lines.out).size(), 8u);
}

TEST_F(EvaluateTest, ExportWritesAProject) {
  ASSERT_EQ(evaluate({"--methods", "lrp-zplus,gradient", "--keep"}).code, 0);
  const std::string folder = folder_ / "project";
  const Arguments arguments = {"export", store(), "--format", "virelay", "--model", exampleModel(), "-o", folder};
  EXPECT_THAT(relprop(arguments).err, HasSubstr("choose one of: gradient:"));
  EXPECT_FALSE(fs::exists(folder));
  Arguments chosen = arguments;
  chosen.insert(chosen.end(), {"--method", "gradient"});
  const Outcome outcome = relprop(chosen);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, folder + "/project.yaml: 8 pictures\n");
  for (const char* file : {"input.h5", "attribution.h5", "label-map.json", "project.yaml"})
    EXPECT_TRUE(fs::exists(fs::path(folder) / file)) << file;
  EXPECT_THAT(readText(fs::path(folder) / "label-map.json"), HasSubstr("\"star\""));
}

// The plan for 4096 pictures takes more than a gigabyte.
TEST_F(EvaluateTest, AProjectOfOnePictureIsComputedAsOne) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers reserve more address space than the limit leaves";
#endif
  ASSERT_EQ(evaluate({"--methods", "lrp-zplus,gradient", "--keep", "--limit", "1"}).code, 0);
  const auto limited = [] {
    const rlimit most = {600 << 20, 600 << 20};
    setrlimit(RLIMIT_AS, &most);
  };
  const std::string folder = folder_ / "project";
  const Outcome outcome = relprop({"export", store(), "--format", "virelay", "--model", exampleModel(), "--method",
                                   "gradient", "--batch", "4096", "--threads", "1", "-o", folder},
                                  {.inChild = limited, .whileRunning = {}});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, folder + "/project.yaml: 1 pictures\n");
}

// What one format needs the others do not take.
TEST_F(EvaluateTest, EachFormatHasItsOptions) {
  ASSERT_EQ(evaluate({"--methods", "gradient"}).code, 0);
  EXPECT_EQ(relprop({"export", store(), "--format", "csv"}).out, relprop({"export", store()}).out);
  const auto refusal = [&](const Arguments& options) {
    Arguments arguments = {"export", store()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome outcome = relprop(arguments);
    EXPECT_EQ(outcome.code, 2);
    return outcome.err;
  };
  EXPECT_THAT(refusal({"--format", "virelay", "--model", exampleModel()}), HasSubstr("--out: missing"));
  EXPECT_THAT(refusal({"--format", "virelay", "-o", folder_ / "p"}), HasSubstr("--model: missing"));
  EXPECT_THAT(refusal({"--json", "-o", folder_ / "p"}), HasSubstr("--out: is for --format virelay alone"));
  EXPECT_THAT(refusal({"--model", exampleModel()}), HasSubstr("--model: is for --format virelay alone"));
  const std::vector<Arguments> projects = {{"--method", "rap"},   {"--labels", "imagenet"}, {"--threads", "1"},
                                           {"--data", "x"},       {"--target", "true"},     {"--output", "x"},
                                           {"--feed", "a=b.npy"}, {"--layout", "nchw"},     {"--batch", "2"}};
  for (const Arguments& option : projects) {
    const std::string message = option.front() + ": is for --format virelay alone";
    EXPECT_THAT(refusal(option), HasSubstr(message));
    Arguments named = option;
    named.push_back("--csv");
    EXPECT_THAT(refusal(named), HasSubstr(message));
  }
  EXPECT_THAT(refusal({"--json", "--format", "csv"}), HasSubstr("excludes"));
  EXPECT_THAT(refusal({"--format", "xml"}), HasSubstr("xml"));
}

TEST_F(EvaluateTest, ReportsAsMarkdown) {
  ASSERT_EQ(evaluate({"--methods", "rap,gradient"}).code, 0);
  const Outcome markdown = relprop({"report", store(), "--markdown"});
  EXPECT_EQ(markdown.code, 0) << markdown.err;
  EXPECT_THAT(markdown.out, HasSubstr("**"));
  EXPECT_THAT(markdown.out, HasSubstr("outside-inside@1"));
  EXPECT_THAT(relprop({"report", store(), "--markdown", "--title", "ABC"}).out, StartsWith("# ABC\n"));
  const Outcome gallery = relprop({"report", store(), "--markdown", "--gallery", "5"});
  EXPECT_EQ(gallery.code, 2);
  EXPECT_THAT(gallery.err, HasSubstr("--markdown excludes --gallery"));
  EXPECT_EQ(relprop({"report", store(), "--markdown", "-o", ""}).code, 2);
}

// A slip in the network's name would look as if nobody had published anything.
TEST_F(EvaluateTest, AReportSaysWhereNoFigureOfOthersStands) {
  ASSERT_EQ(evaluate({"--methods", "rap", "--metrics", "outside-inside"}).code, 0);
  const fs::path papers = folder_ / "papers.json";
  for (const std::string network : {"shapes", "shpaes"}) {
    writeText(papers,
              R"([{"source": "S", "metric": "outside-inside", "method": "rap", "scores": {"all": 0.5}, "network": ")" +
                  network + "\"}]");
    const Outcome text = relprop({"report", store(), "--markdown", "--beside", papers});
    const Outcome pages = relprop({"report", store(), "-o", folder_ / network, "--beside", papers});
    for (const Outcome& report : {text, pages}) {
      EXPECT_EQ(report.code, 0) << report.err;
      EXPECT_EQ(report.err.find("papers.json: none of its 1 figures stands in the report") == std::string::npos,
                network == "shapes")
          << network << report.err;
    }
  }
  EXPECT_EQ(relprop({"report", store(), "--markdown"}).err, "");
}

TEST_F(EvaluateTest, MetricsAreListedAndDescribed) {
  EXPECT_THAT(relprop({"metrics"}).out, HasSubstr("outside-inside"));
  EXPECT_THAT(relprop({"metrics", "id-score"}).out, HasSubstr("profile"));
  EXPECT_GE(nlohmann::json::parse(relprop({"metrics", "--json"}).out).size(), 18u);
  EXPECT_THAT(relprop({"metrics", "id-scor"}).err, HasSubstr("id-score"));
}

// Options that cost or save something are heeded: no method fits into a megabyte.
TEST_F(EvaluateTest, HeedsALimitOfMemory) {
  ASSERT_EQ(evaluate({"--methods", "rap", "--memory", "512M"}).code, 0);
  fs::remove(store());
  const Outcome small = evaluate({"--methods", "rap", "--memory", "100K"});
  EXPECT_NE(small.code, 0);
  EXPECT_THAT(small.err, HasSubstr("--memory"));
  EXPECT_FALSE(fs::exists(store()));
}

class Refusals : public EvaluateTest {
 protected:
  void expectRefused(const Outcome& outcome, const std::string& why) const {
    EXPECT_NE(outcome.code, 0);
    EXPECT_THAT(outcome.err, StartsWith("relprop: error: "));
    EXPECT_THAT(outcome.err, HasSubstr(why));
    EXPECT_THAT(outcome.err, Not(HasSubstr("unexpected failure")));
  }
};

TEST_F(Refusals, UnknownNames) {
  expectRefused(evaluate({"--metrics", "outside-insid"}), "outside-inside");
  expectRefused(evaluate({"--metrics", "outside-inside@9"}), "version 9");
  expectRefused(evaluate({"--metrics", "miou:threshold=loud"}), "threshold");
  expectRefused(evaluate({"--methods", "rapp"}), "rap");
  expectRefused(evaluate({"--target", "wrong"}), "--target");
  expectRefused(evaluate({"--shard", "3/3"}), "--shard");
  EXPECT_FALSE(fs::exists(store()));
}

// Of unsigned types, none of which may wrap.
TEST_F(Refusals, NumbersThatAreNone) {
  const auto wrong = [](const Outcome& outcome, const std::string& why) {
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr(why));
  };
  for (const std::string option : {"--limit", "--seed"}) {
    wrong(evaluate({option, "-1"}), option + ": '-1' is no whole number of 0 or more");
    wrong(evaluate({option, "1.5"}), option + ": '1.5' is no whole number of 0 or more");
    wrong(evaluate({option, "99999999999999999999"}), option + ": '99999999999999999999' is too large");
  }
  wrong(relprop({"report", store(), "--gallery", "-1"}), "--gallery: '-1' is no whole number");
  EXPECT_FALSE(fs::exists(store()));
}

TEST_F(Refusals, PatternsThatNoMethodUses) {
  expectRefused(evaluate({"--methods", "rap", "--patterns", folder_ / "p.npz"}), "pattern-net or pattern-attribution");
  EXPECT_FALSE(fs::exists(store()));
}

TEST_F(Refusals, DataSetsThatAreNotThere) {
  expectRefused(relprop({"evaluate", exampleModel(), "--data", "voc:" + folder_ / "no", "--store", store()}), "no");
  expectRefused(relprop({"evaluate", exampleModel(), "--data", "vox:" + folder_ / "no", "--store", store()}), "voc");
}

TEST_F(Refusals, StoresThatAreNone) {
  writeText(store(), "this is a letter to my aunt");
  expectRefused(evaluate(), store());
  EXPECT_EQ(readText(store()), "this is a letter to my aunt");
  expectRefused(relprop({"report", folder_ / "nothing.db", "--markdown"}), "nothing.db");
  expectRefused(relprop({"export", folder_ / "nothing.db"}), "nothing.db");
  expectRefused(relprop({"merge", folder_ / "nothing.db", "-o", folder_ / "all.db"}), "nothing.db");
  EXPECT_FALSE(fs::exists(folder_ / "all.db"));
}

TEST_F(Refusals, ClassesThatAreNotTheNetworks) {
  const std::string data = manyPictures(1);
  const fs::path annotation = fs::path(data) / "Annotations/p10000.xml";
  std::string text = readText(annotation);
  const std::size_t at = text.find("<name>");
  text.replace(at, text.find("</name>") - at, "<name>zebra");
  fs::remove(annotation);
  writeText(annotation, text);
  expectRefused(relprop(command(data, store())), "zebra");
  EXPECT_EQ(relprop(command(data, store(), {"--target", "predicted"})).code, 0);
}

}  // namespace
}  // namespace e2e
