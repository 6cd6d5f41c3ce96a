# Read by llama.cpp's own project() while llama-cpp-python is built: only the library is needed
# here, so its command-line parsing and chat templates in C++ (half of the work) are left out.
set(LLAMA_BUILD_COMMON OFF)
