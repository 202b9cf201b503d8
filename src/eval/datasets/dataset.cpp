#include "relprop/dataset.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/names.h"
#include "core/parameters.h"
#include "eval/datasets/files.h"
#include "eval/datasets/layout.h"
#include "image/stored.h"
#include "relprop/error.h"

namespace relprop {

struct Dataset::Impl {
  std::string kind, name, spec;
  eval::Contents contents;
};

namespace {

namespace fs = std::filesystem;

const eval::Layout& layoutOf(const std::string& kind) {
  std::vector<std::string> known;
  for (const eval::Layout& layout : eval::layouts()) {
    if (layout.kind.name == kind) return layout;
    known.push_back(layout.kind.name);
  }
  unknownName(ErrorCode::InvalidArgument, "data set", kind, known);
}

// "/data/VOC2012/" → "VOC2012", "." → the name of the current folder.
std::string lastPart(const fs::path& path) {
  std::error_code ignored;
  const fs::path whole = fs::absolute(path, ignored).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

void requireClass(const Dataset& dataset, int aClass) {
  const std::size_t classes = dataset.classNames().size();
  if (aClass >= 0 && (classes == 0 || static_cast<std::size_t>(aClass) < classes)) return;
  throw Error(ErrorCode::InvalidArgument, dataset.name(), fmt::format("class {}", aClass),
              classes == 0 ? "a number from 0" : fmt::format("a number from 0 to {}", classes - 1));
}

}  // namespace

Dataset Dataset::open(const std::string& spec) {
  const std::size_t colon = spec.find(':');
  if (colon == std::string::npos || colon + 1 == spec.size())
    throw Error(ErrorCode::InvalidArgument, "data set", fmt::format("'{}'", spec), "KIND:PATH, e.g. imagenet:DIR");
  const std::string kind = spec.substr(0, colon);
  const eval::Layout& layout = layoutOf(kind);
  const fs::path path = spec.substr(colon + 1);
  return Dataset(std::make_shared<const Impl>(
      Impl{layout.kind.name, layout.kind.name + ":" + lastPart(path), spec, layout.open(path)}));
}

const std::string& Dataset::kind() const {
  return impl_->kind;
}
const std::string& Dataset::name() const {
  return impl_->name;
}
const std::string& Dataset::spec() const {
  return impl_->spec;
}
std::size_t Dataset::size() const {
  return impl_->contents.samples.size();
}
const Sample& Dataset::sample(std::size_t i) const {
  if (i >= size())
    throw Error(ErrorCode::InvalidArgument, name(), fmt::format("picture {}", i),
                fmt::format("a number below {}", size()));
  return impl_->contents.samples[i];
}
const std::vector<std::string>& Dataset::classNames() const {
  return impl_->contents.classNames;
}
bool Dataset::hasBoxes() const {
  return impl_->contents.hasBoxes;
}
bool Dataset::hasMasks() const {
  return impl_->contents.hasMasks;
}
const std::vector<std::string>& Dataset::notes() const {
  return impl_->contents.notes;
}

Image Dataset::image(std::size_t i) const {
  sample(i);  // there is one
  const eval::Contents& contents = impl_->contents;
  return contents.image ? contents.image(i) : readStoredImage(eval::regularFile(contents.file(i)));
}

fs::path Dataset::file(std::size_t i) const {
  sample(i);  // there is one
  return impl_->contents.file ? impl_->contents.file(i) : fs::path();
}

Annotation Dataset::annotation(std::size_t i, std::optional<int> aClass) const {
  sample(i);  // there is one
  if (aClass) requireClass(*this, *aClass);
  return impl_->contents.annotation(i, aClass);
}

std::vector<DatasetKind> datasetKinds() {
  std::vector<DatasetKind> kinds;
  for (const eval::Layout& layout : eval::layouts()) kinds.push_back(layout.kind);
  return kinds;
}

}  // namespace relprop
