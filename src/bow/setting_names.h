// The names of settings, in files and options.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "bow/kernels.h"
#include "core/names.h"

namespace relprop::bow {

template <class E>
struct SettingName {
  std::string name;
  E value;
};

inline const std::vector<SettingName<FeatureSettings::Places>>& placesNames() {
  static const std::vector<SettingName<FeatureSettings::Places>> names = {
      {"grid", FeatureSettings::Places::Grid},
      {"keypoints", FeatureSettings::Places::Keypoints},
      {"regions", FeatureSettings::Places::Regions}};
  return names;
}
inline const std::vector<SettingName<FeatureSettings::Colour>>& colourNames() {
  static const std::vector<SettingName<FeatureSettings::Colour>> names = {
      {"grey", FeatureSettings::Colour::Grey},
      {"rgb", FeatureSettings::Colour::Rgb},
      {"opponent", FeatureSettings::Colour::Opponent}};
  return names;
}
inline const std::vector<SettingName<MappingSettings::Kind>>& mappingNames() {
  static const std::vector<SettingName<MappingSettings::Kind>> names = {{"hard", MappingSettings::Kind::Hard},
                                                                        {"rank", MappingSettings::Kind::Rank},
                                                                        {"gaussian", MappingSettings::Kind::Gaussian}};
  return names;
}
inline const std::vector<SettingName<PoolingSettings::Norm>>& normNames() {
  static const std::vector<SettingName<PoolingSettings::Norm>> names = {
      {"none", PoolingSettings::Norm::None}, {"l1", PoolingSettings::Norm::L1}, {"l2", PoolingSettings::Norm::L2}};
  return names;
}
inline const std::vector<SettingName<KernelKind>>& kernelKindNames() {
  static const std::vector<SettingName<KernelKind>> names = [] {
    std::vector<SettingName<KernelKind>> all;
    for (const KernelKind kind : {KernelKind::Linear, KernelKind::Intersection, KernelKind::Hellinger,
                                  KernelKind::Chi2Additive, KernelKind::Chi2, KernelKind::Rbf})
      all.push_back({kernelName(kind), kind});
    return all;
  }();
  return names;
}

template <class E>
const E* findNamed(const std::vector<SettingName<E>>& names, const std::string& name) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const SettingName<E>& n) { return n.name == name; });
  return found == names.end() ? nullptr : &found->value;
}
template <class E>
const std::string& nameOf(const std::vector<SettingName<E>>& names, E value) {
  return std::find_if(names.begin(), names.end(), [&](const SettingName<E>& n) { return n.value == value; })->name;
}
template <class E>
std::vector<std::string> namesOf(const std::vector<SettingName<E>>& names) {
  std::vector<std::string> texts;
  for (const SettingName<E>& named : names) texts.push_back(named.name);
  return texts;
}
template <class E>
std::string listNamed(const std::vector<SettingName<E>>& names) {
  return listed(namesOf(names));
}

}  // namespace relprop::bow
