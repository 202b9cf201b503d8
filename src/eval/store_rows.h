// Columns of a query into rows.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "eval/sqlite.h"
#include "relprop/store.h"

namespace relprop::eval {

// What a store holds, whoever wrote it. Of seconds NaN too, where nobody measured them.
bool areFinite(const std::vector<float>& values);
bool mayBeSeconds(double seconds);
bool mayBeClass(std::int64_t number);         // -1: not known
bool mayBeHeatmap(const Shape& heightWidth);  // no input of a network is larger
// Two of one name would be one in what is exported.
bool haveOwnNames(const std::vector<NamedScore>& scores);

// All facts of pictures and then their run, from `pictures p` joined with `models m` and `kept_pictures k`; the PNG
// files are NULL unless wanted.
std::string selectPictures(bool withPng);
PictureFacts pictureAt(const Database& database, const Statement& row);
constexpr int kPictureRun = 15;

// The cost of maps and then their run, likewise from `maps a`, `methods me` and `kept_maps k`.
std::string selectMaps(bool withMap);
MapFacts mapAt(const Database& database, const Statement& row);
constexpr int kMapRun = 9;

// Number, run and facts of results, without scores and curves, from `results r` and the tables it refers to. From the
// tables: what views a file has is up to whoever made it.
std::string selectResults();
Result resultAt(const Database& database, const Statement& row);
constexpr int kResultNumber = 0, kResultRun = 1;

// Fills in what lies in tables of its own, where a skipped result has no scores.
class Details {
 public:
  explicit Details(const Database& database);
  void addScores(std::int64_t number, Result& result);
  void addCurves(std::int64_t number, Result& result);

 private:
  void failResult(const Result& result, const std::string& got) const;

  const Database& database_;
  Statement scores_, curves_;
};

std::vector<ModelFacts> readModels(const Database& database);
std::map<std::int64_t, Provenance> readRuns(const Database& database);

}  // namespace relprop::eval
