#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <cmath>
#include <limits>

#include "image/containers.h"
#include "image/npy_header.h"
#include "image/npy_values.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {

namespace {

constexpr std::string_view kMagic{"\x93NUMPY", 6};

[[noreturn]] void fail(const std::string& name, const std::string& got, const std::string& expected) {
  throw Error(ErrorCode::MalformedTensor, name, got, expected);
}

struct Content {
  NpyHeader header;
  ByteSpan data;
};

// Magic, version, the header's length in 2 bytes (version 1) or 4, the header, the data.
Content split(ByteSpan file, const std::string& name) {
  if (!startsWith(file, kMagic)) fail(name, "not a .npy file", "one that begins with \\x93NUMPY");
  const std::uint32_t version = readNumber(file, 6, 2, true).value_or(0) >> 8;
  if (version < 1 || version > 3) fail(name, fmt::format(".npy version {}", version), "version 1, 2 or 3");
  const int lengthBytes = version == 1 ? 2 : 4;
  const auto length = readNumber(file, 8, lengthBytes, false);
  const std::size_t start = 8 + static_cast<std::size_t>(lengthBytes);
  if (!length || *length > file.size() - start) fail(name, "the file ends inside its header", "a whole .npy file");
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + start, *length);
  return {parseNpyHeader(text, name), file.subspan(start + *length)};
}

double halfToDouble(std::uint64_t bits) {
  const int exponent = static_cast<int>(bits >> 10 & 31);
  const auto fraction = static_cast<double>(bits & 1023);
  double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024.0 + fraction, exponent - 25);
  if (exponent == 31) magnitude = fraction == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
  return bits & 0x8000 ? -magnitude : magnitude;
}

struct ElementType {
  std::string_view name;
  std::size_t size;
  double (*value)(std::uint64_t bits);
};

constexpr ElementType kTypes[] = {
    {"f2", 2, halfToDouble},
    {"f4", 4, [](std::uint64_t bits) { return double{std::bit_cast<float>(static_cast<std::uint32_t>(bits))}; }},
    {"f8", 8, [](std::uint64_t bits) { return std::bit_cast<double>(bits); }},
    {"u1", 1, [](std::uint64_t bits) { return static_cast<double>(bits); }},
    {"i4", 4, [](std::uint64_t bits) { return static_cast<double>(static_cast<std::int32_t>(bits)); }},
    {"i8", 8, [](std::uint64_t bits) { return static_cast<double>(static_cast<std::int64_t>(bits)); }},
};

const ElementType& typeOf(const std::string& descr, const std::string& name) {
  const bool ordered = !descr.empty() && (descr[0] == '<' || descr[0] == '>');
  for (const ElementType& type : kTypes)
    if (descr.size() == 3 && descr.substr(1) == type.name && (ordered || (descr[0] == '|' && type.size == 1)))
      return type;
  fail(name, fmt::format("element type \"{}\"", descr), "f2, f4, f8, u1, i4 or i8, little- or big-endian");
}

struct IntegerType {
  std::string_view name;
  std::size_t size;
  std::int64_t (*value)(std::uint64_t bits);
};

template <class T>
std::int64_t asInteger(std::uint64_t bits) {
  return static_cast<std::int64_t>(static_cast<T>(bits));
}

constexpr IntegerType kIntegerTypes[] = {
    {"b1", 1, [](std::uint64_t bits) { return std::int64_t{bits != 0}; }},
    {"i1", 1, asInteger<std::int8_t>},
    {"i2", 2, asInteger<std::int16_t>},
    {"i4", 4, asInteger<std::int32_t>},
    {"i8", 8, asInteger<std::int64_t>},
    {"u1", 1, asInteger<std::uint8_t>},
    {"u2", 2, asInteger<std::uint16_t>},
    {"u4", 4, asInteger<std::uint32_t>},
    {"u8", 8, asInteger<std::uint64_t>},
};

// Null for all other types.
const IntegerType* integerTypeOf(const std::string& descr) {
  for (const IntegerType& type : kIntegerTypes)
    if (descr.size() == 3 && descr.substr(1) == type.name) return &type;
  return nullptr;
}

// The file holds exactly what its shape says; checked before anything is allocated.
std::size_t checkedCount(const Content& content, std::size_t elementSize, const std::string& name) {
  std::int64_t bytes = static_cast<std::int64_t>(elementSize);
  bool overflow = false;
  for (std::int64_t extent : content.header.shape) overflow |= __builtin_mul_overflow(bytes, extent, &bytes);
  if (overflow || static_cast<std::size_t>(bytes) != content.data.size())
    fail(name, fmt::format("{} bytes of data", content.data.size()),
         fmt::format("{} bytes for every value of {}", elementSize, toString(content.header.shape)));
  return content.data.size() / elementSize;
}

std::uint64_t readBits(const std::uint8_t* bytes, std::size_t size, bool bigEndian) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < size; ++i) bits = bits << 8 | bytes[bigEndian ? i : size - 1 - i];
  return bits;
}

// In Fortran order the first index runs fastest; `position` counts in that order over row-major strides.
template <class T>
std::vector<T> toRowMajor(const std::vector<T>& values, const Shape& shape) {
  std::vector<std::size_t> strides(shape.size(), 1), index(shape.size(), 0);
  for (std::size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * static_cast<std::size_t>(shape[d]);
  std::vector<T> result(values.size());
  std::size_t position = 0;
  for (T value : values) {
    result[position] = value;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      position += strides[d];
      if (++index[d] < static_cast<std::size_t>(shape[d])) break;
      position -= strides[d] * index[d];
      index[d] = 0;
    }
  }
  return result;
}

// Into Tensor or NpyValues.
template <class Result>
Result decodeAs(const Bytes& bytes, const std::string& name) {
  const Content content = split(bytes, name);
  const ElementType& type = typeOf(content.header.type, name);
  const std::size_t count = checkedCount(content, type.size, name);
  const bool bigEndian = content.header.type[0] == '>';
  Result result;
  result.shape = content.header.shape;
  result.data.resize(count);
  using Number = typename decltype(result.data)::value_type;
  for (std::size_t i = 0; i < count; ++i)
    result.data[i] =
        static_cast<Number>(type.value(readBits(content.data.data() + i * type.size, type.size, bigEndian)));
  if (content.header.fortranOrder) result.data = toRowMajor(result.data, result.shape);
  return result;
}

}  // namespace

Tensor decodeNpy(const Bytes& bytes, const std::string& name) {
  return decodeAs<Tensor>(bytes, name);
}

NpyValues decodeNpyValues(const Bytes& bytes, const std::string& name) {
  return decodeAs<NpyValues>(bytes, name);
}

TypedArray readTypedNpy(const std::filesystem::path& path) {
  const Bytes bytes = readFile(path);
  const std::string name = path.string();
  const Content content = split(bytes, name);
  TypedArray result;
  if (const IntegerType* type = integerTypeOf(content.header.type)) {
    result.type = type->name == "b1" ? TypedArray::Type::Boolean : TypedArray::Type::Integer;
    const bool bigEndian = content.header.type[0] == '>';
    result.integers.resize(checkedCount(content, type->size, name));
    for (std::size_t i = 0; i < result.integers.size(); ++i)
      result.integers[i] = type->value(readBits(content.data.data() + i * type->size, type->size, bigEndian));
    if (content.header.fortranOrder) result.integers = toRowMajor(result.integers, content.header.shape);
    result.shape = content.header.shape;
    return result;
  }
  Tensor floats = decodeNpy(bytes, name);
  result.shape = std::move(floats.shape), result.floats = std::move(floats.data);
  return result;
}

Tensor readNpy(const std::filesystem::path& path) {
  return decodeNpy(readFile(path), path.string());
}

Bytes npyStart(const std::string& type, const Shape& shape, std::size_t count) {
  if (elementCount(shape) != static_cast<std::int64_t>(count))
    throw Error(ErrorCode::ShapeMismatch, "tensor", fmt::format("{} values", count),
                fmt::format("{} for {}", elementCount(shape), toString(shape)));
  constexpr std::size_t alignment = 64, fixed = 10;
  const std::string comma = shape.size() == 1 ? "," : "";
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", type, fmt::join(shape, ", "), comma);
  header.append(alignment - 1 - (fixed + header.size()) % alignment, ' ');
  header += '\n';
  const std::string length = {static_cast<char>(header.size()), static_cast<char>(header.size() >> 8)};
  const std::string start = std::string(kMagic) + '\1' + '\0' + length + header;
  return {start.begin(), start.end()};
}

Bytes encodeNpy(const Tensor& tensor) {
  Bytes file = npyStart("<f4", tensor.shape, tensor.data.size());
  file.reserve(file.size() + tensor.data.size() * 4);
  for (float value : tensor.data)
    for (int shift = 0; shift < 32; shift += 8)
      file.push_back(static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(value) >> shift));
  return file;
}

}  // namespace relprop
