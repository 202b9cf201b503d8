# make, make demo and make test do all set-up on a fresh Debian 12 or Debian 13; tools/checks/fresh tries that.
.PHONY: all setup configure build demo test fuzz torture package test-packages bench format tidy clean
PROGRAM := build/release/relprop
# Networks for make bench (none: those that tools/bench/networks finds or makes) and options of tools/bench/performance.
BENCH_MODELS ?=
BENCH_OPTIONS ?=
# For make fuzz: how long each harness runs, and which.
MINUTES ?= 1
HARNESS ?= all
# The system that packages are tried in: the one they are built on.
SUITE ?= $(shell . /etc/os-release && echo $$VERSION_CODENAME)
DEMO_PICTURE = $(firstword $(sort $(wildcard examples/pictures/JPEGImages/*)))
# As many jobs as cores, but no more than one for each 2 GiB of memory: forty sources take up to 1.8.
JOBS := $(shell awk -v cores=$$(nproc) '/MemTotal/ {j = int($$2 / 2097152); if (j > cores) j = cores; print j < 1 ? 1 : j}' /proc/meminfo)

all: build

setup:
	@tools/setup

configure: setup
	@cmake --preset release $(CMAKE_OPTIONS)

build: configure
	@cmake --build --preset release -j $(JOBS)

demo: configure
	@cmake --build --preset release -j $(JOBS) --target relprop_program
	@$(PROGRAM) explain examples/model/shapes.onnx $(DEMO_PICTURE) \
	  --method rap --method lrp-zplus --method gradient --view panel --zoom 2 --out out/demo
	@echo "The panel lies at out/demo/$(basename $(notdir $(DEMO_PICTURE))).panel.png"

test: build
	@tools/setup tests
	@tools/checks/tests build/release -j $$(( $(JOBS) + 1 ))  # some wait for disks, signals and other processes

# docs/fuzzing.md has both.
fuzz:
	@tools/setup fuzz
	@cmake --preset fuzz
	@cmake --build --preset fuzz -j $(JOBS)
	@tools/fuzz/run build/fuzz $(MINUTES) $(HARNESS)

# What make test does a sample of: every injected fault, every moment of a kill, every size of a full disk (hours).
torture: build
	@tools/torture/run build/release

# Debian packages, in out/packages; test-packages installs them in a new minimal Debian and uses them there.
package:
	@tools/setup packages
	@cmake --preset package
	@cmake --build --preset package -j $(JOBS)
	@rm -rf out/packages
	@cpack --config build/package/CPackConfig.cmake -B build/package -D CPACK_OUTPUT_FILE_PREFIX=$(CURDIR)/out/packages
	@tools/package/check out/packages

test-packages: package
	@tools/checks/fresh $(SUITE) --packages out/packages || [ $$? -eq 77 ]  # 77: skipped, which it said

bench: build
	@tools/bench/performance --program $(PROGRAM) $(or $(BENCH_MODELS),$$(tools/bench/networks out/networks)) $(BENCH_OPTIONS)
	@build/release/bench/relprop_kernel_bench

format: setup
	@tools/checks/format --fix

tidy: setup
	@cmake --preset dev
	@tools/checks/tidy build/dev

clean:
	@rm -rf build out
