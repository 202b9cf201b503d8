#include "group.h"

#include <algorithm>

#include "interrupt.h"
#include "relprop/error.h"

namespace relprop::cli {

GroupReader::GroupReader(const std::string& modelPath, std::optional<Preprocess> preprocess, Shape wanted,
                         Layout layout, const OutputOptions& output)
    : modelPath_(modelPath),
      preprocess_(std::move(preprocess)),
      wanted_(std::move(wanted)),
      layout_(layout),
      photoNeeded_(output.png && (output.view == View::Overlay || output.view == View::Panel)) {}

void GroupReader::add(const Input& input, Group& group) const {
  if (input.failure) std::rethrow_exception(input.failure);
  input.tensor ? addTensor(input, group) : addPhoto(input, group);
}

// What may fail comes first, so that a group without memory for one more stays as it was.
void GroupReader::makeRoom(Group& group) {
  group.members.reserve(group.members.size() + 1);
  group.rowCounts.reserve(group.rowCounts.size() + 1);
}

void GroupReader::addTensor(const Input& input, Group& group) const {
  if (photoNeeded_)
    throw Error(ErrorCode::InvalidArgument, input.path.string(), "a tensor has no photo to show below the heatmap", "",
                "use --view heat or --view split");
  const WaitingGuard guard(input.path);
  Tensor tensor = readNpy(input.path);
  if (tensor.shape.size() == wanted_.size()) tensor.shape.insert(tensor.shape.begin(), 1);
  Shape row = wanted_;
  row.insert(row.begin(), tensor.shape.empty() ? 0 : tensor.shape.front());
  if (tensor.shape != row || row.front() < 1)
    throw Error(ErrorCode::ShapeMismatch, input.path.string(), toString(tensor.shape), "N×" + toString(wanted_));
  const auto rows = static_cast<std::size_t>(tensor.shape.front());
  Explained member = {&input, std::nullopt, {}};
  for (std::size_t i = 0; i < rows && wanted_.size() != 3; ++i)
    member.arrays.push_back(relaid(rowsOf(tensor, i, 1), layout_, layout_));
  makeRoom(group);
  group.members.push_back(std::move(member));
  group.rowCounts.push_back(rows);
  group.input = std::move(tensor);
}

void GroupReader::addPhoto(const Input& input, Group& group) const {
  if (!preprocess_)
    throw Error(ErrorCode::InvalidArgument, input.path.string(), "no preprocessing is known for " + modelPath_, "",
                "give --preprocess NAME or FILE, or put it beside the model as MODEL.preprocess.json");
  const WaitingGuard guard(input.path);
  Image image = readImage(input.path);
  if (wanted_.size() != 3)
    throw Error(ErrorCode::ShapeMismatch, modelPath_, toString(wanted_), "C×H×W for an image",
                "give an .npy array, which may be no picture");
  const PictureLayout size = PictureLayout::of(wanted_, layout_);
  PreparedImage prepared = prepareImage(image, *preprocess_, static_cast<int>(size.channels),
                                        static_cast<int>(size.height), static_cast<int>(size.width));
  const Tensor pixels = relaid(prepared.input, Layout::ChannelsFirst, layout_);
  Shape shape = {static_cast<std::int64_t>(group.members.size()) + 1, wanted_[0], wanted_[1], wanted_[2]};
  makeRoom(group);
  group.input.data.insert(group.input.data.end(), pixels.data.begin(), pixels.data.end());
  group.members.push_back({&input, std::move(prepared.view), {}});
  group.rowCounts.push_back(1);
  group.input.shape = std::move(shape);
}

Shape tensorShape(const std::vector<Input>& inputs) {
  for (const Input& input : inputs) {
    if (!input.tensor || input.failure) continue;
    const WaitingGuard guard(input.path);
    Shape shape = readNpy(input.path).shape;
    if (shape.size() > 1) return Shape(shape.begin() + 1, shape.end());
  }
  return {};
}

// Rows [first, first + count) of the leading axis.
TensorView rowsOf(const Tensor& tensor, std::size_t first, std::size_t count) {
  Shape shape = tensor.shape;
  std::size_t rowSize = tensor.data.size() / static_cast<std::size_t>(std::max<std::int64_t>(1, shape.front()));
  shape.front() = static_cast<std::int64_t>(count);
  return {tensor.data.data() + first * rowSize, shape};
}

}  // namespace relprop::cli
