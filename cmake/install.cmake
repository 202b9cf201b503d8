# cmake --install: the library with find_package(relprop) and pkg-config, its headers, the program, Python's module.
# Components are what the Debian packages hold; "static" is in none of them.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/relprop)

install(TARGETS relprop EXPORT relpropTargets LIBRARY COMPONENT library NAMELINK_COMPONENT development)
install(TARGETS relprop_inside EXPORT relpropStaticTargets ARCHIVE COMPONENT static)
install(TARGETS relprop_program COMPONENT program)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/relprop DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT relpropTargets NAMESPACE relprop:: DESTINATION ${package_folder} COMPONENT development)
install(EXPORT relpropStaticTargets NAMESPACE relprop:: DESTINATION ${package_folder} COMPONENT static)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/relpropConfig.cmake.in ${PROJECT_BINARY_DIR}/relpropConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/relpropConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/relpropConfig.cmake ${PROJECT_BINARY_DIR}/relpropConfigVersion.cmake
        DESTINATION ${package_folder} COMPONENT development)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/dependencies.cmake DESTINATION ${package_folder} COMPONENT static)

# Paths from where the file lies, so that what is installed may be moved.
file(RELATIVE_PATH RELPROP_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${PROJECT_SOURCE_DIR}/cmake/relprop.pc.in ${PROJECT_BINARY_DIR}/relprop.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/relprop.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

set(RELPROP_PYTHON_FOLDER lib/python3/dist-packages CACHE STRING "where Python looks for modules, below the prefix")
if(EXISTS ${PROJECT_SOURCE_DIR}/python/relprop/__init__.py)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/python/relprop DESTINATION ${RELPROP_PYTHON_FOLDER} COMPONENT python
          PATTERN __pycache__ EXCLUDE PATTERN "librelprop.so*" EXCLUDE)
endif()
if(RELPROP_PACKAGES)
  include(${PROJECT_SOURCE_DIR}/cmake/packages.cmake)
endif()

# Tests of the whole: the program, the installed package, the layering, the guides.
if(RELPROP_TESTS)
  add_subdirectory(tests/e2e)
  add_subdirectory(tests/torture)
  add_subdirectory(tests/install)
  add_subdirectory(tests/python)
  add_subdirectory(tools/checks)
  add_subdirectory(tests/guides)
endif()
