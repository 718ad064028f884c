#pragma once

namespace reverie {

// Prepares a program before anything else, so that nothing outside it can damage what it writes:
//
// - A standard stream that the caller closed is opened on /dev/null. Otherwise a file could be
//   opened under its number, and messages would be written into the file.
// - Writing beyond a file size limit (ulimit -f) or to a pipe without a reader fails, as on a full
//   disk. Otherwise the system would kill the program without a message.
void prepare_process();

// Whether standard output has no reader any more: it is a pipe whose other end is closed.
bool output_has_no_reader();

}  // namespace reverie
