#include <algorithm>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "image/pixels.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {

namespace {

constexpr int kPanelMargin = 8, kTitleHeight = 18, kBaseline = 5;
constexpr int kWidestTitle = 240;  // a title may widen its column up to this
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kFontScale = 0.4;

int textWidth(const std::string& text) {
  int baseline = 0;
  return cv::getTextSize(text, kFont, kFontScale, 1, &baseline).width;
}

// The font has ASCII only; any other character (not byte) becomes one '?'.
std::string drawable(const std::string& title) {
  std::string text;
  for (char letter : title) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool continuation = (byte & 0xC0) == 0x80;
    if (!continuation) text += byte >= 0x20 && byte < 0x7F ? letter : '?';
  }
  return text;
}

std::string fitted(std::string text, int width) {
  if (textWidth(text) <= width) return text;
  while (!text.empty() && textWidth(text + "...") > width) text.pop_back();
  return text + "...";
}

int cellWidth(const TitledImage& cell) {
  return std::max(cell.image.width, std::min(textWidth(drawable(cell.title)), kWidestTitle));
}

// A column is as wide as the widest of its cells, so that rows of one panel line up.
std::vector<int> columnWidths(const std::vector<std::vector<TitledImage>>& rows) {
  std::vector<int> widths;
  for (const auto& row : rows) {
    if (row.empty()) throw Error(ErrorCode::InvalidArgument, "panel", "an empty row", "at least one picture a row");
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      requireWhole(row[i].image, "panel");
      widths[i] = std::max(widths[i], cellWidth(row[i]));
    }
  }
  return widths;
}

std::int64_t rowHeight(const std::vector<TitledImage>& row) {
  std::int64_t height = 0;
  for (const TitledImage& cell : row) height = std::max<std::int64_t>(height, cell.image.height);
  return height + kTitleHeight + kPanelMargin;
}

// A view on the pixels, for OpenCV to draw into.
cv::Mat asMat(Image& image) {
  return {image.height, image.width, CV_8UC3, image.pixels.data()};
}

void paste(const Image& image, Image& canvas, int left, int top) {
  for (std::ptrdiff_t y = 0; y < image.height; ++y)
    std::copy_n(image.pixels.begin() + y * image.width * 3, image.width * 3,
                canvas.pixels.begin() + ((top + y) * canvas.width + left) * 3);
}

void drawRow(const std::vector<TitledImage>& row, const std::vector<int>& widths, Image& canvas, int top) {
  int left = kPanelMargin;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string title = fitted(drawable(row[i].title), widths[i]);
    cv::putText(asMat(canvas), title, {left, top + kTitleHeight - kBaseline}, kFont, kFontScale, cv::Scalar::all(0), 1,
                cv::LINE_AA);
    paste(row[i].image, canvas, left, top + kTitleHeight);
    left += widths[i] + kPanelMargin;
  }
}

}  // namespace

Image composePanel(const std::vector<std::vector<TitledImage>>& rows) {
  if (rows.empty()) throw Error(ErrorCode::InvalidArgument, "panel", "no rows", "at least one row");
  const std::vector<int> widths = columnWidths(rows);
  std::int64_t width = kPanelMargin, height = kPanelMargin;
  for (int column : widths) width += column + kPanelMargin;
  for (const auto& row : rows) height += rowHeight(row);
  Image canvas = blankImage(width, height, "panel");
  std::fill(canvas.pixels.begin(), canvas.pixels.end(), std::uint8_t{255});
  int top = kPanelMargin;
  for (const auto& row : rows) {
    drawRow(row, widths, canvas, top);
    top += static_cast<int>(rowHeight(row));
  }
  return canvas;
}

}  // namespace relprop
