// The C interface: each byte is a call, those behind it are its arguments. Mostly a handle of the kind that a call asks
// for goes there and arrays that fit, else handles of all kinds, freed ones and NULL, and arrays of any shape; options
// are texts of a list or of the input. No call may fail as a defect.
#include <algorithm>
#include <array>
#include <bitset>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fuzz/harness.h"
#include "fuzz/small_model.h"
#include "fuzz/small_store.h"
#include "relprop/error.h"
#include "relprop/image.h"
#include "relprop/relprop.h"
#include "support/temporary_folder.h"

namespace relprop::fuzz {
namespace {

constexpr std::size_t kCalls = 24, kHandles = 16;
constexpr const char* kNobody = "/nonexistent/a.db";

// Files for the calls that take a path, there for the whole process.
struct Files {
  Files() {
    written(folder.path(), "data/1/a.png", encodePng(Image{8, 8, std::vector<std::uint8_t>(192, 90)}));
    written(folder.path(), "a.db", smallStoreBytes());
  }
  test::TemporaryFolder folder;
};
const std::filesystem::path& files() {
  static const Files all;
  return all.folder.path();
}

const std::vector<std::string>& optionTexts() {
  static const std::vector<std::string> texts = {
      "",  // NULL
      R"({"threads":1})",
      R"({"method":"rap","threads":1})",
      R"({"method":"lrp-zplus","batch":2,"target":"top:2","ledger":true,"threads":1})",
      R"({"method":"gradient","at":["*"],"memory":1048576,"threads":1})",
      R"({"target":[["1"],["argmax"]]})",
      R"({"target":"3","contrast":""})",
      R"({"shape":[3,8,8],"layout":"nchw","preprocess":"unit"})",
      R"({"view":"panel","zoom":2,"percentile":99})",
      R"({"view":"heat","layout":"nhwc"})",
      R"({"name":"a","folder":"/nonexistent"})",
      R"({"results":true})",
      R"({"data":"folder:)" + (files() / "data").string() +
          R"(","preprocess":"unit","method":["gradient"],"metrics":["sparseness"],"target":"predicted","threads":1})",
      R"({"output":"y","feed":{}})",
      R"({"method":null,"batch":-1})",
      R"({"require_conservation":0.5,"reference":true,"threads":1})",
      R"({"pixels":1,"model":1,"stream":0})",
      R"({"target":"2","contrast":["4"]})",
      R"({"data":"folder:/nonexistent","method":["rap"],"metrics":["probe"]})",
      R"({"preprocess":"unit","name":"a.png"})"};
  return texts;
}
const char* optionText(std::size_t which) {
  const std::string& text = optionTexts()[which % optionTexts().size()];
  return text.empty() ? nullptr : text.c_str();
}
const std::array<const char*, 8> kNames = {"relevance", "map", "scores", "input", "view", "pixels", "png", "at:conv"};

enum class Kind { Model, Explainer, Result };
struct Kept {
  void* handle;
  Kind kind;
};

std::int32_t freeAs(Kind kind, void* handle) {
  if (kind == Kind::Model) return relprop_model_free(static_cast<relprop_model*>(handle));
  if (kind == Kind::Explainer) return relprop_explainer_free(static_cast<relprop_explainer*>(handle));
  return relprop_result_free(static_cast<relprop_result*>(handle));
}

// One of the three frees fits; the others have to say so.
void freeAny(void* handle) {
  int freed = 0;
  for (const Kind kind : {Kind::Model, Kind::Explainer, Kind::Result}) freed += freeAs(kind, handle) == 0;
  if (handle && freed > 1) std::abort();
}

relprop_model* loaded(const std::vector<std::uint8_t>& bytes, const char* options, std::int32_t& code) {
  relprop_model* model = nullptr;
  code = relprop_model_from_bytes(bytes.data(), bytes.size(), options, &model);
  return model;
}

const std::vector<std::uint8_t>& memory() {
  static const std::vector<std::uint8_t> bytes = [] {
    std::vector<std::uint8_t> some(4 * 2 * 3 * 16 * 16 + 64);
    for (std::size_t i = 0; i < some.size(); i += 4) {
      const float value = static_cast<float>(i % 13) / 8;
      std::memcpy(&some[i], &value, sizeof value);
    }
    return some;
  }();
  return bytes;
}
relprop_array arrayOver(int type, std::initializer_list<std::int64_t> shape) {
  relprop_array made = {sizeof made, type, static_cast<std::int32_t>(shape.size()), {}, memory().data()};
  std::copy(shape.begin(), shape.end(), made.shape);
  return made;
}

// A model, explainers and a result that every input finds and none frees.
const std::vector<Kept>& shared() {
  static const std::vector<Kept> kept = [] {
    std::int32_t code = 0;
    relprop_model* model = loaded(smallModelBytes(), nullptr, code);
    std::vector<Kept> made = {{model, Kind::Model}};
    for (const std::size_t which : {2, 3, 4, 15}) {
      relprop_explainer* explainer = nullptr;
      code |= relprop_explainer_create(model, optionText(which), &explainer);
      made.push_back({explainer, Kind::Explainer});
    }
    const relprop_array input = arrayOver(RELPROP_FLOAT32, {2, 3, 8, 8});
    relprop_result* result = nullptr;
    code |= relprop_explain(static_cast<relprop_explainer*>(made[1].handle), &input, nullptr, nullptr, &result);
    made.push_back({result, Kind::Result});
    if (code != 0) std::abort();
    return made;
  }();
  return kept;
}

class Calls {
 public:
  explicit Calls(Bytes bytes) : left_(bytes) { shared(); }

  void run() {
    for (std::size_t i = 0; i < kCalls && !left_.empty(); ++i) one();
    for (const Kept& own : own_) freeAs(own.kind, own.handle);
    relprop_set_budgets(nullptr);
  }

 private:
  std::uint8_t next() {
    if (left_.empty()) return 0;
    const std::uint8_t byte = left_.front();
    left_ = left_.subspan(1);
    return byte;
  }
  bool mostly() { return next() % 4 != 3; }
  // Of those that the call takes, of all, or so many bytes of the input.
  const char* options(std::initializer_list<std::size_t> taken) {
    const std::uint8_t which = next();
    if (which < 96) return optionText(taken.begin()[which % taken.size()]);
    if (which < 128) return optionText(which);
    const std::size_t length = std::min<std::size_t>(which - 128, left_.size());
    text_ = textOf(left_.first(length));
    left_ = left_.subspan(length);
    return text_.c_str();
  }
  // The input's own, the newest first and freed ones among them, and what all inputs share; a byte from 208 on asks for
  // any kind.
  void* pick(Kind kind) {
    const std::uint8_t which = next();
    if (which == 255) return nullptr;
    std::vector<void*> fitting;
    const auto add = [&](const Kept& kept) {
      if (which >= 208 || kept.kind == kind) fitting.push_back(kept.handle);
    };
    std::for_each(own_.rbegin(), own_.rend(), add);
    std::for_each(shared().begin(), shared().end(), add);
    return fitting[which % fitting.size()];
  }
  relprop_model* model() { return static_cast<relprop_model*>(pick(Kind::Model)); }
  relprop_explainer* explainer() { return static_cast<relprop_explainer*>(pick(Kind::Explainer)); }
  relprop_result* result() { return static_cast<relprop_result*>(pick(Kind::Result)); }

  std::int32_t keep(std::int32_t code, void* made, Kind kind) {
    if (code == 0 && own_.size() < kHandles)
      own_.push_back({made, kind});
    else if (code == 0)
      freeAs(kind, made);
    return code;
  }
  static std::int32_t drop(std::int32_t code, char* text) { return code == 0 ? relprop_text_free(text) : code; }

  // Any type, rank and sizes that a call should refuse, over memory that is there.
  relprop_array anyArray() {
    relprop_array made = {sizeof made, next() % 4, next() % 6, {}, memory().data()};
    std::int64_t most = static_cast<std::int64_t>(memory().size()) / 4;
    for (int axis = 0; axis < made.rank; ++axis) {
      made.shape[axis] = next() % 18 - 1;
      if (made.shape[axis] > 0) most /= made.shape[axis];
    }
    if (most == 0) made.rank = 0;
    return made;
  }
  relprop_array batch() { return mostly() ? arrayOver(RELPROP_FLOAT32, {(next() + 1) % 3, 3, 8, 8}) : anyArray(); }
  relprop_array pixels(std::int64_t height, std::int64_t width) {
    return mostly() ? arrayOver(RELPROP_UINT8, {height, width, 3}) : anyArray();
  }

  std::int32_t load() {
    static const std::vector<std::uint8_t> bytes = oneLayerBytes();
    std::int32_t code = 0;
    relprop_model* model = loaded(bytes, options({0, 10, 13}), code);
    return keep(code, model, Kind::Model);
  }
  std::int32_t describe() {
    char* text = nullptr;
    relprop_model* which = model();
    return drop(relprop_model_describe(which, options({0, 7}), &text), text);
  }
  std::int32_t create() {
    relprop_explainer* made = nullptr;
    relprop_model* which = model();
    const std::int32_t code = relprop_explainer_create(which, options({2, 3, 4, 15, 1, 0}), &made);
    return keep(code, made, Kind::Explainer);
  }
  std::int32_t plan() {
    char* text = nullptr;
    return drop(relprop_explainer_describe(explainer(), &text), text);
  }
  std::int32_t explain() {
    relprop_result* made = nullptr;
    relprop_explainer* which = explainer();
    const relprop_array input = batch();
    const std::int32_t code = relprop_explain(which, &input, options({0, 5, 6, 17}), nullptr, &made);
    return keep(code, made, Kind::Result);
  }
  std::int32_t forward() {
    relprop_result* made = nullptr;
    relprop_explainer* which = explainer();
    const relprop_array input = batch();
    const std::int32_t code = relprop_forward(which, &input, nullptr, &made);
    return keep(code, made, Kind::Result);
  }
  std::int32_t prepare() {
    relprop_result* made = nullptr;
    relprop_model* which = model();
    const std::int64_t height = (next() + 8) % 17, width = (next() + 8) % 17;
    const relprop_array picture = pixels(height, width);
    const std::int32_t code = relprop_prepare(which, &picture, options({7, 19}), &made);
    return keep(code, made, Kind::Result);
  }
  std::int32_t render() {
    relprop_result* made = nullptr;
    const std::int64_t height = (next() + 8) % 17, width = (next() + 8) % 17;
    const relprop_array map = mostly() ? arrayOver(RELPROP_FLOAT32, {height, width}) : anyArray();
    const relprop_array photo = pixels(height, width);
    const bool both = next() % 2 == 0;
    const std::int32_t code = relprop_render(&map, both ? &photo : nullptr, options({0, 8, 9}), &made);
    return keep(code, made, Kind::Result);
  }
  std::int32_t arrayOf() {
    relprop_array found = {sizeof found, 0, 0, {}, nullptr};
    relprop_result* which = result();
    const std::int64_t index = next() % 5 - 1;
    const std::int32_t code = relprop_result_array(which, index, kNames[next() % kNames.size()], &found);
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
    relprop_result* which = result();
    return drop(relprop_result_json(which, next() % 5 - 1, &text), text);
  }
  std::int32_t count() {
    std::int64_t count = 0;
    relprop_result* which = result();
    return relprop_result_count(which, mostly() ? &count : nullptr);
  }
  std::int32_t cancel() { return relprop_cancel(explainer()); }
  std::int32_t measure() {
    char* text = nullptr;
    relprop_model* which = model();
    return drop(relprop_evaluate(which, options({18, 18, 18, 12}), nullptr, &text), text);
  }
  std::int32_t store() {
    static const std::string path = files() / "a.db";
    char* text = nullptr;
    const char* which = mostly() ? kNobody : path.c_str();
    return drop(relprop_store_read(which, options({0, 11}), &text), text);
  }
  std::int32_t release() {
    if (!own_.empty()) freeAny(own_[next() % own_.size()].handle);
    return 0;
  }
  std::int32_t limit() {
    char* text = nullptr;
    const std::int32_t code = relprop_set_budgets(options({0, 16}));
    return code == 0 ? drop(relprop_budgets(&text), text) : code;
  }

  void one() {
    using Call = std::int32_t (Calls::*)();
    // Those that take a millisecond, more than all others of an input together, come once, and once an input.
    static constexpr std::array<Call, 32> calls = {
        &Calls::load,    &Calls::describe, &Calls::explain, &Calls::arrayOf,  &Calls::explain, &Calls::forward,
        &Calls::prepare, &Calls::render,   &Calls::arrayOf, &Calls::jsonOf,   &Calls::count,   &Calls::cancel,
        &Calls::explain, &Calls::arrayOf,  &Calls::release, &Calls::limit,    &Calls::create,  &Calls::plan,
        &Calls::measure, &Calls::store,    &Calls::jsonOf,  &Calls::describe, &Calls::forward, &Calls::prepare,
        &Calls::explain, &Calls::render,   &Calls::count,   &Calls::release,  &Calls::forward, &Calls::render,
        &Calls::prepare, &Calls::arrayOf};
    static constexpr std::bitset<32> kLong = 1 << 0 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19;
    const std::size_t which = next() % calls.size();
    if (kLong[which] && called_[which]) return;
    called_[which] = true;
    const std::int32_t code = (this->*calls[which])();
    relprop_error error = {sizeof error, 0, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
    relprop_last_error(&error);
    if (code == 0 || (code == error.code && code != static_cast<std::int32_t>(ErrorCode::Internal))) return;
    std::fprintf(stderr, "%d: %s\n", code, error.message);
    std::abort();
  }

  Bytes left_;
  std::string text_;
  std::vector<Kept> own_;
  std::bitset<32> called_;
};

const Harness cInterfaceHarness("c_interface", [](Bytes bytes) { Calls(bytes).run(); });

}  // namespace
}  // namespace relprop::fuzz
