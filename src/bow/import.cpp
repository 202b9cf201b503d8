// Bags of what was trained elsewhere.
#include <fmt/format.h>

#include "bow/file.h"
#include "bow/libsvm_file.h"
#include "bow/numbers.h"
#include "bow/options.h"

namespace relprop {

namespace {

using namespace bow;

// A matrix of numbers, rows × columns.
Tensor readMatrix(const std::filesystem::path& path, std::int64_t columns) {
  Tensor matrix = readNpy(path);
  if (matrix.shape.size() != 2 || matrix.shape[1] != columns || matrix.shape[0] < 1)
    throw Error(ErrorCode::ShapeMismatch, path.string(), toString(matrix.shape), fmt::format("N×{}", columns));
  checkNumbers(matrix.data, path.string());
  return matrix;
}

std::optional<PrecomputedFrom> precomputedOf(const BowImport& import, std::int64_t dimensions) {
  if (import.histograms.empty()) return {};
  if (import.kernels.empty())
    throw Error(ErrorCode::InvalidArgument, "kernels", "none", "the one that made the matrix of the histograms",
                "give it with --kernel");
  const Tensor histograms = readMatrix(import.histograms, dimensions);
  for (const float value : histograms.data)
    if (value < 0)
      throw Error(ErrorCode::InvalidArgument, import.histograms.string(), fmt::format("the number {}", value),
                  "numbers from 0 on");
  return PrecomputedFrom{kernelsOf(import.kernels, false), {histograms.data.begin(), histograms.data.end()}};
}

// What would decide nothing is not left without a word.
void requirePrecomputed(const BowImport& import) {
  if (!import.kernels.empty() || !import.histograms.empty())
    throw Error(ErrorCode::InvalidArgument, import.model.string(), "a kernel of its own", "kernel_type precomputed",
                "leave out --kernel and --histograms");
}

void nameClasses(const BowImport& import, Bag& bag) {
  if (import.classNames.empty()) return;
  if (import.classNames.size() != bag.classes.size())
    rejectSetting(
        {}, "class names", fmt::format("{}", import.classNames.size()),
        fmt::format("{}, in the order of the file's labels: {}", bag.classes.size(), fmt::join(bag.classes, ", ")));
  bag.classes = import.classNames;
}

void checkMachine(const Machine& machine, const std::string& where) {
  if (machine.supports() < 1) throw Error(ErrorCode::MalformedModel, where, "no support vectors", "at least one");
  checkNumbers(machine.histograms, where);
  for (const std::vector<double>& row : machine.coefficients) checkNumbers(row, where);
  checkNumbers(machine.bias, where);
  for (const auto& pair : machine.platt) checkNumbers(pair, where);
  checkKernels(machine.kernels, false, {ErrorCode::MalformedModel, where});
}

}  // namespace

void importBow(const BowImport& import, const std::filesystem::path& out) {
  const Tensor words = readMatrix(import.vocabulary, descriptorLength(featuresOf(import.settings)));
  Bag bag = bagOf(import.settings, words.shape[0]);
  bag.vocabulary = {words.shape[1], words.data, import.scale};
  if (!(import.scale > 0 && import.scale <= kMaxValue))
    rejectSetting({}, "scale", fmt::format("{}", import.scale), fmt::format("a number above 0, at most {}", kMaxValue));
  const std::int64_t wide = dimensions(words.shape[0], bag.pooling);
  const std::vector<std::uint8_t> text = readFile(import.model);
  LibsvmModel model = readLibsvm({reinterpret_cast<const char*>(text.data()), text.size()}, import.model.string(), wide,
                                 precomputedOf(import, wide));
  if (!model.precomputed) requirePrecomputed(import);
  checkMachine(model.machine, import.model.string());
  bag.machine = std::move(model.machine);
  bag.classes = std::move(model.classes);
  nameClasses(import, bag);
  bag.about = import.about;
  writeBag(out, bag);
}

std::map<std::string, std::string> bowAbout(const std::filesystem::path& bag) {
  return readBag(bag)->about;
}

}  // namespace relprop
