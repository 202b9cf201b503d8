// Bags of visual words (Bach et al. 2015): trained on pictures, made of a LIBSVM model, and what their words look like.
//
//   relprop::BowPictures pictures = …;                                    // names, classes, a function that reads one
//   relprop::trainBow(pictures, {.words = 512}, "birds.bow");
//   relprop::Model model = relprop::Model::load("birds.bow");             // is explained like a network
//
// docs/methods/bag-of-words.md has the definitions.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "relprop/export.h"
#include "relprop/image.h"

namespace relprop {

struct BowPictures {
  std::vector<std::string> ids;           // names, as messages and resumed trainings know them
  std::vector<std::vector<int>> classes;  // picture by picture: its classes, several or none
  std::vector<std::string> classNames;
  // Tells these pictures from others of the same names: a training that was interrupted goes on where it is the same.
  std::string version = {};
  std::function<Image(std::size_t picture)> image;  // is called by one thread at a time; throws what readImage throws
};

struct BowKernel {
  std::string name = "chi2";  // linear, intersection, hellinger, chi2-additive, chi2, rbf
  double gamma = 0;           // of chi2 and rbf; 0: chosen from the pictures
  double beta = 1;            // its weight in the sum of kernels
};

// How a picture becomes a histogram.
struct RELPROP_API BowSettings {
  std::string places = "grid";              // or keypoints, regions
  std::string colour = "grey";              // or rgb, opponent: a descriptor a channel; of regions: where to look
  int step = 6;                             // of the grid, in pixels
  std::vector<int> patches = {16, 24, 32};  // sides, in pixels
  bool root = true;                         // RootSIFT
  int keypoints = 2000;                     // at most, of keypoints or regions
  std::string mapping = "rank";             // or hard, gaussian
  int nearest = 8;                          // words that a feature is mapped to
  double base = 2.4;                        // of rank: base^−rank
  double width = 1;                         // of gaussian: σ in units of the sample's root mean square distance
  double power = 1;                         // p of the pooling; infinity: the maximum
  std::vector<std::array<int, 2>> tiles = {{1, 1}};  // rows × columns
  std::string norm = "l1";                           // or l2, none
  Preprocess preprocess = warped(256);               // resize and crop alone; pixels stay 0 to 255
  static Preprocess warped(int side);
};

struct BowProgress {
  std::string phase;  // "sample", "words", "histograms", "fit", "validate", "write"
  std::int64_t done = 0, total = 0;
};

struct BowOptions {
  BowSettings settings = {};
  int words = 512;
  std::int64_t sample = 200000;  // descriptors that words are made of, an equal share of each picture
  std::vector<BowKernel> kernels = {{}};
  bool align = false;                         // β by alignment with the classes
  std::vector<double> c = {0.1, 1, 10, 100};  // tried in cross-validation
  int folds = 0;                              // 2 or more: measure by cross-validation
  std::uint64_t seed = 0;
  int threads =
      0;  // pictures that are looked at together; 0: as many as the machine has cores. No result depends on it
  std::map<std::string, std::string> about = {};              // goes into the file
  std::function<bool(const BowProgress&)> progress = {};      // false: stop
  std::function<void(const std::string& warning)> warn = {};  // pictures that are left out
};

struct BowClass {
  std::string name;
  std::int64_t pictures = 0;
  double c = 0;                 // chosen
  double averagePrecision = 0;  // of BowOptions::folds, as all that follows
  double chance = 0;            // what a random order reaches: its share of the pictures
};
struct BowResult {
  std::vector<BowClass> classes;
  std::int64_t pictures = 0, words = 0, supports = 0, dimensions = 0;
  int folds = 0;  // 0: nothing was measured
  double meanAveragePrecision = 0, accuracy = 0;
};

// Goes over the pictures twice, for the words and for the histograms, and holds few of them at once. What is done is
// kept in the folder `out`.parts, from which the same call goes on after it was stopped; it is removed at the end. The
// same pictures, settings and seed make the same file. Throws InvalidArgument (also where no picture of a class can be
// read, and where the folder belongs to another training), Cancelled, FileWriteFailed, OutOfMemory. LIBSVM has one
// function for the whole process by which it prints (svm_set_print_string_function); it is one that prints nothing from
// then on.
RELPROP_API BowResult trainBow(const BowPictures& pictures, const BowOptions& options,
                               const std::filesystem::path& out);

// A model that LIBSVM wrote (two classes; linear, rbf, or precomputed with the histograms it was computed of) and a
// vocabulary, words × length, as .npy.
struct BowImport {
  std::filesystem::path model, vocabulary;
  std::filesystem::path histograms = {};  // of precomputed: .npy, pictures × dimensions
  std::vector<BowKernel> kernels = {};    // of precomputed, with gamma
  BowSettings settings = {};
  double scale = 1;                          // of the vocabulary: what BowSettings::width is a multiple of
  std::vector<std::string> classNames = {};  // empty: the labels in the file
  std::map<std::string, std::string> about = {};
};
// Throws FileNotFound, FileUnreadable, MalformedModel, UnsupportedModel, NonFiniteWeights, MalformedTensor,
// ShapeMismatch, InvalidArgument, FileWriteFailed, OutOfMemory.
RELPROP_API void importBow(const BowImport& import, const std::filesystem::path& out);

// What stands in a file, for people.
RELPROP_API std::map<std::string, std::string> bowAbout(const std::filesystem::path& bag);

struct BowPatch {
  std::size_t picture = 0;
  double distance = 0;  // of its descriptor to the word
  Image image;          // side × side
};
struct BowWord {
  std::int64_t features = 0;      // of all pictures, that are nearest to this word
  std::vector<BowPatch> patches;  // the nearest first, one a picture
};
struct BowWordOptions {
  int patches = 12;  // of each word, at most
  int side = 48;     // every patch is scaled to
  std::function<bool(std::int64_t done, std::int64_t total)> progress = {};
  std::function<void(const std::string& warning)> warn = {};
};
// Word by word. Throws what reading a bag throws, InvalidArgument, Cancelled.
RELPROP_API std::vector<BowWord> bowWords(const std::filesystem::path& bag, const BowPictures& pictures,
                                          const BowWordOptions& options);

}  // namespace relprop
