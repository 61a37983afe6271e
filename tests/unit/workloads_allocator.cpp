// Allocators: closed forms by hand, and what holds of every row on random programs.
#include "workloads_allocator_support.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

using Events = std::vector<AllocatorEvent>;

/// What an allocator says after these events, none of which is refused.
AllocatorUse after(Allocator& allocator, const Events& events) {
  const StreamUse use = replay_stream(allocator, events);
  CHECK_FALSE(use.refused);
  return allocator.now();
}
AllocatorUse after(std::string_view name, const Events& events) { return after(*make_allocator(name), events); }

}  // namespace

TEST_CASE("allocators: what one block takes") {
  struct Case {
    Bytes asked;
    Bytes handed_out, segment;      ///< of caching: a rest of at most 1 MiB goes with the block
    Bytes pages;                    ///< of device
    std::int64_t expandable_pages;  ///< of 2 MiB or 20 MiB
  };
  const std::vector<Case> cases{{Bytes(1), Bytes(512), mib(2), mib(2), 1},
                                {Bytes(512), Bytes(512), mib(2), mib(2), 1},
                                {Bytes(513), Bytes(1024), mib(2), mib(2), 1},
                                {mib(1), mib(1), mib(2), mib(2), 1},
                                {mib(1) + Bytes(1), mib(1) + Bytes(512), mib(20), mib(2), 1},
                                {mib(10) - Bytes(512), mib(10) - Bytes(512), mib(20), mib(10), 1},
                                {mib(10), mib(10), mib(10), mib(10), 1},
                                {mib(11), mib(12), mib(12), mib(12), 1},
                                {mib(20) + Bytes(1), mib(20) + Bytes(512), mib(22), mib(22), 2},
                                {mib(21), mib(22), mib(22), mib(22), 2},
                                {mib(100), mib(100), mib(100), mib(100), 5}};
  for (const Case& c : cases) {
    CAPTURE(c.asked.value());
    const Events events{allocation(0, c.asked)};
    CHECK(after("ideal", events) == AllocatorUse{c.asked, c.asked, c.asked});
    CHECK(after("caching", events) == AllocatorUse{c.asked, c.handed_out, c.segment});
    const Bytes in_units = (c.asked + Bytes(511)) / 512 * 512;
    CHECK(after("device", events) == AllocatorUse{c.asked, in_units, c.pages});
    const Bytes page = c.asked <= mib(1) ? mib(2) : mib(20);
    CHECK(after("expandable", events) == AllocatorUse{c.asked, in_units, page * c.expandable_pages});
  }
  for (const AllocatorRow& row : allocator_table()) {
    CHECK(after(row.name, {allocation(0, Bytes(0))}) == AllocatorUse{});
    CHECK(after(row.name, {allocation(0, Bytes(0)), freeing(0), allocation(0, Bytes(0))}) == AllocatorUse{});
  }
}

TEST_CASE("allocators: a rest is split off if it is 512 B in the small pool, more than 1 MiB in the large one") {
  // Two blocks of the segment's halves but 512 B: the second fits, and 512 B are left for a third.
  const Bytes unit(512);
  CHECK(after("caching", {allocation(0, mib(1)), allocation(1, mib(1) - unit), allocation(2, unit)}) ==
        AllocatorUse{mib(2), mib(2), mib(2)});
  // Of a free segment of 12 MiB, 1 MiB is left: handed out with the block. A unit more is split off.
  const Events free_segment{allocation(0, mib(12)), freeing(0)};
  for (const std::string_view name : {"caching", "expandable"}) {
    const auto allocator = make_allocator(name);
    const bool expandable = name == "expandable";
    const Bytes reserved = expandable ? mib(20) : mib(12);
    after(*allocator, free_segment);
    CHECK(after(*allocator, {allocation(1, mib(11))}) ==
          AllocatorUse{mib(11), expandable ? mib(11) : mib(12), reserved});
    CHECK(after(*allocator, {freeing(1), allocation(1, mib(11) - unit)}) ==
          AllocatorUse{mib(11) - unit, mib(11) - unit, reserved});
    CHECK(after(*allocator, {allocation(2, mib(1) + unit)}).reserved == reserved);
  }
}

TEST_CASE("allocators: best fit") {
  const auto caching = make_allocator("caching");
  // Free: 12 MiB, 30 MiB, 16 MiB. 14 MiB goes into the 16; 20 into the 30, of which 10 are left; then 10 into these.
  after(*caching, {allocation(0, mib(12)), allocation(1, mib(30)), allocation(2, mib(16))});
  const AllocatorUse use = after(*caching, {freeing(0), freeing(1), freeing(2), allocation(0, mib(14)),
                                            allocation(1, mib(20)), allocation(2, mib(10)), allocation(3, mib(12))});
  CHECK(use == AllocatorUse{mib(56), mib(56), mib(58)});
  CHECK(caching->calls() == DeviceCalls{3, 0, 0});
}

TEST_CASE("allocators: neighbours that are free become one, in any order; segments never do") {
  const std::vector<std::vector<std::uint32_t>> orders{
      {0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {0, 2, 4, 1, 3}, {1, 3, 2, 0, 4}};
  for (const std::string_view name : {"caching", "expandable"})
    for (const auto& order : orders) {
      const auto allocator = make_allocator(name);
      Events events;
      for (std::uint32_t i = 0; i < 5; ++i) events.push_back(allocation(i, mib(4)));
      for (const std::uint32_t i : order) events.push_back(freeing(i));
      events.push_back(allocation(0, mib(20)));
      CHECK(after(*allocator, events) == AllocatorUse{mib(20), mib(20), mib(20)});
      CHECK(allocator->calls() == DeviceCalls{1, 0, 0});
    }
  // Two segments of 20 MiB hold no block of 40; one expandable segment of two pages does.
  const Events two{allocation(0, mib(20)), allocation(1, mib(20)), freeing(0), freeing(1), allocation(0, mib(40))};
  CHECK(after("caching", two).reserved == mib(80));
  CHECK(after("expandable", two).reserved == mib(40));
}

TEST_CASE("allocators: holes that are too small: reserved is more than in use by as much") {
  // Five blocks of 4 MiB fill 20 MiB; three of them freed, none beside another, leave 12 MiB of which none can be used
  // for the next 8 MiB block: 40 MiB for 16.
  Events events;
  for (std::uint32_t i = 0; i < 5; ++i) events.push_back(allocation(i, mib(4)));
  for (const std::uint32_t i : {0U, 2U, 4U}) events.push_back(freeing(i));
  events.push_back(allocation(5, mib(8)));
  CHECK(after("ideal", events).reserved == mib(16));
  CHECK(after("device", events).reserved == mib(16));
  CHECK(after("caching", events) == AllocatorUse{mib(16), mib(16), mib(40)});
  CHECK(after("expandable", events) == AllocatorUse{mib(16), mib(16), mib(40)});
  // The expandable segment grew from the last hole on, so that 16 MiB are free at its end; in the new segment of the
  // other 12 are.
  events.push_back(allocation(6, mib(16)));
  CHECK(after("caching", events).reserved == mib(56));
  CHECK(after("expandable", events).reserved == mib(40));
}

TEST_CASE("allocators: a block that grows, freed before each next: the sum for caching, the last for expandable") {
  Events events;
  Bytes sum;
  constexpr int blocks = 15;
  for (int i = 0; i < blocks; ++i) {
    const Bytes size = mib(20 + 2 * i);
    sum += size;
    events.push_back(allocation(0, size));
    events.push_back(freeing(0));
  }
  const auto caching = make_allocator("caching"), expandable = make_allocator("expandable");
  const StreamUse use = replay_stream(*caching, events);
  CHECK(use.reserved.bytes == sum);
  CHECK(use.reserved.event == 2 * (blocks - 1));
  CHECK(use.in_use.bytes == mib(48));
  CHECK(use.in_use.event == 2 * (blocks - 1));
  CHECK(use.calls == DeviceCalls{blocks, 0, 0});
  CHECK(replay_stream(*expandable, events).reserved.bytes == mib(60));
  CHECK(expandable->calls() == DeviceCalls{3, 0, 0});  // pages
}

TEST_CASE("allocators: without a cache each block is a call, and a page goes with its last block") {
  const auto device = make_allocator("device");
  CHECK(after(*device, {allocation(0, mib(1)), allocation(1, Bytes(1)), allocation(2, mib(1))}) ==
        AllocatorUse{mib(2) + Bytes(1), mib(2) + Bytes(512), mib(4)});
  CHECK(after(*device, {freeing(0)}).reserved == mib(4));
  CHECK(after(*device, {freeing(1)}).reserved == mib(2));
  CHECK(after(*device, {allocation(0, mib(3)), freeing(2)}).reserved == mib(4));
  CHECK(device->calls() == DeviceCalls{4, 3, 0});
}

TEST_CASE("allocators: what does not fit") {
  const Events one{allocation(0, mib(30)), freeing(0), allocation(0, mib(32))};
  const auto caching = make_allocator("caching", mib(60));  // 30 go back for 32
  CHECK(after(*caching, one) == AllocatorUse{mib(32), mib(32), mib(32)});
  CHECK(caching->calls() == DeviceCalls{3, 1, 1});
  const StreamUse refused = replay_stream(*caching, Events{allocation(1, mib(12)), allocation(2, mib(18)), freeing(1)});
  CHECK(refused.refused == 1);
  CHECK(refused.calls == DeviceCalls{3, 0, 1});
  CHECK(caching->now() == AllocatorUse{mib(44), mib(44), mib(44)});
  CHECK(after(*caching, {freeing(0), allocation(2, mib(18))}).reserved == mib(44));  // within the 32 of before

  // 60 MiB of pages hold 32 MiB, and then 20 beside them.
  const auto expandable = make_allocator("expandable", mib(60));
  CHECK(after(*expandable, one).reserved == mib(40));
  CHECK(after(*expandable, {allocation(1, mib(20))}).reserved == mib(60));
  // A small block needs a page of its own pool: the 20 MiB page that 32 + 20 MiB leave is not whole. Then it is.
  CHECK(replay_stream(*expandable, Events{allocation(2, Bytes(1))}).refused == 0);
  CHECK(after(*expandable, {freeing(1), allocation(2, Bytes(1))}).reserved == mib(42));
  CHECK(expandable->calls() == DeviceCalls{3 + 2 + 2, 1, 2});

  for (const AllocatorRow& row : allocator_table()) {
    CAPTURE(row.name);
    const auto exactly = row.make(mib(40)), less = row.make(mib(40) - Bytes(1));
    CHECK(after(*exactly, {allocation(0, mib(20)), allocation(1, mib(20))}).reserved == mib(40));
    CHECK(replay_stream(*less, Events{allocation(0, mib(20)), allocation(1, mib(20))}).refused == 1);
    CHECK(less->now() == AllocatorUse{mib(20), mib(20), mib(20)});
  }
}

TEST_CASE("allocators: ideal is the least, handed out lies between, and all comes back") {
  for (const AllocatorRow& row : allocator_table())
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
      CAPTURE(row.name);
      CAPTURE(seed);
      const Events events = RandomProgram{seed, 3000, 100}.stream();
      const auto allocator = row.make({}), again = row.make({}), ideal = make_allocator("ideal");
      StreamUse most;
      bool ordered = true, bounded = true, same = true;
      for (std::size_t i = 0; i < events.size(); ++i) {
        const std::span<const AllocatorEvent> event(&events[i], 1);
        for (Allocator* a : {allocator.get(), again.get(), ideal.get()}) replay_stream(*a, event);
        const AllocatorUse& now = allocator->now();
        ordered = ordered && Bytes(0) <= now.in_use && now.in_use <= now.handed_out && now.handed_out <= now.reserved;
        bounded = bounded && ideal->now().reserved == now.in_use;
        same = same && now == again->now() && allocator->calls() == again->calls();
        if (now.in_use > most.in_use.bytes) most.in_use = {now.in_use, i};
        if (now.handed_out > most.handed_out.bytes) most.handed_out = {now.handed_out, i};
        if (now.reserved > most.reserved.bytes) most.reserved = {now.reserved, i};
      }
      CHECK(ordered);
      CHECK(bounded);
      CHECK(same);
      CHECK(allocator->now().in_use == Bytes(0));
      CHECK(allocator->now().handed_out == Bytes(0));
      const StreamUse use = replay_stream(*row.make({}), events);  // whole, as in pieces
      CHECK(use.calls == allocator->calls());
      CHECK(use.in_use.bytes == most.in_use.bytes);
      CHECK(use.in_use.event == most.in_use.event);
      CHECK(use.handed_out.bytes == most.handed_out.bytes);
      CHECK(use.handed_out.event == most.handed_out.event);
      CHECK(use.reserved.bytes == most.reserved.bytes);
      CHECK(use.reserved.event == most.reserved.event);
    }
}

TEST_CASE("allocators: iterations that repeat come to need no calls where there is a cache, and as many where not") {
  for (const std::uint64_t seed : {5U, 6U, 7U, 8U}) {
    CAPTURE(seed);
    const Events events = RandomProgram{seed, 2000, 100}.stream();
    for (const std::string_view name : {"caching", "expandable"}) {
      const auto allocator = make_allocator(name);
      const StreamUse first = replay_stream(*allocator, events);
      for (int i = 0; i < 3; ++i) replay_stream(*allocator, events);
      const Bytes reserved = allocator->now().reserved;
      const StreamUse steady = replay_stream(*allocator, events);
      CHECK(first.calls.mallocs > 0);
      CHECK(steady.calls == DeviceCalls{});
      CHECK(steady.in_use.bytes == first.in_use.bytes);
      CHECK(steady.reserved.bytes == reserved);
    }
    const auto device = make_allocator("device");
    const StreamUse first = replay_stream(*device, events);
    const auto blocks = std::count_if(events.begin(), events.end(), [](const AllocatorEvent& e) {
      return e.action == AllocatorEvent::Action::allocate && e.bytes > Bytes(0);
    });
    CHECK(first.calls == DeviceCalls{blocks, blocks, 0});
    CHECK(replay_stream(*device, events).calls == first.calls);
    CHECK(device->now() == AllocatorUse{});
  }
}
