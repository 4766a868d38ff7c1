# Designated initialisers leave the rest at their defaults, on purpose: hence the
# one -Wno. Results must be the same bits everywhere: no contraction of a*b+c anywhere;
# where a fused multiply-add is meant, the code calls it by name.
add_compile_options(-Wall -Wextra -Wpedantic -Wno-missing-field-initializers -Werror -ffp-contract=off)
# The protocol buffer and gRPC headers of this age are used as system headers.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wthread-safety)
endif()
if(MERGANSER_SANITIZE)
  add_compile_options(-fsanitize=${MERGANSER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MERGANSER_SANITIZE})
endif()
if(MERGANSER_LINKER)
  add_link_options(-fuse-ld=${MERGANSER_LINKER})
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
