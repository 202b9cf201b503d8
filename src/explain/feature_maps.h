// Where in the picture the elements of inner values lie: feature maps N×C×h×w, and tokens in whatever order and layout
// that come from one.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace relprop {

// A value seen as C×h×w. order: the element of the value's row that each of its elements is; empty where they are the
// same. Elements without a place (class and register tokens, padding) are no part of it.
struct FeatureMap {
  Shape shape;
  std::vector<std::int64_t> order;
};

class FeatureMaps {
 public:
  // A canonical graph with shapes; scores: what is explained; memory: bytes that lists of places may take, 0 for no
  // limit. It and the functions below throw OutOfMemory.
  FeatureMaps(const Graph& graph, ValueId scores, std::int64_t memory = 0);

  // None where elements have no place, or all the same one that is no feature map's.
  std::optional<FeatureMap> of(ValueId id);
  // Do the scores depend on elements with a place, or on a class token alone?
  bool areRead(ValueId id) const { return read_[static_cast<std::size_t>(id)] == Read::All; }
  // The last node, seen from the scores, whose output has several places that they read, or -1: any feature map; of
  // tokens what a block ends with or normalises, not what it keeps for its own products.
  int last();

 private:
  struct Place {
    float y, x;  // centre, 0…1; NaN: none
  };
  static constexpr std::int64_t kBytesOfAPlace = sizeof(Place);
  using Places = std::vector<Place>;
  using SharedPlaces = std::shared_ptr<const Places>;
  // grid: N×C×h×w, evenly over the picture, for which no list is kept. Neither: no element has a place.
  struct Layout {
    bool grid = false;
    SharedPlaces places;
    bool none() const { return !grid && !places; }
  };
  enum class Read { No, WithoutPlace, All };

  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }
  const Layout& layout(ValueId id);
  bool isOfOneRow(ValueId id) const;
  ValueId unknownInput(ValueId id) const;
  Layout derive(const Node& node);
  Layout spatial(const Node& node);
  Layout operand(const Node& node);
  Layout moved(const Node& node);
  Layout taken(const Node& node);
  Layout mixed(ValueId from, ValueId to);
  static Place middleOf(Places::const_iterator begin, Places::const_iterator end);
  Layout averaged(ValueId from, std::int64_t extent, std::int64_t to);
  Layout tidied(ValueId id, Places places);
  SharedPlaces kept(Places places);
  SharedPlaces listed(ValueId id);
  std::int64_t elements(ValueId id) const;
  void makeRoom(ValueId id, std::int64_t bytes) const;
  bool evenGrid(const Shape& s, const Places& places) const;
  void findRead(ValueId scores);
  Read readOf(const Node& node, ValueId input, Read output);

  Graph graph_;
  Uses uses_;
  std::int64_t memory_, held_ = 0;  // bytes
  // By their hash. The blocks of a transformer move their tokens in one way, all of them.
  std::unordered_multimap<std::size_t, SharedPlaces> known_;
  std::vector<std::optional<Layout>> layouts_;
  std::vector<Read> read_;
};

}  // namespace relprop
