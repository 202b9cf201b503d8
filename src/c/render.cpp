// Maps as pictures.
#include "c/arrays.h"
#include "c/guard.h"
#include "c/options.h"
#include "c/result.h"

namespace relprop::c {
namespace {

// With a float32 array for the photo, or more axes than a picture has, the map is of no picture.
Image drawn(const relprop_array* map, const relprop_array* photo, const HeatmapOptions& options) {
  const Tensor relevance = tensorOf(map, "map");
  const bool signal = photo != nullptr && photo->type == RELPROP_FLOAT32;
  if (signal || relevance.shape.size() > 4)
    return renderArray(relevance, signal ? std::optional(tensorOf(photo, "photo")) : std::nullopt, options);
  return renderHeatmap(relevance, photo ? std::optional(imageOf(photo, "photo")) : std::nullopt, options);
}

}  // namespace
}  // namespace relprop::c

using namespace relprop::c;

int32_t relprop_render(const relprop_array* map, const relprop_array* photo, const char* options,
                       relprop_result** picture) {
  return guarded([&] {
    requirePointer(picture, "picture");
    relprop::Image image = drawn(map, photo, readOptions(options, Function::Render).heatmap);
    auto result = std::make_shared<Result>();
    result->maps.resize(1);
    result->add(0, "png", relprop::encodePng(image));
    result->add(0, "pixels", std::move(image));
    *picture = Handles::all().add<relprop_result>(result);
  });
}
