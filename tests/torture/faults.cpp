#include "torture/faults.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>

#include "relprop/error.h"
#include "relprop/image.h"
#include "relprop/store.h"

namespace torture {

namespace {

namespace fs = std::filesystem;
using e2e::Arguments;

constexpr int kPictures = 3;

// Rows in order, without seconds and provenance.
std::string rowsOf(const relprop::Store& store) {
  std::ostringstream text;
  text.precision(17);
  for (const relprop::Result& r : store.results()) {
    text << r.key.picture << '|' << r.key.target << '|' << r.key.method << '|' << r.key.protocol << '|' << r.skipped;
    for (const relprop::NamedScore& s : r.scores) text << '|' << s.name << '=' << s.value;
    text << '\n';
  }
  for (const relprop::PictureFacts& p : store.pictures()) text << p.picture << '|' << p.skipped << '\n';
  return text.str();
}

// Nothing where the store has no tables yet. Read is a copy: who reads one makes files beside it, for which a full disk
// has no room.
std::optional<std::string> rowsOf(const std::string& path) try {
  const e2e::TemporaryFolder folder;
  for (const char* part : {"", "-wal", "-journal"})
    if (fs::exists(path + part)) fs::copy_file(path + part, folder / ("copy.db" + std::string(part)));
  return rowsOf(relprop::Store::open(folder / "copy.db", relprop::Store::Access::Read));
} catch (const relprop::Error& error) {
  if (error.got() != "an empty file") throw;
  return std::nullopt;
}

std::set<std::string> linesOf(const std::string& text) {
  std::istringstream stream(text);
  std::set<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.insert(line);
  return lines;
}

bool isStore(const fs::path& name) {
  return name.extension() == ".db";
}

bool isTemporary(const std::string& name) {
  return name.starts_with(".") && name.find(".part.") != name.npos;
}

// What the next run goes on from or sweeps away, and what SQLite keeps beside a store.
bool isWorkInProgress(const std::string& name) {
  for (const fs::path& part : fs::path(name))
    if (isTemporary(part.string())) return true;
  for (const char* end : {".part", "-wal", "-shm", "-journal"})
    if (name.ends_with(end)) return true;
  return name.find(".parts/") != name.npos;
}

void mustRun(const Arguments& arguments) {
  const e2e::Outcome outcome = e2e::relprop(arguments);
  if (outcome.code != 0) throw std::runtime_error(outcome.err);
}

}  // namespace

std::size_t moments(std::size_t few) {
  const char* text = std::getenv("RELPROP_TORTURE");
  if (!text) return few;
  return std::string(text) == "all" || everyAllocation() ? SIZE_MAX : std::strtoull(text, nullptr, 10);
}

bool everyAllocation() {
  const char* text = std::getenv("RELPROP_TORTURE");
  return text && std::string(text) == "every";
}

std::vector<long> upTo(long count) {
  std::vector<long> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 1);
  return numbers;
}

std::vector<long> sampled(std::vector<long> numbers, std::size_t most) {
  if (numbers.size() <= most) return numbers;
  std::shuffle(numbers.begin() + 1, numbers.end() - 1, std::mt19937(1));
  numbers.erase(numbers.begin() + static_cast<std::ptrdiff_t>(most) - 1, numbers.end() - 1);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Outputs outputsOf(const std::string& folder) {
  Outputs outputs;
  if (!fs::exists(folder)) return outputs;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = fs::relative(entry.path(), folder).string();
    if (!entry.is_regular_file() || isWorkInProgress(name)) continue;
    if (!isStore(entry.path()))
      outputs[name] = e2e::readText(entry.path());
    else if (const std::optional<std::string> rows = rowsOf(entry.path().string()))
      outputs[name] = *rows;
  }
  return outputs;
}

std::vector<std::string> leftovers(const std::string& folder) {
  std::vector<std::string> names;
  if (!fs::exists(folder)) return names;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (isTemporary(name)) names.push_back(name);
  }
  return names;
}

void expectNothingHalf(const Outputs& got, const Outputs& whole) {
  for (const auto& [name, bytes] : got) {
    const auto expected = whole.find(name);
    if (expected == whole.end()) {
      ADD_FAILURE() << "a file that there should not be: " << name;
    } else if (isStore(name)) {
      const std::set<std::string> all = linesOf(expected->second), some = linesOf(bytes);
      EXPECT_TRUE(std::includes(all.begin(), all.end(), some.begin(), some.end())) << name << "\n" << bytes;
    } else {
      EXPECT_TRUE(bytes == expected->second) << name << ": " << bytes.size() << " bytes of " << expected->second.size();
    }
  }
}

Inputs::Inputs() {
  makePictures();
  makeMachine();
  makeStores();
  const std::string pictures = folder_ / "set/JPEGImages", set = "voc:" + (folder_ / "set");
  const std::string model = e2e::exampleModel().string();
  scenarios_ = {
      {"explain",
       {"explain", model, pictures, "--method", "lrp-zplus", "--threads", "1", "--json", "--out", "OUT/maps"}},
      {"patterns", {"patterns", model, pictures, "--threads", "1", "-o", "OUT/patterns.npz"}},
      {"train",
       {"bow", "train", set, "--min-photos", "1", "--words", "4", "--size", "32", "--patches", "16", "--threads", "1",
        "-o", "OUT/a.bow"}},
      {"import",
       {"bow", "import", folder_ / "svm.model", "--vocabulary", folder_ / "words.npy", "--names", "cat,dog", "-o",
        "OUT/b.bow"}},
      {"evaluate",
       {"evaluate", model, "--data", set, "--methods", "gradient", "--metrics", "outside-inside", "--threads", "1",
        "--store", "OUT/runs.db"}},
      {"merge", {"merge", folder_ / "first.db", folder_ / "second.db", "-o", "OUT/all.db"}},
      {"report", {"report", folder_ / "first.db", "-o", "OUT/report"}},
  };
}

const Scenario& Inputs::called(const std::string& name) const {
  return *std::find_if(scenarios_.begin(), scenarios_.end(), [&](const Scenario& s) { return s.name == name; });
}

void Inputs::makePictures() const {
  for (const char* part : {"JPEGImages", "Annotations", "SegmentationClass", "ImageSets/Segmentation"})
    fs::create_directories(folder_.path() / "set" / part);
  std::string list;
  for (int i = 0; i < kPictures; ++i) {
    const std::string name = "val_0000" + std::to_string(i);
    list += name + "\n";
    for (const std::string file :
         {"JPEGImages/" + name + ".jpg", "Annotations/" + name + ".xml", "SegmentationClass/" + name + ".png"})
      fs::copy_file(e2e::exampleData() / file, folder_.path() / "set" / file);
  }
  e2e::writeText(folder_ / "set/ImageSets/Segmentation/val.txt", list);
}

// Two words of SIFT's length, and a machine over their histogram.
void Inputs::makeMachine() const {
  relprop::Tensor words(relprop::Shape{2, 128});
  for (std::size_t i = 0; i < words.data.size(); ++i) words.data[i] = static_cast<float>(i % 7) / 90;
  relprop::writeFile(folder_ / "words.npy", relprop::encodeNpy(words));
  e2e::writeText(folder_ / "svm.model",
                 "svm_type c_svc\nkernel_type linear\nnr_class 2\ntotal_sv 2\nrho 0.1\nlabel 1 -1\nnr_sv 1 1\nSV\n"
                 "0.5 1:0.25 2:0.75 \n-0.5 1:1 \n");
}

void Inputs::makeStores() const {
  for (const auto& [store, method] :
       std::map<std::string, std::string>{{"first.db", "gradient"}, {"second.db", "sensitivity"}})
    mustRun({"evaluate", e2e::exampleModel().string(), "--data", "voc:" + (folder_ / "set"), "--methods", method,
             "--metrics", "outside-inside", "--keep", "--threads", "1", "--store", folder_ / store});
}

const Inputs& inputs() {
  static const Inputs all;
  return all;
}

Arguments into(const Scenario& scenario, const std::string& folder) {
  Arguments arguments = scenario.arguments;
  for (std::string& argument : arguments)
    if (argument.starts_with("OUT/")) argument = folder + argument.substr(3);
  return arguments;
}

}  // namespace torture
