#include "onnx/skeleton.h"

#include <array>
#include <deque>

#include "onnx/wire_reader.h"

namespace relprop::onnx_import {

namespace {

using Bytes = std::span<const std::uint8_t>;

// Tags: the number of a field and 2, the wire type of what has a length.
constexpr std::uint64_t kGraphOfModel = 7 << 3 | 2, kInitialiserOfGraph = 5 << 3 | 2, kRawDataOfTensor = 9 << 3 | 2;

// A message put together from parts of another one.
struct Pieces {
  std::vector<Bytes> list;
  std::size_t size = 0;

  void add(Bytes piece) {
    if (!list.empty() && list.back().data() + list.back().size() == piece.data())
      list.back() = {list.back().data(), list.back().size() + piece.size()};
    else
      list.push_back(piece);
    size += piece.size();
  }
  void add(const Pieces& message) {
    for (Bytes piece : message.list) add(piece);
  }
};

// Goes down to the raw data of initialisers; everything else is passed on as it is. Repeated fields of one message
// are appended to one another by protobuf, so the n-th initialiser that is met is the n-th of the parsed graph.
class Stripper {
 public:
  Pieces model(Bytes bytes) {
    return rewritten(bytes, kGraphOfModel,
                     [this](Bytes graph, Pieces& out) { add(kGraphOfModel, stripped(graph), out); });
  }
  bool failed() const { return failed_; }
  std::vector<std::optional<Bytes>> raw;

 private:
  Pieces stripped(Bytes graph) {
    return rewritten(graph, kInitialiserOfGraph, [this](Bytes tensor, Pieces& out) {
      raw.emplace_back();
      add(kInitialiserOfGraph, emptied(tensor), out);
    });
  }

  // A field that is there twice counts with its last value. That it is there at all stays visible.
  Pieces emptied(Bytes tensor) {
    std::optional<Bytes>& data = raw.back();
    Pieces result = rewritten(tensor, kRawDataOfTensor, [&](Bytes body, Pieces&) { data = body; });
    if (data) add(kRawDataOfTensor, Pieces(), result);
    return result;
  }

  template <class Replace>
  Pieces rewritten(Bytes message, std::uint64_t wanted, Replace replace) {
    Pieces result;
    WireReader reader(message);
    while (!reader.empty() && !failed_) {
      const std::uint8_t* start = reader.position();
      const std::uint64_t tag = reader.varint(), wireType = tag & 7;
      const Bytes body = reader.payload(wireType);
      failed_ = reader.failed() || wireType == 3 || wireType == 4;
      if (tag == wanted)
        replace(body, result);
      else
        result.add({start, reader.position()});
    }
    return result;
  }

  void add(std::uint64_t tag, const Pieces& message, Pieces& out) {
    auto& [header, length] = headers_.emplace_back();
    for (std::uint64_t number : {tag, std::uint64_t{message.size}}) {
      for (; number >= 0x80; number >>= 7) header[length++] = static_cast<std::uint8_t>(number | 0x80);
      header[length++] = static_cast<std::uint8_t>(number);
    }
    out.add({header.data(), length});
    out.add(message);
  }

  struct Header {
    std::array<std::uint8_t, 20> bytes;  // two varints
    std::size_t length = 0;
  };
  std::deque<Header> headers_;  // pieces point into it
  bool failed_ = false;
};

}  // namespace

std::optional<Skeleton> withoutWeights(Bytes model) {
  Stripper stripper;
  const Pieces pieces = stripper.model(model);
  if (stripper.failed() || pieces.size > model.size() / 2) return std::nullopt;
  Skeleton skeleton;
  skeleton.bytes.reserve(pieces.size);
  for (Bytes piece : pieces.list) skeleton.bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  skeleton.raw = std::move(stripper.raw);
  return skeleton;
}

}  // namespace relprop::onnx_import
