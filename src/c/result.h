// What a call computed, as long as its handle lives.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "c/handles.h"
#include "relprop/explain.h"
#include "relprop/image.h"
#include "relprop/relprop.h"

namespace relprop::c {

struct NamedArray {
  std::string name;
  relprop_array array;  // of memory that the result owns
};

struct Result : Object {
  std::vector<std::vector<NamedArray>> maps;  // the arrays of each
  std::function<std::string(std::size_t map)> json;

  // Owners; lists, so that what is in them stays where it is.
  std::vector<Explanation> explanations;
  std::list<Tensor> tensors;
  std::list<Image> images;
  std::list<std::vector<std::uint8_t>> files;

  // Keep an array and name it as one of map `map`.
  void add(std::size_t map, const std::string& name, Tensor tensor);
  void add(std::size_t map, const std::string& name, Image image);
  void add(std::size_t map, const std::string& name, std::vector<std::uint8_t> bytes);
};

// All maps with their arrays.
std::shared_ptr<Result> resultOf(std::vector<Explanation> explanations, Layout layout);

}  // namespace relprop::c
