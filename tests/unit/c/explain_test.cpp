// What the C interface computes is what the C++ interface computes.
#include <gmock/gmock.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "c/arrays.h"
#include "support/expect_error.h"
#include "unit/c/support.h"

namespace relprop::c_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<Explanation> direct(const Tensor& input, const std::vector<Target>& targets, const std::string& method) {
  ExplainOptions options;
  options.method = method;
  options.targets = targets;
  return Explainer(test::exampleModel(), options).explain(input);
}

TEST(CExplain, GivesTheBitsOfTheExplainer) {
  const ModelHandle model = loadedModel();
  const Tensor input = noise(3);
  for (const std::string method : {"rap", "lrp-zplus", "gradient", "integrated-gradients:steps=5"}) {
    const ExplainerHandle explainer = explainerOf(model.get(), {{"method", method}, {"batch", 2}});
    const ResultHandle result = explained(explainer.get(), input);
    const std::vector<Explanation> maps = direct(input, {Target::highest()}, method);
    std::int64_t count = 0;
    expectOk(relprop_result_count(result.get(), &count));
    ASSERT_EQ(count, 3);
    for (std::int64_t i = 0; i < count; ++i) {
      const Explanation& map = maps[static_cast<std::size_t>(i)];
      EXPECT_EQ(floatsCalled(result.get(), i, "relevance"), map.relevance.data) << method;
      EXPECT_EQ(floatsCalled(result.get(), i, "scores"), map.logits) << method;
      EXPECT_EQ(jsonOf(result.get(), i)["sum"].get<double>(), map.sum) << method;
    }
  }
}

TEST(CExplain, AMapIsTheSumOverChannels) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {{"method", "rap"}});
  const ResultHandle result = explained(explainer.get(), noise(1));
  const std::vector<float> relevance = floatsCalled(result.get(), 0, "relevance");
  const std::vector<float> map = floatsCalled(result.get(), 0, "map");
  ASSERT_EQ(map.size(), 96u * 96u);
  for (std::size_t i = 0; i < map.size(); ++i) {
    const double sum = static_cast<double>(relevance[i]) + relevance[i + map.size()] + relevance[i + 2 * map.size()];
    EXPECT_FLOAT_EQ(map[i], static_cast<float>(sum));
  }
}

TEST(CExplain, AnswersForSeveralTargetsAndContrasts) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer =
      explainerOf(model.get(), {{"method", "lrp-epsilon"}, {"target", {3, "ring"}}, {"contrast", true}});
  const Tensor input = noise(2);
  const ResultHandle result = explained(explainer.get(), input);
  const int ring = jsonOf(result.get(), 1)["target"]["index"];
  const std::vector<Explanation> maps =
      direct(input, {Target::of(3).againstOthers(), Target::of(ring).againstOthers()}, "lrp-epsilon");
  for (std::int64_t i = 0; i < 4; ++i)
    EXPECT_EQ(floatsCalled(result.get(), i, "relevance"), maps[static_cast<std::size_t>(i)].relevance.data);
  EXPECT_EQ(jsonOf(result.get(), 0)["target"]["against"], "others");
  EXPECT_EQ(jsonOf(result.get(), 1)["target"]["label"], "ring");
}

TEST(CExplain, AsksEachImageItsOwn) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {{"method", "gradient"}});
  const Tensor input = noise(2);
  const ResultHandle result = explained(explainer.get(), input, R"({"target": [[7], [7]]})");
  EXPECT_EQ(floatsCalled(result.get(), 1, "relevance"), direct(input, {Target::of(7)}, "gradient")[1].relevance.data);
  const ResultHandle other = explained(explainer.get(), input, R"({"target": [["top:1"], [2]]})");
  EXPECT_EQ(jsonOf(other.get(), 1)["target"]["index"], 2);

  const relprop_array array = arrayOf(input);
  relprop_result* none = nullptr;
  const auto refused = [&](const char* question) {
    return failure(relprop_explain(explainer.get(), &array, question, nullptr, &none), ErrorCode::InvalidArgument);
  };
  EXPECT_STREQ(refused(R"({"target": [[1]]})").expected, "2, one for each image");
  EXPECT_STREQ(refused(R"({"target": [1, 2]})").got, "2 targets");
  EXPECT_STREQ(refused(R"({"target": [[1, 2], [1, 2]]})").got, "2 targets of an image");
  EXPECT_EQ(none, nullptr);
}

TEST(CExplain, WhatAQuestionLeavesOutIsAsTheExplainerWasMade) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {{"method", "gradient"}, {"target", 3}, {"contrast", 5}});
  const Tensor input = noise(1);
  const auto asked = [&](const char* question) {
    return floatsCalled(explained(explainer.get(), input, question).get(), 0, "relevance");
  };
  const auto expected = [&](const Target& target) { return direct(input, {target}, "gradient")[0].relevance.data; };
  for (const char* nothing : {"{}", R"({"target": null, "contrast": null})"})
    EXPECT_EQ(asked(nothing), expected(Target::of(3).against(5)));
  EXPECT_EQ(asked(R"({"target": 2})"), expected(Target::of(2).against(5)));
  EXPECT_EQ(asked(R"({"contrast": 1})"), expected(Target::of(3).against(1)));
  EXPECT_EQ(asked(R"({"contrast": false})"), expected(Target::of(3)));
}

// Lists for each image belong to a question, which comes with the images.
TEST(CExplain, AnExplainerIsMadeForTargetsOfAllImages) {
  const ModelHandle model = loadedModel();
  relprop_explainer* none = nullptr;
  for (const char* target : {"[[5], [2]]", "[[5]]"}) {
    const std::string options = R"({"method": "gradient", "target": )" + std::string(target) + "}";
    const relprop_error error =
        failure(relprop_explainer_create(model.get(), options.c_str(), &none), ErrorCode::InvalidArgument);
    EXPECT_STREQ(error.where, "target");
    EXPECT_THAT(error.hint, HasSubstr("relprop_explain"));
  }
  EXPECT_EQ(none, nullptr);
}

TEST(CExplain, WordsThatAreNoTargetAreNamed) {
  const ModelHandle model = loadedModel();
  relprop_explainer* none = nullptr;
  const auto refused = [&](const std::string& options, ErrorCode code) {
    return failure(relprop_explainer_create(model.get(), options.c_str(), &none), code);
  };
  for (const char* target : {"1.5", "true", "[null]", R"({"from": 3})"}) {
    const std::string options = R"({"method": "gradient", "target": )" + std::string(target) + "}";
    EXPECT_STREQ(refused(options, ErrorCode::InvalidArgument).expected,
                 R"(a class by number, a text or {"relevance": [a value a score]})");
  }
  for (const char* contrast : {"1.5", "[3]"}) {
    const std::string options = R"({"method": "gradient", "contrast": )" + std::string(contrast) + "}";
    EXPECT_STREQ(refused(options, ErrorCode::InvalidArgument).expected, "a class by number or name, true or false");
  }
  for (const char* word : {"relevance:0", "relevance:x"})  // no reference to anything
    refused(Json({{"method", "gradient"}, {"target", word}}).dump(), ErrorCode::UnknownTarget);
  EXPECT_STREQ(refused(R"({"method": []})", ErrorCode::InvalidArgument).where, "method");
  EXPECT_EQ(none, nullptr);
}

TEST(CExplain, TakesRelevanceAsItIs) {
  const ModelHandle model = loadedModel();
  std::vector<float> values(10);
  values[4] = 0.5f, values[6] = -1;
  const ExplainerHandle explainer =
      explainerOf(model.get(), {{"method", "lrp-epsilon"}, {"target", {{"relevance", values}}}});
  const Tensor input = noise(1);
  const ResultHandle result = explained(explainer.get(), input);
  EXPECT_EQ(floatsCalled(result.get(), 0, "relevance"),
            direct(input, {Target::withRelevance(values)}, "lrp-epsilon")[0].relevance.data);
}

TEST(CExplain, ForwardGivesTheScoresOfAll) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {{"batch", 2}});
  const Tensor input = noise(3);
  const relprop_array array = arrayOf(input);
  relprop_result* result = nullptr;
  expectOk(relprop_forward(explainer.get(), &array, nullptr, &result));
  const ResultHandle owner(result);
  EXPECT_EQ(floatsCalled(result, 0, "scores"), Explainer(test::exampleModel(), {}).forward(input).data);
}

TEST(CExplain, KeepsInnerLayersAndTheLedger) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {{"method", "lrp-zplus"}, {"at", "*"}});
  const ResultHandle result = explained(explainer.get(), noise(1));
  const Json json = jsonOf(result.get(), 0);
  ASSERT_FALSE(json["at"].empty());
  const std::string node = json["at"][0]["node"];
  double sum = 0;
  for (const float v : floatsCalled(result.get(), 0, ("at:" + node).c_str())) sum += v;
  EXPECT_NEAR(sum, json["at"][0]["sum"].get<double>(), 1e-9 * std::abs(sum));
  EXPECT_FALSE(json["ledger"].empty());
  EXPECT_THAT(json["arrays"], ::testing::Contains("at:" + node));
}

TEST(CExplain, TellsWhatThePlanIs) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer =
      explainerOf(model.get(), {{"method", "lrp-gamma"}, {"abs", true}, {"target", {"top:2"}}, {"positive", false}});
  char* text = nullptr;
  expectOk(relprop_explainer_describe(explainer.get(), &text));
  const Json json = Json::parse(taken(text));
  EXPECT_THAT(json["method"].get<std::string>(), HasSubstr("sign=abs"));
  EXPECT_EQ(json["inputShape"], Json({3, 96, 96}));
  EXPECT_EQ(json["targets"], Json({"top1", "top2"}));
  EXPECT_GT(json["memory"].get<std::int64_t>(), 0);
}

struct Stopper {
  std::int64_t after = 0;
  std::vector<std::int64_t> done;
  static int tell(void* user, std::int64_t done, std::int64_t) {
    auto& self = *static_cast<Stopper*>(user);
    self.done.push_back(done);
    return done >= self.after;
  }
};

TEST(CExplain, ReportsAndStopsWhereTheCallerSaysSo) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {{"method", "gradient"}, {"batch", 2}});
  const Tensor input = noise(5);
  const relprop_array array = arrayOf(input);
  relprop_result* result = nullptr;
  Stopper all{100, {}}, some{4, {}};
  relprop_call call = {sizeof call, Stopper::tell, &all};
  expectOk(relprop_explain(explainer.get(), &array, nullptr, &call, &result));
  EXPECT_EQ(all.done.back(), 5);
  expectOk(relprop_result_free(result));

  result = nullptr;
  call.user = &some;
  failure(relprop_explain(explainer.get(), &array, nullptr, &call, &result), ErrorCode::Cancelled);
  EXPECT_EQ(some.done.back(), 4);
  EXPECT_EQ(result, nullptr);
  const ResultHandle again = explained(explainer.get(), input);  // as good as before
  EXPECT_EQ(floatsCalled(again.get(), 4, "relevance"),
            direct(input, {Target::highest()}, "gradient")[4].relevance.data);
}

// Which waited for itself.
TEST(CExplain, IsNotAskedFromItsOwnProgressFunction) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {{"method", "gradient"}});
  const Tensor input = noise(1);
  struct Asking {
    relprop_explainer* explainer;
    relprop_array array;
    std::vector<std::int32_t> codes;
    static std::int32_t tell(void* user, std::int64_t, std::int64_t) {
      auto& self = *static_cast<Asking*>(user);
      relprop_result* result = nullptr;
      char* text = nullptr;
      for (const std::int32_t code : {relprop_explain(self.explainer, &self.array, nullptr, nullptr, &result),
                                      relprop_forward(self.explainer, &self.array, nullptr, &result),
                                      relprop_explainer_describe(self.explainer, &text)})
        self.codes.push_back(code);
      return 0;
    }
  } asking{explainer.get(), arrayOf(input), {}};
  const relprop_call call = {sizeof call, Asking::tell, &asking};
  relprop_result* result = nullptr;
  expectOk(relprop_explain(explainer.get(), &asking.array, nullptr, &call, &result));
  expectOk(relprop_result_free(result));
  ASSERT_GE(asking.codes.size(), 3U);
  EXPECT_THAT(asking.codes, ::testing::Each(static_cast<std::int32_t>(ErrorCode::InvalidArgument)));
  explained(explainer.get(), input);  // as good as before
}

// An inner node may have more axes than relprop_array: the file's extents were written behind it.
TEST(CArray, HoldsEightAxesAndNoMore) {
  const float value = 1;
  const relprop_array most = c::arrayOf(RELPROP_FLOAT32, Shape(8, 1), &value, "at:deep");
  EXPECT_EQ(most.rank, 8);
  EXPECT_EQ(most.data, &value);
  const Error error =
      test::expectError(ErrorCode::ShapeMismatch, [&] { c::arrayOf(RELPROP_FLOAT32, Shape(9, 1), &value, "at:deep"); });
  EXPECT_EQ(error.where(), "at:deep");
  EXPECT_EQ(error.got(), "9 axes");
}

TEST(CExplain, IsCancelledFromAnotherThread) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {{"method", "rise"}});
  const Tensor input = noise(100);
  std::atomic<bool> over = false;
  std::int32_t code = 0;
  std::thread worker([&] {
    const relprop_array array = arrayOf(input);
    relprop_result* result = nullptr;
    code = relprop_explain(explainer.get(), &array, nullptr, nullptr, &result);
    over = true;
  });
  while (!over) {
    expectOk(relprop_cancel(explainer.get()));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  worker.join();
  EXPECT_EQ(code, static_cast<std::int32_t>(ErrorCode::Cancelled));
}

TEST(CExplain, ThreadsShareAnExplainer) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {{"method", "lrp-zplus"}});
  const Tensor input = noise(1);
  const std::vector<float> expected = floatsCalled(explained(explainer.get(), input).get(), 0, "relevance");
  std::vector<std::thread> threads;
  std::atomic<int> same = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i)
        same += floatsCalled(explained(explainer.get(), input).get(), 0, "relevance") == expected;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(same, 40);
}

}  // namespace
}  // namespace relprop::c_test
