// Tables from the rows of a store.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "relprop/report.h"

namespace relprop::eval {

// What a table is made of. A store has more maps and results than memory holds: they come one at a time, without
// curves, pixels and PNG files.
struct Rows {
  std::vector<ModelFacts> models;
  std::vector<PictureFacts> pictures;
  std::function<void(const std::function<void(const MapFacts&)>& visit)> eachMap;
  std::function<void(const std::function<void(const Result&)>& visit)> eachResult;
};
Rows rowsOf(const Store& store);  // which has to outlive them

// "true:7" and "true:8" ask the same of several classes: both are "true".
std::string kindOfTarget(const std::string& target);
// Whether a complete name, "voc:VOC2012", is meant by one that may stop at a colon, "voc".
bool isCalled(const std::string& complete, const std::string& asked);

// What compares with one another: keys, as in ResultKey, but of the target its kind alone.
struct GroupKey {
  std::string model, dataset, target;
  auto operator<=>(const GroupKey&) const = default;
};
template <class Row>
GroupKey groupOf(const Row& row) {
  return {row.model, row.dataset, kindOfTarget(row.target)};
}

struct Group {
  GroupKey key;
  ModelFacts model;
  ScoreTable table;
  bool classes = false;  // a picture may be several samples, one for each of its classes
};

// How a score compares.
struct ScoreKind {
  ScoreKind(Better which, bool isRatio = false) : better(which), ratio(isRatio) {}
  Better better;
  bool ratio;  // see ScoreInfo
};
using Direction = std::function<ScoreKind(const std::string& protocol, const std::string& score)>;
// As this program's metrics say; of metrics that it does not know: neither.
ScoreKind directionOf(const std::string& protocol, const std::string& score);

std::vector<Group> groupsOf(const Rows& rows, const Direction& direction);

}  // namespace relprop::eval
