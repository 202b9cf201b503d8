// The command lines of pages of docs, run as they stand there, in a folder that looks like a checkout that is built.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "program.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PagesTest : public testing::Test {
 protected:
  PagesTest() {
    for (const char* name : {"docs", "examples", "tools"})
      fs::create_symlink(fs::path(SOURCE_FOLDER) / name, folder_ / name);
    fs::create_directory(folder_ / "bin");
    fs::create_symlink(programPath(), folder_ / "bin/relprop");
  }

  // Indented lines that begin with what a page of docs calls.
  static std::vector<std::string> commandsOf(const std::string& page) {
    std::istringstream lines(readText(fs::path(SOURCE_FOLDER) / "docs" / page));
    std::vector<std::string> commands;
    for (std::string line; std::getline(lines, line);)
      for (const char* call : {"    relprop ", "    tools/toy/draw.py "})
        if (line.starts_with(call)) commands.push_back(line.substr(4));
    return commands;
  }

  Outcome shell(const std::string& command) {
    RunOptions inFolder;
    inFolder.inChild = [this] {
      const std::string path = (folder_ / "bin") + ":" + std::getenv("PATH");
      setenv("PATH", path.c_str(), 1);
      setenv("PYTHONDONTWRITEBYTECODE", "1", 1);  // tools/ is the checkout's own
      if (chdir(folder_.path().c_str()) != 0) _exit(126);
    };
    return run("sh", {"-c", command}, inFolder);
  }

  void runPage(const std::string& page, std::size_t commands) {
    const std::vector<std::string> all = commandsOf(page);
    EXPECT_EQ(all.size(), commands) << page;
    for (const std::string& command : all) {
      const Outcome outcome = shell(command);
      EXPECT_EQ(outcome.code, 0) << command << "\n" << outcome.err;
    }
  }

  TemporaryFolder folder_;
};

TEST_F(PagesTest, ToyDrawsTheFigureThatItShows) {
  if (shell("python3 --version").code != 0) GTEST_SKIP() << "no python3, which draws the figure";
  runPage("toy.md", 3);
  const std::string figure = readText(folder_ / "out/toy/toy.svg");
  EXPECT_THAT(figure, HasSubstr(">3.7<"));
  EXPECT_TRUE(figure == readText(fs::path(SOURCE_FOLDER) / "docs/pictures/toy.svg"))
      << "docs/make-pictures makes it anew";
  EXPECT_TRUE(fs::exists(folder_ / "out/layers/val_00003.rap.layers.png"));
}

TEST_F(PagesTest, DigitsExplainsWhatItShows) {
  runPage("digits.md", 5);
  for (const char* panel : {"three/3_006.lrp-epsilon.png", "contrast/3_006.lrp-epsilon.png",
                            "eight/8_035.lrp-epsilon.png", "methods/3_006.panel.png", "lenet/3_006.lrp-epsilon.png"})
    EXPECT_TRUE(fs::exists(folder_ / (std::string("out/digits/") + panel))) << panel;
}

}  // namespace
}  // namespace e2e
