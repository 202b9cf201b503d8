#include "fuzz/small_store.h"

#include "relprop/image.h"
#include "unit/eval/store_support.h"

namespace relprop::fuzz {

namespace {

std::vector<std::uint8_t> made() {
  namespace rows = store_test;
  Store store = rows::ready(Store::inMemory());
  for (const char* picture : {"a.jpg", "b.jpg"}) {
    ResultBatch batch = rows::batch(picture, {"rap", "gradient"}, {"outside-inside@1:region=boxes", "probe@1"});
    batch.pictures[0].view = encodePng(Image{4, 3, std::vector<std::uint8_t>(36, 90)});
    batch.pictures[0].truth = batch.pictures[0].view;
    for (MapFacts& map : batch.maps) map.map = Tensor(Shape{3, 4});
    store.write(batch);
  }
  return store.bytes();
}

}  // namespace

const std::vector<std::uint8_t>& smallStoreBytes() {
  static const std::vector<std::uint8_t> bytes = made();
  return bytes;
}

}  // namespace relprop::fuzz
