// Fuzzing of the importer. With Clang: -fsanitize=fuzzer,address. Elsewhere -DRELPROP_FUZZ_MAIN adds a driver:
//   fuzz_onnx FILE...              imports each file once
//   fuzz_onnx --mutate N FILE...   imports N damaged copies of each file, from a fixed seed
// Anything but a graph or a relprop::Error ends the program.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "onnx/importer.h"
#include "relprop/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    relprop::importModelFromBytes(std::span(data, size), {}, "fuzz");
  } catch (const relprop::Error& e) {
    if (e.code() == relprop::ErrorCode::Internal) std::abort();
  }
  return 0;
}

#ifdef RELPROP_FUZZ_MAIN

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <vector>

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes readFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes((std::istreambuf_iterator<char>(file)), {});
}

// One of: bytes overwritten, a piece cut out, a piece repeated, the end cut off.
void damage(Bytes& bytes, std::mt19937& random) {
  auto place = [&] { return bytes.begin() + static_cast<std::ptrdiff_t>(random() % (bytes.size() + 1)); };
  auto from = place(), to = place();
  if (to < from) std::swap(from, to);
  to = std::min(to, from + 64);
  switch (random() % 4) {
    case 0:
      std::generate(from, std::min(to, from + 4), [&] { return static_cast<std::uint8_t>(random()); });
      break;
    case 1:
      bytes.erase(from, to);
      break;
    case 2: {
      Bytes piece(from, to);
      bytes.insert(to, piece.begin(), piece.end());
      break;
    }
    default:
      bytes.erase(place(), bytes.end());
  }
}

void mutate(const Bytes& original, int count) {
  std::mt19937 random(1);
  for (int i = 0; i < count; ++i) {
    Bytes bytes = original;
    for (std::size_t times = 1 + random() % 3; times > 0; --times) damage(bytes, random);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool mutating = argc > 2 && std::strcmp(argv[1], "--mutate") == 0;
  for (int i = mutating ? 3 : 1; i < argc; ++i) {
    Bytes bytes = readFile(argv[i]);
    std::cout << argv[i] << ": " << bytes.size() << " bytes\n";
    mutating ? mutate(bytes, std::atoi(argv[2]))
             : static_cast<void>(LLVMFuzzerTestOneInput(bytes.data(), bytes.size()));
  }
}

#endif
