// Belongs to the targets that own precompiled headers (cmake/Module.cmake); CMake wants a source.
