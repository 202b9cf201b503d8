#include "bow/file.h"

#include <fmt/format.h>

#include <bit>
#include <new>

#include "bow/header.h"
#include "bow/numbers.h"
#include "image/npy_values.h"
#include "image/npz_entries.h"
#include "image/zip_archive.h"

namespace relprop::bow {

namespace {

namespace fs = std::filesystem;

constexpr ZipKind kKind{ErrorCode::MalformedModel, "a whole bag of visual words, as relprop bow train writes it"};
constexpr const char *kHeader = "header.json", *kWords = "words.npy", *kSupports = "supports.npy",
                     *kCoefficients = "coefficients.npy", *kBias = "bias.npy", *kPlatt = "platt.npy";
constexpr std::size_t kMaxHeaderBytes = std::size_t{1} << 23;
constexpr std::size_t kMaxStartBytes = std::size_t{1} << 16;  // of a .npy file, before its data

// ---- reading
[[noreturn]] void failEntry(const ZipEntry& entry, const std::string& got, const std::string& expected) {
  throw Error(kKind.code, entry.where, got, expected);
}

// Bounded before anything is allocated, by what the header has said.
Bytes readBounded(const ZipEntry& entry, std::size_t most) {
  if (entry.size > most) failEntry(entry, fmt::format("{} bytes", entry.size), fmt::format("no more than {}", most));
  return entry.read();
}

std::vector<double> readArray(const ZipEntry& entry, const Shape& shape) {
  const auto most = static_cast<std::size_t>(elementCount(shape)) * sizeof(double) + kMaxStartBytes;
  NpyValues values;
  try {
    values = decodeNpyValues(readBounded(entry, most), entry.where);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::MalformedTensor) throw;
    throw Error(kKind.code, error.where(), error.got(), error.expected());
  }
  if (values.shape != shape) failEntry(entry, toString(values.shape), toString(shape) + " by the header");
  checkNumbers(values.data, entry.where);
  return std::move(values.data);
}

// The entries of an archive in their order: the header says what is expected of the others.
class Reader {
 public:
  void take(const ZipEntry& entry) {
    if (!bag_) return takeHeader(entry);
    const auto& [words, length, supports, dimensions, classes] = sizes_;
    Machine& machine = bag_->machine;
    if (entry.name == kWords)
      takeWords(readArray(entry, {words, length}));
    else if (entry.name == kSupports)
      machine.histograms = readHistograms(entry, {supports, dimensions});
    else if (entry.name == kCoefficients)
      takeCoefficients(readArray(entry, {classes, supports}));
    else if (entry.name == kBias)
      machine.bias = readArray(entry, {classes});
    else if (entry.name == kPlatt)
      takePlatt(readArray(entry, {classes, 2}));
    else
      failEntry(entry, "an entry that no bag has", kKind.expected);
  }
  std::shared_ptr<const Bag> finish(const std::string& name) {
    if (!bag_) throw Error(kKind.code, name, "an archive without entries", kKind.expected);
    const Machine& machine = bag_->machine;
    for (const auto& [entry, there] : {std::pair{kWords, !bag_->vocabulary.centres.empty()},
                                       {kSupports, !machine.histograms.empty()},
                                       {kCoefficients, !machine.coefficients.empty()},
                                       {kBias, !machine.bias.empty()},
                                       {kPlatt, !machine.platt.empty()}})
      if (!there) throw Error(kKind.code, name, fmt::format("no entry '{}'", entry), kKind.expected);
    return bag_;
  }

 private:
  void takeHeader(const ZipEntry& entry) {
    if (entry.name != kHeader)
      failEntry(entry, "the archive's first entry", fmt::format("'{}', as a bag of visual words has it", kHeader));
    const Bytes text = readBounded(entry, kMaxHeaderBytes);
    Header header = parseHeader({text.begin(), text.end()}, entry.where);
    bag_ = std::make_shared<Bag>(std::move(header.bag));
    sizes_ = header.sizes;
    bag_->vocabulary.length = sizes_.length;
    bag_->machine.dimensions = sizes_.dimensions;
  }
  void takeWords(const std::vector<double>& values) { bag_->vocabulary.centres.assign(values.begin(), values.end()); }
  static std::vector<double> readHistograms(const ZipEntry& entry, const Shape& shape) {
    std::vector<double> values = readArray(entry, shape);
    for (const double value : values)
      if (value < 0) failEntry(entry, fmt::format("the number {}", value), "numbers from 0 on");
    return values;
  }
  void takeCoefficients(const std::vector<double>& values) {
    const auto supports = static_cast<std::ptrdiff_t>(sizes_.supports);
    for (auto row = values.begin(); row != values.end(); row += supports)
      bag_->machine.coefficients.emplace_back(row, row + supports);
  }
  void takePlatt(const std::vector<double>& values) {
    for (std::size_t k = 0; k < values.size(); k += 2) bag_->machine.platt.push_back({values[k], values[k + 1]});
  }

  std::shared_ptr<Bag> bag_;
  ArraySizes sizes_;
};

template <class Visit>
std::shared_ptr<const Bag> readWith(const std::string& name, const Visit& visit) {
  Reader reader;
  try {
    visit([&](const ZipEntry& entry) { reader.take(entry); });
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfMemory, name, "no memory for the bag's arrays");
  }
  return reader.finish(name);
}

// ---- writing
template <class T>
ZipPart part(const char* name, const Shape& shape, const std::vector<T>& values) {
  const NpyEntry entry = npyEntry(shape, std::span<const T>(values));
  return {name, entry.start, entry.data};
}

ZipPart textPart(const char* name, const std::string& text) {
  return {name, Bytes(text.begin(), text.end()), {}};
}

}  // namespace

bool looksLikeBag(std::span<const std::byte> start) {
  constexpr std::byte magic[] = {std::byte{'P'}, std::byte{'K'}, std::byte{3}, std::byte{4}};
  return start.size() >= std::size(magic) && std::equal(std::begin(magic), std::end(magic), start.begin());
}

std::shared_ptr<const Bag> readBag(const fs::path& path) {
  return readWith(path.string(), [&](const ZipVisitor& take) { visitZip(path, kKind, take); });
}

std::shared_ptr<const Bag> readBag(std::span<const std::byte> bytes, const std::string& name) {
  const ByteSpan raw(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return readWith(name, [&](const ZipVisitor& take) { visitZip(raw, name, kKind, take); });
}

void writeBag(const fs::path& path, const Bag& bag) {
  const auto [words, length, supports, dimensions, classes] = arraySizes(bag);
  const Machine& machine = bag.machine;
  std::vector<double> coefficients, platt;
  for (const std::vector<double>& row : machine.coefficients)
    coefficients.insert(coefficients.end(), row.begin(), row.end());
  for (const auto& [a, b] : machine.platt) platt.insert(platt.end(), {a, b});
  writeZip(path, {textPart(kHeader, headerText(bag)), part(kWords, {words, length}, bag.vocabulary.centres),
                  part(kSupports, {supports, dimensions}, machine.histograms),
                  part(kCoefficients, {classes, supports}, coefficients), part(kBias, {classes}, machine.bias),
                  part(kPlatt, {classes, 2}, platt)});
}

}  // namespace relprop::bow
