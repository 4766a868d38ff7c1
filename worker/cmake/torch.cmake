# libtorch as one target, without the compile options that its own package
# config adds to everything that links it.
set(MERGANSER_TORCH_WHEEL "" CACHE PATH
  "Where `pip install --target` put PyPI's torch; empty: the libtorch that CMake finds")
add_library(merganser_torch INTERFACE)
if(MERGANSER_TORCH_WHEEL)
  # The wheel's package config asks for a CUDA toolkit, which it does not need. Its
  # CUDA part registers itself when it is loaded, so that it is linked unasked.
  set(libraries ${MERGANSER_TORCH_WHEEL}/torch/lib)
  target_include_directories(merganser_torch SYSTEM INTERFACE
    ${MERGANSER_TORCH_WHEEL}/torch/include
    ${MERGANSER_TORCH_WHEEL}/torch/include/torch/csrc/api/include)
  target_link_libraries(merganser_torch INTERFACE
    -Wl,--push-state,--no-as-needed ${libraries}/libtorch_cpu.so ${libraries}/libc10.so
    ${libraries}/libtorch_cuda.so ${libraries}/libc10_cuda.so -Wl,--pop-state)
  target_link_options(merganser_torch INTERFACE -Wl,--allow-shlib-undefined)
else()
  set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL TRUE)
  find_package(Torch REQUIRED)
  target_include_directories(merganser_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(merganser_torch INTERFACE ${TORCH_LIBRARIES})
endif()
