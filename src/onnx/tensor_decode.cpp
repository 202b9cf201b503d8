#include "onnx/tensor_decode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <type_traits>
#include <utility>

#include "graph/shape_inference.h"
#include "onnx/failure.h"
#include "onnx/pages.h"
#include "relprop/error.h"
#include "system/memory_bound.h"

namespace relprop::onnx_import {

namespace {

// TensorProto.DataType
enum Type {
  kFloat = 1,
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kInt32,
  kInt64,
  kString,
  kBool,
  kHalf,
  kDouble,
  kUint32,
  kUint64,
  kComplex64,
  kComplex128,
  kBfloat16,
  kUint4 = 21,
  kInt4
};

struct TypeRow {
  const char* name;
  DType dtype;
  IntegerKind integers = {};
};

// By TensorProto.DataType.
constexpr TypeRow kTypes[] = {{"undefined", DType::Other},
                              {"float", DType::Float},
                              {"uint8", DType::Int64, {8, false}},
                              {"int8", DType::Int64, {8, true}},
                              {"uint16", DType::Int64, {16, false}},
                              {"int16", DType::Int64, {16, true}},
                              {"int32", DType::Int64, {32, true}},
                              {"int64", DType::Int64},
                              {"string", DType::Other},
                              {"bool", DType::Bool},
                              {"float16", DType::Float},
                              {"double", DType::Float},
                              {"uint32", DType::Int64, {32, false}},
                              {"uint64", DType::Int64, {64, false}},
                              {"complex64", DType::Other},
                              {"complex128", DType::Other},
                              {"bfloat16", DType::Float},
                              {"float8e4m3fn", DType::Other},
                              {"float8e4m3fnuz", DType::Other},
                              {"float8e5m2", DType::Other},
                              {"float8e5m2fnuz", DType::Other},
                              {"uint4", DType::Int64, {4, false}},
                              {"int4", DType::Int64, {4, true}},
                              {"float4e2m1", DType::Other}};

const TypeRow* findType(std::int64_t type) {
  return type >= 0 && type < std::ssize(kTypes) ? &kTypes[type] : nullptr;
}

static_assert(std::endian::native == std::endian::little, "raw tensor data is little-endian");

struct Half {
  std::uint16_t bits;
};
struct Bfloat {
  std::uint16_t bits;
};
struct Truth {
  std::uint8_t byte;  // any but 0 is true
};

float toFloat(float v) {
  return v;
}
float toFloat(double v) {
  return static_cast<float>(v);
}
float toFloat(Bfloat v) {
  return std::bit_cast<float>(std::uint32_t{v.bits} << 16);
}

float toFloat(Half v) {
  std::uint32_t sign = (v.bits & 0x8000u) << 16, rest = v.bits & 0x7fffu;
  if (rest >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  // The bits of a half, shifted into a float, are 2^112 too small; this also makes the small ones (denormals) right.
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest << 13) * 0x1p112f) | sign);
}

template <class T>
std::int64_t toInt(T v) {
  return static_cast<std::int64_t>(v);
}
template <>
std::int64_t toInt(Truth v) {
  return v.byte != 0 ? 1 : 0;
}

template <class T>
constexpr bool kIsHalf = std::is_same_v<T, Half> || std::is_same_v<T, Bfloat>;

// Whether a number that stands in a wider field is one of type T. Bit patterns come with a sign and without.
template <class T, class Wide>
bool fits(Wide v) {
  if constexpr (kIsHalf<T>)
    return std::in_range<std::int16_t>(v) || std::in_range<std::uint16_t>(v);
  else if constexpr (std::is_integral_v<T>)
    return std::in_range<T>(v);
  else
    return true;
}

// Integers are kept in 64 bits with a sign.
void requireSignedRange(const std::vector<std::int64_t>& values, const std::string& where) {
  const auto beyond = std::find_if(values.begin(), values.end(), [](std::int64_t v) { return v < 0; });
  if (beyond == values.end()) return;
  unsupported(where, "holds " + std::to_string(static_cast<std::uint64_t>(*beyond)), "integers below 2^63");
}

std::size_t checkedCount(const RawTensor& tensor, const std::string& where) {
  requireRank(tensor.dims, where);
  std::int64_t count = 1;
  for (std::int64_t extent : tensor.dims)
    if (extent < 0 || __builtin_mul_overflow(count, std::max<std::int64_t>(1, extent), &count))
      malformed(where, "its shape is " + toString(tensor.dims), "extents ≥ 0 whose product fits into 63 bits");
  const bool empty = std::find(tensor.dims.begin(), tensor.dims.end(), 0) != tensor.dims.end();
  // Nothing in the file stands for the other extents of what is empty.
  if (empty && count > kMaxElements)
    malformed(where, "its shape is " + toString(tensor.dims), "extents of 2^31 at most");
  return empty ? 0 : static_cast<std::size_t>(count);
}

void requireSize(std::size_t have, std::size_t count, std::size_t size, const RawTensor& tensor,
                 const std::string& where) {
  if (have % size == 0 && have / size == count) return;
  malformed(where, "holds " + std::to_string(have) + " bytes",
            std::to_string(count) + " × " + std::to_string(size) + " bytes for " + toString(tensor.dims));
}

// Branch-free so that it runs at the speed of memory.
bool allFinite(const float* values, std::size_t count) {
  std::uint32_t bad = 0;
  for (std::size_t i = 0; i < count; ++i)
    bad |= (std::bit_cast<std::uint32_t>(values[i]) & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
  return bad == 0;
}

bool allFinite(const std::int64_t*, std::size_t) {
  return true;
}

// Elements stored as T in raw bytes that need not be aligned. By blocks that stay in a cache, so that the bytes are
// read once and the result is written once.
template <class T, class Out, class Convert>
void appendConverted(std::span<const std::uint8_t> bytes, Convert convert, std::vector<Out>& values, bool& finite) {
  std::array<T, 1024> stored;
  std::array<Out, 1024> block;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(sizeof(stored), bytes.size()))) {
    const std::size_t size = std::min(sizeof(stored), bytes.size()) / sizeof(T);
    std::memcpy(stored.data(), bytes.data(), size * sizeof(T));
    std::transform(stored.data(), stored.data() + size, block.data(), convert);
    finite = finite && allFinite(block.data(), size);
    values.insert(values.end(), block.data(), block.data() + size);
  }
}

// Elements that are stored as they are wanted, where they are aligned too.
void appendAsTheyAre(std::span<const std::uint8_t> bytes, std::vector<float>& values, bool& finite) {
  constexpr std::size_t kBlock = std::size_t{1} << 16;
  const std::span<const float> stored(reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float));
  for (std::size_t first = 0; first < stored.size(); first += kBlock) {
    const auto block = stored.subspan(first, std::min(kBlock, stored.size() - first));
    values.insert(values.end(), block.begin(), block.end());
    finite = finite && allFinite(block.data(), block.size());
  }
}

template <class T, class Out, class Convert>
std::vector<Out> fromRaw(std::span<const std::uint8_t> bytes, Convert convert, bool& finite) {
  std::vector<Out> values;
  values.reserve(bytes.size() / sizeof(T));
  handOutPages(values.data(), bytes.size() / sizeof(T) * sizeof(Out));
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Out, float>)
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(float) == 0) {
      appendAsTheyAre(bytes, values, finite);
      return values;
    }
  appendConverted<T>(bytes, convert, values, finite);
  return values;
}

// One tensor on its way from any of the places that ONNX keeps elements in.
class Decoder {
 public:
  Decoder(const RawTensor& tensor, ExternalData& external, const std::string& where)
      : tensor_(tensor), external_(external), where_(where), count_(checkedCount(tensor, where)) {}

  // T: the element type in raw bytes; `typed`: the field for it, whose elements are wider than T for the short types.
  template <class T, class Wide>
  std::vector<float> floats(std::span<const Wide> typed) {
    return read<T, float>(typed, [](T v) { return toFloat(v); });
  }
  template <class T, class Wide>
  std::vector<std::int64_t> ints(std::span<const Wide> typed) {
    return read<T, std::int64_t>(typed, toInt<T>);
  }
  // Two a byte, the first in the lower half; the typed field holds a byte an element.
  std::vector<std::int64_t> nibbles(std::span<const std::int32_t> typed, bool isSigned) {
    const std::size_t bytes = (count_ + 1) / 2;
    const bool raw = tensor_.external.used || tensor_.hasRaw;
    const auto stored = tensor_.external.used ? external_.bytes(tensor_.external, where_) : tensor_.raw;
    requireSize(raw ? stored.size() : typed.size(), bytes, 1, tensor_, where_);
    if (!raw) requireRange(typed, [](std::int32_t v) { return fits<std::int8_t>(v) || fits<std::uint8_t>(v); });
    std::vector<std::int64_t> values(count_);
    for (std::size_t i = 0; i < count_; ++i) {
      const auto pair = static_cast<std::uint32_t>(raw ? stored[i / 2] : typed[i / 2]);
      const std::int64_t v = (i % 2 ? pair >> 4 : pair) & 0xfu;
      values[i] = isSigned && v > 7 ? v - 16 : v;
    }
    return values;
  }
  bool finite() const { return finite_; }  // all that was decoded

 private:
  template <class T, class Out, class Wide, class Convert>
  std::vector<Out> read(std::span<const Wide> typed, Convert convert) {
    if (tensor_.external.used || tensor_.hasRaw) {
      auto bytes = tensor_.external.used ? external_.bytes(tensor_.external, where_) : tensor_.raw;
      requireSize(bytes.size(), count_, sizeof(T), tensor_, where_);
      requireMemory(static_cast<std::int64_t>(count_ * sizeof(Out)), where_);
      return fromRaw<T, Out>(bytes, convert, finite_);
    }
    requireSize(typed.size() * sizeof(T), count_, sizeof(T), tensor_, where_);
    requireRange(typed, fits<T, Wide>);
    requireMemory(static_cast<std::int64_t>(count_ * sizeof(Out)), where_);
    std::vector<Out> values(count_);
    std::transform(typed.begin(), typed.end(), values.begin(), [&](Wide v) { return convert(narrow<T>(v)); });
    finite_ = allFinite(values.data(), values.size());
    return values;
  }

  template <class Wide, class Fits>
  void requireRange(std::span<const Wide> typed, Fits fitsType) const {
    const auto beyond = std::find_if_not(typed.begin(), typed.end(), fitsType);
    if (beyond == typed.end()) return;
    malformed(where_, "holds " + std::to_string(*beyond) + " at index " + std::to_string(beyond - typed.begin()),
              "numbers of type " + onnxTypeName(tensor_.type));
  }

  // Halves are kept as bit patterns in an integer field.
  template <class T, class Wide>
  static T narrow(Wide v) {
    if constexpr (kIsHalf<T>)
      return T{static_cast<std::uint16_t>(v)};
    else if constexpr (std::is_same_v<T, Truth>)
      return T{v != 0};
    else
      return static_cast<T>(v);
  }

  const RawTensor& tensor_;
  ExternalData& external_;
  const std::string& where_;
  std::size_t count_;
  bool finite_ = true;
};

std::vector<float> decodeFloats(const RawTensor& t, Decoder& decoder) {
  switch (t.type) {
    case kHalf:
      return decoder.floats<Half>(t.ints32);
    case kBfloat16:
      return decoder.floats<Bfloat>(t.ints32);
    case kDouble:
      return decoder.floats<double>(t.doubles);
    default:
      return decoder.floats<float>(t.floats);
  }
}

std::vector<std::int64_t> decodeInts(const RawTensor& t, Decoder& decoder) {
  switch (t.type) {
    case kUint8:
      return decoder.ints<std::uint8_t>(t.ints32);
    case kInt8:
      return decoder.ints<std::int8_t>(t.ints32);
    case kUint16:
      return decoder.ints<std::uint16_t>(t.ints32);
    case kInt16:
      return decoder.ints<std::int16_t>(t.ints32);
    case kInt32:
      return decoder.ints<std::int32_t>(t.ints32);
    case kBool:
      return decoder.ints<Truth>(t.ints32);
    case kUint32:
      return decoder.ints<std::uint32_t>(t.uints64);
    case kUint64:
      return decoder.ints<std::uint64_t>(t.uints64);
    case kUint4:
      return decoder.nibbles(t.ints32, false);
    case kInt4:
      return decoder.nibbles(t.ints32, true);
    default:
      return decoder.ints<std::int64_t>(t.ints64);
  }
}

}  // namespace

void requireRank(const Shape& shape, const std::string& where) {
  if (shape.size() > kMaxRank)
    unsupported(where, "has " + std::to_string(shape.size()) + " axes", std::to_string(kMaxRank) + " at most");
}

DType dtypeOf(std::int64_t onnxType) {
  const TypeRow* row = findType(onnxType);
  return row ? row->dtype : DType::Other;
}

IntegerKind integersOf(std::int64_t onnxType) {
  const TypeRow* row = findType(onnxType);
  return row ? row->integers : IntegerKind{};
}

std::int64_t onnxTypeOf(IntegerKind integers) {
  const auto row = std::find_if(std::begin(kTypes), std::end(kTypes),
                                [&](const TypeRow& r) { return r.dtype == DType::Int64 && r.integers == integers; });
  return row == std::end(kTypes) ? std::int64_t{kInt64} : row - std::begin(kTypes);
}

std::string onnxTypeName(std::int64_t onnxType) {
  const TypeRow* row = findType(onnxType);
  return row ? row->name : "type " + std::to_string(onnxType);
}

void requireFinite(const std::vector<float>& values, const std::string& where, Finite finite) {
  if (allFinite(values.data(), values.size())) return;
  auto bad = [&](float v) { return finite == Finite::Required ? !std::isfinite(v) : std::isnan(v); };
  auto at = std::find_if(values.begin(), values.end(), bad);
  if (at == values.end()) return;
  throw Error(ErrorCode::NonFiniteWeights, where,
              std::string(std::isnan(*at) ? "NaN" : "infinity") + " at index " + std::to_string(at - values.begin()),
              "finite numbers");
}

Constant decodeTensor(const RawTensor& tensor, ExternalData& external, const std::string& where, Finite finite) {
  DType dtype = dtypeOf(tensor.type);
  if (tensor.type == 0) malformed(where, "has no element type");
  if (dtype == DType::Other)
    unsupported(where, "elements are " + onnxTypeName(tensor.type), "numbers of a common type");
  if (tensor.segmented) unsupported(where, "is stored in segments");
  Constant constant{dtype, tensor.dims, nullptr, nullptr};
  Decoder decoder(tensor, external, where);
  if (dtype != DType::Float) {
    constant.ints = std::make_shared<const std::vector<std::int64_t>>(decodeInts(tensor, decoder));
    if (tensor.type == kUint64) requireSignedRange(*constant.ints, where);
    return constant;
  }
  auto values = std::make_shared<const std::vector<float>>(decodeFloats(tensor, decoder));
  if (!decoder.finite()) requireFinite(*values, where, finite);
  constant.floats = std::move(values);
  return constant;
}

}  // namespace relprop::onnx_import
