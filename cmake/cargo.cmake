# Builds a Rust static library by cargo. The target directory is shared by all
# build folders of this checkout, since the crate is the same for each of them.

find_program(MERGANSER_CARGO cargo REQUIRED)
set(MERGANSER_CARGO_TARGET_DIR ${PROJECT_SOURCE_DIR}/.cache/cargo
  CACHE PATH "Where cargo builds; may be shared by several checkouts")

# merganser_cargo_library(target folder crate_name)
function(merganser_cargo_library target folder crate)
  string(REPLACE "-" "_" file ${crate})
  set(library ${MERGANSER_CARGO_TARGET_DIR}/release/lib${file}.a)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/src/*.rs)
  add_custom_command(
    OUTPUT ${library}
    COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${MERGANSER_CARGO_TARGET_DIR}
      ${MERGANSER_CARGO} build --release --locked --quiet --manifest-path ${folder}/Cargo.toml
    COMMAND ${CMAKE_COMMAND} -E touch ${library}
    DEPENDS ${sources} ${folder}/Cargo.toml ${folder}/Cargo.lock
    COMMENT "Building the Rust library ${crate}"
    USES_TERMINAL VERBATIM)
  add_custom_target(${target}_cargo DEPENDS ${library})
  add_library(${target} STATIC IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION ${library}
    INTERFACE_INCLUDE_DIRECTORIES ${folder}/include
    INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m")
  add_dependencies(${target} ${target}_cargo)
endfunction()
