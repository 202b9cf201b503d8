# tools/checks/guides apply: reads guides, edits copies of the files they name, writes those to the folder `out`, and the
# commands of each guide to `out`/commands. What is wrong goes to standard error and makes it fail.

function wrong(what) {
  printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
  bad = 1
}

# Lines of a file, edited or not, as text[path, 1 … count[path]].
function load(path,    line, n) {
  if (path in count) return count[path] > 0
  n = 0
  while ((getline line < path) > 0) text[path, ++n] = line
  close(path)
  count[path] = n
  return n > 0
}

function squeezed(s) {
  gsub(/[ \t\n]+/, " ", s)
  sub(/^ /, "", s)
  sub(/ $/, "", s)
  return s
}

function quoted(path,    all, i) {
  for (i = 1; i <= count[path]; ++i) all = all "\n" text[path, i]
  return index(squeezed(all), squeezed(block)) > 0
}

function lineWith(path, what,    i) {
  for (i = 1; i <= count[path]; ++i)
    if (index(text[path, i], what)) return i
  return 0
}

# The block's lines behind line `at` of the file, of which `gone` lines go.
function insert(path, at, gone,    lines, n, i) {
  n = split(block, lines, "\n") - 1  # ends with a new line
  if (n > gone) {
    for (i = count[path]; i > at + gone; --i) text[path, i + n - gone] = text[path, i]
  } else {
    for (i = at + gone + 1; i <= count[path]; ++i) text[path, i + n - gone] = text[path, i]
  }
  for (i = 1; i <= n; ++i) text[path, at + i] = lines[i]
  count[path] += n - gone
  edited[path] = 1
  ++edits[guide]
}

# The last `path` of what was said before the block, and what is said behind that.
function findFile(    rest) {
  file = rest = ""
  while (match(said, /`[A-Za-z_0-9.\/-]+\/[A-Za-z_0-9.-]+\.[a-z]+`/)) {
    file = substr(said, RSTART + 1, RLENGTH - 2)
    rest = said = substr(said, RSTART + RLENGTH)
  }
  how = squeezed(rest)
}

function takeBlock(    line) {
  findFile()
  if (file == "") return wrong("no file is named before this block")
  if (how ~ /^, new:?$/) {
    if (load(file)) return wrong(file " is there already")
    count[file] = 0
    return insert(file, 0, 0)
  }
  if (!load(file)) return wrong("there is no file " file)
  if (!match(how, /^, (below|above|instead of) `[^`]+`:?$/)) {
    if (!quoted(file)) wrong("this block is not in " file)
    return
  }
  line = how
  sub(/^[^`]*`/, "", line)
  sub(/`:?$/, "", line)
  line = lineWith(file, line)
  if (!line) return wrong(file " has no such line: " how)
  if (how ~ /^, below/) insert(file, line, 0)
  else if (how ~ /^, above/) insert(file, line - 1, 0)
  else insert(file, line - 1, 1)
}

FNR == 1 {
  guide = FILENAME
  sub(/.*\//, "", guide)
  sub(/\.md$/, "", guide)
  said = ""
  blank = 1
}

/^ *```/ {
  if (inside) {
    if (language == "cpp") takeBlock()
    else if (language != "") wrong("blocks of " language " are not checked")
    said = ""
    inside = 0
  } else {
    inside = 1
    block = ""
    indent = match($0, /`/) - 1
    language = substr($0, indent + 4)
    if (language == "") wrong("a block without a language")
  }
  blank = 0
  next
}
inside {
  block = block substr($0, 1 + indent) "\n"
  next
}

# Commands. Building is what the build that runs this check has done.
/^    [^ ]/ && (blank || command) || command && /^     / {
  command = 1
  blank = 0
  line = substr($0, 5)
  if (line !~ /^cmake --preset/) print line > (out "/commands/" guide ".sh")
  next
}
{
  command = 0
  blank = $0 ~ /^ *$/
  said = said " " $0
}
/^#/ {said = ""}

END {
  if (bad) exit 1
  for (path in edited) {
    copy = out "/" path
    folder = copy
    sub(/\/[^\/]*$/, "", folder)
    system("mkdir -p '" folder "'")
    printf "" > copy
    for (i = 1; i <= count[path]; ++i) print text[path, i] > copy
    close(copy)
    print path
  }
  for (guide in edits) print edits[guide] " edits" > (out "/commands/" guide ".edits")
}
