// Models that LIBSVM wrote as text (svm-train, svm_save_model): classifiers of two classes as machines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bow/machine.h"

namespace relprop::bow {

// What a file with kernel_type precomputed leaves out: the kernel and the pictures that its support vectors are numbers
// of (from 1 on).
struct PrecomputedFrom {
  std::vector<KernelTerm> kernels;
  std::vector<double> histograms;  // pictures × dimensions
};

// f of the first label as class 0 and −f as class 1, so f_k > 0 is "k" as LIBSVM decides it. A file without
// probabilities (svm-train without -b 1) gets A = −1, B = 0.
struct LibsvmModel {
  Machine machine;
  std::vector<std::string> classes;  // the labels, as the file has them
  bool precomputed = false;          // kernel_type
};

// svm_type c_svc with two classes; kernel_type linear, rbf, or precomputed with `from`. `name` is what messages call
// it, and they say the line. Throws MalformedModel, UnsupportedModel (other types, values below 0, more than two
// classes, which LIBSVM trains one against one), NonFiniteWeights, ShapeMismatch (vectors longer than `dimensions`,
// pictures that `from` has not), OutOfMemory (vectors of more than 100 bytes for each of the file's, what `from` has
// and 64 MiB, or of more than 1 GiB).
LibsvmModel readLibsvm(std::string_view text, const std::string& name, std::int64_t dimensions,
                       const std::optional<PrecomputedFrom>& from = {});

}  // namespace relprop::bow
