// Interpreter: a program carried out rank by rank on numbers. Private to workloads/proof.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "workloads/proof/operands.hpp"

namespace rehearse {

/// Ranks take turns: each goes on until it must wait for a message or for a collective to which not all have come.
/// Nothing goes from one to another but by an instruction.
class Interpreter {
 public:
  explicit Interpreter(const ProofScene& scene);

  /// Carries out one iteration. Empty: nothing is wrong; else the first faults, and what hangs.
  std::vector<std::string> run();
  [[nodiscard]] const std::vector<RankState>& ranks() const { return ranks_; }
  [[nodiscard]] std::uint64_t instructions() const { return instructions_; }
  [[nodiscard]] std::uint64_t collectives() const { return collectives_; }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

 private:
  /// A collective of a group: what its members gave, and what they get once all have come.
  struct Meeting {
    std::vector<std::optional<Contribution>> members;
    const CollectiveStep* step = nullptr;
    std::size_t came = 0;
    std::vector<Numbers> got;
    std::vector<std::vector<Numbers>> slots;  ///< got by each, of an uneven one: from each member
    [[nodiscard]] bool done() const { return came == members.size(); }
  };
  struct Open {
    Meeting* meeting = nullptr;  ///< null: a copy from the host
    std::uint32_t group = no_group;
    std::size_t member = 0;
    std::int32_t handle = -1;
    const Instruction* instruction = nullptr;
    bool deferred = false;  ///< it waits for another (CollectiveStep::after) before it takes its operand
    bool put = false;       ///< its results have been
  };
  /// A rank's place in its program.
  struct Cursor {
    std::size_t next = 0;
    std::optional<Open> blocked;                   ///< on a collective that it has come to
    std::vector<Open> open;                        ///< collectives whose results it has not waited for
    std::map<std::uint32_t, std::uint32_t> calls;  ///< so far, by group
  };

  [[nodiscard]] const std::vector<Instruction>& program_of(std::uint32_t rank) const;
  /// As far as it comes; whether that is any further than before.
  bool advance(std::uint32_t rank);
  /// Whether the instruction is done.
  bool carry_out(std::uint32_t rank, const Instruction& i);
  void compute(std::uint32_t rank, const Instruction& i);
  void memory(std::uint32_t rank, const Instruction& i, const MemoryEvent& event);
  /// ProofFault: a reduction of what goes is under way.
  void expect_reduced(std::uint32_t rank, const Instruction& i, std::string_view block) const;
  bool collective(std::uint32_t rank, const Instruction& i);
  /// A place in the group's next collective; what the rank gives to it.
  Open come(std::uint32_t rank, const Instruction& i, std::uint32_t group);
  void give(std::uint32_t rank, const Open& open);
  /// Gives to collectives what waited for others that are done now; whether there was any.
  bool give_deferred(std::uint32_t rank);
  [[nodiscard]] bool done(const Open& open) const {
    return open.meeting == nullptr || (!open.deferred && open.meeting->done());
  }
  void host(std::uint32_t rank, const Instruction& i);
  void hold(Meeting& meeting, std::uint32_t group);
  bool wait(std::uint32_t rank, std::uint32_t handle);
  void put(std::uint32_t rank, Open& open);
  void send(std::uint32_t rank, const Instruction& i);
  bool receive(std::uint32_t rank, const Instruction& i);
  [[nodiscard]] std::string where(std::uint32_t rank) const;
  void report_hanging();
  void report_left();

  const ProofScene& scene_;
  PatternPlayer player_;
  std::vector<RankState> ranks_;
  std::vector<Cursor> cursors_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Meeting> meetings_;  // by group and number of call
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, Numbers> messages_under_way_;  // from, to, number
  std::vector<std::string> faults_;
  std::uint64_t instructions_ = 0, collectives_ = 0, messages_ = 0;
};

}  // namespace rehearse
