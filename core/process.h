#pragma once

namespace reverie {

// What a program does before anything else, so that nothing outside it can damage what it writes:
//
// - a standard stream that was closed by whoever started it is opened on /dev/null. Files would
//   otherwise be opened under its number, and messages be written into them.
// - writing beyond a limit of file sizes (ulimit -f) and to a pipe that nobody reads fails, as on a
//   full disk, where the system would kill the program without a word.
void prepare_process();

// Whether nobody reads standard output any more: it is a pipe whose other end is closed.
bool output_has_no_reader();

}  // namespace reverie
