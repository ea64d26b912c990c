// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the fuzzers call with their inputs, and the rpc tier with every input that is kept. Aborts when a promise about
// hostile bytes is broken.
#pragma once

#include <cstddef>
#include <span>

namespace gm::test {

// Decodes the bytes as the arguments and the reply of a procedure (chosen by the first two bytes). What is accepted
// must encode to the very same bytes: one value has one encoding.
void fuzz_codec(std::span<const std::byte> input);

// Reads the bytes as a stream of frames, until its end or the first frame that is refused.
void fuzz_frames(std::span<const std::byte> input);

// Takes the bytes for the answers to a sequence of calls.
void fuzz_answers(std::span<const std::byte> input);

// Reads the bytes as each of the files that an inspection reads in a guest: what comes out keeps the limits.
void fuzz_guest_files(std::span<const std::byte> input);

// Reads the bytes as a LUKS header, and once more as the JSON of both copies of a LUKS2 header.
void fuzz_luks_header(std::span<const std::byte> input);

} // namespace gm::test
