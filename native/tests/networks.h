// The networks that the tests run, and the digest of all that a network computes.
#pragma once

#include <vector>

#include "models.h"

namespace recurra::tests {

// Several hundred: every cell with every number of units, batch and time below, the rest drawn.
const std::vector<Network>& networks();
// The nearest network that can be streamed.
Network streamable(Network network);

// What `predict` gives for rows [0, batch), made in pieces of `piece` rows.
std::vector<float> predicted(const Network& network, int64_t piece);
// What a stream gives, in the order of `predicted`.
std::vector<float> streamed(const Network& network);

// Forward, gradients, training steps with all they change, and a stream.
uint64_t fingerprint(const Network& network);
// The functions of one and of two elements, forward and back, over numbers of every size; sums; random numbers.
uint64_t functions_fingerprint();

}  // namespace recurra::tests
