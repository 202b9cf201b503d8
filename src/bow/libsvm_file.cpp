#include "bow/libsvm_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "core/limits.h"
#include "relprop/error.h"

namespace relprop::bow {

namespace {

// Of all vectors: however short its line, each takes a number for every dimension.
constexpr std::int64_t kMostVectorBytes = std::int64_t{1} << 30, kVectorBytesOfAnyFile = std::int64_t{64} << 20,
                       kVectorBytesPerByte = 100;

struct SvmLine {
  std::string where;
  std::vector<std::string_view> fields;
};

[[noreturn]] void malformedSvm(const std::string& where, const std::string& got, const std::string& expected) {
  throw Error(ErrorCode::MalformedModel, where, got, expected);
}

std::string inQuotes(std::string_view text) {
  return text.size() <= 40 ? fmt::format("'{}'", text) : fmt::format("'{}…'", text.substr(0, 40));
}

std::vector<std::string_view> fieldsIn(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r";
  std::vector<std::string_view> fields;
  for (std::size_t at = line.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(kSpace, at), line.size());
    fields.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kSpace, end);
  }
  return fields;
}

// Lines that are not empty, one at a time, so that a file is never in memory twice.
class SvmLines {
 public:
  SvmLines(std::string_view text, const std::string& name) : rest_(text), name_(name) {}
  std::optional<SvmLine> next() {
    while (!rest_.empty()) {
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      SvmLine line{fmt::format("{}, line {}", name_, ++number_), fieldsIn(rest_.substr(0, end))};
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      if (!line.fields.empty()) return line;
    }
    return {};
  }

 private:
  std::string_view rest_;
  const std::string& name_;
  std::int64_t number_ = 0;
};

template <class Number>
Number numberIn(const std::string& where, std::string_view text, const std::string& expected) {
  Number value{};
  const std::string_view digits = !text.empty() && text.front() == '+' ? text.substr(1) : text;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failed != std::errc() || end != digits.data() + digits.size()) malformedSvm(where, inQuotes(text), expected);
  return value;
}

double realIn(const std::string& where, std::string_view text) {
  const auto value = numberIn<double>(where, text, "a number");
  if (!std::isfinite(value)) throw Error(ErrorCode::NonFiniteWeights, where, inQuotes(text), "a finite number");
  return value;
}

std::int64_t wholeIn(const std::string& where, std::string_view text, std::int64_t low) {
  const std::string expected = fmt::format("a whole number from {} on", low);
  const auto value = numberIn<std::int64_t>(where, text, expected);
  if (value < low) malformedSvm(where, inQuotes(text), expected);
  return value;
}

// The lines above the support vectors, by their first word.
class SvmHeader {
 public:
  SvmHeader(SvmLines& lines, std::string name) : name_(std::move(name)) {
    for (;;) {
      const std::optional<SvmLine> line = lines.next();
      if (!line) malformedSvm(name_, "the end of the file", "a line 'SV'");
      const std::string key(line->fields[0]);
      if (key == "SV") return;
      if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end())
        malformedSvm(line->where, inQuotes(key), "a line of a LIBSVM model, such as 'svm_type c_svc'");
      if (!lines_.emplace(key, *line).second) malformedSvm(line->where, "another line '" + key + "'", "one");
    }
  }

  // Its place, its key and `count` values.
  const SvmLine& line(const std::string& key, std::size_t count) const {
    const auto found = lines_.find(key);
    if (found == lines_.end()) malformedSvm(name_, "no line '" + key + "'", "one above 'SV'");
    if (found->second.fields.size() != count + 1)
      malformedSvm(found->second.where, fmt::format("{} values", found->second.fields.size() - 1),
                   fmt::format("{} after '{}'", count, key));
    return found->second;
  }
  double real(const std::string& key) const {
    const SvmLine& at = line(key, 1);
    return realIn(at.where, at.fields[1]);
  }
  std::int64_t whole(const std::string& key, std::int64_t low) const {
    const SvmLine& at = line(key, 1);
    return wholeIn(at.where, at.fields[1], low);
  }
  bool has(const std::string& key) const { return lines_.count(key) != 0; }

 private:
  static constexpr std::array<std::string_view, 12> kKeys{"svm_type", "kernel_type", "degree",   "gamma",
                                                          "coef0",    "nr_class",    "total_sv", "rho",
                                                          "label",    "probA",       "probB",    "nr_sv"};
  std::string name_;
  std::map<std::string, SvmLine> lines_;
};

void checkSvmType(const SvmHeader& header) {
  const SvmLine& type = header.line("svm_type", 1);
  if (type.fields[1] != "c_svc")
    throw Error(ErrorCode::UnsupportedModel, type.where, "svm_type " + inQuotes(type.fields[1]), "c_svc");
  const std::int64_t classes = header.whole("nr_class", 2);
  if (classes != 2)
    throw Error(ErrorCode::UnsupportedModel, header.line("nr_class", 1).where,
                fmt::format("{} classes, each trained against each other one", classes),
                "2: a score of a class is that of a machine of it against the rest",
                "train one model a class, with its pictures as 1 and all others as -1");
}

std::vector<KernelTerm> kernelsOf(const SvmHeader& header, const std::optional<PrecomputedFrom>& from) {
  const SvmLine& line = header.line("kernel_type", 1);
  const std::string_view type = line.fields[1];
  if (type == "linear") return {{KernelKind::Linear, 1, 1}};
  if (type == "rbf") {
    const double gamma = header.real("gamma");
    if (gamma < 0) malformedSvm(header.line("gamma", 1).where, fmt::format("{}", gamma), "0 or more");
    return {{KernelKind::Rbf, gamma, 1}};
  }
  if (type != "precomputed")
    throw Error(ErrorCode::UnsupportedModel, line.where, "kernel_type " + inQuotes(type), "linear, rbf or precomputed");
  if (!from)
    throw Error(ErrorCode::UnsupportedModel, line.where,
                "kernel_type precomputed, with pictures by their numbers alone",
                "the histograms of the training pictures as well", "give them as .npy, and the kernel");
  return from->kernels;
}

void checkFrom(const PrecomputedFrom& from, std::int64_t dimensions) {
  if (from.kernels.empty()) throw Error(ErrorCode::InvalidArgument, "kernel", "none", "the one that was precomputed");
  if (from.histograms.size() % static_cast<std::size_t>(dimensions) != 0)
    throw Error(ErrorCode::ShapeMismatch, "training histograms", fmt::format("{} values", from.histograms.size()),
                fmt::format("a multiple of {} dimensions", dimensions));
  for (const double value : from.histograms) {
    if (!std::isfinite(value)) throw Error(ErrorCode::NonFiniteWeights, "training histograms", "NaN or infinity");
    if (value < 0)
      throw Error(ErrorCode::UnsupportedModel, "training histograms", fmt::format("{}", value), "0 or more");
  }
}

struct SvmNode {
  std::int64_t index = 0;
  std::string_view value;
};
SvmNode nodeIn(const SvmLine& line, std::size_t field) {
  const std::string_view text = line.fields[field];
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) malformedSvm(line.where, inQuotes(text), "INDEX:VALUE");
  return {wholeIn(line.where, text.substr(0, colon), 0), text.substr(colon + 1)};
}

// "3:0.5 7:0.25", numbers from 1 on and growing; into a row of zeros.
void readSparse(const SvmLine& line, std::span<double> row) {
  std::int64_t last = 0;
  for (std::size_t field = 1; field < line.fields.size(); ++field) {
    const SvmNode node = nodeIn(line, field);
    if (node.index <= last)
      malformedSvm(line.where, inQuotes(line.fields[field]), fmt::format("an index greater than {}", last));
    if (node.index > static_cast<std::int64_t>(row.size()))
      throw Error(ErrorCode::ShapeMismatch, line.where, fmt::format("dimension {}", node.index),
                  fmt::format("at most {}, as histograms have", row.size()));
    const double value = realIn(line.where, node.value);
    if (value < 0)
      throw Error(ErrorCode::UnsupportedModel, line.where, inQuotes(line.fields[field]), "values of 0 or more",
                  "train on histograms as they are, not scaled");
    row[static_cast<std::size_t>(node.index - 1)] = value;
    last = node.index;
  }
}

// "0:17", the number of a training picture.
void readPrecomputed(const SvmLine& line, const PrecomputedFrom& from, std::span<double> row) {
  const SvmNode node = line.fields.size() == 2 ? nodeIn(line, 1) : SvmNode{1, {}};
  if (node.index != 0) malformedSvm(line.where, fmt::format("{} fields", line.fields.size()), "COEFFICIENT 0:NUMBER");
  const std::int64_t picture = wholeIn(line.where, node.value, 1);
  const auto pictures = static_cast<std::int64_t>(from.histograms.size() / row.size());
  if (picture > pictures)
    throw Error(ErrorCode::ShapeMismatch, line.where, fmt::format("picture {}", picture),
                fmt::format("at most {}, as there are training histograms", pictures));
  const auto start = from.histograms.begin() + (picture - 1) * static_cast<std::int64_t>(row.size());
  std::copy(start, start + static_cast<std::int64_t>(row.size()), row.begin());
}

// Pictures given by number come out of another file, whose bytes count as well.
void requireRoom(std::int64_t count, std::int64_t dimensions, std::size_t fileBytes,
                 const std::optional<PrecomputedFrom>& from, const std::string& name) {
  const std::size_t given = from ? from->histograms.size() * sizeof(double) : 0;
  const std::int64_t ofFile =
      limits::withBytes(kVectorBytesOfAnyFile + static_cast<std::int64_t>(given), kVectorBytesPerByte, fileBytes);
  const std::int64_t most = std::min(kMostVectorBytes, ofFile);
  if (count > most / static_cast<std::int64_t>(sizeof(double)) / dimensions)
    throw Error(ErrorCode::OutOfMemory, name, fmt::format("{} vectors of {} dimensions", count, dimensions),
                fmt::format("at most {} bytes of them in a file of {} bytes", most, fileBytes));
}

// Coefficients of the first class and the vectors, of which there is room for `count`.
std::vector<double> readVectors(SvmLines& lines, const std::string& name, std::int64_t count, bool byNumber,
                                const std::optional<PrecomputedFrom>& from, Machine& machine) {
  machine.histograms.reserve(static_cast<std::size_t>(count * machine.dimensions));  // growing would take it twice
  std::vector<double> coefficients;
  while (const std::optional<SvmLine> line = lines.next()) {
    if (static_cast<std::int64_t>(coefficients.size()) == count)
      malformedSvm(line->where, "another vector", fmt::format("{}, as total_sv says", count));
    coefficients.push_back(realIn(line->where, line->fields[0]));
    machine.histograms.resize(machine.histograms.size() + static_cast<std::size_t>(machine.dimensions), 0.0);
    const auto row = std::span(machine.histograms).last(static_cast<std::size_t>(machine.dimensions));
    if (byNumber)
      readPrecomputed(*line, *from, row);
    else
      readSparse(*line, row);
  }
  if (static_cast<std::int64_t>(coefficients.size()) != count)
    malformedSvm(name, fmt::format("{} vectors", coefficients.size()), fmt::format("{}, as total_sv says", count));
  return coefficients;
}

std::vector<std::string> labelsOf(const SvmHeader& header) {
  const SvmLine& line = header.line("label", 2);
  std::vector<std::int64_t> numbers;
  for (std::size_t field = 1; field < 3; ++field)
    numbers.push_back(numberIn<std::int64_t>(line.where, line.fields[field], "a whole number"));
  if (numbers[0] == numbers[1]) malformedSvm(line.where, fmt::format("{} twice", numbers[0]), "two labels");
  return {std::to_string(numbers[0]), std::to_string(numbers[1])};
}

std::array<double, 2> sigmoidOf(const SvmHeader& header) {
  if (!header.has("probA") && !header.has("probB")) return {-1, 0};
  return {header.real("probA"), header.real("probB")};
}

void checkCounts(const SvmHeader& header, std::int64_t total) {
  if (!header.has("nr_sv")) return;
  const SvmLine& line = header.line("nr_sv", 2);
  const std::int64_t first = wholeIn(line.where, line.fields[1], 0), second = wholeIn(line.where, line.fields[2], 0);
  if (first > total || second != total - first)
    malformedSvm(line.where, fmt::format("{} and {}", first, second),
                 fmt::format("a sum of {}, as total_sv says", total));
}

}  // namespace

LibsvmModel readLibsvm(std::string_view text, const std::string& name, std::int64_t dimensions,
                       const std::optional<PrecomputedFrom>& from) {
  if (dimensions < 1) throw Error(ErrorCode::InvalidArgument, "dimensions", std::to_string(dimensions), "1 or more");
  if (from) checkFrom(*from, dimensions);
  SvmLines lines(text, name);
  const SvmHeader header(lines, name);
  checkSvmType(header);
  LibsvmModel model{{}, labelsOf(header), header.line("kernel_type", 1).fields[1] == "precomputed"};
  Machine& machine = model.machine;
  machine.kernels = kernelsOf(header, from);
  machine.dimensions = dimensions;
  const double rho = header.real("rho");
  const auto [a, b] = sigmoidOf(header);
  const std::int64_t total = header.whole("total_sv", 1);
  checkCounts(header, total);
  requireRoom(total, dimensions, text.size(), from, name);
  std::vector<double> coefficients = readVectors(lines, name, total, model.precomputed, from, machine);
  std::vector<double> negative;
  for (const double c : coefficients) negative.push_back(-c);
  machine.coefficients = {std::move(coefficients), std::move(negative)};
  machine.bias = {-rho, rho};
  machine.platt = {{a, b}, {a, -b}};
  return model;
}

}  // namespace relprop::bow
