// What tables a results file has, and whether a file is one.
#pragma once

#include "eval/sqlite.h"

namespace relprop::eval {

constexpr int kStoreApplication = 0x72656c70;  // "relp", SQLite's application_id
constexpr int kStoreVersion = 1;               // SQLite's user_version

// Throws StoreUnusable unless the file is a store of this version or, where `mayBeEmpty`, has nothing in it.
// False: it has nothing in it.
bool isStore(const Database& database, bool mayBeEmpty);
// Throws StoreUnusable unless every table, index and view of ours is written as this program writes it and nothing else
// would be run in passing: a trigger, an index of somebody else's.
void checkSchema(const Database& database);
// Reads every page of a file that is not too large for that, and throws StoreUnusable where one is broken or an index
// does not agree with its table.
void checkPages(const Database& database);
// In one transaction; another process may do the same at the same time.
void createStore(const Database& database);

}  // namespace relprop::eval
