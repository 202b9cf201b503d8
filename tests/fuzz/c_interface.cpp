// The C interface: each byte is a call, those behind it are its arguments. Handles of all kinds, freed ones and NULL go
// wherever a handle is asked for; options are texts of a list or of the input. No call may fail as a defect.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "fuzz/harness.h"
#include "fuzz/small_model.h"
#include "relprop/error.h"
#include "relprop/relprop.h"

namespace relprop::fuzz {
namespace {

constexpr std::size_t kCalls = 24, kHandles = 16;
const std::array<const char*, 17> kOptions = {
    nullptr,
    "{}",
    R"({"method":"rap","threads":1})",
    R"({"method":"lrp-zplus","batch":2,"target":"top:2","ledger":true,"threads":1})",
    R"({"method":"gradient","at":["*"],"memory":"1M","threads":1})",
    R"({"target":[["1"],["argmax"]]})",
    R"({"target":"3","contrast":""})",
    R"({"shape":[3,8,8],"layout":"nchw","preprocess":"unit"})",
    R"({"view":"panel","zoom":2,"percentile":99})",
    R"({"view":"heat","layout":"nhwc"})",
    R"({"name":"a","folder":"/nonexistent"})",
    R"({"results":true})",
    R"({"data":"folder:/nonexistent","method":["rap"],"metrics":["probe"]})",
    R"({"output":"y","feed":{}})",
    R"({"method":null,"batch":-1})",
    R"({"require_conservation":0.5,"reference":true,"threads":1})",
    R"({"pixels":1,"model":1,"stream":0})"};
const std::array<const char*, 8> kNames = {"relevance", "map", "scores", "input", "view", "pixels", "png", "at:conv"};

class Calls {
 public:
  explicit Calls(Bytes bytes) : left_(bytes) {}

  void run() {
    for (std::size_t i = 0; i < kCalls && !left_.empty(); ++i) one();
    for (void* handle : handles_) freeAny(handle);
    relprop_set_budgets(nullptr);
  }

 private:
  std::uint8_t next() {
    if (left_.empty()) return 0;
    const std::uint8_t byte = left_.front();
    left_ = left_.subspan(1);
    return byte;
  }
  // Of the list, or so many bytes of the input.
  const char* options() {
    const std::uint8_t which = next();
    if (which < 128) return kOptions[which % kOptions.size()];
    const std::size_t length = std::min<std::size_t>(which - 128, left_.size());
    text_ = textOf(left_.first(length));
    left_ = left_.subspan(length);
    return text_.c_str();
  }
  template <class Handle>
  Handle* handle() {
    const std::uint8_t which = next();
    if (which == 255 || handles_.empty()) return nullptr;
    return static_cast<Handle*>(handles_[which % handles_.size()]);
  }
  template <class Handle>
  std::int32_t keep(std::int32_t code, Handle* made) {
    if (code == 0 && handles_.size() < kHandles)
      handles_.push_back(made);
    else if (code == 0)
      freeAny(made);
    return code;
  }
  static std::int32_t drop(std::int32_t code, char* text) { return code == 0 ? relprop_text_free(text) : code; }
  // One of the three frees fits; the others have to say so.
  static void freeAny(void* handle) {
    const int freed = (relprop_model_free(static_cast<relprop_model*>(handle)) == 0) +
                      (relprop_explainer_free(static_cast<relprop_explainer*>(handle)) == 0) +
                      (relprop_result_free(static_cast<relprop_result*>(handle)) == 0);
    if (handle && freed > 1) std::abort();
  }
  // Any type, rank and sizes that a call should refuse, over memory that is there.
  relprop_array array() {
    static const std::vector<std::uint8_t> memory = [] {
      std::vector<std::uint8_t> bytes(4 * 2 * 3 * 16 * 16 + 64);
      for (std::size_t i = 0; i < bytes.size(); i += 4) {
        const float value = static_cast<float>(i % 13) / 8;
        std::memcpy(&bytes[i], &value, sizeof value);
      }
      return bytes;
    }();
    relprop_array made = {sizeof made, next() % 4, 0, {}, memory.data()};
    std::int64_t most = static_cast<std::int64_t>(memory.size()) / 4;
    made.rank = next() % 6;
    for (int axis = 0; axis < made.rank; ++axis) {
      made.shape[axis] = next() % 18 - 1;
      if (made.shape[axis] > 0) most /= made.shape[axis];
    }
    if (most == 0) made.rank = 0;
    return made;
  }
  relprop_array batch() {
    relprop_array made = array();
    if (next() % 4 != 0) made.type = RELPROP_FLOAT32, made.rank = 4;
    if (made.rank == 4 && made.type == RELPROP_FLOAT32)
      for (int axis = 0; axis < 4; ++axis)
        made.shape[axis] = std::array{next() % 3, 3, 8, 8}[static_cast<std::size_t>(axis)];
    return made;
  }

  std::int32_t load() {
    static const std::vector<std::uint8_t> bytes = smallModelBytes();
    relprop_model* model = nullptr;
    const std::int32_t code = relprop_model_from_bytes(bytes.data(), bytes.size(), options(), &model);
    return keep(code, model);
  }
  std::int32_t describe() {
    char* text = nullptr;
    auto* model = handle<relprop_model>();
    return drop(relprop_model_describe(model, options(), &text), text);
  }
  std::int32_t create() {
    relprop_explainer* explainer = nullptr;
    auto* model = handle<relprop_model>();
    const std::int32_t code = relprop_explainer_create(model, options(), &explainer);
    return keep(code, explainer);
  }
  std::int32_t plan() {
    char* text = nullptr;
    return drop(relprop_explainer_describe(handle<relprop_explainer>(), &text), text);
  }
  std::int32_t explain() {
    relprop_result* result = nullptr;
    auto* explainer = handle<relprop_explainer>();
    const relprop_array input = batch();
    const std::int32_t code = relprop_explain(explainer, &input, options(), nullptr, &result);
    return keep(code, result);
  }
  std::int32_t forward() {
    relprop_result* result = nullptr;
    auto* explainer = handle<relprop_explainer>();
    const relprop_array input = batch();
    const std::int32_t code = relprop_forward(explainer, &input, nullptr, &result);
    return keep(code, result);
  }
  std::int32_t prepare() {
    relprop_result* result = nullptr;
    auto* model = handle<relprop_model>();
    const relprop_array picture = array();
    const std::int32_t code = relprop_prepare(model, &picture, options(), &result);
    return keep(code, result);
  }
  std::int32_t render() {
    relprop_result* result = nullptr;
    const relprop_array map = array(), photo = array();
    const bool both = next() % 2 == 0;
    const std::int32_t code = relprop_render(&map, both ? &photo : nullptr, options(), &result);
    return keep(code, result);
  }
  std::int32_t arrayOf() {
    relprop_array found = {sizeof found, 0, 0, {}, nullptr};
    auto* result = handle<relprop_result>();
    const std::int64_t index = next() % 5 - 1;
    const std::int32_t code = relprop_result_array(result, index, kNames[next() % kNames.size()], &found);
    if (code == 0) readAll(found);
    return code;
  }
  // Every byte of it is there.
  static void readAll(const relprop_array& found) {
    std::size_t bytes = found.type == RELPROP_FLOAT32 ? 4 : 1;
    for (int axis = 0; axis < found.rank; ++axis) bytes *= static_cast<std::size_t>(found.shape[axis]);
    unsigned sum = 0;
    for (std::size_t i = 0; i < bytes; ++i) sum += static_cast<const std::uint8_t*>(found.data)[i];
    if (sum == 1'000'000'007u) std::puts("");  // so that it is read
  }
  std::int32_t jsonOf() {
    char* text = nullptr;
    auto* result = handle<relprop_result>();
    return drop(relprop_result_json(result, next() % 5 - 1, &text), text);
  }
  std::int32_t count() {
    std::int64_t count = 0;
    return relprop_result_count(handle<relprop_result>(), next() % 2 ? &count : nullptr);
  }
  std::int32_t cancel() { return relprop_cancel(handle<relprop_explainer>()); }
  std::int32_t measure() {
    char* text = nullptr;
    auto* model = handle<relprop_model>();
    return drop(relprop_evaluate(model, options(), nullptr, &text), text);
  }
  std::int32_t store() {
    char* text = nullptr;
    return drop(relprop_store_read("/nonexistent/a.db", options(), &text), text);
  }
  std::int32_t release() {
    freeAny(handle<void>());
    return 0;
  }
  std::int32_t limit() {
    char* text = nullptr;
    const std::int32_t code = relprop_set_budgets(options());
    return code == 0 ? drop(relprop_budgets(&text), text) : code;
  }

  void one() {
    using Call = std::int32_t (Calls::*)();
    static constexpr std::array<Call, 16> calls = {&Calls::load,    &Calls::describe, &Calls::create,  &Calls::plan,
                                                   &Calls::explain, &Calls::forward,  &Calls::prepare, &Calls::render,
                                                   &Calls::arrayOf, &Calls::jsonOf,   &Calls::count,   &Calls::cancel,
                                                   &Calls::measure, &Calls::store,    &Calls::release, &Calls::limit};
    const std::int32_t code = (this->*calls[next() % calls.size()])();
    relprop_error error = {sizeof error, 0, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
    relprop_last_error(&error);
    if (code == 0 || (code == error.code && code != static_cast<std::int32_t>(ErrorCode::Internal))) return;
    std::fprintf(stderr, "%d: %s\n", code, error.message);
    std::abort();
  }

  Bytes left_;
  std::string text_;
  std::vector<void*> handles_;
};

const Harness cInterfaceHarness("c_interface", [](Bytes bytes) { Calls(bytes).run(); });

}  // namespace
}  // namespace relprop::fuzz
