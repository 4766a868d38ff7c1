# libtorch as one target, without the compile options that its own package
# config adds to everything that links it.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL TRUE)
find_package(Torch REQUIRED)
add_library(merganser_torch INTERFACE)
target_include_directories(merganser_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(merganser_torch INTERFACE ${TORCH_LIBRARIES})
