// Bad handles, pointers, arrays and options: an error each, and nothing worse.
#include <gmock/gmock.h>

#include <functional>
#include <limits>
#include <thread>

#include "unit/c/support.h"

namespace relprop::c_test {
namespace {

using ::testing::HasSubstr;

// Every function that takes a handle, with everything else in order.
struct Calls {
  Tensor input = noise(1);
  relprop_array array = arrayOf(input);
  relprop_result* result = nullptr;
  relprop_explainer* explainer = nullptr;
  char* text = nullptr;
  std::int64_t count = 0;
  relprop_array out = {sizeof out, 0, 0, {}, nullptr};

  std::vector<std::function<std::int32_t(void*)>> all() {
    const auto model = [](void* handle) { return static_cast<relprop_model*>(handle); };
    const auto plan = [](void* handle) { return static_cast<relprop_explainer*>(handle); };
    const auto map = [](void* handle) { return static_cast<relprop_result*>(handle); };
    return {[=, this](void* h) { return relprop_model_describe(model(h), nullptr, &text); },
            [=, this](void* h) { return relprop_prepare(model(h), &array, nullptr, &result); },
            [=, this](void* h) { return relprop_explainer_create(model(h), nullptr, &explainer); },
            [=, this](void* h) { return relprop_evaluate(model(h), R"({"data": "folder:x"})", nullptr, &text); },
            [=, this](void* h) { return relprop_explainer_describe(plan(h), &text); },
            [=, this](void* h) { return relprop_explain(plan(h), &array, nullptr, nullptr, &result); },
            [=, this](void* h) { return relprop_forward(plan(h), &array, nullptr, &result); },
            [=](void* h) { return relprop_cancel(plan(h)); },
            [=, this](void* h) { return relprop_result_count(map(h), &count); },
            [=, this](void* h) { return relprop_result_array(map(h), 0, "relevance", &out); },
            [=, this](void* h) { return relprop_result_json(map(h), 0, &text); }};
  }
};

TEST(CHandles, NullIsRefusedEverywhere) {
  Calls calls;
  for (const auto& call : calls.all()) EXPECT_STREQ(failure(call(nullptr), ErrorCode::InvalidArgument).got, "NULL");
}

TEST(CHandles, AFreedHandleIsRefusedEverywhere) {
  Calls calls;
  relprop_model* const model = loadedModel().get();  // freed at the end of the line
  for (const auto& call : calls.all())
    EXPECT_THAT(failure(call(model), ErrorCode::InvalidArgument).got, HasSubstr("freed"));
  failure(relprop_model_free(model), ErrorCode::InvalidArgument);
}

TEST(CHandles, AHandleOfAnotherKindIsRefusedEverywhere) {
  Calls calls;
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {});
  const auto all = calls.all();
  for (std::size_t i = 0; i < all.size(); ++i) {
    void* const wrong = i < 4 ? static_cast<void*>(explainer.get()) : static_cast<void*>(model.get());
    EXPECT_STREQ(failure(all[i](wrong), ErrorCode::InvalidArgument).got, "a handle of another kind") << i;
  }
  failure(relprop_result_free(reinterpret_cast<relprop_result*>(model.get())), ErrorCode::InvalidArgument);
  int local = 0;
  failure(relprop_model_free(reinterpret_cast<relprop_model*>(&local)), ErrorCode::InvalidArgument);
}

TEST(CHandles, NullIsFreedWithoutEffect) {
  expectOk(relprop_model_free(nullptr));
  expectOk(relprop_explainer_free(nullptr));
  expectOk(relprop_result_free(nullptr));
  expectOk(relprop_text_free(nullptr));
}

TEST(CHandles, TextIsFreedOnce) {
  char* text = nullptr;
  expectOk(relprop_versions(&text));
  expectOk(relprop_text_free(text));
  failure(relprop_text_free(text), ErrorCode::InvalidArgument);
  char mine[] = "mine";
  failure(relprop_text_free(mine), ErrorCode::InvalidArgument);
}

TEST(CHandles, OutputsThatAreNullAreRefused) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {});
  const Tensor input = noise(1);
  const relprop_array array = arrayOf(input);
  const ResultHandle result = explained(explainer.get(), input);
  relprop_array out = {sizeof out, 0, 0, {}, nullptr};
  const std::vector<std::pair<std::int32_t (*)(char**), const char*>> lists = {{relprop_versions, "json"},
                                                                               {relprop_methods, "json"},
                                                                               {relprop_metrics, "json"},
                                                                               {relprop_options, "json"},
                                                                               {relprop_budgets, "json"}};
  for (const auto& [list, name] : lists) EXPECT_STREQ(failure(list(nullptr), ErrorCode::InvalidArgument).where, name);
  failure(relprop_last_error(nullptr), ErrorCode::InvalidArgument);
  failure(relprop_model_load(nullptr, nullptr, nullptr), ErrorCode::InvalidArgument);
  failure(relprop_model_load("x", nullptr, nullptr), ErrorCode::InvalidArgument);
  failure(relprop_model_from_bytes(nullptr, 3, nullptr, nullptr), ErrorCode::InvalidArgument);
  failure(relprop_model_describe(model.get(), nullptr, nullptr), ErrorCode::InvalidArgument);
  failure(relprop_prepare(model.get(), nullptr, nullptr, nullptr), ErrorCode::InvalidArgument);
  failure(relprop_explainer_create(model.get(), nullptr, nullptr), ErrorCode::InvalidArgument);
  failure(relprop_explainer_describe(explainer.get(), nullptr), ErrorCode::InvalidArgument);
  failure(relprop_explain(explainer.get(), &array, nullptr, nullptr, nullptr), ErrorCode::InvalidArgument);
  failure(relprop_forward(explainer.get(), &array, nullptr, nullptr), ErrorCode::InvalidArgument);
  failure(relprop_result_count(result.get(), nullptr), ErrorCode::InvalidArgument);
  failure(relprop_result_array(result.get(), 0, nullptr, &out), ErrorCode::InvalidArgument);
  failure(relprop_result_array(result.get(), 0, "map", nullptr), ErrorCode::InvalidArgument);
  failure(relprop_result_json(result.get(), 0, nullptr), ErrorCode::InvalidArgument);
  failure(relprop_render(&array, nullptr, nullptr, nullptr), ErrorCode::InvalidArgument);
  failure(relprop_evaluate(model.get(), nullptr, nullptr, nullptr), ErrorCode::InvalidArgument);
  failure(relprop_store_read(nullptr, nullptr, nullptr), ErrorCode::InvalidArgument);
}

TEST(CHandles, ResultsOutliveWhatTheyCameFrom) {
  ModelHandle model = loadedModel();
  ExplainerHandle explainer = explainerOf(model.get(), {{"method", "gradient"}});
  const ResultHandle result = explained(explainer.get(), noise(1));
  const std::vector<float> before = floatsCalled(result.get(), 0, "relevance");
  explainer.reset();
  model.reset();
  EXPECT_EQ(floatsCalled(result.get(), 0, "relevance"), before);
  EXPECT_EQ(jsonOf(result.get(), 0)["target"]["label"].is_string(), true);
}

TEST(CHandles, MapsAndArraysThatAreNotThereAreRefused) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {});
  const ResultHandle result = explained(explainer.get(), noise(1));
  relprop_array out = {sizeof out, 0, 0, {}, nullptr};
  char* text = nullptr;
  for (const std::int64_t index : {std::int64_t{-1}, std::int64_t{1}, std::numeric_limits<std::int64_t>::max()}) {
    failure(relprop_result_array(result.get(), index, "map", &out), ErrorCode::InvalidArgument);
    EXPECT_STREQ(failure(relprop_result_json(result.get(), index, &text), ErrorCode::InvalidArgument).expected,
                 "0 to 0");
  }
  EXPECT_THAT(failure(relprop_result_array(result.get(), 0, "maps", &out), ErrorCode::InvalidArgument).expected,
              HasSubstr("relevance, scores, map"));
}

TEST(CArrays, WrongOnesAreRefused) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {});
  const Tensor input = noise(1);
  const auto refused = [&](ErrorCode code, const std::function<void(relprop_array&)>& change) {
    relprop_array array = arrayOf(input);
    change(array);
    relprop_result* result = nullptr;
    const relprop_error error = failure(relprop_explain(explainer.get(), &array, nullptr, nullptr, &result), code);
    EXPECT_EQ(result, nullptr);
    return error;
  };
  refused(ErrorCode::InvalidArgument, [](relprop_array& a) { a.size = 3; });
  refused(ErrorCode::InvalidArgument, [](relprop_array& a) { a.type = RELPROP_UINT8; });
  refused(ErrorCode::InvalidArgument, [](relprop_array& a) { a.type = 99; });
  refused(ErrorCode::InvalidArgument, [](relprop_array& a) { a.rank = 9; });
  refused(ErrorCode::InvalidArgument, [](relprop_array& a) { a.rank = -1; });
  refused(ErrorCode::InvalidArgument, [](relprop_array& a) { a.data = nullptr; });
  refused(ErrorCode::InvalidArgument, [](relprop_array& a) { a.data = static_cast<const char*>(a.data) + 1; });
  refused(ErrorCode::ShapeMismatch, [](relprop_array& a) { a.rank = 0; });
  refused(ErrorCode::ShapeMismatch, [](relprop_array& a) { a.shape[0] = 0; });
  refused(ErrorCode::ShapeMismatch, [](relprop_array& a) { a.shape[1] = -3; });
  refused(ErrorCode::ShapeMismatch, [](relprop_array& a) { a.shape[3] = 95; });
  refused(ErrorCode::ShapeMismatch, [](relprop_array& a) { a.shape[0] = std::numeric_limits<std::int64_t>::max(); });
  std::vector<float> nan(input.data.size(), std::numeric_limits<float>::quiet_NaN());
  refused(ErrorCode::NonFiniteInput, [&](relprop_array& a) { a.data = nan.data(); });
}

TEST(COptions, WrongOnesNameTheOption) {
  const ModelHandle model = loadedModel();
  const auto refused = [&](const char* options, ErrorCode code) {
    relprop_explainer* explainer = nullptr;
    const relprop_error error = failure(relprop_explainer_create(model.get(), options, &explainer), code);
    EXPECT_EQ(explainer, nullptr) << options;
    return error;
  };
  EXPECT_STREQ(refused("{", ErrorCode::InvalidArgument).where, "options");
  EXPECT_STREQ(refused("{", ErrorCode::InvalidArgument).got, "broken JSON at byte 2");
  EXPECT_STREQ(refused(R"({"require_conservation": 1e400})", ErrorCode::InvalidArgument).expected, "finite numbers");
  EXPECT_STREQ(refused(R"({"method": "rap", "method": "gradient"})", ErrorCode::InvalidArgument).got,
               "key 'method' twice");
  EXPECT_STREQ(refused("[1]", ErrorCode::InvalidArgument).expected, "a JSON object");
  EXPECT_THAT(refused(R"({"methode": "rap"})", ErrorCode::InvalidArgument).hint, HasSubstr("method"));
  EXPECT_STREQ(refused(R"({"batch": 0})", ErrorCode::InvalidArgument).where, "batch");
  EXPECT_STREQ(refused(R"({"batch": 1.5})", ErrorCode::InvalidArgument).expected, "a whole number from 1 to 4096");
  EXPECT_STREQ(refused(R"({"batch": 18446744073709551615})", ErrorCode::InvalidArgument).where, "batch");
  EXPECT_STREQ(refused(R"({"precision": "f16"})", ErrorCode::InvalidArgument).expected, "f32 or bf16");
  EXPECT_STREQ(refused(R"({"shape": "96x96"})", ErrorCode::InvalidArgument).where, "shape");
  EXPECT_STREQ(refused(R"({"ledger": 1})", ErrorCode::InvalidArgument).expected, "true or false");
  EXPECT_STREQ(refused(R"({"target": []})", ErrorCode::InvalidArgument).where, "target");
  EXPECT_STREQ(refused(R"({"target": {"relevance": ["a"]}})", ErrorCode::InvalidArgument).where, "target");
  const std::string deep = R"({"batch": )" + std::string(500'000, '[') + std::string(500'000, ']') + "}";
  EXPECT_STREQ(refused(deep.c_str(), ErrorCode::InvalidArgument).got, "500001 lists and objects within one another");
  EXPECT_STREQ(refused(R"({"method": ["rap", "gradient"]})", ErrorCode::InvalidArgument).hint,
               "make an explainer for each");
  EXPECT_STREQ(refused(R"({"from": "x:1", "target": 3})", ErrorCode::InvalidArgument).got,
               "from NODE:CHANNEL and target both say what is explained");
  refused(R"({"method": "rapp"})", ErrorCode::UnknownMethod);
  refused(R"({"method": "rap", "noise": "much"})", ErrorCode::InvalidMethodParameter);
  refused(R"({"rule": "*=nonsense"})", ErrorCode::InvalidRule);
  EXPECT_STREQ(refused(R"({"target": "no such class"})", ErrorCode::UnknownTarget).where, "target");
  refused(R"({"target": 10})", ErrorCode::UnknownTarget);
  refused(R"({"labels": ["a", "b"]})", ErrorCode::InvalidArgument);
  refused(R"({"preprocess": {"mean": "grey"}})", ErrorCode::MalformedPreprocess);
}

TEST(COptions, NullIsAsIfNotThere) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer =
      explainerOf(model.get(), {{"method", nullptr}, {"batch", nullptr}, {"contrast", nullptr}});
  char* text = nullptr;
  expectOk(relprop_explainer_describe(explainer.get(), &text));
  EXPECT_EQ(Json::parse(taken(text))["method"].get<std::string>().starts_with("rap:"), true);
}

TEST(COptions, AreListedForEachFunction) {
  char* text = nullptr;
  expectOk(relprop_options(&text));
  const Json json = Json::parse(taken(text));
  EXPECT_EQ(json.size(), 10u);
  EXPECT_TRUE(json["explainer"].contains("identity_skip"));
  for (const auto& [function, options] : json.items())
    for (const auto& [name, help] : options.items()) EXPECT_FALSE(help.get<std::string>().empty()) << function << name;
}

TEST(CErrors, BelongToTheirThread) {
  relprop_model* model = nullptr;
  failure(relprop_model_load("no/such.onnx", nullptr, &model), ErrorCode::FileNotFound);
  std::int32_t other = -1;
  std::thread([&] { other = lastError().code; }).join();
  EXPECT_EQ(other, 0);
  EXPECT_STREQ(lastError().where, "no/such.onnx");
}

TEST(CErrors, AreUtf8WhateverTheFileIsCalled) {
  relprop_model* model = nullptr;
  const relprop_error error = failure(relprop_model_load("caf\xe9.onnx", nullptr, &model), ErrorCode::FileNotFound);
  EXPECT_STREQ(error.where, "caf\xef\xbf\xbd.onnx");
}

TEST(CErrors, CallOptionsAsTheKeysAre) {
  const ModelHandle model = loadedModel();
  relprop_explainer* explainer = nullptr;
  const relprop_error error =
      failure(relprop_explainer_create(model.get(), R"({"memory": 1000})", &explainer), ErrorCode::OutOfMemory);
  EXPECT_THAT(error.hint, HasSubstr("memory"));
  EXPECT_EQ(std::string(error.hint).find("--"), std::string::npos) << error.hint;
}

TEST(CErrors, NamesAreThoseOfTheCodes) {
  EXPECT_STREQ(relprop_error_name(5), "MalformedModel");
  EXPECT_STREQ(relprop_error_name(0), "");
  EXPECT_STREQ(relprop_error_name(-7), "");
}

}  // namespace
}  // namespace relprop::c_test
