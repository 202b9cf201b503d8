# make package: what a Debian package has beside what cmake --install puts there, and CPack's settings for the four of them.
# DEBFULLNAME and DEBEMAIL say who maintains the packages, as for Debian's own tools.
find_program(HELP2MAN help2man REQUIRED)
set(tools ${PROJECT_SOURCE_DIR}/tools/package)
set(made ${PROJECT_BINARY_DIR}/made)
set(revision 1)
set(version ${PROJECT_VERSION}-${revision})

set(maintainer "relprop maintainers <relprop@example.com>")
if(DEFINED ENV{DEBFULLNAME} AND DEFINED ENV{DEBEMAIL})
  set(maintainer "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()

# Completions and man pages are made by the program itself.
set(scripts bash fish zsh)
list(TRANSFORM scripts REPLACE "(.+)" "COMMAND;relprop_program;completion;\\1;>;${made}/relprop.\\1" OUTPUT_VARIABLE commands)
add_custom_command(OUTPUT ${made}/stamp
                   COMMAND ${CMAKE_COMMAND} -E make_directory ${made}
                   ${commands}
                   COMMAND ${tools}/man_pages $<TARGET_FILE:relprop_program> ${made}/man1
                   COMMAND ${tools}/changelog ${version} ${maintainer} ${made}
                   COMMAND ${CMAKE_COMMAND} -E touch ${made}/stamp
                   DEPENDS relprop_program ${tools}/man_pages ${tools}/changelog ${PROJECT_SOURCE_DIR}/CHANGELOG.md
                   COMMENT "Making completions, man pages and changelogs" VERBATIM)
add_custom_target(relprop_made ALL DEPENDS ${made}/stamp)
install(FILES ${made}/relprop.bash DESTINATION share/bash-completion/completions RENAME relprop COMPONENT program)
install(FILES ${made}/relprop.zsh DESTINATION share/zsh/vendor-completions RENAME _relprop COMPONENT program)
install(FILES ${made}/relprop.fish DESTINATION share/fish/vendor_completions.d COMPONENT program)
install(DIRECTORY ${made}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT program)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME relprop)
set(CPACK_PACKAGE_CONTACT "${maintainer}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL "")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${revision})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# Until 1.0 what C++ sees of the library may differ between any two versions.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY "=")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each package has its own

# relprop_package(COMPONENT NAME SECTION SUMMARY MORE): the package of a component, and its files that every one has.
set(what "relprop traces the decision of an image classifier, an ONNX file or a\nbag of visual words, back to the pixels: by \
layer-wise relevance\npropagation, relative attributing propagation, gradients, class\nactivation maps or changes of the picture.")
macro(relprop_package COMPONENT NAME SECTION SUMMARY MORE)
  list(APPEND CPACK_COMPONENTS_ALL ${COMPONENT})
  string(TOUPPER ${COMPONENT} component)
  set(CPACK_DEBIAN_${component}_PACKAGE_NAME ${NAME})
  set(CPACK_DEBIAN_${component}_PACKAGE_SECTION ${SECTION})
  set(CPACK_DEBIAN_${component}_DESCRIPTION "${SUMMARY}\n${what}${MORE}")
  install(FILES ${tools}/copyright ${made}/changelog.gz ${made}/changelog.Debian.gz DESTINATION share/doc/${NAME}
          COMPONENT ${COMPONENT})
endmacro()
relprop_package(program relprop science "heatmaps of what an image classifier's decision rests on" "")
relprop_package(library librelprop0 libs "explanations of image classifiers - shared library"
                "\n.\nThis package has the library, for programs in C, C++ and other languages.")
relprop_package(development librelprop-dev libdevel "explanations of image classifiers - development files"
                "\n.\nThis package has the headers, and what CMake and pkg-config have to know.")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${tools}/library/triggers)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "librelprop0 (= ${version})")
if(EXISTS ${PROJECT_SOURCE_DIR}/python/relprop/__init__.py)
  relprop_package(python python3-relprop python "explanations of image classifiers - Python module"
                  "\n.\nThis package has the module for Python 3.")
  set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.9), python3-numpy, librelprop0 (>= ${version})")
  set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS "python3-pil, python3-matplotlib, python3-pandas")
  set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_EXTRA ${tools}/python/postinst ${tools}/python/prerm)
endif()
include(CPack)
