// Inputs read into memory, ready for the network.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inputs.h"
#include "outputs.h"

namespace relprop::cli {

// Inputs whose rows are computed together: photos of one batch, or all rows of one tensor.
struct Group {
  std::vector<Explained> members;
  std::vector<std::size_t> rowCounts;  // of each member
  Tensor input;
};

class GroupReader {
 public:
  // `wanted`: what the network takes behind the batch, in its own layout.
  GroupReader(const std::string& modelPath, std::optional<Preprocess> preprocess, Shape wanted, Layout layout,
              const OutputOptions& output);

  // Reads one input to the end of the group; throws, with the group as it was, when that is not possible.
  void add(const Input& input, Group& group) const;

 private:
  void addTensor(const Input& input, Group& group) const;
  void addPhoto(const Input& input, Group& group) const;
  static void makeRoom(Group& group);

  std::string modelPath_;
  std::optional<Preprocess> preprocess_;
  Shape wanted_;
  Layout layout_;
  bool photoNeeded_;
};

// The shape behind the batch of the first tensor, for models that leave their size open; empty when there is none.
Shape tensorShape(const std::vector<Input>& inputs);

// Rows [first, first + count) of the leading axis.
TensorView rowsOf(const Tensor& tensor, std::size_t first, std::size_t count);

}  // namespace relprop::cli
