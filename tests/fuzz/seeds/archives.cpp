// Archives, as they are and as bundles of their entries, and stores.
#include "bow/file.h"
#include "fuzz/seeds/seeds.h"
#include "fuzz/small_model.h"
#include "fuzz/small_store.h"
#include "relprop/image.h"
#include "relprop/npz.h"
#include "relprop/patterns.h"
#include "support/temporary_folder.h"
#include "unit/bow/small_bag.h"

namespace relprop::fuzz {

namespace {

Files patternFiles(const test::TemporaryFolder& folder) {
  const Model model = smallModel();
  PatternEstimator estimator(model, {.batch = 2, .threads = 1});
  Tensor pictures(Shape{2, 3, 8, 8});
  for (std::size_t i = 0; i < pictures.data.size(); ++i) pictures.data[i] = static_cast<float>(i * 37 % 101) / 101;
  estimator.add(pictures);
  estimator.finish().save(folder / "patterns.npz");
  estimator.saveState(folder / "state.npz", "two pictures");
  return {{"entries", unzipped(folder / "patterns.npz")}, {"state", unzipped(folder / "state.npz")}};
}

// A vocabulary and histograms of few words, so that the corpus stays small.
bow::Bag tinyBag() {
  bow::Bag bag = bow::test::smallBag();
  bag.preprocess.size = 32;
  return bag;
}

const char* const kStatements[] = {
    "select 1;",
    "update results set skipped = x'ff00' where id = 1;",
    "update scores set value = 1e999 where result = 1;",
    "update curves set y = zeroblob(999) where result = 1;",
    "update axes set x = x'00';",
    "update pictures set file = char(10, 27, 60);",
    "update kept_pictures set view = x'89504e47';",
    "delete from models;",
    "insert into results select id + 100, picture, method, protocol + 1, skipped, measure_seconds, run from results;",
    "drop table curves; create view curves as select 1;",
    "create trigger t after insert on results begin delete from results; end;",
    "pragma writable_schema = 1; update sqlite_schema set sql = 'create table results(a)' where name = 'results';",
    "pragma user_version = 99;",
    "create index odd on results(id + 1);",
};

}  // namespace

void addArchives(Corpus& corpus) {
  const test::TemporaryFolder folder;
  writeNpz(folder / "a.npz", {{"first", Tensor(Shape{2, 3})}, {"second", Tensor(Shape{4})}});
  corpus["npz"] = {{"whole.npz", readFile(folder / "a.npz")}, {"entries", unzipped(folder / "a.npz")}};
  corpus["patterns"] = patternFiles(folder);
  bow::writeBag(folder / "model.bow", tinyBag());
  corpus["bow"] = {{"whole.bow", readFile(folder / "model.bow")}, {"entries", unzipped(folder / "model.bow")}};
  corpus["store"]["whole.db"] = smallStoreBytes();
  int number = 0;
  for (const char* sql : kStatements) corpus["store"]["sql" + std::to_string(100 + number++)] = fileOf(sql);
  // Changes of cells as tests/fuzz/store.cpp reads them, here and there among some fifty columns.
  for (std::uint8_t first = 0; first < 50; first = static_cast<std::uint8_t>(first + 2)) {
    const auto second = static_cast<std::uint8_t>(first + 1);
    corpus["store"]["cells" + std::to_string(100 + first)] = {1, first, first, 0, 0, second, 5, 200, 1};
  }
}

}  // namespace relprop::fuzz
