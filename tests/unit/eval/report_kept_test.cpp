// What a report makes of pictures and heatmaps that a store keeps, whoever wrote it.
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "relprop/image.h"
#include "relprop/report.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace relprop::report_kept_test {
namespace {

namespace fs = std::filesystem;
using relprop::test::expectError;
using Folder = relprop::test::TemporaryFolder;

Store storeOf(PictureFacts facts, const std::optional<Tensor>& map = {}) {
  Store store = Store::inMemory();
  store.beginRun({"0.1.0", "host", "command", "float32", {}, 0, 1});
  store.put({"k", "nets/net.onnx", "h", "{}", "3×8×8"});
  facts.model = "k", facts.dataset = "d", facts.picture = "odd", facts.target = "true";
  const ResultKey key = {"k", "d", "odd", "true", "a:k=1", "pointing-game@1:tolerance=15"};
  store.write({{facts}, {{"k", "d", "odd", "true", "a:k=1", 0.05, map}}, {{key, "", {{"hit", 1}}, {}, 0.0}}});
  return store;
}

Error refusal(const PictureFacts& facts) {
  const Folder folder;
  const Error error = expectError(ErrorCode::StoreUnusable, [&] { writeReport(storeOf(facts), folder / "report"); });
  EXPECT_EQ(folder.entries(), 0);
  return error;
}

// Height and width of the picture of a heatmap.
std::pair<int, int> shownSize(const Shape& shape) {
  const Folder folder;
  writeReport(storeOf({}, Tensor(shape, 1.0f)), folder / "report");
  const Image map = readImage(folder / "report/pictures/0001-m00.png");
  return {map.height, map.width};
}

}  // namespace

// A browser would be given whatever else lies there.
TEST(ReportKept, APictureThatIsNoneIsDamage) {
  const std::string script = "<script>alert(1)</script>";
  PictureFacts view, truth;
  view.view.assign(script.begin(), script.end());
  truth.truth = view.view;
  EXPECT_EQ(refusal(view).got(), "damaged: the kept picture of odd is no PNG file");
  EXPECT_EQ(refusal(truth).got(), "damaged: the kept ground truth of odd is no PNG file");
  PictureFacts cut;
  cut.view = encodePng({8, 8, std::vector<std::uint8_t>(192, 128)});
  cut.view.resize(40);
  EXPECT_EQ(refusal(cut).got().substr(0, 32), "damaged: the kept picture of odd");
}

TEST(ReportKept, ThinHeatmapsAreEnlargedAsFarAsTheLongerSideAllows) {
  EXPECT_EQ(shownSize({8, 8}), std::pair(224, 224));
  EXPECT_EQ(shownSize({1, 1}), std::pair(64, 64));
  EXPECT_EQ(shownSize({1, 100}), std::pair(40, 4000));
  EXPECT_EQ(shownSize({16384, 1}), std::pair(16384, 1));
}

// libpng's own limit, of a million, is for files from elsewhere.
TEST(ReportKept, PicturesMayBeWide) {
  const std::vector<std::uint8_t> file = encodePng({1'000'001, 1, std::vector<std::uint8_t>(3'000'003)});
  EXPECT_EQ(std::vector<std::uint8_t>(file.begin() + 16, file.begin() + 20),
            (std::vector<std::uint8_t>{0, 0x0F, 0x42, 0x41}));
}

}  // namespace relprop::report_kept_test
