#include "explainer/baselines.h"

#include <algorithm>

#include "core/lower_case.h"
#include "explain/procedures/procedures.h"
#include "explainer/prepare.h"
#include "relprop/error.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;

// C×H×W each, of a file C×H×W or N×C×H×W in the model's layout.
std::vector<std::vector<float>> picturesOf(const std::string& file, const Shape& image, Layout layout) {
  Tensor t = readNpy(file);
  if (t.shape.size() == image.size()) t.shape.insert(t.shape.begin(), 1);
  if (t.shape.size() != image.size() + 1 || t.shape[0] < 1 ||
      !std::equal(image.begin(), image.end(), t.shape.begin() + 1))
    throw Error(ErrorCode::ShapeMismatch, file, toString(t.shape), toString(image));
  requireFinite(t.data.data(), static_cast<std::int64_t>(t.data.size()), ErrorCode::NonFiniteInput, file.c_str(),
                "check the array");
  const Tensor all = relaid(t, layout, Layout::ChannelsFirst);
  const std::int64_t each = elementCount(image);
  std::vector<std::vector<float>> pictures;
  for (std::int64_t k = 0; k < t.shape[0]; ++k)
    pictures.emplace_back(all.data.begin() + k * each, all.data.begin() + (k + 1) * each);
  return pictures;
}

bool isPicture(const fs::path& path) {
  const std::string extension = lowerCase(path.extension().string());
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".webp";
}

std::vector<fs::path> picturesIn(const fs::path& folder) {
  std::error_code failed;
  if (!fs::is_directory(folder, failed))
    throw Error(ErrorCode::FileNotFound, folder.string(), "no such folder", "a folder of pictures, or a .npy file");
  std::vector<fs::path> found;
  for (auto at = fs::directory_iterator(folder, failed); !failed && at != fs::directory_iterator();
       at.increment(failed))
    if (isPicture(at->path()) && at->is_regular_file(failed)) found.push_back(at->path());
  if (failed) throw Error(ErrorCode::FileUnreadable, folder.string(), failed.message());
  std::sort(found.begin(), found.end());
  return found;
}

// So many of them, in an order that the seed says.
template <class Item>
void draw(std::vector<Item>& items, const BaselineSet& set) {
  RandomNumbers random(set.seed, -1);
  const std::size_t count = std::min(items.size(), static_cast<std::size_t>(set.most));
  for (std::size_t k = 0; k < count; ++k)
    std::swap(items[k], items[k + static_cast<std::size_t>(random.uniform() * static_cast<double>(items.size() - k))]);
  items.resize(count);
}

// image: C×H×W.
std::vector<std::vector<float>> picturesOf(const BaselineSet& set, const Shape& image, const ExplainOptions& options) {
  std::vector<fs::path> paths = picturesIn(set.path);
  if (paths.empty())
    throw Error(ErrorCode::InvalidMethodParameter, "method, baselines", "'" + set.path + "' without pictures",
                "a folder with .jpg, .jpeg, .png or .webp files right inside it");
  if (!options.preprocess || image.size() != 3)
    throw Error(ErrorCode::NotSupportedByMethod, "baselines=" + set.path,
                image.size() == 3 ? "no preprocessing" : "pictures for an input of shape " + toString(image),
                "how pictures become inputs", "give the preprocessing (--preprocess), or a .npy file of inputs");
  draw(paths, set);
  std::vector<std::vector<float>> pictures;
  for (const fs::path& path : paths)
    pictures.push_back(prepareImage(readImage(path), *options.preprocess, static_cast<int>(image[0]),
                                    static_cast<int>(image[1]), static_cast<int>(image[2]))
                           .input.data);
  return pictures;
}

}  // namespace

BaselineFacts baselineFactsOf(const Method& method, const Model& model, const ExplainOptions& options, Layout layout) {
  BaselineFacts facts;
  if (options.pixelRange) facts.bounds = InputBounds{options.pixelRange->low, options.pixelRange->high};
  const auto ownShape = [&] {
    const Shape full = fullInputShape(model, options.inputShape, options.batch, layout);
    return Shape(full.begin() + 1, full.end());
  };
  if (method.baseline.kind == Baseline::Kind::File) {
    auto pictures = picturesOf(method.baseline.file, ownShape(), layout);
    if (pictures.size() != 1)
      throw Error(ErrorCode::ShapeMismatch, method.baseline.file, std::to_string(pictures.size()) + " pictures", "one");
    facts.picture = std::move(pictures[0]);
  }
  const BaselineSet& set = method.baselines;
  if (set.path.ends_with(".npy")) {
    facts.pictures = picturesOf(set.path, ownShape(), layout);
    draw(facts.pictures, set);
  } else if (!set.path.empty()) {
    Shape shape = ownShape();
    shape.insert(shape.begin(), 1);
    shape = relaid(shape, layout, Layout::ChannelsFirst);
    facts.pictures = picturesOf(set, {shape.begin() + 1, shape.end()}, options);
  }
  return facts;
}

}  // namespace relprop
