// Images in, heatmaps out. RGB8 images, preprocessing as the network's side file says, .npy tensors,
// whole-or-not-at-all files.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "relprop/export.h"
#include "relprop/tensor.h"

namespace relprop {

// Interleaved 8-bit RGB, row by row: pixels[(y*width + x)*3 + channel].
struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
};

// Where the channels lie in an array of pictures: N×C×H×W, or N×H×W×C as Keras has them. The same is said of other
// arrays of at least three axes: N×C×L or N×L×C.
enum class Layout { ChannelsFirst, ChannelsLast };
RELPROP_API const char* layoutName(Layout layout);           // "nchw", "nhwc"
RELPROP_API Layout layoutFromName(const std::string& name);  // throws InvalidArgument
// A shape with its batch, and an array of it, with the channels where `to` has them. Fewer than three axes stay.
RELPROP_API Shape relaid(const Shape& shape, Layout from, Layout to);
RELPROP_API Tensor relaid(const TensorView& array, Layout from, Layout to);

// A picture's axes in such an array, by what they mean.
struct RELPROP_API PictureLayout {
  std::int64_t channels = 0, height = 0, width = 0;
  // `image`: the shape behind the batch. Throws ShapeMismatch unless it has three axes.
  static PictureLayout of(const Shape& image, Layout layout);
};

// JPEG, PNG or WebP by content, EXIF orientation applied; grey, palette, 16-bit and CMYK become RGB8. Alpha is dropped,
// as by Pillow's convert("RGB"): the colours under transparent pixels count. Throws FileNotFound, FileUnreadable,
// MalformedImage, UnsupportedImage.
RELPROP_API Image readImage(const std::filesystem::path& path);
RELPROP_API Image decodeImage(const std::vector<std::uint8_t>& bytes, const std::string& name);

// How pixels become the network's input: resize, centre crop, channel order, then (pixel·scale − mean)/std per channel
// in that order, pixel in 0..255.
struct Preprocess {
  enum class Resize { None, Warp, ShorterSide, CentralFraction };
  Resize resize = Resize::None;
  int size = 0;  // warp: both sides; shorter-side: that side; central-fraction: both sides of the result
  std::array<int, 2> sides = {0, 0};  // height, width in place of size, where they differ (warp, central-fraction)
  double fraction = 1.0;              // central-fraction: the central part of each side that is kept, before resizing
  std::array<int, 2> crop = {0, 0};   // height, width; 0: none
  bool bgr = false;
  double scale = 1.0;
  std::vector<double> mean = {0, 0, 0}, std = {1, 1, 1};
  std::string name;                     // where it came from, for reports
  std::vector<std::string> notes = {};  // what was assumed where its file leaves room, a sentence each
};

// The JSON of a side file (`X.preprocess.json`), of Hugging Face's preprocessor_config.json or timm's config.json;
// `where` names it in errors. Throws MalformedPreprocess.
RELPROP_API Preprocess parsePreprocess(const std::string& json, const std::string& where);
RELPROP_API std::string toJson(const Preprocess& preprocess);  // throws MalformedPreprocess
// "imagenet", "imagenet-caffe", "tf", "unit", Keras' "keras-tf", "keras-caffe", "keras-torch", … ; throws
// MalformedPreprocess listing the known names.
RELPROP_API Preprocess namedPreprocess(const std::string& name);
RELPROP_API std::vector<std::string> preprocessNames();
// A name or a path to a JSON file.
RELPROP_API Preprocess readPreprocess(const std::string& nameOrPath);

struct PreparedImage {
  Tensor input;  // 1×C×H×W, what the network gets
  Image view;    // the same pixels before normalisation, RGB: the image as the network sees it
};
// height, width: what the network wants (0: whatever comes out). Without a resize in `preprocess` the image is warped
// to it. channels 1 takes luma. Throws ShapeMismatch when resize and crop give another size than the network wants, and
// InvalidArgument.
RELPROP_API PreparedImage prepareImage(const Image& image, const Preprocess& preprocess, int channels, int height,
                                       int width);

// How a picture of a size became the network's view of it: view = (original − crop) · scale − offset.
struct ViewGeometry {
  int width = 0, height = 0;             // of the view
  double cropLeft = 0, cropTop = 0;      // taken off the original first (central-fraction)
  double scaleX = 1, scaleY = 1;         // then this resize
  double offsetLeft = 0, offsetTop = 0;  // then this centre crop, in pixels of the resized picture
};
// As prepareImage does it, with the same arguments.
RELPROP_API ViewGeometry viewGeometry(int width, int height, const Preprocess& preprocess, int networkHeight,
                                      int networkWidth);

// Lowest and highest value a normalised pixel can take, by channel (in the network's channel order).
struct PixelRange {
  std::vector<float> low, high;
};
// channels: of the network. One number of the preprocessing stands for all of them; three for a network of one channel,
// which is given the luma, are taken as their mean. Where the numbers are for another count, so is the range.
RELPROP_API PixelRange pixelRange(const Preprocess& preprocess, int channels = 3);
// What prepareImage and pixelRange do with numbers that are not one a channel, in a sentence; empty where they are.
RELPROP_API std::string channelNote(const Preprocess& preprocess, int channels);

// Antialiased bilinear resize as Pillow's Image.resize(BILINEAR), within 1/255.
RELPROP_API Image resizeImage(const Image& image, int width, int height);

enum class View { Heat, Overlay, Split, Panel };
RELPROP_API View viewFromName(const std::string& name);  // throws InvalidArgument
struct HeatmapOptions {
  View view = View::Heat;
  double percentile = 100.0;              // magnitudes above this percentile saturate, in (0, 100]
  double opacity = 0.6;                   // overlay
  int zoom = 1;                           // every pixel becomes zoom×zoom
  Layout layout = Layout::ChannelsFirst;  // of a map with channels
};
// `map`: H×W or C×H×W or 1×C×H×W relevance (channels are summed), or with its channels last. `photo`, the same size, is
// needed by Overlay and Panel. Panel: photo, heat, overlay, positive, negative side by side. Throws ShapeMismatch,
// InvalidArgument, NumericFailure (NaN).
RELPROP_API Image renderHeatmap(const Tensor& map, const std::optional<Image>& photo, const HeatmapOptions& options);
// An array that is no picture, for `map` and the input it explains in one shape: 1×D as bars (a row of a table), 1×C×L
// as the curve of each channel, coloured by relevance (without `signal` the relevance is the curve), and 1×C×D×H×W as
// its three middle slices side by side. Throws ShapeMismatch, InvalidArgument, NumericFailure.
RELPROP_API Image renderArray(const Tensor& map, const std::optional<Tensor>& signal, const HeatmapOptions& options);
// Rows of equally high pictures below one another with a margin, a title written above each picture.
struct TitledImage {
  std::string title;
  Image image;
};
RELPROP_API Image composePanel(const std::vector<std::vector<TitledImage>>& rows);

RELPROP_API std::vector<std::uint8_t> encodePng(const Image& image);

// .npy, versions 1–3: little- or big-endian f2, f4, f8, u1, i4, i8; C or Fortran order. Throws MalformedTensor.
RELPROP_API Tensor readNpy(const std::filesystem::path& path);
RELPROP_API Tensor decodeNpy(const std::vector<std::uint8_t>& bytes, const std::string& name);

// An array with the type that its file has, for inputs of a network other than the picture.
struct TypedArray {
  enum class Type { Float, Integer, Boolean } type = Type::Float;
  Shape shape = {};
  std::vector<float> floats = {};           // of Float
  std::vector<std::int64_t> integers = {};  // of Integer; of Boolean 0 or 1
};
// .npy of any of these, and of integers of all widths and booleans. Throws MalformedTensor.
RELPROP_API TypedArray readTypedNpy(const std::filesystem::path& path);

// Version 1.0, '<f4', C order. Throws ShapeMismatch where the data is not as long as the shape says.
RELPROP_API std::vector<std::uint8_t> encodeNpy(const Tensor& tensor);

// Reads a whole file. Throws FileNotFound, FileUnreadable (so does a file of more than Budgets::streamBytes, and of
// more than 1 GiB, that does not begin as .npy and archives do), OutOfMemory.
RELPROP_API std::vector<std::uint8_t> readFile(const std::filesystem::path& path);
// Written beside the target under a temporary name, then renamed: the file is whole or not there. Throws
// FileWriteFailed.
RELPROP_API void writeFile(const std::filesystem::path& path, const std::vector<std::uint8_t>& bytes);
RELPROP_API void writeFile(const std::filesystem::path& path, const std::string& text);

}  // namespace relprop
