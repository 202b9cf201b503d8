# Debian packages; names of the apt packages are in tools/setup.
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Protobuf REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(pugixml REQUIRED)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)

find_library(ONNX_PROTO_LIBRARY onnx_proto REQUIRED)
find_path(ONNX_PROTO_INCLUDE onnx/onnx-ml.pb.h REQUIRED)

# Debian's dnnl-config.cmake asks for OpenCL headers that relprop has no use for; the library itself does not need them.
find_library(DNNL_LIBRARY dnnl REQUIRED)
find_path(DNNL_INCLUDE oneapi/dnnl/dnnl.hpp REQUIRED)
add_library(relprop_dnnl UNKNOWN IMPORTED)
set_target_properties(relprop_dnnl PROPERTIES IMPORTED_LOCATION ${DNNL_LIBRARY}
                      INTERFACE_INCLUDE_DIRECTORIES ${DNNL_INCLUDE})

# libopencv-core-dev and its like come without OpenCVConfig.cmake (only the very large libopencv-dev has it).
find_path(OPENCV_INCLUDE opencv2/imgproc.hpp PATH_SUFFIXES opencv4 REQUIRED)
foreach(part core imgproc features2d)
  find_library(OPENCV_${part}_LIBRARY opencv_${part} REQUIRED)
  add_library(opencv_${part} UNKNOWN IMPORTED)
  set_target_properties(opencv_${part} PROPERTIES IMPORTED_LOCATION ${OPENCV_${part}_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${OPENCV_INCLUDE})
endforeach()

find_library(LIBSVM_LIBRARY svm REQUIRED)
find_path(LIBSVM_INCLUDE libsvm/svm.h REQUIRED)
add_library(relprop_libsvm UNKNOWN IMPORTED)
set_target_properties(relprop_libsvm PROPERTIES IMPORTED_LOCATION ${LIBSVM_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${LIBSVM_INCLUDE})
