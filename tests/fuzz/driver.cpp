// Runs a harness without Clang: over files and folders of files, and over damaged copies of them, the same ones each
// time.
//   relprop_fuzz [--mutate N] [--seed N] [--seconds N] [--dictionary FILE] [--keep FILE] PATH…
// --seconds goes on with other copies, a seed behind the other, until so many have passed. --keep writes every input to
// FILE before it runs, so that the one that ended the program lies there. An input that takes more than a minute ends
// it too (SIGALRM).
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz/entry.h"

namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

constexpr unsigned kSeconds = 60;

struct Options {
  int mutations = 0, seconds = 0;
  unsigned seed = 1;
  std::vector<Bytes> words;  // of the dictionary
  std::string keep;
  std::vector<fs::path> files;
};

Bytes readAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes((std::istreambuf_iterator<char>(file)), {});
}

int digit(char c) {
  return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

// As libFuzzer writes them: name="text", with \xAB, \\ and \".
std::vector<Bytes> readDictionary(const fs::path& path) {
  std::vector<Bytes> words;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find('"'), last = line.rfind('"');
    if (line.starts_with('#') || first == last) continue;
    Bytes word;
    for (std::size_t i = first + 1; i < last; ++i) {
      const bool hex = line[i] == '\\' && line[i + 1] == 'x';
      if (line[i] == '\\' && !hex) ++i;
      word.push_back(static_cast<std::uint8_t>(hex ? 16 * digit(line[i + 2]) + digit(line[i + 3]) : line[i]));
      if (hex) i += 3;
    }
    words.push_back(word);
  }
  return words;
}

void addFiles(const fs::path& path, std::vector<fs::path>& files) {
  if (!fs::is_directory(path)) return files.push_back(path);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path());
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool valued = i + 1 < argc;
    if (argument == "--mutate" && valued)
      options.mutations = std::atoi(argv[++i]);
    else if (argument == "--seed" && valued)
      options.seed = static_cast<unsigned>(std::atoi(argv[++i]));
    else if (argument == "--seconds" && valued)
      options.seconds = std::atoi(argv[++i]);
    else if (argument == "--dictionary" && valued)
      options.words = readDictionary(argv[++i]);
    else if (argument == "--keep" && valued)
      options.keep = argv[++i];
    else
      addFiles(argument, options.files);
  }
  std::sort(options.files.begin(), options.files.end());
  return options;
}

class Damage {
 public:
  Damage(const std::vector<Bytes>& words, unsigned seed) : words_(words), random_(seed) {}

  Bytes operator()(Bytes bytes) {
    for (std::size_t times = 1 + random_() % 4; times > 0; --times) once(bytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t count) { return random_() % count; }
  // One of: bytes overwritten, a bit turned, a number made extreme, a piece cut out, a piece repeated, a word of the
  // dictionary put in or over, the end cut off.
  void once(Bytes& bytes) {
    const std::size_t at = below(bytes.size() + 1), end = std::min(bytes.size(), at + below(64));
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at),
               to = bytes.begin() + static_cast<std::ptrdiff_t>(end);
    switch (below(words_.empty() ? 6 : 8)) {
      case 0:
        return std::generate(from, std::min(to, from + 4), [&] { return static_cast<std::uint8_t>(random_()); });
      case 1:
        if (from != bytes.end()) *from = static_cast<std::uint8_t>(*from ^ (1u << below(8)));
        return;
      case 2:
        return std::fill(from, std::min(to, from + 8), below(2) ? std::uint8_t{0xff} : std::uint8_t{0});
      case 3:
        bytes.erase(from, to);
        return;
      case 4: {
        const Bytes piece(from, to);
        bytes.insert(to, piece.begin(), piece.end());
        return;
      }
      case 5:
        if (below(4) == 0) bytes.erase(from, bytes.end());
        return;
      case 6:
        return putWord(bytes, at, 0);
      default:
        return putWord(bytes, at, end - at);
    }
  }
  void putWord(Bytes& bytes, std::size_t at, std::size_t over) {
    const Bytes& word = words_[below(words_.size())];
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const auto place = bytes.erase(from, from + static_cast<std::ptrdiff_t>(std::min(over, word.size())));
    bytes.insert(place, word.begin(), word.end());
  }

  const std::vector<Bytes>& words_;
  std::mt19937 random_;
};

void runOne(const Options& options, const Bytes& bytes) {
  if (!options.keep.empty())
    std::ofstream(options.keep, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  alarm(kSeconds);
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  alarm(0);
}

// Every file and its damaged copies; returns how many inputs that were.
std::size_t runAll(const Options& options, unsigned seed) {
  Damage damage(options.words, seed);
  for (const fs::path& path : options.files) {
    const Bytes original = readAll(path);
    runOne(options, original);
    for (int i = 0; i < options.mutations; ++i) runOne(options, damage(original));
  }
  return options.files.size() * (static_cast<std::size_t>(options.mutations) + 1);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (options.files.empty()) {
    std::cerr << "relprop_fuzz: no input\n";
    return 2;
  }
  LLVMFuzzerInitialize(&argc, &argv);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  unsigned seed = options.seed;
  std::size_t runs = 0;
  do runs += runAll(options, seed++);
  while (std::chrono::steady_clock::now() < end);
  std::cout << runs << " inputs from " << options.files.size() << " files, the next seed is " << seed << "\n";
}
