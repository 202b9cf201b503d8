// What a word looks like: the patches whose descriptors are nearest to it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "bow/file.h"
#include "bow/limits.h"
#include "bow/nearest.h"
#include "bow/options.h"
#include "bow/pictures.h"

namespace relprop {

namespace {

using namespace bow;

// Of one word in one picture: how many features are nearest to it, and the nearest of those.
struct WordInPicture {
  std::int64_t features = 0;
  double square = 0;
  Support support;
};

std::vector<WordInPicture> wordsIn(const LocalFeatures& features, const Vocabulary& vocabulary) {
  const Neighbours nearest =
      nearestOf({features.descriptors.data(), static_cast<std::int64_t>(features.count()), features.length},
                {vocabulary.centres.data(), vocabulary.words(), vocabulary.length}, 1);
  std::vector<WordInPicture> words(static_cast<std::size_t>(vocabulary.words()));
  for (std::size_t l = 0; l < features.count(); ++l) {
    WordInPicture& word = words[static_cast<std::size_t>(nearest.centres[l])];
    if (word.features++ > 0 && word.square <= nearest.squares[l]) continue;
    word.square = nearest.squares[l], word.support = features.supports[l];
  }
  return words;
}

struct PatchPlace {
  double square = 0;
  std::size_t picture = 0;
  Support support;
};

Image cutOut(const Image& view, const Support& support, int side) {
  const Area area = areaOf(support, view.height, view.width);
  Image patch{area.right - area.left, area.bottom - area.top, {}};
  for (int y = area.top; y < area.bottom; ++y) {
    const auto row = view.pixels.begin() + (std::ptrdiff_t{y} * view.width + area.left) * 3;
    patch.pixels.insert(patch.pixels.end(), row, row + std::ptrdiff_t{patch.width} * 3);
  }
  return resizeImage(patch, side, side);
}

class Showing {
 public:
  Showing(const Bag& bag, const BowPictures& pictures, const BowWordOptions& options)
      : bag_(bag),
        pictures_(pictures),
        options_(options),
        words_(static_cast<std::size_t>(bag.vocabulary.words())),
        nearest_(words_.size()) {}

  std::vector<BowWord> show() {
    find();
    cut();
    return std::move(words_);
  }

 private:
  bool again(std::int64_t done) const {
    const auto count = static_cast<std::int64_t>(pictures_.ids.size());
    return !options_.progress || options_.progress(done, 2 * count);
  }
  void find() {
    const Pass pass{pictures_, bag_.features, bag_.preprocess, 0,
                    [this](std::int64_t done, std::int64_t) { return again(done); }};
    const auto look = [&](std::size_t, const Looked& looked) {
      return bytesOf(wordsIn(looked.features, bag_.vocabulary));
    };
    overPictures(pass, 0, look, [&](std::size_t picture, const Gave& gave) {
      if (!gave.failure.empty() && options_.warn)
        options_.warn(fmt::format("left out: {}: {}", pictures_.ids[picture], gave.failure));
      const std::vector<WordInPicture> words = valuesOf<WordInPicture>(gave.bytes);
      for (std::size_t w = 0; w < words.size(); ++w) take(w, picture, words[w]);
    });
  }
  void take(std::size_t word, std::size_t picture, const WordInPicture& found) {
    words_[word].features += found.features;
    if (found.features == 0) return;
    std::vector<PatchPlace>& nearest = nearest_[word];
    const auto at = std::upper_bound(nearest.begin(), nearest.end(), found.square,
                                     [](double square, const PatchPlace& place) { return square < place.square; });
    nearest.insert(at, {found.square, picture, found.support});
    if (nearest.size() > static_cast<std::size_t>(options_.patches)) nearest.pop_back();
  }
  // Pictures are read once more, those that a patch comes from.
  void cut() {
    std::multimap<std::size_t, std::pair<std::size_t, std::size_t>> wanted;  // picture → word and rank
    for (std::size_t w = 0; w < words_.size(); ++w) {
      words_[w].patches.resize(nearest_[w].size());
      for (std::size_t r = 0; r < nearest_[w].size(); ++r) wanted.emplace(nearest_[w][r].picture, std::pair{w, r});
    }
    Image view;
    for (auto at = wanted.begin(); at != wanted.end(); ++at) {
      const auto& [picture, place] = *at;
      if (at == wanted.begin() || std::prev(at)->first != picture) view = viewOf(picture);
      const PatchPlace& nearest = nearest_[place.first][place.second];
      words_[place.first].patches[place.second] = {picture, std::sqrt(nearest.square),
                                                   cutOut(view, nearest.support, options_.side)};
    }
  }
  Image viewOf(std::size_t picture) const {
    if (!again(static_cast<std::int64_t>(pictures_.ids.size() + picture)))
      throw Error(ErrorCode::Cancelled, "words", "stopped");
    return prepareImage(pictures_.image(picture), bag_.preprocess, 3, 0, 0).view;
  }

  const Bag& bag_;
  const BowPictures& pictures_;
  const BowWordOptions& options_;
  std::vector<BowWord> words_;
  std::vector<std::vector<PatchPlace>> nearest_;
};

void checkWordOptions(const BowWordOptions& options, std::int64_t words) {
  requireWithin({}, "side", options.side, 1, 1024);
  const std::int64_t bytes = words * options.side * options.side * 3;
  requireWithin({}, "patches", options.patches, 1, std::max<std::int64_t>(1, kMaxArrayBytes / bytes));
}

}  // namespace

std::vector<BowWord> bowWords(const std::filesystem::path& path, const BowPictures& pictures,
                              const BowWordOptions& options) {
  checkPictures(pictures);
  const std::shared_ptr<const Bag> bag = readBag(path);
  checkWordOptions(options, bag->vocabulary.words());
  return Showing(*bag, pictures, options).show();
}

}  // namespace relprop
