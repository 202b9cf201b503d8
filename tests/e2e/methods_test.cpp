// Choosing methods and changing their maps: lists of methods, shortcuts for keys, panels of all methods.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "example.h"

namespace e2e {
namespace {

using nlohmann::json;
using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::Not;

class MethodsTest : public ExampleTest {
 protected:
  // The map of one method with shortcuts.
  std::vector<float> map(Arguments options) {
    options.insert(options.end(), {"--save", "npy", "--json"});
    Outcome outcome = explain(options);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return relprop::readNpy(objects(outcome).at(0)["files"]["npy"].get<std::string>()).data;
  }
  std::string methodOf(const Arguments& options) {
    Arguments all = options;
    all.insert(all.end(), {"--save", "none", "--json"});
    Outcome outcome = explain(all);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return objects(outcome).at(0)["method"];
  }
};

TEST_F(MethodsTest, SignsAndScale) {
  std::vector<float> plain = map({}), absolute = map({"--abs"});
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(absolute[i], std::abs(plain[i]), 1e-6);
  EXPECT_THAT(map({"--positive"}), Each(Ge(0)));
  EXPECT_THAT(map({"--negative"}), Each(Le(0)));
  std::vector<float> scaled = map({"--abs", "--normalize"});
  EXPECT_FLOAT_EQ(*std::max_element(scaled.begin(), scaled.end()), 1);
}

TEST_F(MethodsTest, NoiseIsTheMeanOverCopies) {
  EXPECT_THAT(methodOf({"-m", "gradient", "--noise", "0.1", "--samples", "3"}), HasSubstr("noise=0.1,samples=3"));
  std::vector<float> plain = map({"-m", "gradient"}), still = map({"-m", "gradient", "--noise", "0", "--samples", "2"}),
                     noisy = map({"-m", "gradient", "--noise", "0.2", "--samples", "2"});
  EXPECT_NEAR(still[4000], plain[4000], 1e-5);
  EXPECT_NE(noisy, plain);
}

TEST_F(MethodsTest, ShortcutsReachTheMethod) {
  EXPECT_THAT(methodOf({"-m", "lrp-resnet", "--quantize", "16"}), HasSubstr("quantize=16"));
  EXPECT_THAT(methodOf({"-m", "lrp-zplus", "--maxpool", "average:2"}), HasSubstr("maxpool=average:2"));
  EXPECT_THAT(methodOf({"-m", "smoothgrad", "--samples", "4"}), HasSubstr("samples=4"));
}

TEST_F(MethodsTest, WrongShortcuts) {
  EXPECT_EQ(explain({"--abs", "--positive"}).code, 2);
  EXPECT_EQ(explain({"--negative", "--positive"}).code, 2);
  EXPECT_THAT(explain({"--samples", "3"}).err, HasSubstr("samples"));
  for (const Arguments& options : {Arguments{"--noise", "much"},
                                   {"--noise", "0.1", "--samples", "0"},
                                   {"-m", "gradient", "--quantize", "8"},
                                   {"--maxpool", "sideways"},
                                   {"-m", "smoothgrad:noise=0.1", "--noise", "0.2"}}) {
    Outcome outcome = explain(options);
    EXPECT_EQ(outcome.code, 1) << testing::PrintToString(options);
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
  EXPECT_THAT(namesIn(out()), ElementsAre());
}

TEST_F(MethodsTest, AListIsTheSameAsRepeating) {
  explain({"--methods", "rap,lrp-gamma:gamma=0.5,residual=ratio,gradient"});
  EXPECT_THAT(namesIn(out()), ElementsAre("val_00000.gradient.png", "val_00000.lrp-gamma-gamma-0.5-residual-ratio.png",
                                          "val_00000.rap.png"));
}

TEST_F(MethodsTest, AMistakeInAListShowsBeforeAnyWork) {
  Outcome outcome = explain({"--methods", "rap,lrp-0,lrp-epsilon,lrp-zplus,gradient,lrp-gama"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("lrp-gamma"));
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(namesIn(out()), ElementsAre());
}

TEST_F(MethodsTest, AllMethodsMakeOnePanelAPhoto) {
  std::filesystem::copy_file(examplePicture(), folder_ / "second.jpg");
  Outcome outcome = explainFiles({examplePicture(), folder_ / "second.jpg"},
                                 {"--methods", "all", "--view", "panel", "--residual", "ratio", "--quiet"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json listed = json::parse(relprop({"methods", "--json"}).out);
  const auto ofNetworks = [](const json& method) {
    return method["networks"].get<bool>() && !method["needsAttention"].get<bool>();
  };
  const auto methods = static_cast<std::size_t>(std::count_if(listed.begin(), listed.end(), ofNetworks));
  EXPECT_EQ(namesIn(out()).size(), 2 * (methods - 2 + 1)) << "all but the two that need patterns, and a panel";
  relprop::Image panel = relprop::readImage(out() + "/second.panel.png");
  EXPECT_LT(panel.width, 6 * 260) << "six pictures a row";
  EXPECT_GT(panel.height, static_cast<int>((methods - 2) / 6) * 192);
}

TEST_F(MethodsTest, AllSaysWhatIsLeftOut) {
  E2E_SKIP_SANITIZED("the library's tests run each method");
  Outcome outcome = explain({"--methods", "all", "--layers", "--residual", "ratio"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("pattern-net is left out: it needs --patterns"));
  EXPECT_THAT(outcome.err, HasSubstr("rise is left out"));
  EXPECT_THAT(outcome.err, HasSubstr("rollout is left out"));
  EXPECT_THAT(outcome.err, testing::ContainsRegex("--residual does not apply to .*gradient"));
  EXPECT_THAT(namesIn(out()), testing::Contains("val_00000.lrp-zplus-residual-ratio.layers.png"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("error")));
}

TEST_F(MethodsTest, WhatAMethodSaysOfItselfIsShown) {
  Outcome outcome = explain({"-m", "integrated-gradients:steps=10"});
  EXPECT_THAT(outcome.out, HasSubstr("completeness gap"));
  json map = objects(explain({"-m", "integrated-gradients:steps=10", "--json"})).at(0);
  EXPECT_TRUE(map["facts"].contains("completeness gap"));
}

TEST_F(MethodsTest, ConservationCanBeRequired) {
  std::filesystem::copy_file(examplePicture(), folder_ / "second.jpg");
  EXPECT_EQ(explain({"--require-conservation", "1e-3"}).code, 0);
  Outcome outcome = explainFiles({examplePicture(), folder_ / "second.jpg"},
                                 {"--methods", "lrp-zplus,rap", "--require-conservation", "1e-3"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("val_00000.jpg by lrp-zplus: relevance"));
  EXPECT_THAT(outcome.err, HasSubstr("second.jpg by lrp-zplus: relevance"));
  EXPECT_THAT(outcome.err, HasSubstr("0 explained, 2 failed"));
  EXPECT_THAT(namesIn(out()), ElementsAre("second.rap.png", "val_00000.rap.png"));
}

TEST_F(MethodsTest, RequiredConservationLeavesOutWhatDistributesNothing) {
  Outcome outcome = explain({"--methods", "all", "--require-conservation", "1e-3", "--view", "panel"});
  EXPECT_EQ(outcome.code, 1) << "lrp-zplus lets biases absorb relevance";
  EXPECT_THAT(outcome.err, HasSubstr("gradient is left out"));
  EXPECT_THAT(outcome.err, HasSubstr("by lrp-zplus: relevance"));
  std::vector<std::string> names = namesIn(out());
  EXPECT_THAT(names, testing::IsSupersetOf({"val_00000.rap.png", "val_00000.panel.png"}));
  EXPECT_THAT(names, Not(testing::Contains("val_00000.lrp-zplus.png")));
}

TEST_F(MethodsTest, AMethodOfManyInputsStopsWithinABatch) {
  const auto start = std::chrono::steady_clock::now();
  Outcome outcome = explain({"-m", "smoothgrad:samples=100000", "--save", "png,npy,json"},
                            onceItCatches(SIGINT, std::chrono::seconds(1)));
  EXPECT_EQ(outcome.code, 130) << outcome.err;
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_THAT(outcome.err, HasSubstr("interrupted: 0 explained, 0 failed, 1 not done"));
  EXPECT_THAT(namesIn(out()), ElementsAre());
}

TEST_F(MethodsTest, TheLedgerTellsWhereRelevanceStays) {
  Outcome outcome = relprop({"inspect", exampleModel(), "--ledger", examplePicture(), "-m", "lrp-zplus"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* part : {"absorbed", "bias", "stabiliser", "zero denom.", "share", "Σ input", "conservation"})
    EXPECT_THAT(outcome.out, HasSubstr(part));
  json map =
      json::parse(relprop({"inspect", exampleModel(), "--ledger", examplePicture(), "-m", "lrp-zplus", "--json"}).out);
  double absorbed = 0, largest = INFINITY;
  for (const json& node : map["layers"]) {
    absorbed += node["absorbed"].get<double>();
    EXPECT_LE(std::abs(node["absorbed"].get<double>()), largest) << "the largest leaks come first";
    largest = std::abs(node["absorbed"].get<double>());
    double parts = 0;
    for (const char* part : {"bias", "stabiliser", "zeroDenominator", "other"}) parts += node[part].get<double>();
    EXPECT_NEAR(parts, node["absorbed"], 1e-12);
  }
  double seed = map["seed"], sum = map["sum"];
  EXPECT_NEAR(seed - sum, absorbed, 1e-4 * seed) << "what does not arrive was absorbed somewhere";
}

TEST_F(MethodsTest, TheLedgerInTheOrderOfTheNetwork) {
  json map = json::parse(relprop({"inspect", exampleModel(), "--ledger", examplePicture(), "-m", "lrp-zplus", "--order",
                                  "network", "--target", "top:1", "--json"})
                             .out);
  EXPECT_EQ(map["layers"].front()["node"], "/classifier/Gemm");
  EXPECT_EQ(map["layers"].back()["node"], "/stem/conv/Conv");
}

TEST_F(MethodsTest, WrongLedgers) {
  std::string model = exampleModel(), picture = examplePicture();
  EXPECT_EQ(relprop({"inspect", model, "--ledger"}).code, 2);
  EXPECT_EQ(relprop({"inspect", model, picture}).code, 2);
  EXPECT_EQ(relprop({"inspect", model, "--order", "network"}).code, 2);
  EXPECT_EQ(relprop({"inspect", model, "--ledger", picture, "--order", "sideways"}).code, 2);
  Outcome gradient = relprop({"inspect", model, "--ledger", picture, "-m", "gradient"});
  EXPECT_EQ(gradient.code, 1);
  EXPECT_THAT(gradient.err, HasSubstr("no ledger"));
  EXPECT_EQ(relprop({"inspect", model, "--ledger", folder_ / "missing.jpg"}).code, 1);
}

TEST_F(MethodsTest, TheReportHasTheSameLedger) {
  explain({"-m", "lrp-zplus", "--save", "json"});
  json report = reportIn("val_00000.lrp-zplus.json");
  for (const char* key : {"in", "out", "absorbed", "bias", "stabiliser", "zeroDenominator", "other", "share"})
    EXPECT_TRUE(report["layers"][0].contains(key)) << key;
}

TEST_F(MethodsTest, ParametersOfEveryMethodAreDescribed) {
  for (const Arguments& arguments : {Arguments{"methods"}, {"methods", "lrp-gamma"}}) {
    Outcome outcome = relprop(arguments);
    EXPECT_THAT(outcome.out, HasSubstr("Parameters of every method"));
    for (const char* key : {"noise", "sign", "normalize"}) EXPECT_THAT(outcome.out, HasSubstr(key));
  }
}

}  // namespace
}  // namespace e2e
