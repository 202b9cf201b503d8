# Reads a line "FILE:" for each file and "FILE:#include …" for what it includes, and prints what goes against the layering,
# followed through all headers: a file may reach no header of another module or library that it may not include itself. Exit code 1 when there is anything.

function allow(module, below) { below_of[module] = below }
function library(pattern, modules) { library_users[pattern] = " " modules " " }

BEGIN {
  # The arrows: what a module, a folder below src, may include besides itself (and what those may include). A folder that
  # is not named here belongs to the one around it.
  allow("core", "")
  allow("system", "core")
  allow("graph", "core system")
  allow("onnx", "graph")
  allow("passes", "graph")
  allow("kernels", "core system")
  allow("kernels/ref", "kernels")
  allow("kernels/simd", "kernels")
  allow("kernels/onednn", "kernels/ref kernels/simd")
  allow("kernels/record", "kernels/ref kernels/simd")
  allow("engine", "graph kernels")
  allow("rules", "graph kernels")
  allow("explain/walk", "engine rules")
  allow("explain", "explain/walk")
  allow("explain/procedures", "explain")
  allow("explain/methods", "explain/procedures")
  allow("image", "core system")
  allow("bow", "core image")
  allow("explainer", "explain/methods passes onnx image bow kernels/record")
  allow("eval", "core explainer image")
  allow("c", "core eval")
  allow("bench", "eval explain/methods kernels/record")
  allow("program", "")
  # What stands on a sealed module sees its headers alone, not what lies below it.
  sealed["explainer"] = 1
  # Public headers and the one folder that implements each: it, what stands on it, and the program may include them.
  # Headers of core are for every layer; include/relprop itself is the module "public".
  home["relprop/budgets.h"] = home["relprop/error.h"] = home["relprop/tensor.h"] = home["relprop/export.h"] = home["relprop/text.h"] = "core"
  home["relprop/image.h"] = home["relprop/npz.h"] = "image"
  home["relprop/bow.h"] = "bow"
  home["relprop/explain.h"] = home["relprop/patterns.h"] = home["relprop/pool.h"] = "explainer"
  home["relprop/question.h"] = home["relprop/describe.h"] = home["relprop/choices.h"] = "explainer"
  home["relprop/relprop.h"] = "c"
  home["relprop/dataset.h"] = home["relprop/metrics.h"] = home["relprop/evaluate.h"] = "eval"
  home["relprop/store.h"] = home["relprop/report.h"] = home["relprop/virelay.h"] = "eval"
  home["relprop/bench.h"] = "bench"
  # Third-party headers and who may include them; all other headers belong to the system.
  library("^(google/protobuf/|onnx/)", "onnx")
  library("^(oneapi/dnnl|dnnl)", "kernels/onednn")
  library("^(turbojpeg|jpeglib|png\\.h|webp/)", "image")
  library("^(opencv2/|zip\\.h)", "image bow")
  library("^libsvm/", "bow")
  library("^xxh", "onnx")
  library("^omp\\.h", "kernels kernels/onednn kernels/simd")
  library("^nlohmann/", "image bow explainer eval c bench program")
  library("^sqlite3", "eval")
  library("^(zlib|pugixml)", "eval")
  library("^mpi\\.h", "program")
  library("^CLI/", "program")
  library("^fmt/", "system graph onnx passes kernels kernels/ref kernels/simd kernels/onednn engine rules explain/walk explain explain/procedures explain/methods image bow explainer eval c bench program")
}

function module_of(file) {
  if (file ~ /^include\//) return "public"
  if (file ~ /^tools\/relprop\//) return "program"
  sub(/^src\//, "", file)
  while (sub(/\/[^\/]*$/, "", file))
    if (file in below_of) return file
  return file
}

function has(list, word) { return index(" " list " ", " " word " ") > 0 }

# Whether `from` stands on `to`, by any chain of arrows that does not lead through a sealed module.
function stands_on(from, to,    parts, n, i) {
  if (has(below_of[from], to)) return 1
  n = split(below_of[from], parts, " ")
  for (i = 1; i <= n; i++)
    if (!(parts[i] in sealed) && stands_on(parts[i], to)) return 1
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
    other = home[name]
    if (module == "public" || module == "program" || other == "core") return ""
    if (other == module || stands_on(module, other)) return ""
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
