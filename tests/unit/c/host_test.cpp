// Hosts that round otherwise, trap, cancel and end threads: results are the same, and what they set stays set.
#include <fenv.h>
#include <gmock/gmock.h>
#include <pthread.h>

#include <limits>
#include <stdexcept>

#ifdef __x86_64__
#include <xmmintrin.h>
#endif

#include "unit/c/support.h"

namespace relprop::c_test {
namespace {

using ::testing::HasSubstr;

std::vector<float> mapOf(relprop_model* model, const Tensor& input) {
  const ExplainerHandle explainer = explainerOf(model, {{"method", "lrp-gamma:gamma=0.1"}});
  return floatsCalled(explained(explainer.get(), input).get(), 0, "relevance");
}

std::string descriptionOf(relprop_model* model) {
  const ExplainerHandle explainer = explainerOf(model, {{"method", "lrp-gamma:gamma=0.1"}});
  char* text = nullptr;
  expectOk(relprop_explainer_describe(explainer.get(), &text));
  return taken(text);
}

// What numbers that were text, or become it, are.
std::string numbersIn(const std::string& description) {
  const Json all = Json::parse(description);
  return all["method"].dump() + all["preprocess"].dump();
}

TEST(CHost, RoundingIsItsOwnAffair) {
  const ModelHandle model = loadedModel();
  const Tensor input = noise(1);
  const std::vector<float> usual = mapOf(model.get(), input);
  const std::string usualText = numbersIn(descriptionOf(model.get()));
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    fesetround(mode);
    const std::vector<float> map = mapOf(model.get(), input);
    const std::string text = descriptionOf(model.get());
    const int after = fegetround();
    fesetround(FE_TONEAREST);
    EXPECT_EQ(after, mode);
    EXPECT_EQ(map, usual) << mode;
    EXPECT_EQ(numbersIn(text), usualText);
  }
}

TEST(CHost, TrapsAreItsOwnAffair) {
  const ModelHandle model = loadedModel();
  const Tensor input = noise(1);
  feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW);
  const ExplainerHandle explainer = explainerOf(model.get(), {{"method", "rap"}});
  const ResultHandle result = explained(explainer.get(), input);
  const int after = fegetexcept();
  fedisableexcept(FE_ALL_EXCEPT);
  EXPECT_EQ(after, FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW);
}

#ifdef __x86_64__
TEST(CHost, SmallNumbersAreNotFlushed) {
  constexpr unsigned kFlush = 0x8040;  // results to zero, and denormal inputs
  const ModelHandle model = loadedModel();
  const Tensor input = noise(1);
  const std::vector<float> usual = mapOf(model.get(), input);
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | kFlush);
  const std::vector<float> map = mapOf(model.get(), input);
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(after & kFlush, kFlush);
  EXPECT_EQ(map, usual);
}
#endif

// What a thread of the host explains.
struct Job {
  relprop_explainer* explainer;
  const Tensor* input;
  relprop_progress progress = nullptr;
  std::int32_t code = -1;
  relprop_result* result = nullptr;
};

void* explainJob(void* of) {
  Job& job = *static_cast<Job*>(of);
  const relprop_array array = arrayOf(*job.input);
  const relprop_call call = {sizeof call, job.progress, nullptr};
  job.code = relprop_explain(job.explainer, &array, nullptr, &call, &job.result);
  pthread_testcancel();
  return nullptr;
}

void* resultOf(Job& job) {
  pthread_t thread{};
  pthread_create(&thread, nullptr, explainJob, &job);
  void* ended = nullptr;
  pthread_join(thread, &ended);
  return ended;
}

TEST(CHost, AThreadIsCancelledBehindTheCall) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {{"method", "smoothgrad:samples=20"}});
  const Tensor input = noise(1);
  Job job = {explainer.get(), &input, [](void*, std::int64_t, std::int64_t) {
               pthread_cancel(pthread_self());
               return 0;
             }};
  EXPECT_EQ(resultOf(job), PTHREAD_CANCELED);
  expectOk(job.code);
  expectOk(relprop_result_free(job.result));
}

TEST(CHost, AThreadThatEndsWithinLeavesTheExplainerAsItWas) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {{"method", "gradient"}});
  const Tensor input = noise(1);
  static int mark = 0;
  Job job = {explainer.get(), &input, [](void*, std::int64_t, std::int64_t) -> int { pthread_exit(&mark); }};
  EXPECT_EQ(resultOf(job), &mark);
  explained(explainer.get(), input);
}

// C++ has destroyed what is the thread's own before the destructors of keys run.
TEST(CHost, WhatAThreadCallsAtItsVeryEndMayFail) {
  static std::int32_t last;
  static std::string words;
  const auto fail = [](void*) {
    relprop_model* model = nullptr;
    last = relprop_model_load("/no/file/of/a/name/that/is/longer/than/a/short/string.onnx", nullptr, &model);
    words = lastError().where;
  };
  pthread_key_t key{};
  ASSERT_EQ(pthread_key_create(&key, fail), 0);
  pthread_t thread{};
  const auto work = [](void* of) -> void* {
    relprop_model* model = nullptr;
    relprop_model_load("/no/other/file/whose/name/is/longer/than/a/short/string.onnx", nullptr, &model);
    pthread_setspecific(*static_cast<pthread_key_t*>(of), &last);
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, nullptr, work, &key), 0);
  pthread_join(thread, nullptr);
  pthread_key_delete(key);
  EXPECT_EQ(last, static_cast<std::int32_t>(ErrorCode::FileNotFound));
  EXPECT_EQ(words, "/no/file/of/a/name/that/is/longer/than/a/short/string.onnx");
}

TEST(CHost, WhatItsFunctionThrowsIsNoErrorOfTheLibrary) {
  const ModelHandle model = loadedModel();
  const ExplainerHandle explainer = explainerOf(model.get(), {{"method", "gradient"}});
  const Tensor input = noise(1);
  const relprop_array array = arrayOf(input);
  relprop_result* result = nullptr;
  const auto thrown = [&](relprop_progress progress) {
    const relprop_call call = {sizeof call, progress, nullptr};
    return failure(relprop_explain(explainer.get(), &array, nullptr, &call, &result), ErrorCode::InvalidArgument);
  };
  const relprop_error known =
      thrown([](void*, std::int64_t, std::int64_t) -> int { throw std::runtime_error("mine"); });
  EXPECT_STREQ(known.where, "progress");
  EXPECT_STREQ(known.got, "it threw: mine");
  EXPECT_THAT(thrown([](void*, std::int64_t, std::int64_t) -> int { throw 7; }).got, HasSubstr("no known kind"));
  explained(explainer.get(), input);
}

TEST(CHost, SizesThatNothingHasAreRefusedUnread) {
  relprop_model* model = nullptr;
  for (const std::size_t length : {std::numeric_limits<std::size_t>::max(), std::size_t{1} << 62, std::size_t{1} << 31})
    EXPECT_THAT(failure(relprop_model_from_bytes("x", length, nullptr, &model), ErrorCode::UnsupportedModel).got,
                HasSubstr("larger than 2 GiB"));
  const float value = 0;
  const relprop_array map = {sizeof map, RELPROP_FLOAT32, 2, {std::int64_t{1} << 31, std::int64_t{1} << 31}, &value};
  relprop_result* picture = nullptr;
  const relprop_error error = failure(relprop_render(&map, nullptr, nullptr, &picture), ErrorCode::ShapeMismatch);
  EXPECT_STREQ(error.where, "map");
  EXPECT_STREQ(error.got, "2147483648×2147483648");
}

}  // namespace
}  // namespace relprop::c_test
