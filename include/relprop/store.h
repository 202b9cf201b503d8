// Results on disk: SQLite in WAL mode. One row for each model × picture × target × method × protocol, with its scores,
// curves and provenance. A row is written whole or not at all, and never twice.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "relprop/dataset.h"
#include "relprop/export.h"
#include "relprop/held.h"
#include "relprop/metrics.h"
#include "relprop/tensor.h"

namespace relprop {

// Which program computed a row, and how.
struct Provenance {
  std::string version, host, command, precision = "float32";
  std::map<std::string, std::string> libraries;
  std::uint64_t seed = 0;
  int threads = 0;
};

// A network together with how pictures become its input: what scores depend on.
struct ModelFacts {
  std::string key;         // hash of all that follows but path
  std::string path, hash;  // hash of the ONNX file
  std::string preprocess;  // JSON
  std::string inputShape;  // "3×224×224"
};

// One picture of a data set under one model.
struct PictureFacts {
  std::string model, dataset, picture, target;  // keys, as in ResultKey
  std::string file;                             // where it lay and how large it was, for people; "" if it was no file
  int trueClass = -1, predictedClass = -1, targetClass = -1;
  std::string trueLabel, predictedLabel, targetLabel;
  double targetProbability = 0;
  std::string skipped;  // why no method was measured on it ("unreadable: …", "not classified correctly"), or ""
  bool unreadable() const { return skipped.starts_with("unreadable"); }
  // Only with --keep: PNG files of the view and of the truth (white object, black background, grey void).
  std::vector<std::uint8_t> view, truth;
};

struct ResultKey {
  std::string model;     // ModelFacts::key
  std::string dataset;   // Dataset::name()
  std::string picture;   // Sample::id
  std::string target;    // "true", "true:7" (of several classes), "predicted"; with "+correct" when others are left out
  std::string method;    // complete method string, and the user's rules
  std::string protocol;  // complete protocol string
  auto operator<=>(const ResultKey&) const = default;
};

struct Result {
  ResultKey key;
  std::string skipped;  // why there is no score, or ""
  std::vector<NamedScore> scores;
  std::vector<Curve> curves;
  double measureSeconds = 0;
};

// What a method cost on a picture, and its heatmap if it was kept.
struct MapFacts {
  std::string model, dataset, picture, target, method;
  double explainSeconds = 0;
  std::optional<Tensor> map;  // H×W
};

// Everything about one picture, written in one transaction.
struct ResultBatch {
  std::vector<PictureFacts> pictures;
  std::vector<MapFacts> maps;
  std::vector<Result> results;
};

// How many rows two stores both have, and have differently; skipped ones, what a row has in one of them alone (a
// heatmap, a label) and what rounding makes aside.
struct MergeDifferences {
  std::size_t models = 0;    // other file, preprocessing or input shape
  std::size_t pictures = 0;  // other classes, labels, probability or kept PNG files
  std::size_t maps = 0;      // another heatmap
  std::size_t results = 0;   // other scores or curves, or none
};

class RELPROP_API Store {
 public:
  enum class Access { Read, Write };
  // Write creates what is missing. Throws FileNotFound, FileUnreadable, StoreUnusable (not a store, damaged, of a newer
  // version, read-only).
  static Store open(const std::filesystem::path& path, Access access);
  static Store inMemory();
  // A store in memory as bytes, and back: what travels between processes.
  std::vector<std::uint8_t> bytes() const;
  static Store fromBytes(const std::vector<std::uint8_t>& bytes);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  const std::string& name() const;  // the path, for messages

  // From here on rows belong to this run.
  void beginRun(const Provenance& provenance);
  void put(const ModelFacts& model);
  // In one transaction; a row that is there already stays as it is, unless it says that a picture or a result was
  // skipped and the new one has what was missing. Needs beginRun, put of the model and, for maps and results, the facts
  // of their picture in this batch or an earlier one. Throws InvalidArgument (one is missing), StoreUnusable,
  // FileWriteFailed (full disk); the store then holds what it held before.
  void write(const ResultBatch& batch);
  // Every row of `other` that is not here yet, with its provenance; rows that both have stay as they are here. Throws
  // StoreUnusable where `other` contradicts itself, and nothing of it is here then.
  MergeDifferences merge(const Store& other);

  // What `writes` does to this store is one transaction, which costs the disk once: all of it happens, or, where it
  // ends by an exception, nothing. The store stays where it is meanwhile, and in functions that `each` and its like
  // call.
  void together(const std::function<void()>& writes);

  // Claims let two processes share the work on one store: false when another process has claimed the picture and it is
  // not written yet. A claim ends when the picture is written; one of a process that died does no harm but to order.
  bool claim(const std::string& model, const std::string& dataset, const std::string& picture,
             const std::string& target);

  // Was the picture as a whole skipped for good? One that could not be read may be readable the next time.
  bool isSkipped(const std::string& model, const std::string& dataset, const std::string& picture,
                 const std::string& target) const;
  // Protocols already there, by method; those that were skipped too, or only those that have scores.
  std::map<std::string, std::vector<std::string>> done(const std::string& model, const std::string& dataset,
                                                       const std::string& picture, const std::string& target,
                                                       bool withSkipped = true) const;

  // Readers; rows in the order of their keys.
  std::vector<ModelFacts> models() const;
  std::vector<PictureFacts> pictures(bool withPng = false) const;
  std::vector<MapFacts> maps(bool withMap = false) const;
  std::size_t resultCount() const;  // read from no row
  std::vector<Result> results(bool withCurves = true) const;
  // The same one at a time, with who computed it; for stores that memory does not hold.
  void each(const std::function<void(const Result&, const Provenance&)>& visit, bool withCurves = true) const;
  void eachMap(const std::function<void(const MapFacts&)>& visit, bool withMap = false) const;
  // One kept map or picture at a time, for large stores.
  std::optional<Tensor> map(const MapFacts& which) const;
  PictureFacts picture(const PictureFacts& which) const;  // with its PNG files
  std::vector<Provenance> runs() const;                   // without repetition
  // Of the runs that results of a model (its key) on a data set belong to, by both.
  std::map<std::pair<std::string, std::string>, std::set<std::uint64_t>> seeds() const;

 private:
  friend struct StoreAccess;  // for the inside of the library
  struct RELPROP_LOCAL Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  Held<Impl> impl_;
};

// "csv": one line a score. "json": one object a row, curves included. Text goes to `write` in pieces.
RELPROP_API void exportStore(const Store& store, const std::string& format,
                             const std::function<void(const std::string&)>& write);

}  // namespace relprop
