// Operands: what a rank gives to a collective, and where it puts what it gets. Private to workloads/proof.
#pragma once

#include <functional>

#include "workloads/proof/kernel_scope.hpp"

namespace rehearse {

/// One member's side of a collective.
struct Contribution {
  Numbers given;              ///< as PatternPlayer has it: shares of a gather or scatter are of one length
  std::int64_t elements = 0;  ///< of the full vector, without padding
  Fold fold = Fold::sum;
  std::function<void(const Numbers& got)> put;
  /// In place of `given` and `put` where shares are not of one length (PatternPlayer::play_slots).
  std::vector<Numbers> slots;
  std::function<void(const std::vector<Numbers>& got)> put_slots;
};

/// How a rank stands in the group of a call.
struct Membership {
  std::int64_t position = 0, members = 1;
};

/// What the call takes, as it is when the collective starts. ProofFault: it is not there.
Contribution contribute(RankState& state, const Instruction& instruction, const CollectiveStep& step,
                        const Membership& membership);

// One for each family of operands.
Contribution contribute_activations(RankState& state, const Instruction& instruction, const CollectiveStep& step,
                                    const Membership& membership);
Contribution contribute_gradients(RankState& state, const Instruction& instruction, const CollectiveStep& step,
                                  const Membership& membership);
Contribution contribute_keys(RankState& state, const Instruction& instruction, const CollectiveStep& step);
Contribution contribute_expert_rows(RankState& state, const Instruction& instruction, const CollectiveStep& step);

Numbers numbers_of(const Matrix& matrix);
Matrix matrix_of(const Numbers& numbers, std::int64_t columns);
/// This member's part of numbers that divide.
Numbers share_of(const Numbers& all, const Membership& membership);

/// The message of a send, and its arrival.
Numbers take_message(RankState& state, const Message& message);
void put_message(RankState& state, const Message& message, const Numbers& numbers);

}  // namespace rehearse
