#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "browser.h"
#include "relprop/report.h"
#include "sample_store.h"

namespace browser {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

bool required() {
  const char* given = std::getenv("RELPROP_REQUIRE_SHARED");
  return given && *given && std::string(given) != "0";
}

// Screenshots stay when $RELPROP_SCREENSHOTS names a folder.
fs::path screenshots(const fs::path& otherwise) {
  const char* given = std::getenv("RELPROP_SCREENSHOTS");
  const fs::path folder = given && *given ? fs::path(given) : otherwise;
  fs::create_directories(folder);
  return folder;
}

// One browser for all tests: its start takes longer than they do.
class ReportInBrowser : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!missing().empty()) return;
    std::string name = (fs::temp_directory_path() / "relprop-browser-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    relprop::writeReport(sampleStore(), folder_ / "report", {});
    relprop::writeReport(sampleStore(false), folder_ / "bare", {});
    browser_ = new Browser(folder_, 1360, 900);
  }
  static void TearDownTestSuite() {
    delete browser_;
    browser_ = nullptr;
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  void SetUp() override {
    if (!missing().empty() && required()) FAIL() << missing() << " is not installed, and RELPROP_REQUIRE_SHARED is set";
    if (!missing().empty()) GTEST_SKIP() << missing() << " is not installed: pages are not tested in a browser";
    browser_->resize(1360, 900);
    browser_->preferDark(false);
    browser_->open(index());
  }
  void TearDown() override {
    if (!browser_) return;
    EXPECT_THAT(browser_->errors(), IsEmpty());
  }

  static fs::path index() { return folder_ / "report/index.html"; }
  static void shoot(const std::string& name) { browser_->screenshot(screenshots(folder_ / "shots") / (name + ".png")); }
  static bool viewerOpen() { return browser_->run("return document.querySelector('dialog.viewer').open").get<bool>(); }
  static std::string text(const std::string& selector) {
    return browser_->run("return document.querySelector(" + Json(selector).dump() + ").textContent");
  }
  static std::string background() { return browser_->run("return getComputedStyle(document.body).backgroundColor"); }
  // What one column of a table shows, row by row; missing scores are null.
  static std::vector<double> galleryScores(int column) {
    std::vector<double> values;
    const Json texts = browser_->run(
        "return [...document.querySelectorAll('#section-1 .pictures tbody tr')].filter(row => !row.hidden)"
        ".map(row => row.querySelector('[data-column=\"" +
        std::to_string(column) + "\"] .score').textContent)");
    for (const Json& one : texts)
      if (one != "–") values.push_back(std::stod(one.get<std::string>()));
    return values;
  }
  // What makes the page wider than the window; tables scroll by themselves.
  static Json overflowing() {
    return browser_->run(
        "return document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]"
        ".filter(e => !e.closest('.scroll, nav') && e.getBoundingClientRect().right > innerWidth)"
        ".map(e => e.outerHTML.slice(0, 100)).concat('the page')");
  }
  static void scrollTo(const std::string& selector) {
    browser_->run("document.querySelector(" + Json(selector).dump() +
                  ").scrollIntoView({block: 'start', behavior: 'instant'})");
  }

  static inline fs::path folder_;
  static inline Browser* browser_ = nullptr;
};

TEST_F(ReportInBrowser, ErrorsOnTheConsoleAreSeen) {
  browser_->run("console.error('one')");
  EXPECT_EQ(browser_->errors().size(), 1u);
}

TEST_F(ReportInBrowser, HasATableForEveryGroup) {
  EXPECT_EQ(browser_->run("return document.querySelectorAll('table.scores').length"), 2);
  EXPECT_EQ(browser_->run("return document.querySelectorAll('#section-1 table.scores tbody tr').length"), 9);
  EXPECT_EQ(browser_->run("return document.querySelectorAll('#section-2 table.scores tbody tr').length"), 3);
  EXPECT_EQ(text("#section-1 h2"), "resnet50 on imagenet:val, target true");
  // 6 scores and the time, for every method.
  EXPECT_EQ(browser_->run("return document.querySelectorAll('#section-1 table.scores tbody td').length"), 9 * 7);
  shoot("index-light");
}

TEST_F(ReportInBrowser, RunsNothingThatComesFromNames) {
  EXPECT_EQ(browser_->run("return window.broken === undefined"), true);
  EXPECT_EQ(browser_->run("return [...document.querySelectorAll('.pictures .file')].some(a => a.textContent === " +
                          Json(kHostile).dump() + ")"),
            true);
  browser_->open(folder_ / "report/pages/0001.html");  // "<" sorts before letters
  EXPECT_EQ(browser_->run("return window.broken === undefined"), true);
  EXPECT_EQ(text("h1"), kHostile);
  browser_->open(folder_ / "report/pages/0005.html");
  EXPECT_EQ(browser_->run("return window.broken === undefined"), true);
}

TEST_F(ReportInBrowser, LoadsEveryPicture) {
  browser_->run("for (const image of document.images) image.loading = 'eager'");
  EXPECT_TRUE(browser_->until("[...document.images].every(image => !image.src || image.complete)"));
  EXPECT_EQ(browser_->run("return [...document.images].filter(image => image.src && image.naturalWidth === 0).length"),
            0);
  // 23 measured pictures with photo, truth and 9 maps; the other group kept none.
  EXPECT_EQ(browser_->run("return document.querySelectorAll('.pictures img').length"), 23 * 11);
}

TEST_F(ReportInBrowser, SortsTheGalleryByAMethodsScore) {
  const std::string head = "#section-1 .pictures thead [data-column=\"2\"]";
  const std::vector<double> before = galleryScores(2);
  std::vector<double> ascending = before;
  std::sort(ascending.begin(), ascending.end());
  browser_->click(head + " button");
  // The first score is "id", of which higher is better, so the best stands first.
  EXPECT_EQ(galleryScores(2), std::vector<double>(ascending.rbegin(), ascending.rend()));
  EXPECT_EQ(
      browser_->run("return document.querySelector('#section-1 .pictures [aria-sort]').getAttribute('aria-sort')"),
      "descending");
  browser_->click(head + " button");
  EXPECT_EQ(galleryScores(2), ascending);
  EXPECT_NE(before, ascending);
}

TEST_F(ReportInBrowser, SortsMethodsByAScore) {
  const std::string values =
      "return [...document.querySelectorAll('#section-1 table.scores tbody tr')].map(row => "
      "Number(row.cells[1].dataset.value))";
  browser_->click("#section-1 table.scores thead tr:nth-child(2) th:first-child button");
  std::vector<double> sorted = browser_->run(values);
  EXPECT_TRUE(std::is_sorted(sorted.rbegin(), sorted.rend()));
  EXPECT_EQ(
      browser_->run("return document.querySelector('#section-1 table.scores tbody tr td').classList.contains('best')"),
      true);
  browser_->click("#section-1 table.scores thead .name button");
  EXPECT_EQ(text("#section-1 table.scores tbody tr:first-child .method"), "epsilon-plus-flat");
}

TEST_F(ReportInBrowser, FiltersPicturesAndMethods) {
  browser_->type("#section-1 .tools .field:nth-child(2) input", "lighthouse");
  EXPECT_EQ(text("#section-1 .tools output"), "3 of 23 pictures");
  browser_->type("#section-1 .tools .field:nth-child(3) input", "gamma=0.5");
  EXPECT_EQ(
      browser_->run("return [...document.querySelectorAll('#section-1 .pictures thead [data-column]')].filter(head => "
                    "!head.hidden).map(head => head.title)"),
      Json::array({"lrp-gamma:gamma=0.5,residual=relative,batchnorm=fold"}));
}

TEST_F(ReportInBrowser, EnlargesAndMovesByKeys) {
  EXPECT_FALSE(viewerOpen());
  browser_->click("#section-1 .pictures tbody tr:nth-child(2) [data-column=\"1\"] .thumb");
  EXPECT_TRUE(viewerOpen());
  const std::string source = "return document.querySelector('dialog.viewer img').src.split('/').pop()";
  EXPECT_EQ(browser_->run(source), "0002-m01.png");
  shoot("viewer");
  browser_->press(Browser::kRight);
  EXPECT_EQ(browser_->run(source), "0002-m02.png");
  browser_->press(Browser::kLeft);
  browser_->press(Browser::kLeft);
  browser_->press(Browser::kLeft);
  EXPECT_EQ(browser_->run(source), "0002-truth.png");
  browser_->press(Browser::kDown);
  EXPECT_EQ(browser_->run(source), "0003-truth.png");
  browser_->press(Browser::kUp);
  EXPECT_EQ(browser_->run(source), "0002-truth.png");
  browser_->press(Browser::kEscape);
  EXPECT_FALSE(viewerOpen());
}

TEST_F(ReportInBrowser, OpensAPicturesPageByEnter) {
  browser_->run("document.querySelector('#section-1 .pictures tbody tr:nth-child(3) .thumb').focus()");
  browser_->press(Browser::kEnter);
  ASSERT_TRUE(viewerOpen());
  browser_->press(Browser::kEnter);
  EXPECT_TRUE(browser_->until("location.pathname.endsWith('/pages/0003.html')"));
  EXPECT_EQ(browser_->run("return document.querySelectorAll('.shots .thumb').length"), 11);
  EXPECT_EQ(browser_->run("return document.querySelectorAll('svg.plot').length"), 2);
  shoot("picture");
  browser_->click(".shots .thumb.heat");
  EXPECT_TRUE(viewerOpen());
  browser_->press(Browser::kEscape);
  EXPECT_FALSE(viewerOpen());
}

TEST_F(ReportInBrowser, IsDarkWhereTheSystemIsAndWhereChosen) {
  const std::string light = background();
  browser_->click("[data-theme-switch]");
  const std::string dark = background();
  EXPECT_NE(dark, light);
  EXPECT_EQ(browser_->run("return document.querySelector('[data-theme-switch]').getAttribute('aria-pressed')"), "true");
  shoot("index-dark");
  browser_->open(index());  // the choice lasts
  EXPECT_EQ(background(), dark);
  browser_->click("[data-theme-switch]");
  EXPECT_EQ(background(), light);
  browser_->run("localStorage.clear()");
  browser_->preferDark(true);
  browser_->open(index());
  EXPECT_EQ(background(), dark);
}

TEST_F(ReportInBrowser, ShowsTheIntervalOfANumber) {
  browser_->hover("#section-1 table.scores tbody tr:nth-child(2) td:nth-child(2) .cell");
  EXPECT_TRUE(browser_->until("!document.querySelector('#hint').hidden"));
  EXPECT_THAT(text("#hint"), testing::HasSubstr("95 % interval"));
  shoot("hint");
}

TEST_F(ReportInBrowser, HighlightsOneMethodInEveryDiagram) {
  browser_->click("#section-1 .legend [data-method=\"3\"]");
  EXPECT_EQ(browser_->run("return document.querySelectorAll('#section-1 svg.plot .series.on').length"),
            browser_->run("return document.querySelectorAll('#section-1 svg.plot').length"));
  scrollTo("#section-1 .diagrams");
  shoot("curves-highlighted");
  browser_->click("#section-1 .legend [data-method=\"3\"]");
}

TEST_F(ReportInBrowser, LaysHeatmapsOverThePhoto) {
  browser_->click("#section-1 .check input");
  EXPECT_EQ(browser_->run("return document.querySelectorAll('#section-1 .thumb.heat.over').length"), 23 * 9);
  scrollTo("#section-1 .gallery");
  shoot("gallery-over");
}

TEST_F(ReportInBrowser, FitsANarrowWindow) {
  browser_->resize(420, 900);
  browser_->open(index());
  EXPECT_EQ(overflowing(), Json::array());
  shoot("narrow");
  scrollTo("#section-1 .gallery");
  shoot("narrow-gallery");
  browser_->open(folder_ / "report/pages/0003.html");
  EXPECT_EQ(overflowing(), Json::array());
  shoot("narrow-picture");
}

TEST_F(ReportInBrowser, SaysHowToKeepHeatmaps) {
  browser_->open(folder_ / "bare/index.html");
  EXPECT_THAT(text("#section-1 .note"), testing::HasSubstr("--keep"));
  EXPECT_EQ(browser_->run("return document.querySelectorAll('.pictures img').length"), 0);
  // Scores are there all the same.
  EXPECT_EQ(galleryScores(0).size(), 23u);
}

TEST_F(ReportInBrowser, ShowsItsOtherParts) {
  for (const auto& [name, selector] : std::vector<std::pair<std::string, std::string>>{
           {"curves", "#section-1 h3"}, {"gallery", "#section-1 .gallery"}, {"provenance", "#provenance"}}) {
    scrollTo(selector);
    // A busy machine's browser may put off what is lazy for longer than anybody waits.
    browser_->run("for (const image of document.images) image.loading = 'eager'");
    EXPECT_TRUE(
        browser_->until("[...document.images].filter(i => i.src && i.getBoundingClientRect().top < innerHeight && "
                        "i.getBoundingClientRect().bottom > 0).every(i => i.complete)"));
    shoot(name);
  }
}

}  // namespace
}  // namespace browser
