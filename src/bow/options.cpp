#include "bow/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "bow/kernels.h"
#include "bow/limits.h"
#include "bow/setting_names.h"

namespace relprop {

Preprocess BowSettings::warped(int side) {
  Preprocess preprocess;
  preprocess.resize = Preprocess::Resize::Warp;
  preprocess.size = side;
  return preprocess;
}

}  // namespace relprop

namespace relprop::bow {

namespace {

template <class E>
E choose(const std::string& what, const std::vector<SettingName<E>>& names, const std::string& name) {
  if (const E* found = findNamed(names, name)) return *found;
  unknownName(ErrorCode::InvalidArgument, what, name, namesOf(names));
}

// The default gives way to a vocabulary of fewer words; a number that somebody chose has to fit.
int chosenNearest(const BowSettings& s, std::int64_t words) {
  if (s.nearest != BowSettings().nearest) return s.nearest;
  return static_cast<int>(std::min<std::int64_t>(s.nearest, std::max<std::int64_t>(words, 1)));
}

}  // namespace

FeatureSettings featuresOf(const BowSettings& s) {
  FeatureSettings features;
  features.places = choose("places", placesNames(), s.places);
  features.colour = choose("colour", colourNames(), s.colour);
  features.step = s.step;
  features.patches = s.patches;
  features.root = s.root;
  features.keypoints = s.keypoints;
  checkFeatures(features, {});
  return features;
}

Bag bagOf(const BowSettings& s, std::int64_t words) {
  Bag bag;
  bag.features = featuresOf(s);
  bag.mapping = {choose("mapping", mappingNames(), s.mapping), chosenNearest(s, words), s.base, s.width};
  bag.pooling = {s.power, s.tiles, choose("norm", normNames(), s.norm)};
  bag.preprocess = s.preprocess;
  const Place place;
  checkMapping(bag.mapping, words, place);
  checkPooling(bag.pooling, words, place);
  checkPicturePreprocess(bag.preprocess, bag.features, place);
  return bag;
}

std::vector<KernelTerm> kernelsOf(const std::vector<BowKernel>& kernels, bool gammaOpen) {
  std::vector<KernelTerm> terms;
  for (const BowKernel& kernel : kernels) {
    const KernelKind kind = choose("kernel", kernelKindNames(), kernel.name);
    if (isSumOverDimensions(kind) && kernel.gamma != 0)
      rejectSetting({}, "kernel " + kernel.name, fmt::format("gamma {}", kernel.gamma), "none: it is of chi2 and rbf");
    terms.push_back({kind, kernel.gamma, kernel.beta});
  }
  checkKernels(terms, gammaOpen, {});
  return terms;
}

void checkPictures(const BowPictures& pictures) {
  const Place place;
  const auto count = static_cast<std::int64_t>(pictures.ids.size());
  if (count == 0) rejectSetting(place, "pictures", "none", "at least one");
  if (pictures.classes.size() != pictures.ids.size())
    rejectSetting(place, "pictures", fmt::format("classes of {} for {}", pictures.classes.size(), count),
                  "classes of each");
  if (!pictures.image) rejectSetting(place, "pictures", "no function that reads one", "one");
  for (std::size_t i = 0; i < pictures.classes.size(); ++i)
    for (const int aClass : pictures.classes[i])
      if (aClass < 0 || static_cast<std::size_t>(aClass) >= pictures.classNames.size())
        rejectSetting(place, pictures.ids[i], fmt::format("class {}", aClass),
                      fmt::format("one of {}, from 0 on", pictures.classNames.size()));
}

}  // namespace relprop::bow
