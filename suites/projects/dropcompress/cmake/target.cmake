# The target as Cargo and the crate cc know it, with what the codecs' own files get wrong.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR "$ENV{CARGO_CFG_TARGET_ARCH}")
string(REPLACE "-" "_" underscored "$ENV{TARGET}")
foreach(variable CC CXX)
  foreach(target ${underscored} "$ENV{TARGET}")
    if(DEFINED ENV{${variable}_${target}})
      set(${variable} "$ENV{${variable}_${target}}")
    endif()
  endforeach()
endforeach()
if(CC)
  set(CMAKE_C_COMPILER "${CC}")
endif()
if(CXX)
  set(CMAKE_CXX_COMPILER "${CXX}")
endif()

# libaom: with any other name it is built without NEON, and without a word about it.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  set(AOM_TARGET_CPU arm64)
endif()

# libjxl: colour profiles by skcms, which is there, and not by Little CMS. What dropcompress reads
# and writes is sRGB, for which libjxl asks neither.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "s390x")
  set(JPEGXL_ENABLE_SKCMS ON CACHE BOOL "")
endif()

# libjxl: what it says to Clang's innards (-Xclang) is the default or makes code larger, and no
# compiler cache takes a file that is compiled with it. The original of a command that is defined
# anew has an underscore in front, as long as that is done once.
if(CXX MATCHES "clang" AND NOT COMMAND _add_compile_options)
  function(add_compile_options)
    set(options ${ARGV})
    list(FILTER options EXCLUDE REGEX "^SHELL:-Xclang ")
    if(options)
      _add_compile_options(${options})
    endif()
  endfunction()
endif()
