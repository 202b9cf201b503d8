// relprop bench, after its options were read.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "network_options.h"

namespace relprop::cli {

struct BenchArguments {
  NetworkOptions network;
  std::vector<int> batches, threads;  // empty: one image, all cores
  int rounds = 9;
  std::string input;                  // a picture, tensor or folder; empty: noise
  std::vector<std::string> fidelity;  // pictures and folders; then nothing is timed
  Precision floorPrecision = Precision::Float32;
  std::filesystem::path trace;
  bool profile = false, json = false, quiet = false;
};

int runBench(const BenchArguments& arguments);

}  // namespace relprop::cli
