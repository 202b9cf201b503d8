// Data sets with ground truth, read from their published layouts, and where that truth lies once a picture has been
// resized and cropped for a network.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "relprop/export.h"
#include "relprop/image.h"

namespace relprop {

// In pixels of the picture as it was published, x to the right, y down: covers [x0, x1) × [y0, y1).
struct Box {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  bool operator==(const Box&) const = default;
};

struct Mask {
  static constexpr std::uint8_t kBackground = 0, kObject = 1, kVoid = 255;
  int width = 0, height = 0;
  std::vector<std::uint8_t> values;  // row by row
};

// What is known of one picture about one class (or about all objects).
struct Annotation {
  std::vector<Box> boxes;
  std::optional<Mask> mask;      // as large as the picture
  double width = 0, height = 0;  // of the picture when its boxes were drawn; 0 where that is not said
  // False of a picture that was resized since, or turned: boxes then lie elsewhere in it.
  bool fits(const Image& picture) const {
    return width <= 0 || height <= 0 || (width == picture.width && height == picture.height);
  }
};

struct Sample {
  std::string id;            // unique and stable within the data set, e.g. the file's name
  std::vector<int> classes;  // of the data set; one for classification data, several for VOC, none when unknown
};

class RELPROP_API Dataset {
 public:
  // "imagenet:DIR", "imagenet-segmentation:FILE", "imagenet-s:DIR", "voc:DIR", "cub:DIR", "coco:FILE", "boxes:FILE",
  // "folder:DIR"; docs/datasets.md has the layouts.
  // Throws InvalidArgument (unknown kind), FileNotFound, FileUnreadable, MalformedDataset.
  static Dataset open(const std::string& spec);
  Dataset(const Dataset&) = default;  // moving copies: one that was moved from stays what it was
  Dataset& operator=(const Dataset&) = default;

  const std::string& kind() const;  // "voc"
  const std::string& name() const;  // "voc:VOC2012": the kind and the last part of the path
  const std::string& spec() const;
  std::size_t size() const;
  const Sample& sample(std::size_t i) const;        // throws InvalidArgument
  std::filesystem::path file(std::size_t i) const;  // of the photo; empty where photos are no files of their own
  // Names in class order. Empty: the samples' classes are the model's own numbers (ImageNet's val.txt).
  const std::vector<std::string>& classNames() const;
  bool hasBoxes() const;
  bool hasMasks() const;
  // What the layout lacks and what follows from it, for the user.
  const std::vector<std::string>& notes() const;

  // Throws what readImage throws.
  Image image(std::size_t i) const;
  // The truth about one class of the picture; without a class about all its objects. A part that is missing is empty.
  // Throws MalformedDataset for a broken file.
  Annotation annotation(std::size_t i, std::optional<int> aClass = {}) const;

 private:
  struct RELPROP_LOCAL Impl;
  explicit Dataset(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

struct DatasetKind {
  std::string name, layout;  // "voc", "DIR with JPEGImages, Annotations, SegmentationClass, ImageSets"
};
RELPROP_API std::vector<DatasetKind> datasetKinds();

// The truth as the network saw the picture. A pixel lies in a box when its centre does; a mask is read at the place of
// the original that the pixel's centre came from.
struct Truth {
  std::optional<Mask> boxes;  // union of the boxes, of the view's size
  std::optional<Mask> mask;
  std::string lack = {};  // why there is less than the data set has; truthInView leaves it empty
};
RELPROP_API Truth truthInView(const Annotation& annotation, const ViewGeometry& geometry);

}  // namespace relprop
