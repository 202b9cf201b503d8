# Reads a line "FILE:" for each file and "FILE:#include …" for what it includes, and prints what goes against the layering,
# followed through all headers: a file may reach no header of another module or library that it may not include itself. Exit code 1 when there is anything.

function allow(module, below) { below_of[module] = below }
function library(pattern, modules) { library_users[pattern] = " " modules " " }

BEGIN {
  # The arrows: what a module may include besides itself (and what those may include).
  allow("core", "")
  allow("graph", "core")
  allow("onnx", "graph")
  allow("passes", "graph")
  allow("kernels/onednn", "core kernels")
  allow("kernels", "core kernels/onednn")
  allow("engine", "graph kernels")
  allow("rules", "graph kernels")
  allow("explain", "engine rules")
  allow("image", "core")
  allow("eval", "explain image")
  allow("api", "explain onnx passes image eval")
  allow("program", "")
  # Public headers and who may include them; include/relprop itself is the module "public".
  public_users["relprop/error.h"] = public_users["relprop/tensor.h"] = " any "
  public_users["relprop/image.h"] = " image eval api program public "
  public_users["relprop/dataset.h"] = public_users["relprop/metrics.h"] = " eval api program public "
  public_users["relprop/store.h"] = public_users["relprop/report.h"] = " eval api program public "
  public_users["relprop/evaluate.h"] = " api program public "
  public_users["relprop/npz.h"] = " image api program public "
  public_users["relprop/patterns.h"] = " api program public "
  public_users["relprop/bench.h"] = " api program public "
  public_users["relprop/explain.h"] = " api program public "
  # Third-party headers and who may include them; all other headers belong to the system.
  library("^(google/protobuf/|onnx/)", "onnx")
  library("^(oneapi/dnnl|dnnl)", "kernels/onednn")
  library("^(opencv2/|turbojpeg|jpeglib|png\\.h|webp/|zip\\.h)", "image")
  library("^xxh", "onnx")
  library("^omp\\.h", "kernels kernels/onednn")
  library("^nlohmann/", "image eval api program")
  library("^sqlite3", "eval")
  library("^(hdf5|pugixml)", "eval")
  library("^mpi\\.h", "program")
  library("^CLI/", "program")
  library("^fmt/", "graph onnx passes kernels kernels/onednn engine rules explain image eval api program")
}

function module_of(file, parts) {
  if (file ~ /^include\//) return "public"
  if (file ~ /^tools\/relprop\//) return "program"
  if (file ~ /^src\/kernels\/onednn\//) return "kernels/onednn"
  split(file, parts, "/")
  return parts[2]
}

function has(list, word) { return index(" " list " ", " " word " ") > 0 }

# Whether `from` stands on `to`, by any chain of arrows.
function stands_on(from, to,    parts, n, i) {
  if (has(below_of[from], to)) return 1
  if (from == "kernels" || from == "kernels/onednn") return has("core kernels kernels/onednn", to)
  n = split(below_of[from], parts, " ")
  for (i = 1; i <= n; i++)
    if (stands_on(parts[i], to)) return 1
  return 0
}

function folder(file) { sub(/[^\/]*$/, "", file); return file }

# The file of the tree that an include means, or "" when it is none of ours.
function resolve(file, name,    candidate) {
  if (name ~ /^relprop\//) return "include/" name
  if ((folder(file) name) in known) return folder(file) name
  candidate = "src/" name
  return candidate in known ? candidate : ""
}

function library_problem(module, name,    pattern) {
  for (pattern in library_users)
    if (name ~ pattern && !has(library_users[pattern], module)) return module " may not use <" name ">"
  if (module == "core" && name ~ /[\/.]/) return "core may use the standard library only, not <" name ">"
  return ""
}

# What is wrong with `module` seeing the header `target`.
function header_problem(module, target,    name, other) {
  if (target ~ /^include\//) {
    name = substr(target, 9)
    if (has(public_users[name], "any") || has(public_users[name], module)) return ""
    return module " may not include " name
  }
  other = module_of(target)
  if (other == module || stands_on(module, other)) return ""
  return module " may not stand on " other
}

function complain(file, chain, problem) {
  if ((file, problem) in said) return
  said[file, problem] = 1
  print file ": " problem (chain == "" ? "" : " (through" chain ")")
  bad = 1
}

# Everything that `file` sees by way of `at`.
function walk(file, at, chain,    parts, n, i, name, target, problem) {
  n = split(includes[at], parts, "\n")
  for (i = 1; i <= n; i++) {
    name = parts[i]
    if (name == "") continue
    target = resolve(at, name)
    problem = target == "" ? library_problem(module_of(file), name) : header_problem(module_of(file), target)
    if (problem != "") complain(file, chain, problem)
    if (target == "" || (file, target) in seen) continue
    seen[file, target] = 1
    walk(file, target, chain " " target)
  }
}

{
  file = $0; sub(/:.*/, "", file)
  known[file] = 1
  if (!(file in order)) { order[file] = ++count; files[count] = file }
  if ($0 ~ /:$/) next
  name = $0; sub(/^[^:]*:[^<"]*[<"]/, "", name); sub(/[>"].*/, "", name)
  if (name ~ /\.\.\//) { print file ": includes by a path with ..: " name; bad = 1 }
  includes[file] = includes[file] name "\n"
}

END {
  for (i = 1; i <= count; i++) {
    module = module_of(files[i])
    if (module != "public" && !(module in below_of)) { print files[i] ": " module " is not in the layering"; bad = 1 }
  }
  for (i = 1; i <= count; i++) walk(files[i], files[i], "")
  exit bad
}
