// Where people write 1.234,5 and the small letter of I has no dot: what is written stays as it is, and what is read as
// well.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <array>
#include <cctype>
#include <cstdio>
#include <locale>
#include <map>

#include "evaluate.h"
#include "relprop/error.h"
#include "relprop/explain.h"
#include "relprop/image.h"
#include "relprop/question.h"
#include "relprop/relprop.h"
#include "relprop/report.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A locale of glibc's, made in a folder of its own: few systems have one of Germany or Turkey installed.
struct Made {
  const char *name, *source, *characters;
};
constexpr Made kGerman = {"de_DE.UTF-8", "de_DE", "UTF-8"}, kTurkish = {"tr_TR.ISO-8859-9", "tr_TR", "ISO-8859-9"};

class LocaleTest : public EvaluateTest {
 protected:
  bool make(const Made& locale) const {
    run("localedef", {"-i", locale.source, "-f", locale.characters, locales_ / locale.name});
    return fs::exists(locales_ / locale.name);
  }
  // The environment of a user of that country.
  RunOptions living(const Made& locale) const {
    const std::string path = locales_.path();
    return {.inChild = [=] { ::setenv("LOCPATH", path.c_str(), 1), ::setenv("LC_ALL", locale.name, 1); },
            .whileRunning = {}};
  }

  TemporaryFolder locales_;
};

// In force for C and C++ of this process, as a program with a window sets it when it starts.
class InForce {
 public:
  InForce(const Made& locale, const TemporaryFolder& locales) {
    ::setenv("LOCPATH", locales.path().c_str(), 1);
    std::locale::global(std::locale(locale.name));
  }
  InForce(const InForce&) = delete;
  InForce& operator=(const InForce&) = delete;
  ~InForce() {
    std::locale::global(std::locale::classic());
    ::unsetenv("LOCPATH");
  }
};

// A network as C sees it, in JSON with the numbers of its preprocessing.
std::string describedByC() {
  relprop_model* model = nullptr;
  char* text = nullptr;
  EXPECT_EQ(relprop_model_load(exampleModel().c_str(), nullptr, &model), 0);
  EXPECT_EQ(relprop_model_describe(model, nullptr, &text), 0);
  std::string described = text ? text : "";
  relprop_text_free(text);
  relprop_model_free(model);
  return described;
}

std::string errorOf(const std::string& rule) {
  try {
    relprop::Explainer(relprop::Model::load(exampleModel()), {.method = "gradient", .rules = {rule}});
  } catch (const relprop::Error& error) {
    return error.what();
  }
  return "";
}

std::map<std::string, std::string> filesIn(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) all[entry.path().lexically_relative(folder)] = readText(entry.path());
  return all;
}

// What the library makes of numbers, by the name of what it makes.
std::map<std::string, std::string> written(const std::string& store, const fs::path& folder) {
  const auto results = relprop::Store::open(store, relprop::Store::Access::Read);
  relprop::writeReport(results, folder, {.gallery = 1});
  std::map<std::string, std::string> all = filesIn(folder);
  fs::remove_all(folder);
  const auto add = [&](const std::string& format) {
    relprop::exportStore(results, format, [&](const std::string& text) { all[format] += text; });
  };
  add("csv"), add("json");
  all["tables"] = relprop::tablesJson(results);
  all["Markdown"] = relprop::markdownReport(results);
  const std::vector<std::uint8_t> array = relprop::encodeNpy(relprop::Tensor(relprop::Shape{1234, 2}));
  all["array"] = {array.begin(), array.end()};
  all["preprocessing"] = relprop::toJson(
      relprop::parsePreprocess(R"({"channels": "RGB", "scale": 0.5, "mean": [0.25, 1.5, 2], "std": [1, 1, 1]})", "a"));
  const auto model = relprop::Model::load(exampleModel());
  all["method"] = relprop::Explainer(model, {.method = "gradient:noise=0.25,samples=1000"}).methodString();
  all["described"] = describedByC();
  all["error"] = errorOf("*=alphabeta:alpha=1.5,beta=1234.5") + errorOf("*=smooth:beta=-0.5");
  return all;
}

TEST_F(LocaleTest, TheProgramWritesTheSameWhereverItsUserLives) {
  if (!make(kGerman)) GTEST_SKIP() << "localedef or its sources are not installed: no locale with a decimal comma";
  const RunOptions abroad = living(kGerman);
  ASSERT_EQ(evaluate({"--limit", "2", "--methods", "gradient:noise=0.25"}).code, 0);
  const std::string other = store("abroad.db");
  const Outcome again =
      relprop(command(exampleData(), other, {"--limit", "2", "--methods", "gradient:noise=0.25"}), abroad);
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(contents(other), contents(store()));
  for (const Arguments& arguments :
       {Arguments{"export", store(), "--csv"}, {"export", store(), "--json"}, {"report", store(), "--markdown"}}) {
    const Outcome here = relprop(arguments), there = relprop(arguments, abroad);
    ASSERT_EQ(there.code, 0) << there.err;
    EXPECT_EQ(there.out, here.out) << arguments[0];
  }
}

TEST_F(LocaleTest, TheLibraryWritesTheSameWhateverItsHostHasSet) {
  if (!make(kGerman)) GTEST_SKIP() << "localedef or its sources are not installed: no locale with a decimal comma";
  ASSERT_EQ(evaluate({"--limit", "2"}).code, 0);
  const auto usual = written(store(), folder_ / "report");
  EXPECT_THAT(usual.at("method"), HasSubstr("noise=0.25"));
  EXPECT_THAT(usual.at("array"), HasSubstr("(1234, 2)"));
  EXPECT_THAT(usual.at("described"), HasSubstr("0.5009"));
  EXPECT_THAT(usual.at("error"), HasSubstr("alpha=1.5, beta=1234.5"));
  std::map<std::string, std::string> abroad;
  {
    const InForce german(kGerman, locales_);
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "%.1f", 1.5);
    ASSERT_STREQ(text.data(), "1,5") << "the locale is in force";
    abroad = written(store(), folder_ / "report");
  }
  ASSERT_EQ(abroad.size(), usual.size());
  for (const auto& [name, text] : usual) EXPECT_EQ(abroad[name], text) << name;
}

// Class names are found whatever the case of their letters.
TEST_F(LocaleTest, TheSmallLetterOfIHasADot) {
  if (!make(kTurkish)) GTEST_SKIP() << "localedef or its sources are not installed: no locale of Turkey";
  const InForce turkish(kTurkish, locales_);
  ASSERT_NE(std::tolower('I'), 'i') << "the locale is in force";
  const auto chosen = relprop::chooseTargets({.targets = {"INDIGO"}}, {"jay", "Indigo bunting"}, 2);
  ASSERT_EQ(chosen.targets.size(), 1u);
  EXPECT_TRUE(relprop::targetsOf(chosen)[0] == relprop::Target::of(1));
}

}  // namespace
}  // namespace e2e
