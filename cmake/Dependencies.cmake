# Third-party libraries as imported targets. Debian packages are found by pkg-config or their CMake
# files; the wheels lie in the folder that scripts/setup fills, and are linked directly: the wheel's
# own find_package(Torch) asks for a full CUDA toolkit. All are global, so that a project that adds
# this one as a subdirectory can link its libraries.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED GLOBAL)
find_package(fmt REQUIRED GLOBAL)
# torch's wheel carries headers of another fmt, which would be found before those in /usr/include.
get_target_property(fmt_include fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK ${fmt_include}/fmt ${PROJECT_BINARY_DIR}/include/fmt SYMBOLIC)
set_target_properties(fmt::fmt PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES ${PROJECT_BINARY_DIR}/include)
find_package(nlohmann_json REQUIRED GLOBAL)

if(NOT REVERIE_DEPS_DIR)
  execute_process(COMMAND ${PROJECT_SOURCE_DIR}/scripts/setup --print-dir
                  OUTPUT_VARIABLE REVERIE_DEPS_DIR OUTPUT_STRIP_TRAILING_WHITESPACE
                  COMMAND_ERROR_IS_FATAL ANY)
endif()
if(NOT EXISTS ${REVERIE_DEPS_DIR}/complete)
  message(FATAL_ERROR "No dependencies at ${REVERIE_DEPS_DIR}. Run scripts/setup first.")
endif()
set(wheels ${REVERIE_DEPS_DIR}/wheels)

function(reverie_pkg_target name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${ARGN})
  add_library(reverie::${name} ALIAS PkgConfig::${name})
endfunction()
reverie_pkg_target(libav libavformat libavcodec libavfilter libavutil libswscale)
reverie_pkg_target(freetype freetype2)
reverie_pkg_target(tomlplusplus tomlplusplus)
reverie_pkg_target(hdf5 hdf5)
reverie_pkg_target(blosc blosc)
reverie_pkg_target(zip libzip)
reverie_pkg_target(lzf liblzf)
reverie_pkg_target(box2d box2d)
reverie_pkg_target(muparser muparser)
reverie_pkg_target(eigen eigen3)

add_library(reverie::mujoco SHARED IMPORTED GLOBAL)
file(GLOB mujoco_library ${wheels}/mujoco/libmujoco.so*)
set_target_properties(reverie::mujoco PROPERTIES
  IMPORTED_LOCATION ${mujoco_library}
  INTERFACE_INCLUDE_DIRECTORIES ${wheels}/mujoco/include
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${wheels}/mujoco/include)

set(torch_root ${wheels}/torch)
add_library(reverie_c10 SHARED IMPORTED GLOBAL)
set_target_properties(reverie_c10 PROPERTIES IMPORTED_LOCATION ${torch_root}/lib/libc10.so)
add_library(reverie::torch SHARED IMPORTED GLOBAL)
set(torch_includes ${torch_root}/include ${torch_root}/include/torch/csrc/api/include)
set_target_properties(reverie::torch PROPERTIES
  IMPORTED_LOCATION ${torch_root}/lib/libtorch_cpu.so
  INTERFACE_INCLUDE_DIRECTORIES "${torch_includes}"
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${torch_includes}"
  INTERFACE_LINK_LIBRARIES "reverie_c10;Threads::Threads"
  # The wheel's CPU library needs CUDA's run time and profiler interface beside it.
  INTERFACE_LINK_OPTIONS "-Wl,-rpath-link,${torch_root}/lib:${wheels}/nvidia/cu13/lib;-Wl,--allow-shlib-undefined")
set(CMAKE_BUILD_RPATH ${torch_root}/lib ${wheels}/mujoco)
