# cmake --install: the library with find_package(relprop), its headers and the program.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/relprop)

set_target_properties(relprop PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
file(RELATIVE_PATH library_from_program ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(relprop_program PROPERTIES INSTALL_RPATH "$ORIGIN/${library_from_program}")

install(TARGETS relprop EXPORT relpropTargets)
install(TARGETS relprop_program)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/relprop DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT relpropTargets NAMESPACE relprop:: DESTINATION ${package_folder})

# A static relprop is linked with what it stands on, which the user's project has to find as well.
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/relpropConfig.cmake.in ${PROJECT_BINARY_DIR}/relpropConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/relpropConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/relpropConfig.cmake ${PROJECT_BINARY_DIR}/relpropConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/dependencies.cmake DESTINATION ${package_folder})

# Tests of the whole: the program, the installed package, the layering, the guides.
if(RELPROP_TESTS)
  add_subdirectory(tests/e2e)
  add_subdirectory(tests/install)
  add_subdirectory(tests/python)
  add_subdirectory(tools/checks)
  add_subdirectory(tests/guides)
endif()
