// Rows into a store, inside a transaction of the caller. What is there already stays as it is.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "eval/sqlite.h"
#include "eval/store_rows.h"
#include "relprop/store.h"

namespace relprop::eval {

void writeModel(const Database& database, const ModelFacts& model);
// Its id; a run with the same facts is the same run.
std::int64_t writeRun(const Database& database, const Provenance& run);

// A table of names that rows refer to by number.
class Names {
 public:
  Names(const Database& database, const std::string& table);
  std::int64_t idOf(const std::string& name);

 private:
  Statement insert_, select_;
  std::unordered_map<std::string, std::int64_t> known_;
};

// The x of curves, of which there are few.
class Axes {
 public:
  explicit Axes(const Database& database);
  std::int64_t idOf(const Curve& curve);

 private:
  Statement insert_, select_;
  std::map<std::pair<std::string, Blob>, std::int64_t> known_;
};

class Writer {
 public:
  explicit Writer(const Database& database);
  void belongsTo(std::int64_t run) { run_ = run; }
  // Throw InvalidArgument for a model or picture that is not in the store, and for values that no row may hold.
  void write(const PictureFacts& picture);
  void write(const MapFacts& map);
  void write(const Result& result);
  // Of pictures, maps and results that were there when they were to be written.
  const MergeDifferences& differences() const { return differences_; }

 private:
  using PictureKey = std::array<std::string, 4>;
  std::int64_t modelId(const std::string& key);
  std::int64_t pictureId(const PictureKey& key);
  void endClaim(const PictureKey& key);
  void keep(const MapFacts& map, std::int64_t picture, std::int64_t method);
  void check(const Result& result) const;
  bool differs(std::int64_t id, const PictureFacts& picture);
  bool differs(std::int64_t picture, std::int64_t method, const Tensor& map);
  bool differs(std::int64_t picture, std::int64_t method, std::int64_t protocol, const Result& result);
  void writeScores(std::int64_t result, const std::vector<NamedScore>& scores);
  void writeCurves(std::int64_t result, const std::vector<Curve>& curves);

  const Database& database_;
  std::int64_t run_ = 0;
  Names methods_, protocols_;
  Axes axes_;
  Statement model_, picture_, insertPicture_, keepPicture_, insertMap_, keepMap_, insertResult_, insertScore_,
      insertCurve_, dropScores_, dropCurves_, endClaim_, pictureThere_, mapThere_, resultThere_;
  Details details_;
  PictureKey lastPicture_;  // rows come picture by picture
  std::int64_t lastPictureId_ = 0;
  MergeDifferences differences_;
};

}  // namespace relprop::eval
