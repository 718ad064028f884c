# Options of our own code: warnings are errors, sanitizers and the instruction set apply everywhere.
add_library(reverie_options INTERFACE)
target_compile_options(reverie_options INTERFACE
  # The same for libraries and programs, so that they share precompiled headers.
  -fPIC
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  # GCC 12 sees overruns in std::string that are not there (GCC bug 105329).
  -Wno-array-bounds -Wno-restrict -Wno-stringop-overread -Wno-stringop-overflow
  # Parity with the reference environments needs every product rounded: no fused multiply-add.
  -ffp-contract=off
  # Nobody reads errno: square roots and rounding become single instructions, with the same results.
  -fno-math-errno)
if(REVERIE_MARCH)
  target_compile_options(reverie_options INTERFACE -march=${REVERIE_MARCH})
endif()
if(REVERIE_SANITIZE)
  target_compile_options(reverie_options INTERFACE
    -fsanitize=${REVERIE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    # GCC warns of <regex> where it is instrumented.
    -Wno-maybe-uninitialized)
  target_link_options(reverie_options INTERFACE -fsanitize=${REVERIE_SANITIZE})
  if(REVERIE_SANITIZE MATCHES "undefined")
    # libtorch is built without the type information that this check compares.
    target_compile_options(reverie_options INTERFACE -fno-sanitize=vptr)
  endif()
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers are cacheable only when ccache may ignore their time stamps.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE_PROGRAM})
endif()
find_program(LLD_PROGRAM ld.lld)
if(LLD_PROGRAM)
  add_link_options(-fuse-ld=lld)
endif()
